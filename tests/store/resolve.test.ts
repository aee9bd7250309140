import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { Change, Transaction } from '../../server/store/store.ts';
import {
  actor,
  commitOne,
  find,
  idsOf,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
  transact,
} from '../helpers/store.ts';

let open: OpenStores;
beforeAll(async () => {
  open = await openStores(2);
});
afterAll(() => open.close());
const store = () => open.stores[0];

let made = 0;
/** An identifier that nothing has yet. */
const fresh = (): string => `v${++made}`;
const patient = (value: string, more: object = {}): Resource =>
  ({ resourceType: 'Patient', identifier: [{ system: 'urn:c', value }], ...more }) as Resource;
const named = (id: string, value: string): Resource & { id: string } => ({
  ...patient(value),
  id,
});
const criteria = (value: string): string => `identifier=urn:c|${value}`;
const withIdentifier = (value: string) => idsOf(store(), `Patient?${criteria(value)}`);
const uuid = (n: number): string =>
  `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

async function addTwo(value: string): Promise<void> {
  await store().commit(actor, [put(named(`${value}-1`, value)), put(named(`${value}-2`, value))]);
}

describe('conditional create', () => {
  const create = (value: string, ifNoneExist = criteria(value)) =>
    commitOne(store(), {
      method: 'create',
      type: 'Patient',
      resource: patient(value),
      ifNoneExist,
    });

  it('creates where nothing matches, else answers the match as it is', async () => {
    const value = fresh();
    const created = await create(value);
    const matched = await create(value);
    expect([created.status, matched.status]).toEqual([201, 200]);
    expect([created.changed, matched.changed]).toEqual([true, false]);
    expect(matched.version).toMatchObject({ id: created.version?.id, version: 1 });
    expect(matched.version?.content).toBe(created.version?.content);
  });

  it('is refused where several match', async () => {
    const value = fresh();
    await addTwo(value);
    expect(await outcomeOf(create(value))).toBe('multiple-matches');
    expect(await withIdentifier(value)).toHaveLength(2);
  });

  it('creates anew when the match was deleted', async () => {
    const value = fresh();
    const id = (await create(value)).version?.id ?? '';
    await commitOne(store(), { method: 'delete', type: 'Patient', id });
    expect((await create(value)).status).toBe(201);
  });

  it.each([
    ['', 'precondition'],
    ['_count=1', 'precondition'],
    ['identifier=a&_sort=_id', 'precondition'],
    ['nothing=1', 'invalid'],
    ['birthdate=x', 'invalid'],
    ['identifier=', 'invalid'],
  ])('by the criteria "%s" is refused as %s', async (text, kind) => {
    expect(await outcomeOf(create(fresh(), text))).toBe(kind);
  });

  it('by encoded criteria means the same', async () => {
    const value = fresh();
    await create(value);
    expect((await create(value, `identifier=urn%3Ac%7C${value}`)).status).toBe(200);
    expect((await create(value, `?identifier=urn:c|${value}`)).status).toBe(200);
  });
});

describe('conditional update', () => {
  const update = (value: string, more: object = {}, rest: Partial<Change> = {}) =>
    commitOne(store(), {
      ...{ method: 'update', type: 'Patient', resource: patient(value, more) },
      ...{ criteria: criteria(value), ...rest },
    } as Change);

  it('creates, then updates the one match', async () => {
    const value = fresh();
    const created = await update(value);
    const updated = await update(value, { active: true });
    expect([created.status, updated.status]).toEqual([201, 200]);
    expect(updated.version).toMatchObject({ id: created.version?.id, version: 2 });
    expect((await update(value, { active: true })).changed).toBe(false);
  });

  it('takes the id of the resource where it creates, or where it is that of the match', async () => {
    const value = fresh();
    const id = `own-${value}`;
    expect((await update(value, { id })).version?.id).toBe(id);
    expect((await update(value, { id, active: true })).version?.version).toBe(2);
    expect(await outcomeOf(update(value, { id: 'other' }))).toBe('invalid');
  });

  it('is refused where several match, or If-Match names another version', async () => {
    const value = fresh();
    await addTwo(value);
    expect(await outcomeOf(update(value))).toBe('multiple-matches');
    const single = fresh();
    await update(single);
    const stale = update(single, { active: true }, { ifMatch: ['2'] } as Partial<Change>);
    expect(await outcomeOf(stale)).toBe('precondition');
  });

  it('made again as a whole finds what was created in between', async () => {
    const value = fresh();
    const [here, there = here] = open.stores;
    let attempts = 0;
    const within = async (tx: Transaction) => {
      attempts++;
      if (attempts > 1) return;
      await commitOne(there, put(named(`rival-${value}`, value)));
      // What PostgreSQL says when it gives a transaction up.
      await tx.query({ text: `do $$ begin raise exception using errcode = '40001'; end $$` }, []);
    };
    const change: Change = {
      ...{ method: 'update', type: 'Patient', resource: patient(value, { active: true }) },
      criteria: criteria(value),
    };
    const [result] = await here.commit(actor, [change], { within });
    expect([attempts, result?.version?.id, result?.version?.version]).toEqual([
      2,
      `rival-${value}`,
      2,
    ]);
    expect(await withIdentifier(value)).toEqual([`rival-${value}`]);
  });
});

describe('conditional patch', () => {
  const patch = (value: string): Promise<unknown> =>
    commitOne(store(), {
      ...{ method: 'patch', type: 'Patient', criteria: criteria(value) },
      patch: parsePatch([{ op: 'add', path: '/active', value: true }]),
    });

  it('patches the one match, and is refused where none or several match', async () => {
    const [one, two] = [fresh(), fresh()];
    await commitOne(store(), put(named(`${one}-1`, one)));
    await addTwo(two);
    expect(await outcomeOf(patch(one))).toBe('done');
    expect(await idsOf(store(), `Patient?active=true&${criteria(one)}`)).toEqual([`${one}-1`]);
    expect(await outcomeOf(patch(fresh()))).toBe('not-found');
    expect(await outcomeOf(patch(two))).toBe('multiple-matches');
  });
});

describe('conditional delete', () => {
  const remove = (value: string, multiple: boolean) =>
    commitOne(store(), { method: 'delete', type: 'Patient', criteria: criteria(value), multiple });

  it('deletes none, one or, if told so, many', async () => {
    const [one, two] = [fresh(), fresh()];
    await commitOne(store(), put(named(`${one}-1`, one)));
    await addTwo(two);
    expect(await remove(fresh(), false)).toMatchObject({ status: 204, deleted: 0, changed: false });
    expect(await remove(one, false)).toMatchObject({ status: 204, deleted: 1, changed: true });
    expect(await outcomeOf(remove(two, false))).toBe('multiple-matches');
    expect(await withIdentifier(two)).toHaveLength(2);
    expect(await remove(two, true)).toMatchObject({ status: 204, deleted: 2, changed: true });
    expect(await withIdentifier(two)).toEqual([]);
    expect(await outcomeOf(store().read(actor, 'Patient', `${two}-1`))).toBe('gone');
  });
});

describe('transaction', () => {
  const post = (resource: Resource, fullUrl?: string, request: JsonObject = {}): JsonObject => ({
    ...(fullUrl === undefined ? {} : { fullUrl }),
    resource,
    request: { method: 'POST', url: resource.resourceType, ...request },
  });
  const observation = (more: object): Resource =>
    ({
      ...{ resourceType: 'Observation', status: 'final', code: { text: 'x' } },
      ...more,
    }) as Resource;

  it('resolves urns in references, narrative, attachments and contained resources', async () => {
    const value = fresh();
    const text = {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(1)}">p</a></div>`,
    };
    const [first, second] = await transact(
      store(),
      [
        post({
          ...{ resourceType: 'DocumentReference', status: 'current', text },
          contained: [
            {
              resourceType: 'Observation',
              id: 'o',
              status: 'final',
              code: { text: 'x' },
              subject: { reference: uuid(1) },
            },
          ],
          subject: { reference: uuid(1) },
          content: [{ attachment: { url: uuid(2) } }],
          context: { related: [{ reference: '#o' }] },
        }),
        post(patient(value), uuid(1)),
        post({ resourceType: 'Binary', contentType: 'text/plain', data: 'YQ==' }, uuid(2)),
      ].map((entry) => JSON.parse(JSON.stringify(entry))),
    );
    const id = second?.version?.id;
    const stored = JSON.parse(first?.version?.content ?? '');
    expect(stored.subject.reference).toBe(`Patient/${id}`);
    expect(stored.contained[0].subject.reference).toBe(`Patient/${id}`);
    expect(stored.text.div).toContain(`href="Patient/${id}"`);
    expect(stored.content[0].attachment.url).toMatch(/^Binary\//);
    expect(await idsOf(store(), `DocumentReference?patient=${id}`)).toEqual([first?.version?.id]);
  });

  it('resolves links to conditional entries, whether they match or create', async () => {
    const [known, unknown] = [fresh(), fresh()];
    await commitOne(store(), put(named(`${known}-1`, known)));
    const results = await transact(store(), [
      post(patient(known), uuid(3), { ifNoneExist: criteria(known) }),
      {
        fullUrl: uuid(4),
        resource: patient(unknown),
        request: { method: 'PUT', url: `Patient?${criteria(unknown)}` },
      },
      post(observation({ subject: { reference: uuid(3) } })),
      post(observation({ subject: { reference: uuid(4) } })),
    ]);
    const [created] = await withIdentifier(unknown);
    const subjects = results
      .filter(({ version }) => version?.type === 'Observation')
      .map(({ version }) => JSON.parse(version?.content ?? '').subject.reference);
    expect(subjects).toEqual([`Patient/${known}-1`, `Patient/${created}`]);
  });

  it('makes one resource of a conditional create that it repeats', async () => {
    const value = fresh();
    const results = await transact(store(), [
      post(patient(value), uuid(5), { ifNoneExist: criteria(value) }),
      post(patient(value), uuid(6), { ifNoneExist: criteria(value) }),
      post(observation({ subject: { reference: uuid(6) } })),
    ]);
    const [id, ...others] = await withIdentifier(value);
    expect(others).toEqual([]);
    expect(results.map(({ status }) => status)).toEqual([201, 200, 201]);
    expect(results[1]?.version?.id).toBe(id);
    expect(await idsOf(store(), `Observation?subject=Patient/${id}`)).toHaveLength(1);
  });

  it('resolves conditional references, each to exactly one match', async () => {
    const [one, two] = [fresh(), fresh()];
    await commitOne(store(), put(named(`${one}-1`, one)));
    await addTwo(two);
    const refer = (value: string) =>
      transact(store(), [
        post(observation({ subject: { reference: `Patient?${criteria(value)}` } })),
      ]);
    const [result] = await refer(one);
    expect(JSON.parse(result?.version?.content ?? '').subject.reference).toBe(`Patient/${one}-1`);
    expect(await outcomeOf(refer(fresh()))).toBe('precondition');
    expect(await outcomeOf(refer(two))).toBe('precondition');
  });

  it('names every conditional reference that does not resolve', async () => {
    const entries = [fresh(), fresh()].map((value) =>
      post(observation({ subject: { reference: `Patient?${criteria(value)}` } })),
    );
    const error = await transact(store(), entries).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(FhirError);
    expect(error.issues.map(({ expression }: { expression: string }) => expression)).toEqual([
      'Bundle.entry[0].resource.subject.reference',
      'Bundle.entry[1].resource.subject.reference',
    ]);
  });

  it.each<[what: string, entries: (value: string) => JsonObject[]]>([
    ['two updates of one id', (v) => [put2(v, `${v}-1`), put2(v, `${v}-1`)]],
    ['an update and a delete of one id', (v) => [put2(v, `${v}-1`), del(`Patient/${v}-1`)]],
    ['an id and criteria that match it', (v) => [put2(v, `${v}-1`), cond(v)]],
    [
      'an update and a conditional delete',
      (v) => [put2(v, `${v}-1`), del(`Patient?${criteria(v)}`)],
    ],
    [
      'a delete and a conditional delete of one id',
      (v) => [del(`Patient/${v}-1`), del(`Patient?${criteria(v)}`)],
    ],
  ])('refuses %s', async (_what, entries) => {
    const value = fresh();
    await commitOne(store(), put(named(`${value}-1`, value)));
    expect(await outcomeOf(transact(store(), entries(value)))).toBe('invalid');
    expect((await store().read(actor, 'Patient', `${value}-1`)).version).toBe(1);
  });

  it('deletes first: criteria do not see what it deletes', async () => {
    for (const entry of [cond, none]) {
      const value = fresh();
      await commitOne(store(), put(named(`${value}-1`, value)));
      await transact(store(), [entry(value), del(`Patient/${value}-1`)]);
      expect(await outcomeOf(store().read(actor, 'Patient', `${value}-1`))).toBe('gone');
      const found = await withIdentifier(value);
      expect([found.length, found.includes(`${value}-1`)]).toEqual([1, false]);
    }
  });

  it('refuses to create twice by one criterion', async () => {
    const value = fresh();
    expect(await outcomeOf(transact(store(), [cond(value), cond(value)]))).toBe('invalid');
    expect(await outcomeOf(transact(store(), [none(value), cond(value)]))).toBe('invalid');
    expect(await withIdentifier(value)).toEqual([]);
  });

  it('leaves nothing of itself when its last entry is refused', async () => {
    const value = fresh();
    await commitOne(store(), put(named(`${value}-old`, `${value}-old`)));
    const before = await find(store(), 'Patient?_count=1000');
    const entries = [
      del(`Patient/${value}-old`),
      post(patient(value), uuid(7)),
      put2(value, `${value}-new`),
      post(observation({ subject: { reference: uuid(7) }, status: 'wrong' })),
    ];
    expect(await outcomeOf(transact(store(), entries))).toBe('invalid');
    const after = await find(store(), 'Patient?_count=1000');
    expect(after.matches).toEqual(before.matches);
  });

  it('deletes, creates and updates in that order, whatever the order of its entries', async () => {
    const value = fresh();
    await commitOne(store(), put(named(`${value}-1`, value)));
    const results = await transact(store(), [
      put2(`${value}x`, `${value}-2`),
      post(patient(value)),
      del(`Patient/${value}-1`),
    ]);
    expect(results.map(({ version }) => version?.method)).toEqual(['DELETE', 'POST', 'PUT']);
  });

  const put2 = (value: string, id: string): JsonObject => ({
    resource: named(id, value),
    request: { method: 'PUT', url: `Patient/${id}` },
  });
  const none = (value: string): JsonObject =>
    post(patient(value), undefined, { ifNoneExist: criteria(value) });
  const cond = (value: string): JsonObject => ({
    resource: patient(value, { active: true }),
    request: { method: 'PUT', url: `Patient?${criteria(value)}` },
  });
  const del = (url: string): JsonObject => ({ request: { method: 'DELETE', url } });
});
