import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Actor, Change, Store, Version } from '../../server/store/store.ts';
import {
  actorWith,
  clerk,
  encounter,
  keeper,
  mixed,
  others,
  reason,
  ref,
  resources,
  SECRET,
  telecom,
} from '../cases/hidden-elements.ts';
import {
  definitions,
  actor as everybody,
  type OpenStores,
  openStores,
  put,
  queryOf,
} from '../helpers/store.ts';

/** Elements that rules hide: nothing of them reaches a limited actor by reads and searches. */
let open: OpenStores;
let store: Store;

beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  await store.commit(everybody, resources.map(put));
});
afterAll(() => open.close());

const parsed = ({ content }: Version): Resource => JSON.parse(content) as Resource;
const told = (work: Promise<string>): Promise<string> =>
  work.catch((error: Error & { kind?: string }) => error.kind ?? error.message);
const found = (who: Actor, text: string): Promise<string> =>
  told(
    store.search(who, queryOf(text)).then(({ matches, included }) =>
      [...matches, ...included]
        .map(({ id }) => id)
        .sort()
        .join(' '),
    ),
  );

describe('what is hidden is left out', () => {
  const isWithout = ({ content }: Version): void => {
    expect(content).not.toContain(SECRET);
    const { meta, ...seen } = JSON.parse(content) as { meta: { tag: { code: string }[] } };
    expect(meta.tag.map(({ code }) => code)).toEqual(['SUBSETTED']);
    expect(seen).toEqual({
      ...{ resourceType: 'Patient', id: 'p1', active: true, gender: 'female' },
      ...{
        managingOrganization: ref('#o'),
        contact: [{ gender: 'male' }, { gender: 'other', telecom }],
      },
    });
  };

  it.each<[string, () => Promise<Version[]>]>([
    ['read', async () => [await store.read(clerk, 'Patient', 'p1')]],
    ['vread', async () => [await store.vread(clerk, 'Patient', 'p1', '1')]],
    [
      'history',
      async () => (await store.history(clerk, { type: 'Patient', id: 'p1', count: 9 })).versions,
    ],
    [
      'history of the type',
      async () =>
        (await store.history(clerk, { type: 'Patient', count: 99 })).versions.filter(
          ({ id }) => id === 'p1',
        ),
    ],
    ['search', async () => (await store.search(clerk, queryOf('Patient?_id=p1'))).matches],
    [
      'include',
      async () =>
        (await store.search(clerk, queryOf('Encounter?_id=e1&_include=Encounter:subject')))
          .included,
    ],
    [
      'everything',
      async () =>
        (await store.everything(clerk, { type: 'Patient', id: 'p1', count: 99 })).matches.slice(
          0,
          1,
        ),
    ],
    [
      'patch',
      async () => {
        const patch = parsePatch([{ op: 'replace', path: '/active', value: true }]);
        const change: Change = { method: 'patch', type: 'Patient', id: 'p1', patch };
        return (await store.commit(clerk, [change])).flatMap(({ version }) => version ?? []);
      },
    ],
    [
      'conditional create',
      async () => {
        const resource: Resource = { resourceType: 'Patient' };
        const ifNoneExist = '_id=p1';
        const change: Change = { method: 'create', type: 'Patient', resource, ifNoneExist };
        return (await store.commit(clerk, [change])).flatMap(({ version }) => version ?? []);
      },
    ],
  ])('%s', async (_name, verb) => {
    const versions = await verb();
    expect(versions).toHaveLength(1);
    versions.forEach(isWithout);
  });

  it('leaves what a rule without hidden elements gives as it is', async () => {
    const { matches } = await store.search(mixed, queryOf('Encounter?_sort=_id'));
    expect(matches.map((one) => parsed(one)['reasonCode'])).toEqual([undefined, reason]);
    const { content } = await store.read(mixed, 'Encounter', 'e2');
    expect(content).toBe((await store.read(everybody, 'Encounter', 'e2')).content);
  });

  it('judges each version of a history by what it was', async () => {
    const moving = { ...encounter('e3', 'planned') };
    await store.commit(everybody, [put(moving)]);
    await store.commit(everybody, [put({ ...encounter('e3', 'finished') })]);
    const asked = { type: 'Encounter', id: 'e3', count: 9 };
    const { versions } = await store.history(mixed, asked);
    expect(versions.map((one) => parsed(one)['reasonCode'])).toEqual([reason, undefined]);
    await store.commit(everybody, [{ method: 'delete', type: 'Encounter', id: 'e3' }]);
  });

  it('is not told by what a record holds', async () => {
    const ids = async (who: Actor): Promise<string[]> => {
      const page = await store.everything(who, { type: 'Patient', id: 'p1', count: 99 });
      return [...page.matches, ...page.included].map(({ id }) => id).sort();
    };
    expect(await ids(keeper)).toEqual(['p1']);
    expect(await ids(actorWith('Patient.rs', 'SupplyDelivery.rs'))).toEqual(['p1', 's1']);
    const encounters = actorWith('Encounter.rs', 'Condition.rs');
    const reasonless = actorWith(['Encounter.rs', { hidden: ['reasonReference'] }], 'Condition.rs');
    const visit = async (who: Actor) => {
      const page = await store.everything(who, { type: 'Encounter', id: 'e1', count: 99 });
      return [...page.matches, ...page.included].map(({ id }) => id).sort();
    };
    expect(await visit(encounters)).toEqual(['c1', 'e1']);
    expect(await visit(reasonless)).toEqual(['e1']);
  });
});

