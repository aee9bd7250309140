import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { compartmentTypes } from '../../server/fhir/query-compartment.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import type { Context } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import { resolveTerms } from '../../server/store/search-resolve.ts';
import { printIds } from '../../server/store/search-sql.ts';
import { createStore, type EverythingQuery, type HistoryQuery } from '../../server/store/store.ts';
import { corrections, hospital, SIZE, type Stored } from '../cases/hospital.ts';
import { shapes } from '../cases/plans.ts';
import { isWhole, type Printed, planOf, type Recorder, recording } from '../helpers/plan.ts';
import { actor, BASE, definitions, type OpenStores, openStores, put } from '../helpers/store.ts';

/**
 * The plans of all that is asked of the store, at 200,000 resources: the store's own statements are
 * noted as it sends them and explained.
 */
let open: OpenStores;
let noted: Recorder;
let store: Awaited<ReturnType<typeof createStore>>;
let context: Context;
let closeContext: () => Promise<void>;

const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
const BATCH = 1000;
const WRITERS = 3;

/** Several commits at once: one is prepared here while the database writes another. */
async function storeAll(resources: Generator<Stored>): Promise<void> {
  const writer = async () => {
    for (let batch = take(resources); batch.length > 0; batch = take(resources)) {
      await open.stores[0].commit(actor, batch.map(put));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

function take(resources: Generator<Stored>): Stored[] {
  const batch: Stored[] = [];
  for (let next = resources.next(); !next.done; next = resources.next()) {
    batch.push(next.value);
    if (batch.length === BATCH) break;
  }
  return batch;
}

beforeAll(async () => {
  open = await openStores();
  await storeAll(hospital());
  await storeAll(corrections());
  await open.db.query({ text: 'vacuum analyze' });
  noted = recording(open.db);
  store = await createStore({ db: noted.db, definitions, config });
  ({ context, close: closeContext } = await openContext({ db: open.db, definitions, config }));
}, 180_000);
afterAll(async () => {
  await closeContext();
  await store.close();
  await open.close();
});

/** `Patient/p7/Observation?a=b`: a search in a compartment; `*?`: of all types (it may hold). */
function queryOf(text: string, cursor?: string): SearchQuery {
  const [path = '', search = ''] = text.split(/\?(.*)/s);
  const [of = '', id, inside] = path.split('/');
  const types = id === undefined ? of : (inside ?? '*');
  const all = id === undefined ? definitions.resourceTypes : compartmentTypes(definitions, of);
  const params = [...new URLSearchParams(search)];
  if (cursor !== undefined) params.push(['_cursor', cursor]);
  return parseQuery({
    ...{ definitions, bases: [BASE], zone: 0, now: Date.now(), lenient: false, params },
    ...{ types: types === '*' ? (all ?? []) : types.split(','), count: 20, maxCount: 1000 },
    ...(id === undefined ? {} : { compartment: { type: of, id } }),
  });
}

/** Tables that were read as a whole, with the statements that did. */
async function wholeReads(statements: readonly Printed[]): Promise<string[]> {
  const found: string[] = [];
  for (const one of statements) {
    const whole = (await planOf(open.db, one)).filter(isWhole);
    for (const node of whole) found.push(`${node['Relation Name']} by ${one.text}`);
  }
  return found;
}

/** What the store sends for this piece of work. */
async function sentFor(work: () => Promise<unknown>): Promise<Printed[]> {
  noted.sent();
  await work();
  const sent = noted.sent();
  expect(sent.length).toBeGreaterThan(0);
  return sent;
}

describe.each(shapes)('a search %s', (_kind, queries) => {
  it.each(queries)('%s reads no table as a whole, on whatever page', async (text) => {
    const sent = await sentFor(async () => {
      const first = await store.search(actor, queryOf(text));
      const second = first.next && (await store.search(actor, queryOf(text, first.next)));
      if (second) await store.search(actor, queryOf(text, second.previous));
    });
    expect(await wholeReads(sent)).toEqual([]);
  });

  it.each(queries)('%s reads no table as a whole as a criterion', async (text) => {
    const query = await resolveTerms(context, open.db.tuples, queryOf(text));
    expect(await wholeReads([printIds(context, query, 2)])).toEqual([]);
  });

  // What most of a table fits is counted in the narrow rows, all of them; never in the wide ones.
  it.each(queries)('%s reads no resources to count them', async (text) => {
    const counted: SearchQuery = { ...queryOf(text), summary: 'count' };
    const whole = await wholeReads(await sentFor(() => store.search(actor, counted)));
    expect(whole.filter((one) => !one.startsWith('search'))).toEqual([]);
  });
});

describe('a record', () => {
  const p7 = { type: 'Patient', id: 'p7', count: 20 } as const;
  const period = { lo: Date.parse('2015-01-01'), hi: Date.parse('2016-01-01') };
  const records: [name: string, query: EverythingQuery][] = [
    ['of a patient', p7],
    ['of some types', { ...p7, types: ['Condition', 'Practitioner'] }],
    ['since', { ...p7, since: Date.parse('2015-01-01') }],
    ['of a period', { ...p7, period }],
    ['of an encounter', { type: 'Encounter', id: 'e7-1', count: 5 }],
  ];

  it.each(records)('%s is had without reading a table as a whole', async (_name, query) => {
    const sent = await sentFor(async () => {
      let page = await store.everything(actor, query);
      while (page.next) page = await store.everything(actor, { ...query, cursor: page.next });
    });
    expect(await wholeReads(sent)).toEqual([]);
  });
});

describe('a history', () => {
  const lo = Date.parse('2020-01-01');
  const histories: [name: string, query: HistoryQuery][] = [
    ['of a resource', { type: 'Observation', id: 'o7-1-0', count: 20 }],
    ['of a type', { type: 'Observation', count: 20 }],
    ['of a type without versions', { type: 'Patient', count: 20 }],
    ['of the system', { count: 20 }],
    ['since', { type: 'Observation', since: lo, count: 20 }],
    ['of the system since', { since: lo, count: 20 }],
    ['at a time', { type: 'Observation', at: { lo, hi: Date.now() }, count: 20 }],
  ];

  it.each(histories)('%s is had without reading a table as a whole', async (_name, query) => {
    const sent = await sentFor(async () => {
      const { next } = await store.history(actor, query);
      if (next) await store.history(actor, { ...query, cursor: next });
    });
    expect(await wholeReads(sent)).toEqual([]);
  });
});

it('is asked of as many resources as the issue says', async () => {
  const [row] = await open.db.tuples({ text: 'select count(*)::int from resource' });
  expect(row?.[0]).toBe(SIZE);
});
