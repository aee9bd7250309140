import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { Change, ChangeResult, Store } from '../../server/store/store.ts';
import {
  actor,
  commitOne,
  find,
  idsOf,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
  tally,
  transact,
} from '../helpers/store.ts';

const MANY = 50;

/** `count` pieces of work at once, spread over the stores. */
const atOnce = <T>(
  { stores }: OpenStores,
  count: number,
  work: (store: Store, i: number) => Promise<T>,
): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => work(stores[i % stores.length] as Store, i)));

const patient = (id: string, family: string): Resource & { id: string } => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
});
const identified = (value: string): Resource => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:race', value }],
});
const familyOf = ({ content }: { content: string }): string => JSON.parse(content).name[0].family;
const versionsOf = (results: readonly ChangeResult[]): number[] =>
  results.map(({ version }) => version?.version ?? 0).sort((a, b) => a - b);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

describe.each([1, 2])('parallel writers through %i store(s)', (count) => {
  let open: OpenStores;
  let store: Store;
  beforeAll(async () => {
    open = await openStores(count);
    [store] = open.stores;
  });
  afterAll(() => open.close());

  async function historyOf(id: string) {
    const page = await store.history(actor, { type: 'Patient', id, count: 1000 });
    return page.versions;
  }

  it('with one criterion create one resource', async () => {
    const results = await atOnce(open, MANY, (each) =>
      commitOne(each, {
        method: 'create',
        type: 'Patient',
        resource: identified('one'),
        ifNoneExist: 'identifier=urn:race|one',
      }),
    );
    expect(tally(results.map(({ status }) => String(status)))).toEqual({ 201: 1, 200: MANY - 1 });
    expect(new Set(results.map(({ version }) => version?.id)).size).toBe(1);
    expect(await idsOf(store, 'Patient?identifier=urn:race|one')).toHaveLength(1);
  });

  it('with one criterion update one resource, each once', async () => {
    const results = await atOnce(open, MANY, (each, i) =>
      commitOne(each, {
        method: 'update',
        type: 'Patient',
        resource: { ...identified('up'), name: [{ family: `F${i}` }] },
        criteria: 'identifier=urn:race|up',
      }),
    );
    expect(versionsOf(results)).toEqual(upTo(MANY));
    expect(await idsOf(store, 'Patient?identifier=urn:race|up')).toHaveLength(1);
  });

  it('with If-Match have one winner', async () => {
    await commitOne(store, put(patient('match', 'first')));
    const outcomes = await atOnce(open, MANY, (each, i) =>
      outcomeOf(commitOne(each, { ...put(patient('match', `F${i}`)), ifMatch: ['1'] } as Change)),
    );
    expect(tally(outcomes)).toEqual({ done: 1, precondition: MANY - 1 });
    expect((await store.read(actor, 'Patient', 'match')).version).toBe(2);
  });

  it('without If-Match all succeed, in versions 2 to 51', async () => {
    await commitOne(store, put(patient('all', 'first')));
    const results = await atOnce(open, MANY, (each, i) =>
      commitOne(each, put(patient('all', `F${i}`))),
    );
    expect(versionsOf(results)).toEqual(upTo(MANY + 1).slice(1));
    const versions = await historyOf('all');
    expect(versions.map(({ version }) => version)).toEqual(upTo(MANY + 1).reverse());
    expect(new Set(versions.map(familyOf)).size).toBe(MANY + 1);
    const times = versions.map(({ lastUpdated }) => lastUpdated);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    for (const result of results) {
      const { version = 0, content } = result.version ?? {};
      expect((await store.vread(actor, 'Patient', 'all', String(version))).content).toBe(content);
    }
  });

  it('of one new id create it once and then make versions', async () => {
    const results = await atOnce(open, MANY, (each, i) =>
      commitOne(each, put(patient('fresh', `F${i}`))),
    );
    expect(tally(results.map(({ status }) => String(status)))).toEqual({ 201: 1, 200: MANY - 1 });
    expect(versionsOf(results)).toEqual(upTo(MANY));
  });

  it('with If-None-Match: * create once', async () => {
    const outcomes = await atOnce(open, MANY, (each, i) =>
      outcomeOf(
        commitOne(each, { ...put(patient('none', `F${i}`)), mustNotExist: true } as Change),
      ),
    );
    expect(tally(outcomes)).toEqual({ done: 1, precondition: MANY - 1 });
  });

  it('that delete, delete once', async () => {
    await commitOne(store, put(patient('gone', 'x')));
    const results = await atOnce(open, MANY, (each) =>
      commitOne(each, { method: 'delete', type: 'Patient', id: 'gone' }),
    );
    expect(results.filter(({ changed }) => changed)).toHaveLength(1);
    expect((await historyOf('gone')).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('that patch lose no patch', async () => {
    await commitOne(store, put({ ...patient('patch', 'x'), identifier: [{ value: 'first' }] }));
    const results = await atOnce(open, 20, (each, i) =>
      commitOne(each, {
        method: 'patch',
        type: 'Patient',
        id: 'patch',
        patch: parsePatch([{ op: 'add', path: '/identifier/-', value: { value: `v${i}` } }]),
      }),
    );
    expect(versionsOf(results)).toEqual(upTo(21).slice(1));
    const { content } = await store.read(actor, 'Patient', 'patch');
    expect(JSON.parse(content).identifier).toHaveLength(21);
  });

  it.each(['m1', 'm2', 'm3', 'm4'])(
    'that update, delete and create %s anew leave dense versions',
    async (id) => {
      await atOnce(open, MANY, (each, i) =>
        commitOne(
          each,
          i % 2 ? { method: 'delete', type: 'Patient', id } : put(patient(id, `F${i}`)),
        ),
      );
      const versions = await historyOf(id);
      expect(versions.map(({ version }) => version)).toEqual(upTo(versions.length).reverse());
      const last = versions[0]?.method === 'DELETE' ? 'gone' : 'done';
      expect(await outcomeOf(store.read(actor, 'Patient', id))).toBe(last);
      expect(await idsOf(store, `Patient?_id=${id}`)).toEqual(last === 'done' ? [id] : []);
      const { version } = await commitOne(store, put(patient(id, 'after')));
      expect(version?.version).toBe(versions.length + 1);
    },
  );

  const puts = (ids: readonly string[], family: string): JsonObject[] =>
    ids.map((id) => ({
      resource: patient(id, family),
      request: { method: 'PUT', url: `Patient/${id}` },
    }));

  it('of transactions on the same resources in different orders: no deadlock, all or nothing', async () => {
    const ids = ['t1', 't2', 't3', 't4', 't5', 't6'];
    await transact(store, puts(ids, 'first'));
    const outcomes = await atOnce(open, 24, async (each, i) => {
      const order = ids.toSorted(
        (a, b) => ((i * 7 + a.charCodeAt(1)) % 5) - ((i + b.charCodeAt(1)) % 3),
      );
      const entries = puts(i % 2 ? order : order.reverse(), `T${i}`);
      return outcomeOf(transact(each, entries));
    });
    const done = outcomes.filter((outcome) => outcome === 'done').length;
    expect(tally(outcomes)).toEqual({ done: 24 });
    const now = await Promise.all(ids.map((id) => store.read(actor, 'Patient', id)));
    expect(new Set(now.map(familyOf)).size).toBe(1);
    expect(now.map(({ version }) => version)).toEqual(ids.map(() => done + 1));
  });

  it('of transactions that meet single updates and deletes: all or nothing', async () => {
    const ids = ['u1', 'u2', 'u3'];
    await transact(store, puts(ids, 'first'));
    await atOnce(open, 30, async (each, i) => {
      if (i % 3 === 0) return outcomeOf(transact(each, puts(ids.toReversed(), `T${i}`)));
      if (i % 3 === 1) return outcomeOf(commitOne(each, put(patient('u2', `S${i}`))));
      return outcomeOf(commitOne(each, { method: 'delete', type: 'Patient', id: 'u3' }));
    });
    // A transaction's mark stands in u1 and u3, or in none of their versions.
    const marks = async (id: string) =>
      (await historyOf(id))
        .filter(({ content }) => content !== '')
        .map(familyOf)
        .filter((mark) => mark.startsWith('T'));
    expect((await marks('u1')).sort()).toEqual((await marks('u3')).sort());
  });

  it('do not wait behind one that waits for a transaction', async () => {
    const [ids, other] = [['held', 'free1', 'free2'], open.stores[1] ?? store];
    for (const id of ids) await commitOne(store, put(patient(id, 'Before')));
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    const { promise: holding, resolve: holds } = Promise.withResolvers<void>();
    const within = () => {
      holds();
      return gate;
    };
    const long = store.commit(actor, [put(patient('held', 'Long'))], { within });
    await holding;
    const order: string[] = [];
    const updates = ids.map((id) =>
      commitOne(other, put(patient(id, 'After'))).then(() => order.push(id)),
    );
    await Promise.all(updates.slice(1));
    expect(order.toSorted()).toEqual(['free1', 'free2']);
    release();
    await Promise.all([long, ...updates]);
    expect(order).toHaveLength(3);
    expect((await historyOf('held')).map(familyOf)).toEqual(['After', 'Long', 'Before']);
  });

  it('of transactions that create the same practitioners conditionally agree on them', async () => {
    const names = ['a', 'b', 'c'];
    const entries = (order: readonly string[], i: number): JsonObject[] => [
      ...order.map((name) => ({
        fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${name}`,
        resource: {
          resourceType: 'Practitioner',
          identifier: [{ system: 'urn:race', value: name }],
        },
        request: {
          method: 'POST',
          url: 'Practitioner',
          ifNoneExist: `identifier=urn:race|${name}`,
        },
      })),
      ...order.map((name) => ({
        resource: {
          ...{ resourceType: 'Patient', identifier: [{ system: 'urn:of', value: name }] },
          generalPractitioner: [
            { reference: `urn:uuid:00000000-0000-4000-8000-00000000000${name}` },
          ],
          name: [{ family: `T${i}` }],
        },
        request: { method: 'POST', url: 'Patient' },
      })),
    ];
    const outcomes = await atOnce(open, 18, (each, i) => {
      const order = i % 2 ? names : names.toReversed();
      return outcomeOf(transact(each, entries(i % 3 ? order : order.slice(1), i)));
    });
    expect(tally(outcomes)).toEqual({ done: 18 });
    for (const name of names) {
      const [id, ...others] = await idsOf(store, `Practitioner?identifier=urn:race|${name}`);
      expect(others).toEqual([]);
      const page = await find(store, `Patient?identifier=urn:of|${name}`);
      const links = page.matches.map(
        ({ content }) => JSON.parse(content).generalPractitioner[0].reference,
      );
      expect(new Set(links)).toEqual(new Set([`Practitioner/${id}`]));
    }
  });

  it('of transactions where one entry is refused leave nothing', async () => {
    const before = (await store.history(actor, { count: 1000 })).versions.length;
    const outcomes = await atOnce(open, 20, (each, i) =>
      outcomeOf(
        transact(each, [
          ...puts(['n1', 'n2'], `T${i}`),
          { resource: identified(`n${i}`), request: { method: 'POST', url: 'Patient' } },
          {
            ...puts(['all'], 'x')[0],
            request: { method: 'PUT', url: 'Patient/all', ifMatch: 'W/"1"' },
          },
        ]),
      ),
    );
    expect(tally(outcomes)).toEqual({ precondition: 20 });
    expect((await store.history(actor, { count: 1000 })).versions.length).toBe(before);
  });
});