describe('what is hidden has no influence on a search', () => {
  it.each<[string, Actor, string]>([
    ['Patient?gender=female', clerk, 'p1 p2'],
    [`Patient?name=${SECRET}`, clerk, 'forbidden'],
    ['Patient?name=nobody', clerk, 'forbidden'],
    ['Patient?family:missing=true', clerk, 'forbidden'],
    ['Patient?phonetic=x', clerk, 'forbidden'],
    ['Patient?birthdate=1970-01-01', clerk, 'forbidden'],
    ['Patient?deceased=true', clerk, 'forbidden'],
    ['Patient?death-date=2026', clerk, 'forbidden'],
    [`Patient?_text=${SECRET}`, clerk, 'forbidden'],
    ['Patient?_sort=birthdate', clerk, 'forbidden'],
    ['Patient?_sort=gender', clerk, 'p1 p2'],
    ['Patient?_filter=family sw "z"', clerk, 'forbidden'],
    ['Patient?_filter=gender eq female and not (name co "z")', clerk, 'forbidden'],
    [`Encounter?subject:Patient.name=${SECRET}`, clerk, 'forbidden'],
    ['Encounter?subject:Patient.gender=female', clerk, 'e1 e2'],
    [`Encounter?_filter=subject:Patient.name eq ${SECRET}`, clerk, 'forbidden'],
    [`Organization?_has:Patient:organization:name=${SECRET}`, clerk, 'forbidden'],
    ['Patient?_id=p1&_elements=name', clerk, 'p1'],
    ['SupplyDelivery?patient=Patient/p1', keeper, 'forbidden'],
    ['SupplyDelivery?patient:missing=true', keeper, 'forbidden'],
    ['SupplyDelivery?_include=SupplyDelivery:patient', keeper, 'forbidden'],
    ['SupplyDelivery?_include=SupplyDelivery:*', keeper, 's1'],
    ['SupplyDelivery?_include=*', keeper, 's1'],
    ['SupplyDelivery?_include=SupplyDelivery:supplier', keeper, 's1'],
    ['Patient?_id=p1&_revinclude=SupplyDelivery:patient', keeper, 'forbidden'],
    ['Patient?_id=p1&_revinclude=*', keeper, 'p1'],
    ['Patient?_has:SupplyDelivery:patient:status=in-progress', keeper, 'forbidden'],
    // Where another rule shows it, among what that one gives.
    ['Encounter?reason-reference=Condition/c1', mixed, 'e2'],
    ['Encounter?reason-code:not=x', mixed, 'e2'],
    ['Encounter?reason-code:missing=false', mixed, 'e2'],
    ['Patient?_has:Encounter:patient:reason-code:text=zsecret', mixed, 'p1'],
    ['Encounter?_sort=reason-code', mixed, 'forbidden'],
    ['Encounter?_include=Encounter:reason-reference', mixed, 'forbidden'],
    ['Encounter?status=planned', mixed, 'e1'],
  ])('%s', async (text, who, expected) => expect(await found(who, text)).toBe(expected));

  it('of all types leaves out those where it is hidden', async () => {
    const unlabelled = actorWith(['Patient.rs', { hidden: ['meta.security'] }], 'Organization.rs');
    const types = definitions.resourceTypes.join();
    expect(await found(unlabelled, `${types}?_lastUpdated=gt2000`)).toBe('a b p1 p2');
    expect(await found(unlabelled, `${types}?_security:not=R`)).toBe('a b');
    expect(await found(unlabelled, 'Patient,Organization?_security:not=R')).toBe('forbidden');
  });

  it('says which parameter, and nothing of what is stored', async () => {
    const said = async (value: string) =>
      store.search(clerk, queryOf(`Patient?name=${value}`)).catch(String);
    expect(await said(SECRET)).toBe(await said('nobody'));
    const error = await store
      .search(clerk, queryOf('Patient?gender=male&name=x'))
      .catch((one: { issues: unknown }) => one.issues);
    expect(error).toMatchObject([{ code: 'forbidden', expression: 'Patient.name' }]);
  });

  it('holds for criteria of writes and for compartments', async () => {
    const resource: Resource = { resourceType: 'Patient' };
    const create: Change = { method: 'create', type: 'Patient', resource, ifNoneExist: 'name=x' };
    expect(await told(store.commit(clerk, [create]).then(() => 'stored'))).toBe('forbidden');
    const compartment = {
      ...queryOf('SupplyDelivery?patient=Patient/p1'),
      compartment: 'Patient/p1',
    };
    expect(await told(store.search(keeper, compartment).then(() => 'found'))).toBe('forbidden');
  });
});

describe('types of which nothing is hidden', () => {
  it('come as the very same texts', async () => {
    const plain = actorWith(...others, 'Patient.rs?gender=female');
    const { matches } = await store.search(plain, queryOf('Patient?_sort=_id'));
    const all = await store.search(everybody, queryOf('Patient?gender=female&_sort=_id'));
    expect(matches.map(({ content }) => content)).toEqual(
      all.matches.map(({ content }) => content),
    );
    const guessed = put(encounter('new', 'planned'));
    expect(await told(store.commit(plain, [guessed]).then(() => 'stored'))).toBe('forbidden');
  });
});
