import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Db, openDatabase } from '../../server/db/db.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { Context } from '../../server/store/context.ts';
import { Dictionary } from '../../server/store/dictionary.ts';
import { openContext } from '../../server/store/open.ts';
import { incompleteIssues } from '../../server/store/params-incomplete.ts';
import { Reindexer } from '../../server/store/reindex.ts';
import { createStore, type Store } from '../../server/store/store.ts';
import { freshDatabase } from '../helpers/postgres.ts';
import { actor, BASE, commitOne, outcomeOf, put } from '../helpers/store.ts';

const standard = loadDefinitions();
const config = { bases: [BASE], zone: 0, integrity: 'off' } as const;

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let db: Db;
let first: Store;
let second: Store;
/** A third process: only works in the background. */
let third: { context: Context; worker: Reindexer; close(): Promise<void> };

const dbs: Db[] = [];

async function connect(): Promise<Db> {
  const opened = await openDatabase(fresh.options);
  dbs.push(opened);
  return opened;
}

async function openWorker(): Promise<typeof third> {
  const { context, owner, close } = await openContext({
    ...{ db: await connect(), definitions: standard, config },
  });
  return { context, worker: new Reindexer(context, new Dictionary(context.db), owner), close };
}

beforeAll(async () => {
  fresh = await freshDatabase();
  db = await connect();
  first = await createStore({ db, definitions: standard, config });
  second = await createStore({ db: await connect(), definitions: standard, config });
  third = await openWorker();
});
afterAll(async () => {
  await Promise.all([first.close(), second.close(), third.close()]);
  await Promise.all(dbs.map((one) => one.close()));
  await fresh.drop();
});

function query(store: Pick<Store, 'definitions'>, text: string): SearchQuery {
  const [type = '', search = ''] = text.split(/\?(.*)/s);
  return parseQuery({
    ...{ definitions: store.definitions, bases: [BASE], zone: 0, now: Date.now(), lenient: false },
    ...{ types: [type], params: [...new URLSearchParams(search)], count: 1000, maxCount: 1000 },
  });
}

const find = async (store: Store, text: string): Promise<string[]> => {
  const { matches } = await store.search(actor, query(store, text));
  return matches.map(({ id }) => id).sort();
};

/** The codes that a search is warned of. */
async function warned(text: string): Promise<(string | undefined)[]> {
  await third.context.params.refresh();
  const issues = await incompleteIssues(third.context, actor, query(third.context, text));
  return issues.map(({ expression }) => expression);
}

/** All that waits to be indexed anew. */
async function workThrough(worker = third.worker): Promise<void> {
  for (let job = await worker.take(); job; job = await worker.take()) {
    while (await worker.batch(job));
  }
}

interface Param {
  code: string;
  base: string;
  type: string;
  expression: string;
}

const param = (
  id: string,
  { base, ...rest }: Param,
  more: JsonObject = {},
): Resource & { id: string } => ({
  resourceType: 'SearchParameter',
  ...{ id, url: `http://hospital.example/SearchParameter/${id}`, name: id.replaceAll('-', '') },
  ...{ status: 'active', description: 'a parameter of our own', base: [base], ...rest, ...more },
});

const URL = 'http://hospital.example/ext/';
const patient = (id: string, extension: JsonObject[]): Resource & { id: string } => ({
  resourceType: 'Patient',
  ...{ id, extension },
});

/** Search type, the value of the extension, a query that finds it, one that does not. */
const kinds: [type: string, value: JsonObject, hit: string, miss: string][] = [
  ['token', { valueCodeableConcept: { coding: [{ system: 'urn:s', code: 'A' }] } }, 'urn:s|A', 'B'],
  ['token', { valueBoolean: true }, 'true', 'false'],
  ['string', { valueString: 'Zoë van Dam' }, 'zoe', 'anna'],
  ['date', { valueDateTime: '2020-05-06' }, 'ge2020-05', 'lt2020'],
  [
    'reference',
    { valueReference: { reference: 'Organization/o1' } },
    'Organization/o1',
    'Organization/o2',
  ],
  [
    'quantity',
    { valueQuantity: { value: 5, system: 'http://unitsofmeasure.org', code: 'mg' } },
    '5',
    '6',
  ],
  ['number', { valueInteger: 7 }, '7', 'gt7'],
  ['uri', { valueUri: 'http://x.example/a' }, 'http://x.example/a', 'http://x.example/b'],
];

