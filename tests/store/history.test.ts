import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryQuery, Version } from '../../server/store/store.ts';
import { actor, commitOne, type OpenStores, openStores, outcomeOf, put } from '../helpers/store.ts';

let open: OpenStores;
/** All versions, in the order in which they were made. */
const made: Version[] = [];

const nameOf = ({ type, id, version }: Version): string => `${type}/${id}/${version}`;
const namesOf = (versions: readonly Version[]): string[] => versions.map(nameOf);
const store = () => open.stores[0];

async function record(id: string, family: string | undefined, type = 'Patient'): Promise<void> {
  const name = type === 'Patient' ? { name: [{ family }] } : { name: family };
  const change =
    family === undefined
      ? { method: 'delete' as const, type, id }
      : put({ resourceType: type, id, ...name } as never);
  const { version } = await commitOne(store(), change);
  if (version) made.push(version);
}

beforeAll(async () => {
  open = await openStores(2);
  for (let round = 0; round < 4; round++) {
    for (const id of ['a', 'b', 'c']) await record(id, `F${round}`);
    await record('o', `F${round}`, 'Organization');
  }
  await record('b', undefined);
  await record('c', undefined);
  await record('c', 'again');
});
afterAll(() => open.close());

async function walk(
  query: HistoryQuery,
  between: () => Promise<unknown> = async () => undefined,
): Promise<Version[]> {
  const versions: Version[] = [];
  let cursor: string | undefined;
  do {
    const page = await store().history(actor, { ...query, ...(cursor ? { cursor } : {}) });
    expect(page.versions.length).toBeLessThanOrEqual(query.count);
    versions.push(...page.versions);
    cursor = page.next;
    await between();
  } while (cursor !== undefined);
  return versions;
}

const scopes: [name: string, scope: { type?: string; id?: string }][] = [
  ['an instance', { type: 'Patient', id: 'c' }],
  ['a deleted instance', { type: 'Patient', id: 'b' }],
  ['a type', { type: 'Patient' }],
  ['another type', { type: 'Organization' }],
  ['a type without resources', { type: 'Basic' }],
  ['the system', {}],
];
const belongs =
  ({ type, id }: { type?: string; id?: string }) =>
  (version: Version): boolean =>
    (type === undefined || version.type === type) && (id === undefined || version.id === id);

describe.each(scopes)('history of %s', (_name, scope) => {
  const expected = () => made.filter(belongs(scope)).reverse();

  it('holds every version and deletion, newest first', async () => {
    const { versions, next } = await store().history(actor, { ...scope, count: 1000 });
    expect(versions).toEqual(expected());
    expect(next).toBeUndefined();
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('in pages of %i holds each version once', async (count) => {
    expect(namesOf(await walk({ ...scope, count }))).toEqual(namesOf(expected()));
  });

  it('since a time holds what was made then and later', async () => {
    for (const { lastUpdated } of made) {
      const { versions } = await store().history(actor, {
        ...scope,
        since: lastUpdated,
        count: 1000,
      });
      const later = expected().filter((version) => version.lastUpdated >= lastUpdated);
      expect(namesOf(versions)).toEqual(namesOf(later));
    }
  });

  it('at a time holds what was current then', async () => {
    const ends = made.flatMap(({ lastUpdated }) => [lastUpdated - 1, lastUpdated]);
    const nextOf = ({ type, id, version }: Version) =>
      made.find((other) => nameOf(other) === `${type}/${id}/${version + 1}`);
    for (const [i, lo] of ends.entries()) {
      const hi = lo + [0, 1, 40, 100_000][i % 4]!;
      const current = expected().filter((version) => {
        const until = nextOf(version)?.lastUpdated ?? Number.POSITIVE_INFINITY;
        return version.lastUpdated <= hi && until > lo;
      });
      for (const count of [1000, 2]) {
        const versions = await walk({ ...scope, at: { lo, hi }, count });
        expect(namesOf(versions), `${lo} to ${hi}`).toEqual(namesOf(current));
      }
    }
  });
});

describe('history', () => {
  it('counts the versions of an instance, unless it asks for a part of them', async () => {
    const scope = { type: 'Patient', id: 'c', count: 2 };
    expect((await store().history(actor, scope)).total).toBe(6);
    expect((await store().history(actor, { ...scope, since: 0 })).total).toBeUndefined();
    expect((await store().history(actor, { type: 'Patient', count: 2 })).total).toBeUndefined();
  });

  it('of what never was is not found; of a part without versions it is empty', async () => {
    const missing = store().history(actor, { type: 'Patient', id: 'never', count: 10 });
    expect(await outcomeOf(missing)).toBe('not-found');
    const scope = { type: 'Patient', id: 'a', since: Date.now() + 60_000, count: 10 };
    expect((await store().history(actor, scope)).versions).toEqual([]);
  });

  it('refuses a cursor that was altered or is of another history', async () => {
    const scope = { type: 'Patient', count: 2 };
    const cursor = (await store().history(actor, scope)).next ?? '';
    expect(cursor).toMatch(/^[\w-]+$/);
    const altered = [
      ...[`${cursor}A`, cursor.slice(0, -1), `A${cursor}`, cursor.toLowerCase(), '', 'x', '%%'],
      ...[...cursor].map((letter, i) => {
        return cursor.slice(0, i) + (letter === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
      }),
    ];
    for (const bad of new Set(altered)) {
      if (bad === cursor || bad === '') continue;
      expect(await outcomeOf(store().history(actor, { ...scope, cursor: bad })), bad).toBe(
        'invalid',
      );
    }
    for (const other of [
      {},
      { type: 'Organization' },
      { type: 'Patient', id: 'a' },
      { ...scope, since: 1 },
    ]) {
      const query = { count: 2, ...other, cursor };
      expect(await outcomeOf(store().history(actor, query))).toBe('invalid');
    }
    expect(await outcomeOf(open.stores[1]!.history(actor, { ...scope, cursor }))).toBe('done');
  });

  it.each([
    ['an instance', { type: 'Organization', id: 'o' }],
    ['a type', { type: 'Patient' }],
    ['the system', {}],
  ])('of %s in pages holds each version once, while it grows', async (_name, scope) => {
    const before = namesOf(made.filter(belongs(scope)).reverse());
    let n = 0;
    const grow = async () => {
      await record('a', `G${++n}`);
      await record('o', `G${n}`, 'Organization');
      await record(`new-${before.length}-${n}`, 'New');
      await record('c', n % 2 ? undefined : 'again');
    };
    expect(namesOf(await walk({ ...scope, count: 3 }, grow))).toEqual(before);
  });
});
