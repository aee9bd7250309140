import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { Actor, Change, Store } from '../../server/store/store.ts';
import { actorWith, ref } from '../helpers/access.ts';
import { type OpenStores, openStores, put, actor as system } from '../helpers/store.ts';

/** What a limited actor may write, by what it refers to and what refers to it. */
let open: OpenStores;
let store: Store;

const encounter = (id: string, patient: string, branch: string) => ({
  ...{ resourceType: 'Encounter', id, status: 'finished', class: { code: 'X' } },
  ...{ subject: ref(`Patient/${patient}`), serviceProvider: ref(`Organization/${branch}`) },
});
const observation = (patient: string, visit?: string, id?: string) => ({
  ...{ resourceType: 'Observation', status: 'final', code: { text: 'a' }, ...(id && { id }) },
  ...{ subject: ref(`Patient/${patient}`), ...(visit && { encounter: ref(`Encounter/${visit}`) }) },
});

const BRANCH = 'encounter:Encounter.service-provider=Organization/north';
const CARE = 'patient:Patient._has:CareTeam:patient:participant=Practitioner/doc';
const looks = ['Patient.rs', 'Encounter.rs', 'Organization.rs'];
const clinician = actorWith(`Observation.crus?${BRANCH}&${CARE}`, ...looks);
const ward = actorWith(`Observation.c?encounter:missing=true`, 'Encounter.cr', ...looks);
const restless = actorWith(`Observation.c?code:not=x`, ...looks);
const writer = actorWith('Observation.cu?patient=Patient/p1');
const changer = actorWith('Observation.u');
const open1 = actorWith('Observation.crus?patient=Patient/p1', ...looks);

beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  const resources = [
    ...['p1', 'p2'].map((id) => ({ resourceType: 'Patient', id })),
    ...[encounter('e1', 'p1', 'north'), encounter('e2', 'p1', 'south')],
    encounter('e3', 'p2', 'north'),
    {
      ...{ resourceType: 'CareTeam', id: 't1', subject: ref('Patient/p1') },
      participant: [{ member: ref('Practitioner/doc') }],
    },
    ...['kept', 'kept-2'].map((id) => observation('p1', 'e1', id)),
    observation('p2', 'e3', 'hidden'),
  ];
  await store.commit(
    system,
    resources.map((one) => put(one as never)),
  );
});
afterAll(() => open.close());

const create = (resource: object): Change => ({
  ...{ method: 'create', type: 'Observation' },
  resource: resource as never,
});
const said = async (who: Actor, ...changes: Change[]): Promise<string> => {
  try {
    const results = await store.commit(who, changes);
    return results.map(({ status }) => status).join();
  } catch (error) {
    if (error instanceof FhirError) return error.kind;
    throw error;
  }
};

describe('what is written is judged', () => {
  it.each<[string, Actor, object, string]>([
    ['by the encounter and the care team', clinician, observation('p1', 'e1'), '201'],
    ['by the encounter', clinician, observation('p1', 'e2'), 'forbidden'],
    ['by the care team', clinician, observation('p2', 'e3'), 'forbidden'],
    ['by an encounter that is nowhere', clinician, observation('p1', 'e9'), 'forbidden'],
    ['by an encounter that is not named', clinician, observation('p1'), 'forbidden'],
    ['by what it lacks', ward, observation('p1'), '201'],
    ['by what it has', ward, observation('p1', 'e1'), 'forbidden'],
    ['by what does not hold', restless, observation('p1', 'e1'), '201'],
  ])('%s', async (_by, who, resource, expected) =>
    expect(await said(who, create(resource))).toBe(expected),
  );

  it('by what the same commit writes', async () => {
    const visit = (branch: string): Change => ({
      ...{ method: 'create', type: 'Encounter', fullUrl: 'urn:uuid:1' },
      resource: encounter('x', 'p1', branch) as never,
    });
    const who = actorWith(`Observation.c?${BRANCH}`, 'Encounter.c', ...looks);
    const inside = async (branch: string) => {
      const [made] = await store.commit(system, [visit(branch)]);
      const id = made?.version?.id ?? '';
      const moved: Change = { ...visit('south'), method: 'update', id } as Change;
      const mover = actorWith(`Observation.c?${BRANCH}`, 'Encounter.u', ...looks);
      return [
        await said(who, create(observation('p1', id))),
        await said(mover, moved, create(observation('p1', id))),
      ];
    };
    expect(await inside('north')).toEqual(['201', 'forbidden']);
  });

  it('under the name of the patient whom the limit itself names, seen or not', async () => {
    expect(await said(writer, create(observation('p1')))).toBe('201');
    expect(await said(writer, create(observation('p1', 'e1')))).toBe('unprocessable');
  });
});

describe('what is there', () => {
  it('is changed by a version that the client names, without the right to create', async () => {
    const change: Change = {
      ...{ method: 'update', type: 'Observation', id: 'kept', ifMatch: ['1'] },
      resource: { ...observation('p1', 'e1', 'kept'), note: [{ text: 'x' }] } as never,
    };
    const editor = actorWith('Observation.u', ...looks, 'Observation.r');
    expect(await said(editor, change)).toBe('200');
    expect(await said(editor, { ...change, id: 'nowhere' } as Change)).toMatch(/forbidden|invalid/);
  });

  it('does not come back from a patch by somebody who may not read it', async () => {
    const patch: Change = {
      ...{ method: 'patch', type: 'Observation', id: 'hidden' },
      patch: parsePatch([{ op: 'add', path: '/issued', value: '2026-01-01T00:00:00Z' }]),
    };
    const [blind] = await store.commit(changer, [patch]);
    expect(blind?.version).toMatchObject({ id: 'hidden', version: 2, content: '' });
    const [seen] = await store.commit(open1, [{ ...patch, id: 'kept-2' } as Change]);
    expect(seen?.version?.content).toContain('2026-01-01');
  });

  it('hidden, is overwritten in no transaction, and not told', async () => {
    const over = (id: string): Change => ({
      ...{ method: 'update', type: 'Observation', id },
      resource: observation('p1', undefined, id) as never,
    });
    const along = create(observation('p1'));
    expect(await said(open1, along, over('hidden'))).toBe('not-found');
    expect(await said(open1, along, over('nowhere'))).toBe('not-found');
  });

  it('by criteria: what matches nothing visible is created under a new id', async () => {
    const change: Change = {
      ...{ method: 'update', type: 'Observation', criteria: '_id=hidden' },
      resource: observation('p1') as never,
    };
    const [result] = await store.commit(open1, [change]);
    expect(result).toMatchObject({ status: 201, changed: true });
    expect(result?.version?.id).not.toBe('hidden');
  });

  it('may not be referred to because the same commit would delete it', async () => {
    const gone: Change = { method: 'delete', type: 'Observation', id: 'hidden' };
    const refers = create({ ...observation('p1'), hasMember: [ref('Observation/hidden')] });
    const eraser = actorWith('Observation.crusd?patient=Patient/p1', ...looks);
    expect(await said(eraser, gone, refers)).toBe('unprocessable');
  });
});
