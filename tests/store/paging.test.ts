import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../server/fhir/types.ts';
import { createStore, type SearchPage } from '../../server/store/store.ts';
import {
  actor,
  BASE,
  commitOne,
  definitions,
  find,
  idsOf,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
  walk,
} from '../helpers/store.ts';

let open: OpenStores;
const store = () => open.stores[0];

const two = (n: number): string => String(n).padStart(2, '0');
const SIZE = 36;

/** Ties in every order, and a third of each value missing. */
function observation(i: number, text = 'first'): Resource & { id: string } {
  const day = `2020-01-${two(1 + ((i * 7) % 9))}`;
  const value = [1.5, -2, 100, 1e9, 0.25][i % 5] as number;
  return JSON.parse(
    JSON.stringify({
      ...{ resourceType: 'Observation', id: `o${two(i)}`, status: i % 2 ? 'final' : 'amended' },
      identifier: [{ system: 'urn:page', value: `same` }],
      code: { coding: [{ system: 'urn:code', code: `c${i % 4}` }] },
      subject: i % 6 === 5 ? undefined : { reference: `Patient/${i % 2 ? 'p' : 'q'}` },
      effectiveDateTime: i % 3 === 0 ? undefined : i % 3 === 1 ? day : undefined,
      effectivePeriod: i % 3 === 2 ? (i % 4 ? { start: day } : { end: day }) : undefined,
      valueQuantity:
        i % 4 === 0 ? { value, unit: 'x', comparator: i % 8 ? '<' : undefined } : undefined,
      valueString: i % 4 === 1 ? `text ${i % 3}` : undefined,
      valueDateTime: i % 4 === 2 ? day : undefined,
      note: [{ text }],
    }),
  );
}
const person = (i: number, text = 'first'): Resource & { id: string } => ({
  ...{ resourceType: 'Patient', id: `p${two(i)}` },
  ...(i % 4
    ? { name: [{ family: `Fam${i % 3}`, given: ['Fa', `G${i}`] }, { family: 'Fam' }] }
    : {}),
  ...(i % 3 ? { gender: i % 2 ? 'male' : 'female' } : {}),
  address: [{ text }],
});

beforeAll(async () => {
  open = await openStores(2);
  for (let i = 0; i < SIZE; i++) {
    await store().commit(actor, [put(observation(i))]);
    if (i < 20)
      await store().commit(actor, [
        put(person(i)),
        put({ resourceType: 'Basic', id: `b${i}`, code: { text: 'x' } }),
      ]);
  }
});
afterAll(() => open.close());

/** One of each way the store has to find and to order; the last column: how many there are. */
const shapes: [name: string, query: string, matches: number][] = [
  ['newest first', 'Observation?', SIZE],
  ['filtered by token', 'Observation?code=c1', 9],
  ['by main date', 'Observation?_sort=date', SIZE],
  ['by main date, last first', 'Observation?_sort=-date', SIZE],
  ['by main date, filtered', 'Observation?status=final&_sort=-date', 18],
  ['by main date in a range', 'Observation?date=ge2020-01-03&_sort=date', 19],
  ['of a patient', 'Observation?patient=p', 12],
  ['of a patient by date', 'Observation?patient=p&_sort=date', 12],
  ['of a patient, last first', 'Observation?patient=p&_sort=-date', 12],
  ['of two patients by date and id', 'Observation?patient=p,q&_sort=-date,_id', 30],
  ['of a patient by tokens', 'Observation?patient=p&status=final&_sort=code,-date', 12],
  ['by a shared identifier', 'Observation?identifier=urn:page|same', SIZE],
  ['by a shared identifier, by date', 'Observation?identifier=urn:page|same&_sort=-date', SIZE],
  ['along the string index', 'Patient?name=fa', 15],
  ['along the string index, filtered', 'Patient?name=fam&gender=male', 7],
  ['by two beginnings', 'Patient?name=fam1,fam2', 10],
  ['two strings', 'Patient?family=fam&given=fa', 15],
  ['by string', 'Patient?_sort=family', 20],
  ['by string, last first', 'Patient?_sort=-family', 20],
  ['by token', 'Patient?_sort=gender', 20],
  ['by token, last first', 'Patient?_sort=-gender', 20],
  ['by several keys', 'Patient?_sort=gender,-family,_id', 20],
  ['by other several keys', 'Patient?_sort=-gender,given,-_lastUpdated', 20],
  ['by _id', 'Patient?_sort=_id', 20],
  ['by _lastUpdated', 'Observation?_sort=_lastUpdated', SIZE],
  ['by _lastUpdated, last first', 'Observation?_sort=-_lastUpdated', SIZE],
  ['by another date', 'Observation?_sort=value-date', SIZE],
  ['by another date, last first', 'Observation?_sort=-value-date', SIZE],
  ['by a quantity with open ends', 'Observation?_sort=value-quantity', SIZE],
  ['by a quantity, last first', 'Observation?_sort=-value-quantity,date', SIZE],
  ['by reference', 'Observation?_sort=subject', SIZE],
  ['by code and string', 'Observation?_sort=-code,value-string', SIZE],
  ['by ids', 'Observation?_id=o01,o02,o03,o09,none', 4],
  ['by number ranges', 'Observation?value-quantity=gt0', 8],
  ['over types', 'Patient,Basic?', 40],
  ['over types by _lastUpdated', 'Patient,Basic,Observation?_sort=_lastUpdated', 40 + SIZE],
  ['over types by _id', 'Patient,Basic?_sort=-_id', 40],
  ['nothing', 'Observation?code=none&_sort=-date', 0],
];

