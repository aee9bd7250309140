import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Change } from '../../server/store/store.ts';
import {
  actor,
  commitOne,
  find,
  idsOf,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
} from '../helpers/store.ts';

let open: OpenStores;
beforeAll(async () => {
  open = await openStores(2);
});
afterAll(() => open.close());

const first = () => open.stores[0];
const second = () => open.stores[1] ?? first();
const patient = (id: string, family: string): Resource & { id: string } => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
});
const remove = (id: string): Change => ({ method: 'delete', type: 'Patient', id });
const write = (id: string, family: string, more: Partial<Change> = {}) =>
  commitOne(first(), { ...put(patient(id, family)), ...more } as Change);

describe('create', () => {
  it('gives a time-ordered UUID and version 1, whatever the resource says', async () => {
    const resource = { ...patient('mine', 'C'), meta: { versionId: '7', lastUpdated: 'x' } };
    const { status, changed, version } = await commitOne(first(), {
      method: 'create',
      type: 'Patient',
      resource: { ...resource, meta: { versionId: '7' } },
    });
    expect([status, changed, version?.version, version?.method]).toEqual([201, true, 1, 'POST']);
    expect(version?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
    const stored = JSON.parse(version?.content ?? '');
    expect([stored.id, stored.meta.versionId]).toEqual([version?.id, '1']);
    expect(Date.parse(stored.meta.lastUpdated)).toBe(version?.lastUpdated);
  });

  it('gives ids in the order of time', () => {
    const ids = Array.from({ length: 300 }, () => first().newId().slice(0, 13));
    expect(ids).toEqual(ids.toSorted());
  });
});

describe('update', () => {
  it('creates under a client id, makes versions, and keeps one where nothing differs', async () => {
    const results = [await write('u', 'One'), await write('u', 'Two'), await write('u', 'Two')];
    expect(results.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect(results.map(({ changed }) => changed)).toEqual([true, true, false]);
    expect(results.map(({ version }) => version?.version)).toEqual([1, 2, 2]);
    expect(results[2]?.version).toEqual(await first().read(actor, 'Patient', 'u'));
  });

  it('is a no-op whatever version the sender puts into meta, and not one for a tag', async () => {
    const { version } = await write('m', 'One');
    const again = JSON.parse(version?.content ?? '');
    expect((await commitOne(first(), put(again))).changed).toBe(false);
    again.meta = { versionId: '99', lastUpdated: '2001-01-01T00:00:00Z' };
    expect((await commitOne(first(), put(again))).changed).toBe(false);
    again.meta = { tag: [{ code: 'x' }] };
    expect((await commitOne(first(), put(again))).version?.version).toBe(2);
  });

  it('tells 1.0 from 1.00, because decimals keep their text', async () => {
    const observation = (value: string) =>
      put({
        ...{ resourceType: 'Observation', id: 'd', status: 'final', code: { text: 'x' } },
        valueQuantity: {
          value: (JSON as never as { rawJSON(text: string): never }).rawJSON(value),
        },
      });
    await commitOne(first(), observation('1.0'));
    const { changed, version } = await commitOne(first(), observation('1.00'));
    expect(changed).toBe(true);
    expect(version?.content).toContain('"value":1.00}');
  });

  it.each(['a', '-', '.', '..', '0', 'A.b-9', 'x'.repeat(64), `${'9'.repeat(63)}.`])(
    'takes the id %s',
    async (id) => {
      expect((await write(id, 'Id')).status).toBe(201);
      expect((await first().read(actor, 'Patient', id)).id).toBe(id);
      expect(await idsOf(first(), `Patient?_id=${id}`)).toEqual([id]);
      expect((await commitOne(first(), remove(id))).deleted).toBe(1);
    },
  );

  it('tells ids apart by case and type', async () => {
    await write('case', 'lower');
    await write('CASE', 'upper');
    await commitOne(first(), put({ resourceType: 'Person', id: 'case' }));
    await commitOne(first(), remove('case'));
    expect((await first().read(actor, 'Patient', 'CASE')).id).toBe('CASE');
    expect((await first().read(actor, 'Person', 'case')).type).toBe('Person');
  });

  it('with If-Match changes that version, and nothing that does not exist', async () => {
    await write('match', 'One');
    await write('match', 'Two', { ifMatch: ['1'] });
    expect(await outcomeOf(write('match', 'Three', { ifMatch: ['1'] }))).toBe('precondition');
    expect(await outcomeOf(write('match', 'Two', { ifMatch: ['1'] }))).toBe('precondition');
    expect((await write('match', 'Four', { ifMatch: ['9', '2'] })).version?.version).toBe(3);
    expect((await write('match', 'Five', { ifMatch: ['*'] })).version?.version).toBe(4);
    expect(await outcomeOf(write('nowhere', 'X', { ifMatch: ['*'] }))).toBe('precondition');
    await commitOne(first(), remove('match'));
    expect(await outcomeOf(write('match', 'Six', { ifMatch: ['5'] }))).toBe('precondition');
  });

  it('with If-Match keeps the version where nothing differs but the order of members', async () => {
    const same = patient('same', 'One');
    await commitOne(first(), put(same));
    const reordered = Object.fromEntries(Object.entries(same).toReversed()) as typeof same;
    for (const again of [same, reordered]) {
      const change = { ...put(again), ifMatch: ['1'] } as Change;
      const { changed, version } = await commitOne(first(), change);
      expect([changed, version?.version]).toEqual([false, 1]);
      expect(version).toEqual(await first().read(actor, 'Patient', 'same'));
    }
  });

  it('with If-Match moves what searches find, and keeps what did not change', async () => {
    const observation = (status: string, effective: string, value: number): Change =>
      put({
        ...{ resourceType: 'Observation', id: 'sides', status, code: { text: 'x' } },
        effectivePeriod: { start: effective },
        valueQuantity: { value, unit: 'furlong' },
      });
    const found = (query: string) => idsOf(first(), `Observation?_id=sides&${query}`);
    await commitOne(first(), observation('preliminary', '2020-01-01', 5));
    const steps: [Change, string[], string[]][] = [
      [
        observation('final', '2020-01-01', 5),
        ['status=final', 'value-quantity=5||furlong'],
        ['status=preliminary'],
      ],
      [
        observation('final', '2021-01-01', 5),
        ['date=ge2021', 'value-quantity=5||furlong'],
        ['date=lt2021'],
      ],
      [observation('final', '2021-01-01', 6), ['value-quantity=6'], ['value-quantity=5']],
    ];
    for (const [i, [change, hits, misses]] of steps.entries()) {
      await commitOne(first(), { ...change, ifMatch: [String(i + 1)] } as Change);
      for (const query of hits) expect([query, await found(query)]).toEqual([query, ['sides']]);
      for (const query of misses) expect([query, await found(query)]).toEqual([query, []]);
    }
  });

  it('moves what searches find', async () => {
    await write('moved', 'Before');
    await write('moved', 'After');
    expect(await idsOf(first(), 'Patient?family=Before')).toEqual([]);
    expect(await idsOf(second(), 'Patient?family=After')).toEqual(['moved']);
  });

  it('by a faulty resource is refused with all faults, and writes nothing', async () => {
    const faulty = { ...patient('bad', 'X'), gender: 'none', birthDate: '2021-02-30', nothing: 1 };
    const refused = commitOne(first(), put(faulty));
    await expect(refused).rejects.toMatchObject({ kind: 'invalid', issues: { length: 3 } });
    expect(await outcomeOf(first().read(actor, 'Patient', 'bad'))).toBe('not-found');
  });
});

describe('delete', () => {
  it('leaves a tombstone; the next update continues the versions', async () => {
    await write('d', 'One');
    const { status, deleted, version } = await commitOne(first(), remove('d'));
    expect([status, deleted, version?.version, version?.content]).toEqual([204, 1, 2, '']);
    expect(await outcomeOf(first().read(actor, 'Patient', 'd'))).toBe('gone');
    expect(await outcomeOf(first().vread(actor, 'Patient', 'd', '2'))).toBe('gone');
    expect(await idsOf(first(), 'Patient?_id=d')).toEqual([]);
    const again = await write('d', 'One');
    expect([again.status, again.version?.version]).toEqual([201, 3]);
    const { content } = await first().vread(actor, 'Patient', 'd', '1');
    expect(JSON.parse(content).name[0].family).toBe('One');
  });

  it('is no error where nothing is, or is any more', async () => {
    await write('twice', 'One');
    await commitOne(first(), remove('twice'));
    for (const id of ['twice', 'never']) {
      const { status, changed, deleted } = await commitOne(first(), remove(id));
      expect([status, changed, deleted]).toEqual([204, false, 0]);
    }
    expect((await first().vread(actor, 'Patient', 'twice', '1')).version).toBe(1);
    expect(await outcomeOf(first().vread(actor, 'Patient', 'twice', '3'))).toBe('not-found');
  });

  it('with If-Match deletes that version only', async () => {
    await write('dm', 'One');
    const stale = { ...remove('dm'), ifMatch: ['2'] } as Change;
    expect(await outcomeOf(commitOne(first(), stale))).toBe('precondition');
    expect((await commitOne(first(), { ...stale, ifMatch: ['1'] } as Change)).deleted).toBe(1);
  });
});

describe('read and vread', () => {
  it('tell what was deleted from what never was', async () => {
    await write('was', 'One');
    await commitOne(first(), remove('was'));
    expect(await outcomeOf(first().read(actor, 'Patient', 'was'))).toBe('gone');
    expect(await outcomeOf(first().read(actor, 'Patient', 'WAS'))).toBe('not-found');
    expect(await outcomeOf(first().read(actor, 'Person', 'was'))).toBe('not-found');
  });

  it.each(['0', '-1', '1.0', '01', 'x', '2147483648', '99999999999999999999', ''])(
    'vread of version "%s" finds nothing',
    async (version) => {
      await write('v', 'One');
      expect(await outcomeOf(first().vread(actor, 'Patient', 'v', version))).toBe('not-found');
    },
  );

  it('see at once, through one store, what another has written', async () => {
    for (let i = 1; i <= 20; i++) {
      const writer = i % 2 ? first() : second();
      const reader = i % 2 ? second() : first();
      await commitOne(writer, put(patient('turns', `F${i}`)));
      const { version, content } = await reader.read(actor, 'Patient', 'turns');
      expect([version, JSON.parse(content).name[0].family]).toEqual([i, `F${i}`]);
    }
    for (let i = 1; i <= 20; i++) {
      const { content } = await first().vread(actor, 'Patient', 'turns', String(i));
      const { meta, name } = JSON.parse(content);
      expect([meta.versionId, name[0].family]).toEqual([String(i), `F${i}`]);
    }
  });
});

describe('patch', () => {
  const patch = (id: string, operations: never[], more: object = {}): Change =>
    ({
      ...{ method: 'patch', type: 'Patient', id, patch: parsePatch(operations) },
      ...more,
    }) as Change;
  const activate = [{ op: 'add', path: '/active', value: true }] as never[];

  it('makes a version, none where it changes nothing, and moves what searches find', async () => {
    await write('p', 'One');
    const result = await commitOne(first(), patch('p', activate));
    expect([result.status, result.version?.version, result.version?.method]).toEqual([
      200,
      2,
      'PATCH',
    ]);
    expect((await commitOne(first(), patch('p', activate))).changed).toBe(false);
    expect(await idsOf(first(), 'Patient?active=true&_id=p')).toEqual(['p']);
  });

  it('needs its resource, its version and a sound outcome', async () => {
    await write('pm', 'One');
    await write('pg', 'One');
    await commitOne(first(), remove('pg'));
    const wrong = [{ op: 'add', path: '/gender', value: 'none' }] as never[];
    const outcomes = await Promise.all([
      outcomeOf(commitOne(first(), patch('nowhere', activate))),
      outcomeOf(commitOne(first(), patch('pg', activate))),
      outcomeOf(commitOne(first(), patch('pm', activate, { ifMatch: ['2'] }))),
      outcomeOf(commitOne(first(), patch('pm', wrong))),
    ]);
    expect(outcomes).toEqual(['not-found', 'gone', 'precondition', 'invalid']);
    expect((await first().read(actor, 'Patient', 'pm')).version).toBe(1);
  });
});

describe('texts of every length', () => {
  /** Words of three and four bytes a character, that no database compresses. */
  const letters = (count: number, base: number, range = 20_000): string =>
    Array.from({ length: count }, (_, i) =>
      String.fromCodePoint(base + ((i * 7919 + ((i * i) % 104_729)) % range)),
    ).join('');

  it.each([
    ['Chinese', letters(4000, 0x4e00)],
    ['Korean', letters(3000, 0xac00, 11_000)],
    ['beyond the first plane', letters(3000, 0x20000)],
    ['accents upon accents', `a${'\u0301'.repeat(5000)}b`],
    ['quotes and backslashes', '"\\{},\'$1'.repeat(300)],
  ])('are stored, indexed and given back: %s', async (_name, text) => {
    const resource = { resourceType: 'Organization', id: 'text', name: text, alias: [text] };
    const { version } = await commitOne(first(), put(resource));
    expect(JSON.parse(version?.content ?? '').name).toBe(text);
    const beginning = encodeURIComponent(text.slice(0, 20).replace(/[\\,$|]/g, '\\$&'));
    expect(await idsOf(first(), `Organization?name=${beginning}`)).toEqual(['text']);
    const sorted = await find(first(), `Organization?_sort=name`);
    expect(sorted.matches).toHaveLength(1);
  });
});

describe('row keys', () => {
  it('are others in another database, so that nobody can construct a collision', async () => {
    const other = await openStores();
    const keys = await Promise.all(
      [open, other].map(async ({ stores, db }) => {
        await commitOne(stores[0], put({ resourceType: 'Basic', id: 'key', code: { text: 'x' } }));
        const [row] = await db.tuples({ text: "select rk from resource where id = 'key'" });
        return row?.[0];
      }),
    );
    await other.close();
    expect(keys[0]).toMatch(/^-?\d+$/);
    expect(keys[0]).not.toBe(keys[1]);
  });
});
