import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { Actor, Change, Store } from '../../server/store/store.ts';
import { actorWith, ref } from '../helpers/access.ts';
import { type OpenStores, openStores, outcomeOf, put, queryOf } from '../helpers/store.ts';

/** What a limited actor may see and change: facts of access control, by the verbs of the store. */
let open: OpenStores;
let store: Store;

const observation = (id: string, patient: string, category: string, code = 'x') => ({
  ...{ resourceType: 'Observation', id, status: 'final', subject: ref(`Patient/${patient}`) },
  category: [{ coding: [{ code: category }] }],
  code: { coding: [{ code }] },
});

const resources = [
  { resourceType: 'Organization', id: 'org', name: 'Ward' },
  { resourceType: 'Practitioner', id: 'doc', name: [{ family: 'House' }] },
  ...['p1', 'p2'].map((id) => ({
    ...{ resourceType: 'Patient', id, name: [{ family: id === 'p1' ? 'Own' : 'Other' }] },
    ...{
      managingOrganization: ref('Organization/org'),
      generalPractitioner: [ref('Practitioner/doc')],
    },
    identifier: [{ system: 'urn:mrn', value: id }],
  })),
  observation('o1-lab', 'p1', 'laboratory'),
  observation('o1-vital', 'p1', 'vital-signs'),
  observation('o2-lab', 'p2', 'laboratory', 'secret'),
  {
    ...{ resourceType: 'Encounter', id: 'e1', status: 'finished', class: { code: 'AMB' } },
    ...{ subject: ref('Patient/p1'), partOf: ref('Encounter/e2') },
  },
  {
    ...{ resourceType: 'Encounter', id: 'e2', status: 'finished', class: { code: 'IMP' } },
    subject: ref('Patient/p2'),
  },
  {
    ...{ resourceType: 'List', id: 'shared', status: 'current', mode: 'working' },
    ...{ subject: ref('Patient/p1') },
    entry: [{ item: ref('Observation/o1-lab') }, { item: ref('Observation/o2-lab') }],
  },
];

/** A patient's app, as SMART scopes make it. */
const patient = actorWith(
  ...[
    'Patient.rs?_id=p1',
    'Observation.cruds?patient=Patient/p1',
    'Encounter.rs?patient=Patient/p1',
  ],
  ...['List.rs?patient=Patient/p1', 'Organization.rs', 'Practitioner.rs'],
);
const laboratory = actorWith(
  'Observation.rs?patient=Patient/p1&category=laboratory',
  'Patient.r?_id=p1',
);
const desk = actorWith('Patient.cruds', 'Appointment.cruds');

async function found(who: Actor, text: string): Promise<string> {
  const page = await store.search(who, queryOf(text));
  return [...page.matches, ...page.included]
    .map(({ id }) => id)
    .sort()
    .join(' ');
}

const told = async (who: Actor, text: string): Promise<string> =>
  found(who, text).catch((error: Error & { kind?: string }) => error.kind ?? error.message);

beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  await store.commit({ kind: 'system', name: 'test' }, resources.map(put));
});
afterAll(() => open.close());

