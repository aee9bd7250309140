/**
 * Two patients of one hospital, p1 in the branch north and p2 in the branch south, whose records refer to
 * each other wherever R4 lets them. All that is p2's alone says `SECRET` in every text.
 */

export const SECRET = 'zsecret';

export const ref = (reference: string) => ({ reference });
const coded = (code: string) => ({ coding: [{ code }], text: code });

export const observation = (id: string, patient: string, category: string, more: object = {}) => ({
  ...{ resourceType: 'Observation', id, status: 'final', subject: ref(`Patient/${patient}`) },
  ...{ category: [coded(category)], code: coded(patient === 'p2' ? SECRET : 'glucose') },
  ...{ encounter: ref(`Encounter/e${patient.at(-1)}`), valueString: patient === 'p2' ? SECRET : 'fine' },
  ...more,
});

const patient = (id: string, family: string, branch: string) => ({
  ...{ resourceType: 'Patient', id, name: [{ family }], birthDate: '1970-01-01' },
  identifier: [{ system: 'urn:mrn', value: `mrn-${id}` }],
  ...{ managingOrganization: ref(`Organization/${branch}`) },
  generalPractitioner: [ref('Practitioner/doc')],
});

const encounter = (id: string, of: string, branch: string, more: object) => ({
  ...{ resourceType: 'Encounter', id, status: 'in-progress', class: { code: 'IMP' } },
  ...{ subject: ref(`Patient/${of}`), serviceProvider: ref(`Organization/${branch}`), ...more },
});

const careTeam = (id: string, of: string, practitioner: string) => ({
  ...{ resourceType: 'CareTeam', id, status: 'active', subject: ref(`Patient/${of}`) },
  participant: [{ member: ref(`Practitioner/${practitioner}`) }],
});

/** Provenances, and what each is about. */
const TARGETS: readonly [id: string, ...targets: string[]][] = [
  ['v1', 'Patient/p1', 'Observation/o1-lab'],
  ['v1-vital', 'Observation/o1-vital', 'Practitioner/doc'],
  ['v2', 'Patient/p2', 'Observation/o1-lab'],
  ['v2-lab', 'Observation/o2-lab'],
  ['v2-gone', 'Observation/o1-lab', 'Observation/o2-gone'],
  ['v2-place', 'Organization/north'],
  ['v2-file', 'Observation/o1-lab', 'Binary/b2'],
];

const provenance = (id: string, targets: readonly string[]) => ({
  ...{ resourceType: 'Provenance', id, recorded: '2026-01-01T00:00:00Z' },
  target: targets.map(ref),
  agent: [{ who: { display: id.startsWith('v1') ? 'doc' : SECRET } }],
});

/** Binaries, and what each is about (R4 Binary.securityContext). */
const CONTEXTS: readonly [id: string, context?: string][] = [
  ['b0'],
  ['b1', 'Patient/p1'],
  ['b1-doc', 'DocumentReference/d1'],
  ['b1-lab', 'Observation/o1-lab'],
  ['b1-vital', 'Observation/o1-vital'],
  ['b1-place', 'Organization/north'],
  ['b2', 'Patient/p2'],
  ['b2-lab', 'Observation/o2-lab'],
  ['b2-gone', 'Observation/o2-gone'],
  ['b2-never', 'Observation/never'],
];

export const binary = (id: string, context?: string) => ({
  ...{ resourceType: 'Binary', id, contentType: 'text/plain' },
  data: btoa(id.startsWith('b1') ? 'fine' : SECRET),
  ...(context !== undefined && { securityContext: ref(context) }),
});

export const world: readonly object[] = [
  ...['north', 'south'].map((id) => ({ resourceType: 'Organization', id, name: id })),
  ...['doc', 'other'].map((id) => ({ resourceType: 'Practitioner', id, name: [{ family: id }] })),
  patient('p1', 'Own', 'north'),
  { ...patient('p2', SECRET, 'south'), link: [{ other: ref('Patient/p1'), type: 'seealso' }] },
  careTeam('t1', 'p1', 'doc'),
  careTeam('t2', 'p2', 'other'),
  encounter('e1', 'p1', 'north', {
    ...{ partOf: ref('Encounter/e2'), account: [ref('Account/a2')] },
    diagnosis: [{ condition: ref('Condition/c2') }],
  }),
  encounter('e2', 'p2', 'south', { type: [coded(SECRET)], partOf: ref('Encounter/e3') }),
  encounter('e3', 'p1', 'north', {}),
  observation('o1-lab', 'p1', 'laboratory', { hasMember: [ref('Observation/o2-lab')] }),
  observation('o1-vital', 'p1', 'vital-signs'),
  observation('o2-lab', 'p2', 'laboratory', { derivedFrom: [ref('Observation/o1-lab')] }),
  {
    ...{ resourceType: 'Account', id: 'a2', status: 'active', name: SECRET },
    subject: [ref('Patient/p2')],
  },
  {
    ...{ resourceType: 'Condition', id: 'c2', subject: ref('Patient/p2'), code: coded(SECRET) },
    ...{ encounter: ref('Encounter/e2'), asserter: ref('Practitioner/other') },
  },
  {
    ...{ resourceType: 'Condition', id: 'c1', subject: ref('Patient/p1'), code: coded('flu') },
    ...{ encounter: ref('Encounter/e1'), recorder: ref('Practitioner/doc') },
  },
  {
    ...{ resourceType: 'List', id: 'shared', status: 'current', mode: 'working' },
    ...{ subject: ref('Patient/p1'), encounter: ref('Encounter/e1') },
    entry: [{ item: ref('Observation/o1-lab') }, { item: ref('Observation/o2-lab') }],
  },
  {
    ...{ resourceType: 'Group', id: 'both', type: 'person', actual: true },
    member: [{ entity: ref('Patient/p1') }, { entity: ref('Patient/p2') }],
  },
  {
    ...{ resourceType: 'Composition', id: 'letter', status: 'final', type: coded('letter') },
    ...{ subject: ref('Patient/p1'), date: '2026-01-01', author: [ref('Practitioner/doc')] },
    ...{ title: 'Letter', section: [{ title: 'a', entry: [ref('Observation/o2-lab')] }] },
  },
  ...TARGETS.map(([id, ...targets]) => provenance(id, targets)),
  ...CONTEXTS.map(([id, context]) => binary(id, context)),
  {
    ...{ resourceType: 'DocumentReference', id: 'd1', status: 'current' },
    subject: ref('Patient/p1'),
    content: ['b2', 'b1-doc'].map((id) => ({ attachment: { url: `Binary/${id}` } })),
  },
  {
    ...{ resourceType: 'List', id: 'files', status: 'current', mode: 'working' },
    entry: CONTEXTS.map(([id]) => ({ item: ref(`Binary/${id}`) })),
    ...{ subject: ref('Patient/p1'), encounter: ref('Encounter/e1') },
  },
];
