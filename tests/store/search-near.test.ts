import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore, type Store } from '../../server/store/store.ts';
import { type Recorder, recording } from '../helpers/plan.ts';
import {
  actor,
  BASE,
  definitions,
  find,
  type OpenStores,
  openStores,
  put,
} from '../helpers/store.ts';

/** Pages that stand among the first rows of their order are looked for there first. */
let open: OpenStores;
let noted: Recorder;
let store: Store;

const COUNT = 6000;
const NEAR = /limit 2500/;
const idOf = (n: number): string => `o${String(n).padStart(5, '0')}`;

/** Each third is of the code `often`; the first fifty, of 2001, are `old`; each 2,000th has no date. */
function observation(n: number) {
  const day = String(1 + (n % 28)).padStart(2, '0');
  const code = n % 3 === 0 ? 'often' : n < 50 ? 'old' : 'other';
  return put({
    ...{ resourceType: 'Observation', id: idOf(n), status: 'final', code: { coding: [{ code }] } },
    ...(n % 2000 === 7 ? {} : { effectiveDateTime: `${n < 50 ? 2001 : 2024}-05-${day}` }),
  });
}

beforeAll(async () => {
  open = await openStores();
  for (let n = 0; n < COUNT; n += 1000) {
    const changes = Array.from({ length: 1000 }, (_, i) => observation(n + i));
    await open.stores[0].commit(actor, changes);
  }
  noted = recording(open.db);
  const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
  store = await createStore({ db: noted.db, definitions, config });
});
afterAll(async () => {
  await store.close();
  await open.close();
});

/** How many statements looked near, and how many asked for all. */
async function asked(text: string): Promise<[near: number, all: number]> {
  noted.sent();
  await find(store, text);
  const pages = noted.sent().filter(({ text: sql }) => sql.startsWith('select 0 as kind'));
  const near = pages.filter(({ text: sql }) => NEAR.test(sql)).length;
  return [near, pages.length - near];
}

/** Ids of all pages forth, and of those back from the last one. */
async function bothWays(text: string): Promise<[forth: string[], back: string[]]> {
  const forth: string[] = [];
  const back: string[] = [];
  let page = await find(store, text);
  for (;;) {
    forth.push(...page.matches.map(({ id }) => id));
    if (page.next === undefined) break;
    page = await find(store, text, page.next);
  }
  for (;;) {
    back.unshift(...page.matches.map(({ id }) => id));
    if (page.previous === undefined) break;
    page = await find(store, text, page.previous);
  }
  return [forth, back];
}

describe('a search whose page may be near', () => {
  it('is answered by the first rows of its order if they fill the page', async () => {
    expect(await asked('Observation?code=often&_count=5')).toEqual([1, 0]);
    expect(await asked('Observation?code=often&_count=5&_sort=-date')).toEqual([1, 0]);
  });

  it('is asked for in full if they do not, and at once the next time', async () => {
    expect(await asked('Observation?code=old&_count=5')).toEqual([1, 1]);
    expect(await asked('Observation?code=old&_count=5')).toEqual([0, 1]);
    expect(await asked('Observation?code=old&date=lt2002&_count=5')).toEqual([0, 1]);
    expect(await asked('Observation?code=often&_count=5')).toEqual([1, 0]);
  });

  const ofCode = (code: string): string[] =>
    Array.from({ length: COUNT }, (_, n) => n)
      .filter((n) => code === (n % 3 === 0 ? 'often' : n < 50 ? 'old' : 'other'))
      .map(idOf);

  it.each([
    ['often', ''],
    ['often', '&_sort=-date'],
    ['often', '&_sort=date'],
    ['old', ''],
    ['old', '&_sort=date'],
    ['other', '&_sort=-date'],
  ])('has all its pages, code=%s%s, forth and back', async (code, sort) => {
    const [forth, back] = await bothWays(`Observation?code=${code}&_count=900${sort}`);
    expect(back).toEqual(forth);
    expect([...forth].sort()).toEqual(ofCode(code));
  });

  it('has the order of a search that is asked for in full', async () => {
    const near = await find(store, 'Observation?code=often&_sort=-date&_count=40');
    const full = await find(store, 'Observation?code=often&_sort=-date&_count=1000');
    expect(near.matches.map(({ id }) => id)).toEqual(full.matches.slice(0, 40).map(({ id }) => id));
  });
});
