import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { Actor, EverythingQuery, Store } from '../../server/store/store.ts';
import { actorWith, ref } from '../helpers/access.ts';
import { type OpenStores, openStores, put, queryOf, actor as system } from '../helpers/store.ts';

/** Look-ups on the way of a search or a record: hierarchies, value sets, links, pages. */
let open: OpenStores;
let store: Store;

const encounter = (id: string, patient: string, partOf?: string) => ({
  ...{ resourceType: 'Encounter', id, status: 'finished', class: { code: 'X' } },
  ...{ subject: ref(`Patient/${patient}`), ...(partOf && { partOf: ref(`Encounter/${partOf}`) }) },
});
const observation = (id: string, patient: string, performer: string, category: string) => ({
  ...{ resourceType: 'Observation', id, status: 'final', subject: ref(`Patient/${patient}`) },
  ...{ code: { coding: [{ system: 'urn:s', code: id }] }, performer: [ref(performer)] },
  category: [{ coding: [{ code: category }] }],
});
const valueSet = (id: string, status: string) => ({
  ...{ resourceType: 'ValueSet', id, url: `urn:vs:${id}`, status },
  compose: { include: [{ system: 'urn:s', concept: [{ code: 'lab-1' }] }] },
});

const resources = [
  ...['p1', 'p2'].map((id) => ({ resourceType: 'Patient', id })),
  ...['seen', 'secret'].map((id) => ({ resourceType: 'Practitioner', id })),
  ...[encounter('top', 'p1'), encounter('hidden', 'p2', 'top'), encounter('low', 'p1', 'hidden')],
  ...[encounter('direct', 'p1', 'top'), encounter('deep', 'p1', 'direct')],
  observation('lab-1', 'p1', 'Practitioner/seen', 'laboratory'),
  ...['1', '2', '3'].map((n) => observation(`mind-${n}`, 'p1', 'Practitioner/secret', 'psych')),
  ...[valueSet('open', 'active'), valueSet('closed', 'draft')],
];

const app = actorWith('Patient.rs?_id=p1', 'Encounter.rs?patient=Patient/p1', 'Observation.rs');
const lab = actorWith(
  ...['Patient.rs?_id=p1', 'Observation.rs?patient=Patient/p1&category=laboratory'],
  ...['Practitioner.rs', 'ValueSet.rs?status=active'],
);
const picky = actorWith(
  ...['Patient.rs?_id=p1', 'Observation.rs?category=laboratory', 'Practitioner.rs?_id=secret'],
);
const blind = actorWith('Observation.rs?patient=Patient/p1');

beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  await store.commit(
    system,
    resources.map((one) => put(one as never)),
  );
});
afterAll(() => open.close());

const found = async (who: Actor, text: string): Promise<string> => {
  try {
    const { matches } = await store.search(who, queryOf(text));
    return matches
      .map(({ id }) => id)
      .sort()
      .join(' ');
  } catch (error) {
    if (error instanceof FhirError) return `${error.kind}: ${error.message}`;
    throw error;
  }
};

describe('a hierarchy', () => {
  it.each([
    ['Encounter?part-of:below=Encounter/top', 'deep direct'],
    ['Encounter?part-of:below=Encounter/hidden', 'low'],
    ['Encounter?part-of:above=Encounter/deep', 'deep direct'],
    // What it is part of is told by what is hidden.
    ['Encounter?part-of:above=Encounter/low', ''],
    ['Encounter?part-of:above=Encounter/hidden', 'low'],
  ])('%s is climbed over what may be seen', async (text, expected) =>
    expect(await found(app, text)).toBe(expected),
  );

  it('of a type that may not be searched is refused', async () => {
    expect(await found(blind, 'Observation?encounter:below=Encounter/top')).toMatch(/^forbidden/);
    expect(await found(blind, 'Observation?encounter:below=Encounter/none')).toMatch(/^forbidden/);
  });
});

describe('a value set', () => {
  it('counts where it may be seen', async () => {
    expect(await found(lab, 'Observation?code:in=urn:vs:open')).toBe('lab-1');
    expect(await found(lab, 'Observation?code:in=ValueSet/open')).toBe('lab-1');
  });

  it.each([
    ['of another sort', lab],
    ['of anybody', blind],
  ])('is not there otherwise: %s', async (_what, who) => {
    const hidden = await found(who, 'Observation?code:in=urn:vs:closed');
    const absent = await found(who, 'Observation?code:in=urn:vs:nothing');
    expect(hidden).toMatch(/^invalid/);
    expect(hidden.replace('closed', 'nothing')).toBe(absent);
    const address = await found(who, 'Observation?code:in=ValueSet/closed');
    expect(address.replace('closed', 'nothing')).toBe(
      await found(who, 'Observation?code:in=ValueSet/nothing'),
    );
  });
});

describe('a record', () => {
  const record = (who: Actor, query: Partial<EverythingQuery> = {}) =>
    store.everything(who, { ...{ type: 'Patient', id: 'p1', count: 100 }, ...query });
  const ids = ({ matches, included }: Awaited<ReturnType<typeof record>>): string =>
    [...matches, ...included].map(({ id }) => id).join(' ');

  it('leads only where visible members lead', async () => {
    expect(ids(await record(lab))).toBe('p1 lab-1 seen');
    expect(ids(await record(system))).toContain('secret');
    expect(ids(await record(picky))).toBe('p1 lab-1');
  });

  it('has no pages for what is hidden', async () => {
    const first = await record(lab, { count: 1 });
    expect(ids(first)).toBe('p1');
    const second = await record(lab, { count: 1, cursor: first.next ?? '' });
    expect(ids(second)).toBe('lab-1');
    const third = await record(lab, { count: 1, cursor: second.next ?? '' });
    expect([ids(third), third.next]).toEqual(['seen', undefined]);
    const onlyHidden = await record(blindToAll, { types: ['Observation'], count: 1 });
    expect([ids(onlyHidden), onlyHidden.next]).toEqual(['', undefined]);
  });

  it('has pages of its own', async () => {
    const { next = '' } = await record(lab, { count: 1 });
    await expect(record(app, { count: 1, cursor: next })).rejects.toThrow(/does not belong/);
  });
});

const blindToAll = actorWith('Patient.rs?_id=p1');

describe('a parameter that is not indexed everywhere yet', () => {
  it('is warned of without how many resources there are', async () => {
    const parameter = {
      ...{ resourceType: 'SearchParameter', id: 'fresh', url: 'urn:sp:fresh', name: 'fresh' },
      ...{ status: 'active', description: 'x', code: 'fresh', base: ['Observation'] },
      ...{ type: 'token', expression: 'Observation.status' },
    };
    await store.commit(system, [put(parameter as never)]);
    const query = () => ({
      ...queryOf('Observation?'),
      sort: [{ code: 'fresh', descending: false }],
    });
    const warned = async (who: Actor) => {
      const { issues } = await store.search(who, query());
      return issues.map(({ diagnostics }) => diagnostics).join();
    };
    expect(await warned(system)).toMatch(/not begun yet|of \d+ done/);
    expect(await warned(lab)).toMatch(/matches may be missing/);
    expect(await warned(lab)).not.toMatch(/not begun yet|\d+ done/);
  });
});
