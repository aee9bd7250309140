import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { compartmentTerm } from '../../server/fhir/query-compartment.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Change, SearchPage } from '../../server/store/store.ts';
import {
  actor,
  BASE,
  commitOne,
  definitions,
  type OpenStores,
  openStores,
  put,
  queryOf,
} from '../helpers/store.ts';

/**
 * 10,000 resources are walked page by page, forwards and back, while 8 writers on two stores work at
 * half of them. What they leave alone must be met once each, where memory says it stands.
 */
type Stored = Resource & { id: string };

const SIZE = 10_000;
const WRITERS = 8;

/** What the writers do with a resource; half of them are `still`. */
type Fate = 'moved' | 'noted' | 'still';
const fateOf = (i: number): Fate => (['moved', 'noted', 'still', 'still'] as const)[i % 4] as Fate;

const isPatient = (i: number): boolean => i % 5 === 0;
const typeOf = (i: number): string => (isPatient(i) ? 'Patient' : 'Observation');
const idOf = (i: number): string => `r${i}`;

/** Days repeat; one in nine has none. */
const dateOf = (i: number): string | undefined =>
  i % 9 === 0 ? undefined : new Date(Date.UTC(2015, 0, 1 + ((i * 367) % 800))).toISOString();
const codeOf = (i: number): string => `c${(i * 3) % 7}`;
const patientOf = (i: number): string => `p${i % 6}`;
/** The second one is met earlier in the order of the walk. */
const familiesOf = (i: number): string[] =>
  i % 3 === 0 ? [`Family${i % 211}`, `Fame${i % 97}`] : [`Family${i % 211}`];

/** With all that filters and orders look at taken from `i`. */
function resource(i: number, { id = idOf(i), note = 'first' } = {}): Stored {
  if (isPatient(i)) {
    const name = familiesOf(i).map((family) => ({ family }));
    return { ...{ resourceType: 'Patient', id }, name, address: [{ text: note }] };
  }
  const [date, subject] = [dateOf(i), { reference: `Patient/${patientOf(i)}` }];
  return {
    ...{ resourceType: 'Observation', id, status: 'final', subject, note: [{ text: note }] },
    code: { coding: [{ system: 'urn:code', code: codeOf(i) }] },
    ...(date === undefined ? {} : { effectiveDateTime: date }),
  };
}

let open: OpenStores;
beforeAll(async () => {
  open = await openStores(2);
  for (let at = 0; at < SIZE; at += 1000) {
    const batch = Array.from({ length: 1000 }, (_, n) => put(resource(at + n)));
    await open.stores[0].commit(actor, batch);
  }
});
afterAll(() => open.close());

/** Deletes, adds, and moves in all orders what is `moved`; and notes what is `noted`. */
function changeOf(writer: number, n: number): Change {
  const i = (4 * (n * 7 + writer * 331)) % SIZE;
  const other = (i + 1 + n) % SIZE;
  const alike = typeOf(other) === typeOf(i) ? other : i;
  switch (n % 5) {
    case 0:
      return { method: 'delete', type: typeOf(i), id: idOf(i) };
    case 1:
      return put(resource(other, { id: `n${writer}-${n % 50}` }));
    case 2:
      return { method: 'delete', type: typeOf(i), id: `n${writer}-${(n - 1) % 50}` };
    case 3:
      return put(resource(alike, { id: idOf(i), note: `moved ${writer}-${n}` }));
    default:
      return put(resource(i + 1, { note: `noted ${writer}-${n}` }));
  }
}

/** How far each writer has come: a change made once more would be none. */
const steps = Array.from({ length: WRITERS }, (_, writer) => writer);

/** Runs `work` amid the writers, again and again until they have changed as much as this. */
async function amidWriters(least: number, work: () => Promise<void>): Promise<void> {
  let over = false;
  let changes = 0;
  const writers = steps.map(async (_, writer) => {
    const store = open.stores[writer % 2] ?? open.stores[0];
    while (!over) {
      const n = steps[writer] ?? 0;
      steps[writer] = n + 1;
      const { changed } = await commitOne(store, changeOf(writer, n));
      if (changed) changes += 1;
    }
  });
  try {
    do await work();
    while (changes < least);
  } finally {
    over = true;
    await Promise.all(writers);
  }
}