describe('a limited actor searches', () => {
  it.each<[string, Actor, string]>([
    ['Observation?', patient, 'o1-lab o1-vital'],
    ['Observation?patient=Patient/p2', patient, ''],
    ['Observation?_id=o1-lab,o2-lab', patient, 'o1-lab'],
    ['Observation?code=secret', patient, ''],
    ['Observation?code:not=secret', patient, 'o1-lab o1-vital'],
    ['Patient?', patient, 'p1'],
    ['Patient?name=Other', patient, ''],
    // Includes and what they lead to.
    ['Encounter?_id=e1&_include=Encounter:part-of', patient, 'e1'],
    ['Encounter?_id=e1&_include=Encounter:subject', patient, 'e1 p1'],
    ['List?_include=List:item', patient, 'o1-lab shared'],
    ['List?_include=*', patient, 'o1-lab p1 shared'],
    ['Organization?_revinclude=Patient:organization', patient, 'org p1'],
    [
      'Patient?_include=Patient:general-practitioner&_revinclude:iterate=Patient:general-practitioner',
      patient,
      'doc p1',
    ],
    // Joins: what may not be seen has no influence.
    ['Encounter?part-of.class=IMP', patient, ''],
    ['Encounter?part-of:missing=false', patient, 'e1'],
    ['Organization?_has:Patient:organization:name=Other', patient, ''],
    ['Organization?_has:Patient:organization:name=Own', patient, 'org'],
    ['Observation?subject:Patient.name=Other', patient, ''],
    ['Observation?subject.name=Own', patient, 'o1-lab o1-vital'],
    ['List?item:Observation.code=secret', patient, ''],
    ['Observation?_list=shared', patient, 'o1-lab'],
    // A category beside the patient.
    ['Observation?', laboratory, 'o1-lab'],
    ['Observation?category=vital-signs', laboratory, ''],
    ['Observation?category:not=laboratory', laboratory, ''],
    ['Observation?_include=Observation:subject', laboratory, 'o1-lab p1'],
    // By type, never by what is stored.
    ['Patient?', laboratory, 'forbidden'],
    ['Observation?subject:Patient.name=Own', laboratory, 'forbidden'],
    ['Observation?_list=shared', laboratory, 'forbidden'],
    ['Observation?', desk, 'forbidden'],
    ['Patient?_has:Observation:patient:code=secret', desk, 'forbidden'],
    ['Patient?_has:Observation:patient:code=nothing', desk, 'forbidden'],
    ['Patient?_revinclude=Observation:subject', desk, 'p1 p2'],
    ['Patient?_revinclude=*', desk, 'p1 p2'],
    // Several types at once.
    ['Patient,Observation?_lastUpdated=gt2000-01-01', patient, 'o1-lab o1-vital p1'],
    ['Patient,Observation?_lastUpdated=gt2000-01-01', laboratory, 'forbidden'],
  ])('%s', async (text, who, expected) => expect(await told(who, text)).toBe(expected));

  it('counts only what it may see', async () => {
    const counted = { ...queryOf('Observation?'), total: 'accurate' as const };
    expect((await store.search(patient, counted)).total).toBe(2);
    const only = { ...queryOf('Observation?_summary=count') };
    expect((await store.search(laboratory, only)).total).toBe(1);
  });

  it('has pages of its own', async () => {
    const page = await store.search(patient, { ...queryOf('Observation?'), count: 1 });
    const again = { ...queryOf('Observation?', page.next), count: 1 };
    expect((await store.search(patient, again)).matches).toHaveLength(1);
    expect(await outcomeOf(store.search(laboratory, again))).toMatch(/invalid/);
  });
});

describe('a limited actor reads', () => {
  it.each<[string, Actor, string]>([
    ['Observation/o1-lab', patient, 'found'],
    ['Observation/o2-lab', patient, 'not-found'],
    ['Patient/p2', patient, 'not-found'],
    ['Patient/nobody', patient, 'not-found'],
    ['Observation/o1-vital', laboratory, 'not-found'],
    ['Patient/p1', laboratory, 'found'],
    ['Observation/o1-lab', desk, 'forbidden'],
  ])('%s', async (name, who, expected) => {
    const [type = '', id = ''] = name.split('/');
    const said = await store.read(who, type, id).then(
      () => 'found',
      (error: { kind: string }) => error.kind,
    );
    expect(said).toBe(expected);
    const versions = await store.history(who, { type, id, count: 10 }).then(
      () => 'found',
      (error: { kind: string }) => error.kind,
    );
    expect(versions).toBe(expected);
  });

  it('says the same of what is hidden and what is not there', async () => {
    const hidden = await outcomeOf(store.read(patient, 'Patient', 'p2'));
    const absent = await outcomeOf(store.read(patient, 'Patient', 'zz'));
    expect(hidden.replace('p2', 'zz')).toBe(absent);
  });

  it('sees no version of a time when it was not its own', async () => {
    const system: Actor = { kind: 'system', name: 'test' };
    await store.commit(system, [put(observation('moved', 'p2', 'laboratory'))]);
    await store.commit(system, [put(observation('moved', 'p1', 'laboratory'))]);
    const page = await store.history(patient, { type: 'Observation', id: 'moved', count: 10 });
    expect(page.versions.map(({ version }) => version)).toEqual([2]);
    expect(page.total).toBeUndefined();
    expect(await outcomeOf(store.vread(patient, 'Observation', 'moved', '1'))).toMatch(/not-found/);
    await store.commit(system, [{ method: 'delete', type: 'Observation', id: 'moved' }]);
    expect(await outcomeOf(store.read(patient, 'Observation', 'moved'))).toMatch(/not-found/);
  });

  it('sees its record without what is another’s', async () => {
    const page = await store.everything(patient, { type: 'Patient', id: 'p1', count: 100 });
    const ids = [...page.matches, ...page.included].map(({ id }) => id).sort();
    expect(ids).toEqual(['doc', 'e1', 'o1-lab', 'o1-vital', 'org', 'p1', 'shared']);
    const other = store.everything(patient, { type: 'Patient', id: 'p2', count: 100 });
    expect(await outcomeOf(other)).toMatch(/not-found/);
  });

  it('asks for the history of a type only if it may see all of it', async () => {
    expect(await outcomeOf(store.history(patient, { type: 'Observation', count: 5 }))).toMatch(
      /forbidden/,
    );
    expect(
      (await store.history(patient, { type: 'Organization', count: 5 })).versions,
    ).toHaveLength(1);
    expect(await outcomeOf(store.history(patient, { count: 5 }))).toMatch(/forbidden/);
  });
});