describe('pages', () => {
  it.each(shapes)(
    '%s hold each match once, in the order of the whole',
    async (_name, query, matches) => {
      const all = await idsOf(store(), query);
      expect([all.length, new Set(all).size]).toEqual([matches, matches]);
      for (const count of [1, 2, 3, 4, 5, 6, 7, matches || 1]) {
        const paged = await walk(store(), `${query}&_count=${count}`);
        expect(paged, `_count=${count}`).toEqual(all);
      }
    },
  );

  it.each(shapes)('%s lead back to the first one as they came', async (_name, query) => {
    const asked = `${query}&_count=5`;
    const ids = ({ matches }: SearchPage): string => matches.map(({ id }) => id).join();
    const there: string[] = [];
    let page = await find(store(), asked);
    expect(page.previous).toBeUndefined();
    for (; page.next !== undefined; page = await find(store(), asked, page.next)) {
      there.push(ids(page));
    }
    const back: string[] = [];
    while (page.previous !== undefined) {
      page = await find(store(), asked, page.previous);
      expect(page.next).toBeDefined();
      back.unshift(ids(page));
    }
    expect(back).toEqual(there);
  });

  it.each(shapes)('%s have no next link at the end', async (_name, query, matches) => {
    const page = await find(store(), `${query}&_count=${matches || 1}`);
    expect([page.matches.length, page.next]).toEqual([matches, undefined]);
  });

  it('go on where they were when the other end of a join becomes many', async () => {
    const class_ = { system: 'urn:class', code: 'PAGED' };
    const encounter = (id: string): Resource & { id: string } => ({
      ...{ resourceType: 'Encounter', id, status: 'finished', class: class_ },
    });
    const ids = Array.from({ length: 6 }, (_, i) => `j${i}`);
    await store().commit(actor, [put(encounter('e0'))]);
    for (const [i, id] of ids.entries()) {
      const observed: Resource & { id: string } = {
        ...{ resourceType: 'Observation', id, status: 'final', code: { text: 'x' } },
        ...{ encounter: { reference: 'Encounter/e0' }, valueString: `joined ${i % 3}` },
      };
      await store().commit(actor, [put(observed)]);
    }
    const query = 'Observation?value-string=joined&encounter.class=PAGED&_count=4';
    const first = await find(store(), query);
    const many = Array.from({ length: 1001 }, (_, i) => put(encounter(`e1-${i}`)));
    await store().commit(actor, many);
    const second = await find(store(), query, first.next);
    const found = [...first.matches, ...second.matches].map(({ id }) => id);
    expect(found.toSorted()).toEqual(ids);
    expect(second.next).toBeUndefined();
  });

  it('follow a link through another process and after a restart', async () => {
    const query = 'Observation?_sort=-date&_count=10';
    const first = await find(store(), query);
    const there = await find(open.stores[1]!, query, first.next);
    const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
    const restarted = await createStore({ db: open.db, definitions, config });
    const again = await find(restarted, query, first.next);
    await restarted.close();
    expect(there.matches).toEqual(again.matches);
    expect(there.matches.map(({ id }) => id)).toEqual(
      (await idsOf(store(), query.replace('10', '20'))).slice(10),
    );
  });
});