/** All pages forwards, then from the last one back to the first; both in the order of the whole. */
async function bothWays(query: SearchQuery): Promise<{ there: string[]; back: string[] }> {
  const ids = ({ matches }: SearchPage): string[] => matches.map(({ id }) => id);
  let pages = 0;
  const at = (cursor?: string) => {
    const store = open.stores[pages++ % 2] ?? open.stores[0];
    return store.search(actor, cursor === undefined ? query : { ...query, cursor });
  };
  let page = await at();
  let last = page;
  const there = ids(page);
  while (page.next !== undefined) {
    page = await at(page.next);
    there.push(...ids(page));
    // Behind a last page that has been emptied meanwhile no link leads back.
    if (page.matches.length > 0) last = page;
  }
  const back = [ids(last)];
  while (last.previous !== undefined) {
    last = await at(last.previous);
    back.unshift(ids(last));
  }
  return { there, back: back.flat() };
}

/** What is there all the time, as memory sorts it: by key (none is last), then by age. */
interface Order {
  query: SearchQuery;
  among: (i: number) => boolean;
  key: (i: number) => string | undefined;
  descending: boolean;
  newestFirst: boolean;
}

const before = (a: string | undefined, b: string | undefined): number => {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  return a < b ? -1 : 1;
};

function expected({ among, key, descending, newestFirst }: Order): string[] {
  const compare = (a: number, b: number): number => {
    const [x, y] = [key(a), key(b)];
    const flip = descending && x !== undefined && y !== undefined ? -1 : 1;
    return flip * before(x, y) || (newestFirst ? b - a : a - b);
  };
  const all = Array.from({ length: SIZE }, (_, i) => i);
  return all.filter(among).sort(compare).map(idOf);
}

function inCompartment(text: string, id: string): SearchQuery {
  const query = queryOf(text);
  const options = { definitions, bases: [BASE], zone: 0, now: 0 };
  const where = [compartmentTerm(options, { type: 'Patient', id }, query.types), ...query.where];
  return { ...query, compartment: `Patient/${id}`, where };
}

const unmoved = (type: string) => (i: number) => typeOf(i) === type && fateOf(i) !== 'moved';
const observation = unmoved('Observation');
const ofP1 = (i: number) => observation(i) && patientOf(i) === 'p1';
const firstFamily = (i: number): string | undefined => familiesOf(i).sort()[0];
const none = (): undefined => undefined;
const newest = { key: none, descending: false, newestFirst: true };
const lastFirst = { key: dateOf, descending: true, newestFirst: true };
const firstFirst = { descending: false, newestFirst: false };

const orders: [name: string, order: Order][] = [
  ['newest first', { query: queryOf('Observation?_count=500'), among: observation, ...newest }],
  [
    'newest first, of a code',
    {
      query: queryOf('Observation?code=urn:code|c3&_count=200'),
      among: (i) => observation(i) && codeOf(i) === 'c3',
      ...newest,
    },
  ],
  [
    'by date, last first',
    { query: queryOf('Observation?_sort=-date&_count=500'), among: observation, ...lastFirst },
  ],
  [
    'by date',
    {
      query: queryOf('Observation?_sort=date&_count=400'),
      ...{ among: observation, key: dateOf, ...firstFirst },
    },
  ],
  [
    'along family names',
    {
      query: queryOf('Patient?family=fam&_count=200'),
      ...{ among: unmoved('Patient'), key: firstFamily, ...firstFirst },
    },
  ],
  [
    'by code, of a patient',
    {
      query: queryOf('Observation?patient=p1&_sort=code&_count=300'),
      ...{ among: ofP1, key: codeOf, ...firstFirst },
    },
  ],
  [
    'by date, last first, of a patient',
    {
      query: queryOf('Observation?patient=p1&_sort=-date&_count=200'),
      ...{ among: ofP1, ...lastFirst },
    },
  ],
  [
    'newest first, in a compartment',
    {
      query: inCompartment('Observation?_count=200', 'p1'),
      ...{ among: ofP1, ...newest },
    },
  ],
  [
    'by _lastUpdated',
    {
      query: queryOf('Observation?_sort=_lastUpdated&_count=500'),
      // A note moves a resource in this order.
      among: (i) => observation(i) && fateOf(i) === 'still',
      ...{ key: none, ...firstFirst },
    },
  ],
];

describe('pages of thousands while eight writers work', () => {
  it.each(orders)('%s hold all that stays once, in order, there and back', async (_name, order) => {
    const wanted = expected(order);
    expect(wanted.length).toBeGreaterThan(order.query.count * 2);
    const stays = new Set(wanted);
    await amidWriters(100, async () => {
      const { there, back } = await bothWays(order.query);
      expect(there.filter((id) => stays.has(id))).toEqual(wanted);
      expect(back.filter((id) => stays.has(id))).toEqual(wanted);
    });
  });
});