describe('a SearchParameter', () => {
  it.each(kinds.map((kind, i) => [i, ...kind] as const))(
    '%i of type %s indexes what comes at once, in every process, and what was there in time',
    async (i, type, value, hit, miss) => {
      const code = `ours-${i}`;
      const extension = [{ url: `${URL}${i}`, ...value }];
      const expression = `Patient.extension.where(url='${URL}${i}').value`;
      await commitOne(first, put(patient(`old-${i}`, extension)));
      expect(() => query(first, `Patient?${code}=x`)).toThrow();
      await commitOne(first, put(param(code, { code, base: 'Patient', type, expression })));

      const search = `Patient?${code}=${encodeURIComponent(hit)}`;
      await commitOne(second, put(patient(`new-${i}`, extension)));
      for (const store of [first, second]) expect(await find(store, search)).toEqual([`new-${i}`]);
      expect(await warned(search)).toEqual([`http.${code}`]);
      expect(await warned('Patient?name=x')).toEqual([]);

      await workThrough();
      for (const store of [first, second]) {
        expect(await find(store, search)).toEqual([`new-${i}`, `old-${i}`]);
        expect(await find(store, `Patient?${code}=${encodeURIComponent(miss)}`)).toEqual([]);
      }
      expect(await warned(search)).toEqual([]);
    },
  );

  it('is refused with its element, and nothing of it is stored', async () => {
    const bad = { code: 'bad', base: 'Patient', type: 'token', expression: 'Patient.nmae' };
    const work = commitOne(first, put(param('bad', bad)));
    await expect(work).rejects.toMatchObject({
      kind: 'unprocessable',
      issues: [{ expression: 'SearchParameter.expression' }],
    });
    expect(await outcomeOf(first.read(actor, 'SearchParameter', 'bad'))).toBe('not-found');
  });

  it('is refused where another one has its code already', async () => {
    const text = { code: 'ours-2', base: 'Patient', type: 'string', expression: 'Patient.name' };
    expect(await outcomeOf(commitOne(second, put(param('other', text))))).toBe('unprocessable');
  });

  it('that is deleted or retired is unknown again, everywhere', async () => {
    const expression = "Patient.name.where(use='old').family";
    const own = { code: 'old-name', base: 'Patient', type: 'string', expression };
    for (const end of ['deleted', 'retired']) {
      await commitOne(first, put(param('ending', own)));
      expect(await find(second, 'Patient?old-name=x')).toEqual([]);
      await commitOne(
        first,
        end === 'deleted'
          ? { method: 'delete', type: 'SearchParameter', id: 'ending' }
          : put(param('ending', own, { status: 'retired' })),
      );
      for (const store of [first, second]) {
        expect(() => query(store, 'Patient?old-name=x')).toThrow(/no search parameter/);
      }
    }
  });

  it('that changes its expression finds by the new one alone', async () => {
    const own = { code: 'way', base: 'Practitioner', type: 'string' };
    const doctor = {
      resourceType: 'Practitioner',
      id: 'd',
      name: [{ family: 'Hall', text: 'Zed' }],
    };
    await commitOne(first, put(doctor));
    for (const [element, hit, miss] of [
      ['family', 'hall', 'zed'],
      ['text', 'zed', 'hall'],
    ]) {
      const expression = `Practitioner.name.${element}`;
      await commitOne(first, put(param('way', { ...own, expression })));
      expect(await warned('Practitioner?way=x')).toEqual(['http.way']);
      await workThrough();
      expect(await find(second, `Practitioner?way=${hit}`)).toEqual(['d']);
      expect(await find(second, `Practitioner?way=${miss}`)).toEqual([]);
    }
  });

  it('makes conditional writes wait until their criteria can be decided', async () => {
    const own = { code: 'tag-id', base: 'Basic', type: 'token', expression: 'Basic.identifier' };
    const basic = { resourceType: 'Basic', code: { text: 'x' }, identifier: [{ value: 'b1' }] };
    await commitOne(first, put({ ...basic, id: 'b' }));
    await commitOne(first, put(param('tag-id', own)));
    const create = () =>
      commitOne(first, {
        ...{ method: 'create', type: 'Basic', resource: { ...basic } },
        ifNoneExist: 'tag-id=b1',
      });
    expect(await outcomeOf(create())).toBe('busy');
    await workThrough();
    expect((await create()).changed).toBe(false);
  });

  it('for all resources is indexed on each type', async () => {
    const expression = 'Resource.meta.source';
    await commitOne(
      first,
      put(param('origin', { code: 'origin', base: 'Resource', type: 'uri', expression })),
    );
    await commitOne(
      second,
      put({
        resourceType: 'Group',
        id: 'g',
        type: 'person',
        actual: true,
        meta: { source: 'urn:here' },
      }),
    );
    expect(await find(first, 'Group?origin=urn:here')).toEqual(['g']);
    await commitOne(first, { method: 'delete', type: 'SearchParameter', id: 'origin' });
    await workThrough();
  });

  it('is known to a process that starts later', async () => {
    const later = await createStore({ db: await connect(), definitions: standard, config });
    expect(await find(later, 'Patient?ours-2=zoe')).toEqual(['new-2', 'old-2']);
    await later.close();
  });
});

