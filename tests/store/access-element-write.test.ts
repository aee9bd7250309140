import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { JsonValue, Resource } from '../../server/fhir/types.ts';
import type { Actor, Change, Store, Version } from '../../server/store/store.ts';
import {
  actorWith,
  beds,
  clerk,
  encounter,
  mixed,
  patient,
  ref,
  resources,
  SECRET,
} from '../cases/hidden-elements.ts';
import { actor as everybody, type OpenStores, openStores, put } from '../helpers/store.ts';

/** Writes by those who do not see all of a resource, or may not change all of it. */
let open: OpenStores;
let store: Store;

const seed = () =>
  store.commit(
    everybody,
    resources.map((one) => put(structuredClone(one))),
  );
beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  await seed();
});
afterAll(() => open.close());

const parsed = ({ content }: Version): Resource => JSON.parse(content) as Resource;
const told = (work: Promise<string>): Promise<string> =>
  work.catch((error: Error & { kind?: string }) => error.kind ?? error.message);
describe('who does not see all of a resource', () => {
  const patched = async (who: Actor, type: string, id: string, body: JsonValue) => {
    const change: Change = { method: 'patch', type, id, patch: parsePatch(body) };
    return told(store.commit(who, [change]).then(() => 'stored'));
  };
  const json = (...operations: [op: string, path: string, value?: JsonValue][]): JsonValue =>
    operations.map(([op, path, value]) =>
      op === 'copy' || op === 'move'
        ? { op, path, from: value as string }
        : { op, path, ...(value !== undefined && { value }) },
    );
  const fhirpath = (type: string, path: string, value?: object): JsonValue => ({
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'operation',
        part: [
          { name: 'type', valueCode: type },
          { name: 'path', valueString: path },
          ...(value ? [{ name: 'value', ...value } as never] : []),
        ],
      },
    ],
  });

  it.each<[string, JsonValue, string]>([
    ['changes what it sees', json(['replace', '/gender', 'male']), 'stored'],
    ['tests what it sees', json(['test', '/gender', 'female']), 'stored'],
    ['tests rightly', json(['test', '/name/0/family', SECRET]), 'unprocessable'],
    ['tests wrongly', json(['test', '/name/0/family', 'x']), 'unprocessable'],
    ['tests inside of items', json(['test', '/contact/0/name/family', SECRET]), 'unprocessable'],
    ['tests the narrative', json(['test', '/text/status', 'generated']), 'unprocessable'],
    ['tests all', json(['test', '/contact/0', { gender: 'male' }]), 'stored'],
    ['copies it out', json(['copy', '/contact/1/name', '/name/0']), 'unprocessable'],
    ['replaces', json(['replace', '/birthDate', '2000-01-01']), 'unprocessable'],
    ['adds', json(['add', '/name', [{ family: 'x' }]]), 'forbidden'],
    ['adds beside', json(['add', '/_birthDate', { id: 'x' }]), 'forbidden'],
    ['changes items of which it sees a part', json(['remove', '/contact/0']), 'forbidden'],
    ['adds to such an item', json(['add', '/contact/1/name', { family: 'x' }]), 'forbidden'],
    [
      'adds and removes again',
      json(['add', '/birthDate', '2000-01-01'], ['remove', '/birthDate']),
      'stored',
    ],
    [
      'probes by a path',
      fhirpath('replace', `Patient.where(name.family='${SECRET}').gender`, { valueCode: 'male' }),
      'unprocessable',
    ],
    [
      'probes by another path',
      fhirpath('replace', "Patient.where(name.family='x').gender", { valueCode: 'male' }),
      'unprocessable',
    ],
    ['deletes by a path', fhirpath('delete', 'Patient.name'), 'stored'],
  ])('%s by a patch', async (_name, body, expected) => {
    await seed();
    expect(await patched(clerk, 'Patient', 'p1', body)).toBe(expected);
    const { meta: _, ...kept } = parsed(await store.read(everybody, 'Patient', 'p1'));
    const { gender: __, ...stored } = patient('p1');
    expect(kept).toMatchObject(stored);
  });

  it('is told the same of a hidden element and an absent one', async () => {
    const asked = async (id: string, path: string) =>
      store
        .commit(clerk, [
          {
            ...{ method: 'patch', type: 'Patient', id },
            patch: parsePatch([{ op: 'test', path, value: 'x' }]),
          } as Change,
        ])
        .catch(String);
    await store.commit(everybody, [put({ resourceType: 'Patient', id: 'bare' })]);
    expect(await asked('p1', '/birthDate')).toBe(await asked('bare', '/birthDate'));
    expect(await asked('p1', '/birthDate')).toMatch(/birthDate/);
  });

  it('replaces nothing, be there something hidden or not', async () => {
    for (const resource of [patient('p1'), { resourceType: 'Patient', id: 'bare' }]) {
      expect(await told(store.commit(clerk, [put(resource)]).then(() => 'stored'))).toBe(
        'forbidden',
      );
    }
    const guarded: Change = { ...put(patient('p1')), ifMatch: ['1'] } as Change;
    expect(await told(store.commit(clerk, [guarded]).then(() => 'stored'))).toBe('forbidden');
    const finished = put(encounter('e2', 'finished'));
    expect(await told(store.commit(mixed, [finished]).then(() => 'stored'))).toBe('stored');
    const planned = put(encounter('e1', 'planned'));
    expect(await told(store.commit(mixed, [planned]).then(() => 'stored'))).toBe('forbidden');
  });

  it('learns nothing of hidden references from those it may set', async () => {
    const note = (id: string) => ({ url: 'urn:x', valueReference: ref(`Patient/${id}`) });
    const adds = (id: string) => json(['add', '/extension', [note(id)]]);
    const blind = actorWith(['SupplyDelivery.rus', { hidden: ['patient'] }]);
    expect(await patched(blind, 'SupplyDelivery', 's1', adds('p1'))).toBe('unprocessable');
    expect(await patched(blind, 'SupplyDelivery', 's1', adds('p2'))).toBe('unprocessable');
    const done = json(['replace', '/status', 'completed']);
    expect(await patched(blind, 'SupplyDelivery', 's1', done)).toBe('stored');
    const { content } = await store.read(everybody, 'SupplyDelivery', 's1');
    expect(content).toContain('Patient/p1');
  });
});