describe('a cursor', () => {
  const query = 'Observation?_sort=-date&_count=5';

  it('that was altered is refused', async () => {
    const cursor = (await find(store(), query)).next ?? '';
    const altered = [...cursor].flatMap((letter, i) => [
      cursor.slice(0, i) + (letter === 'A' ? 'B' : 'A') + cursor.slice(i + 1),
      cursor.slice(0, i) + cursor.slice(i + 1),
    ]);
    for (const bad of [...altered, `${cursor}A`, `${cursor}=`, ` ${cursor}`, 'x', '{}', '..']) {
      expect(await outcomeOf(find(store(), query, bad)), bad).toBe('invalid');
    }
  });

  it.each([
    'Observation?_sort=date&_count=5',
    'Observation?_sort=-date&_count=6',
    'Observation?_sort=-date&_count=5&status=final',
    'Patient?_sort=-birthdate&_count=5',
    'Observation,Patient?_sort=-_lastUpdated&_count=5',
  ])('of another search is refused by %s', async (other) => {
    const cursor = (await find(store(), query)).next;
    expect(await outcomeOf(find(store(), other, cursor))).toBe('invalid');
  });

  it('of other types is refused', async () => {
    const cursor = (await find(store(), 'Patient,Basic?_count=5')).next;
    expect(await outcomeOf(find(store(), 'Observation,Group?_count=5', cursor))).toBe('invalid');
  });
});

describe('pages while four writers add and update', () => {
  const kinds = [
    ...['newest first', 'filtered by token', 'by main date', 'by main date, last first'],
    ...['of a patient', 'of a patient, last first', 'of two patients by date and id'],
    ...['by a shared identifier, by date', 'along the string index', 'two strings'],
    ...[
      'by string, last first',
      'by token',
      'by several keys',
      'by _lastUpdated',
      'by another date',
    ],
    ...['by a quantity, last first', 'over types'],
  ];

  /** Adds resources that match, and changes in others what is neither in a filter nor in the order. */
  async function write(writer: number, updates: boolean, isOver: () => boolean): Promise<string[]> {
    const added: string[] = [];
    for (let n = 0; n < 12 && !isOver(); n++) {
      const i = (n * 4 + writer) % SIZE;
      const to = open.stores[n % 2] ?? store();
      const id = `n${writer}-${n}`;
      await commitOne(to, put({ ...observation(i), id }));
      await commitOne(to, put({ ...person(i), id }));
      added.push(id);
      if (!updates) continue;
      await commitOne(to, put(observation(i, `w${writer}-${n}`)));
      await commitOne(to, put(person(i % 20, `w${writer}-${n}`)));
    }
    return added;
  }

  it.each(shapes.filter(([name]) => kinds.includes(name)))(
    '%s hold what was there from the start once, and nothing twice',
    async (_name, query) => {
      const before = await idsOf(store(), query);
      let over = false;
      // An update moves a resource in the order of _lastUpdated.
      const updates = !query.includes('_lastUpdated');
      const writing = [0, 1, 2, 3].map((writer) => write(writer, updates, () => over));
      const seen = await walk(store(), `${query}&_count=3`);
      over = true;
      const added = (await Promise.all(writing)).flat();
      const targets = added.flatMap((id) =>
        ['Observation', 'Patient'].map((type) => ({ type, id })),
      );
      await store().commit(
        actor,
        targets.map((target) => ({ method: 'delete', ...target })),
      );
      expect(seen.length).toBe(new Set(seen).size);
      expect(before.filter((id) => !seen.includes(id))).toEqual([]);
    },
  );
});