describe('a limited actor writes', () => {
  const create = (resource: object): Change => ({
    ...{ method: 'create', type: 'Observation' },
    resource: resource as never,
  });
  const { id: _own, ...own } = observation('x', 'p1', 'laboratory');
  const { id: _other, ...other } = observation('x', 'p2', 'laboratory');
  const update = (id: string, patientId: string): Change => ({
    ...{ method: 'update', type: 'Observation', id },
    resource: observation(id, patientId, 'laboratory', 'changed') as never,
  });
  const move: Change = {
    ...{ method: 'patch', type: 'Observation', id: 'o1-lab' },
    patch: parsePatch([{ op: 'replace', path: '/subject/reference', value: 'Patient/p2' }]),
  };

  it.each<[string, Actor, Change, string]>([
    ['creates its own', patient, create(own), 'stored'],
    ['creates another’s', patient, create(other), 'forbidden'],
    ['updates its own', patient, update('o1-vital', 'p1'), 'stored'],
    ['updates another’s', patient, update('o2-lab', 'p2'), 'not-found'],
    ['takes another’s over', patient, update('o2-lab', 'p1'), 'not-found'],
    ['gives its own away', patient, update('o1-vital', 'p2'), 'forbidden'],
    ['updates what is not there', patient, update('nowhere', 'p1'), 'not-found'],
    [
      'deletes another’s',
      patient,
      { method: 'delete', type: 'Observation', id: 'o2-lab' },
      'stored',
    ],
    ['writes a type it may read', laboratory, create(own), 'forbidden'],
    [
      'refers to what is another’s',
      patient,
      create({ ...own, encounter: ref('Encounter/e2') }),
      'unprocessable',
    ],
    [
      'refers to what is not there',
      patient,
      create({ ...own, encounter: ref('Encounter/e9') }),
      'unprocessable',
    ],
    [
      'refers to what is not there, of a type of which it may see all',
      patient,
      create({ ...own, performer: [ref('Practitioner/nobody')] }),
      'stored',
    ],
    ['refers to its own', patient, create({ ...own, encounter: ref('Encounter/e1') }), 'stored'],
    [
      'matches another’s by criteria',
      patient,
      { ...create(own), ifNoneExist: 'code=secret' } as Change,
      'stored',
    ],
    [
      'deletes another’s by criteria',
      patient,
      { method: 'delete', type: 'Observation', criteria: 'code=secret' },
      'stored',
    ],
    ['moves its own by a patch', patient, move, 'forbidden'],
    [
      'searches by criteria without the right',
      actorWith('Observation.cu'),
      { ...create(own), ifNoneExist: 'code=a' } as Change,
      'forbidden',
    ],
  ])('%s', async (_name, who, change, expected) => {
    const said = await store.commit(who, [change]).then(
      () => 'stored',
      (error: { kind?: string; message: string }) => error.kind ?? error.message,
    );
    expect(said).toBe(expected);
    const system: Actor = { kind: 'system', name: 'test' };
    const kept = await store.read(system, 'Observation', 'o2-lab');
    expect(kept.version).toBe(1);
  });

  it('is told the same of a hidden and an absent resource', async () => {
    const hidden = await outcomeOf(store.commit(patient, [update('o2-lab', 'p1')]));
    const absent = await outcomeOf(store.commit(patient, [update('zzz', 'p1')]));
    expect(hidden.replace('o2-lab', 'zzz')).toBe(absent);
    const referred = async (id: string) =>
      outcomeOf(store.commit(patient, [create({ ...own, encounter: ref(`Encounter/${id}`) })]));
    expect((await referred('e2')).replace('e2', 'e9')).toBe(await referred('e9'));
  });
});