describe('a read-only element', () => {
  const e1 = encounter('e1', 'planned');
  it.each<[string, object, string]>([
    ['stays in an update', { ...e1, priority: { text: 'soon' } }, 'stored'],
    ['stays whatever the order', Object.fromEntries(Object.entries(e1).reverse()), 'stored'],
    ['changes', { ...e1, subject: ref('Patient/p2') }, 'forbidden'],
    ['changes in a part', { ...e1, subject: { ...ref('Patient/p1'), display: 'x' } }, 'forbidden'],
    ['goes', { ...e1, subject: undefined }, 'forbidden'],
    [
      'comes inside of items',
      { ...e1, participant: [{ individual: ref('Practitioner/d') }] },
      'forbidden',
    ],
    ['leaves its neighbours alone', { ...e1, participant: [{ type: [{ text: 'x' }] }] }, 'stored'],
    // By the rule for finished ones it may be changed: the result alone does not let it.
    ['changes on the way', { ...e1, status: 'finished', subject: ref('Patient/p2') }, 'forbidden'],
    ['stays on the way', { ...e1, status: 'finished' }, 'stored'],
  ])('%s', async (_name, resource, expected) => {
    await seed();
    const change = put(JSON.parse(JSON.stringify(resource)) as Resource & { id: string });
    expect(await told(store.commit(beds, [change]).then(() => 'stored'))).toBe(expected);
  });

  it('changes by no way into a rule that locks it', async () => {
    await seed();
    const back = { ...encounter('e2', 'planned'), subject: ref('Patient/p2') };
    expect(await told(store.commit(beds, [put(back)]).then(() => 'stored'))).toBe('forbidden');
    const same = put(encounter('e2', 'planned'));
    expect(await told(store.commit(beds, [same]).then(() => 'stored'))).toBe('stored');
  });

  it('is named, in a patch too', async () => {
    await seed();
    const patch = parsePatch([{ op: 'replace', path: '/subject/reference', value: 'Patient/p2' }]);
    const change = (id: string): Change => ({ method: 'patch', type: 'Encounter', id, patch });
    const refused = store.commit(beds, [change('e1')]);
    await expect(refused).rejects.toMatchObject({
      ...{ kind: 'forbidden', issues: [{ expression: 'Encounter.subject' }] },
    });
    expect(await told(store.commit(beds, [change('e2')]).then(() => 'stored'))).toBe('stored');
    await seed();
  });
});