describe('indexing anew', () => {
  const COUNT = 600;
  const device = (n: number, name: string): Resource & { id: string } => ({
    resourceType: 'Device',
    ...{ id: `d${n}`, distinctIdentifier: `${name}-${n % 2}` },
  });
  const own: Param = {
    ...{ code: 'distinct', base: 'Device', type: 'string' },
    expression: 'Device.distinctIdentifier',
  };

  it('goes on where a killed process stopped, and makes no versions', async () => {
    await first.commit(
      actor,
      Array.from({ length: COUNT }, (_, n) => put(device(n, 'one'))),
    );
    const before = await first.read(actor, 'Device', 'd3');
    await commitOne(first, put(param('distinct', own)));

    const killed = await openWorker();
    const job = await killed.worker.take();
    expect(job?.type).toBe('Device');
    expect(job && (await killed.worker.batch(job))).toBe(true);
    expect(await third.worker.take()).toBeUndefined();
    const [state] = (await first.reindexing.status()).filter(({ type }) => type === 'Device');
    expect(state).toMatchObject({ state: 'running', done: 250, total: COUNT });
    expect(await warned('Device?distinct=one')).toEqual(['http.distinct']);
    expect((await find(first, 'Device?distinct=one')).length).toBe(250);

    // Nobody renews the lease any more.
    await db.execute({ text: 'update reindex set leased_until = now() where owner is not null' });
    await commitOne(second, put(device(1, 'two')));
    await commitOne(second, put(device(COUNT - 1, 'two')));
    await workThrough();
    expect((await find(first, 'Device?distinct=one')).length).toBe(COUNT - 2);
    expect(await find(first, 'Device?distinct=two')).toEqual(['d1', `d${COUNT - 1}`]);
    expect(await warned('Device?distinct=one')).toEqual([]);
    expect(await first.read(actor, 'Device', 'd3')).toEqual(before);
    const [end] = (await first.reindexing.status()).filter(({ type }) => type === 'Device');
    expect(end).toMatchObject({ state: 'finished', done: COUNT, failed: 0, incomplete: [] });
    // What comes too late from the killed one changes nothing.
    expect(job && (await killed.worker.batch(job))).toBe(false);
    await killed.close();
  });

  it('begins again where it is asked for, and the run before reports no more', async () => {
    await first.reindexing.ask(['Device']);
    const job = await third.worker.take();
    await first.reindexing.askParam('distinct');
    expect(job && (await third.worker.batch(job))).toBe(false);
    await workThrough();
    const [state] = (await first.reindexing.status()).filter(({ type }) => type === 'Device');
    expect(state).toMatchObject({ state: 'finished', done: COUNT });
    expect(await outcomeOf(first.reindexing.askParam('nothing'))).toBe('unprocessable');
  });

  it('misses nothing that is written while the parameter comes and its resources are gone through', async () => {
    const own: Param = {
      ...{ code: 'nick', base: 'Person', type: 'string' },
      expression: "Person.name.where(use='nickname').text",
    };
    let writing = true;
    const written = new Map<string, string>();
    const writer = async (store: Store, lane: string): Promise<void> => {
      for (let n = 0; writing || n < 60; n += 1) {
        const id = `${lane}-${n % 40}`;
        const text = `word${(n * 7) % 5}`;
        const name = [{ use: 'nickname', text }, { family: `f${n}` }];
        await commitOne(store, put({ resourceType: 'Person', id, name }));
        written.set(id, text);
      }
    };
    const writers = [first, second].flatMap((store, i) =>
      ['a', 'b', 'c', 'd'].map((lane) => writer(store, `${lane}${i}`)),
    );
    await expect.poll(() => written.size).toBeGreaterThan(100);
    // The worker looks all the time, so that it begins as soon as it may.
    const worker = (async () => {
      while (writing) await workThrough();
    })();
    await commitOne(first, put(param('nick', own)));
    await expect.poll(() => warned('Person?nick=x')).toEqual([]);
    writing = false;
    await Promise.all([...writers, worker]);
    for (let i = 0; i < 5; i += 1) {
      const expected = [...written].filter(([, text]) => text === `word${i}`).map(([id]) => id);
      expect(await find(second, `Person?nick=word${i}`)).toEqual(expected.sort());
    }
  });

  it('begins only when the writes are over that know nothing of the parameter', async () => {
    const own = { code: 'born', base: 'RelatedPerson', type: 'date' };
    const kin = { resourceType: 'RelatedPerson', id: 'k', birthDate: '1980-02-03' };
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const slow = first.commit(actor, [put({ ...kin, patient: { reference: 'Patient/p' } })], {
      within: () => gate,
    });
    const posted = commitOne(
      second,
      put(param('born', { ...own, expression: 'RelatedPerson.birthDate' })),
    );
    const known = () => first.definitions.searchParams('RelatedPerson').has('born');
    await expect.poll(known, { timeout: 5000 }).toBe(true);
    expect(await third.worker.take()).toBeUndefined();
    open();
    await Promise.all([slow, posted]);
    expect(await find(second, 'RelatedPerson?born=1980')).toEqual([]);
    await workThrough();
    expect(await find(second, 'RelatedPerson?born=1980')).toEqual(['k']);
  });

  it('waits for a process that may still write by the old parameters', async () => {
    await db.execute({
      text: "update process_slot set owner = 'stuck', leased_until = now() + interval '1 minute' where slot = 200",
    });
    await commitOne(first, put(param('distinct', { ...own, expression: 'Device.lotNumber' })));
    expect(await third.worker.take()).toBeUndefined();
    await db.execute({ text: 'update process_slot set owner = null where slot = 200' });
    expect((await third.worker.take())?.type).toBe('Device');
    await third.worker.stop();
  });

  it('runs in the background from start to stop', async () => {
    await first.reindexing.ask(['Patient']);
    await db.execute({ text: "update reindex set leased_until = '-infinity', owner = null" });
    first.reindexing.start();
    await expect
      .poll(async () => (await first.reindexing.status()).map(({ state }) => state), {
        timeout: 20_000,
      })
      .not.toContain('waiting');
    await expect
      .poll(async () => (await first.reindexing.status()).map(({ state }) => state), {
        timeout: 20_000,
      })
      .not.toContain('running');
    await first.reindexing.stop();
  });
});
