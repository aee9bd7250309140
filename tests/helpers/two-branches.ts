import type { Resource } from '../../server/fhir/types.ts';

/** Two branches of a hospital, `a` and `b`, with patients in and out of the care of `Practitioner/dr`. */

type Stored = Resource & { id: string };

export const LAB = 'laboratory';
export const VITALS = 'vital-signs';
const ref = (reference: string) => ({ reference });
const code = { text: 'x' };

const organization = (id: string, partOf?: string): Stored => ({
  ...{ resourceType: 'Organization', id, name: id },
  ...(partOf && { partOf: ref(`Organization/${partOf}`) }),
});
const location = (id: string, partOf?: string): Stored => ({
  ...{ resourceType: 'Location', id },
  ...(partOf && { partOf: ref(`Location/${partOf}`) }),
});
const patient = (id: string, branch: string): Stored => ({
  ...{ resourceType: 'Patient', id, managingOrganization: ref(`Organization/${branch}`) },
});
const encounter = (
  id: string,
  [subject, branch, status, place]: [string, string, string, string],
): Stored => ({
  ...{ resourceType: 'Encounter', id, status, class: { code: 'IMP' } },
  subject: ref(`Patient/${subject}`),
  serviceProvider: ref(`Organization/${branch}`),
  location: [{ location: ref(`Location/${place}`) }],
});
const observation = (
  id: string,
  subject: string,
  { visit, category = LAB, label }: { visit?: string; category?: string; label?: string } = {},
): Stored => ({
  ...{ resourceType: 'Observation', id, status: 'final', code },
  ...(label && { meta: { security: [{ system: LABELS, code: label }] } }),
  category: [{ coding: [{ system: CATEGORIES, code: category }] }],
  subject: ref(`Patient/${subject}`),
  ...(visit && { encounter: ref(`Encounter/${visit}`) }),
});
export const LABELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
export const CATEGORIES = 'http://terminology.hl7.org/CodeSystem/observation-category';

const appointment = (id: string, subject: string, start: number): Stored => ({
  ...{ resourceType: 'Appointment', id, status: 'booked' },
  start: new Date(start).toISOString(),
  end: new Date(start + 60_000).toISOString(),
  participant: [
    { actor: ref(`Patient/${subject}`), status: 'accepted' },
    { actor: ref('Practitioner/dr'), status: 'accepted' },
  ],
});
const careTeam = (id: string, subject: string, status: string): Stored => ({
  ...{ resourceType: 'CareTeam', id, status, subject: ref(`Patient/${subject}`) },
  participant: [{ member: ref('PractitionerRole/duty') }],
});

/** The day on which `p6` has an appointment. */
export const NOON = Date.UTC(2026, 6, 1, 12);

/** `p1` (branch a) in the ward of `dr`, `p4` by care team, `p6` by appointment; `p2` is of branch b. */
export const data: Stored[] = [
  ...[organization('a'), organization('a1', 'a'), organization('b')],
  ...[location('w'), location('w1', 'w'), location('z')],
  ...['p1', 'p3', 'p4', 'p5', 'p6', 'p7'].map((id) => patient(id, 'a')),
  patient('p2', 'b'),
  { resourceType: 'Practitioner', id: 'dr' },
  {
    ...{ resourceType: 'PractitionerRole', id: 'duty', practitioner: ref('Practitioner/dr') },
    location: [ref('Location/w')],
  },
  {
    ...{ resourceType: 'PractitionerRole', id: 'past', practitioner: ref('Practitioner/dr') },
    ...{ location: [ref('Location/z')], period: { end: '2020-01' } },
  },
  encounter('e1', ['p1', 'a1', 'in-progress', 'w1']),
  encounter('e1b', ['p1', 'b', 'finished', 'z']),
  encounter('e2', ['p2', 'b', 'in-progress', 'w1']),
  encounter('e3', ['p3', 'a', 'finished', 'w1']),
  encounter('e3z', ['p3', 'a', 'in-progress', 'z']),
  observation('o1', 'p1', { visit: 'e1' }),
  observation('o1v', 'p1', { visit: 'e1', category: VITALS }),
  observation('o1n', 'p1'),
  observation('o1b', 'p1', { visit: 'e1b' }),
  observation('o1r', 'p1', { visit: 'e1', label: 'R' }),
  observation('o2', 'p2', { visit: 'e2' }),
  observation('o3', 'p3', { visit: 'e3' }),
  observation('o4', 'p4'),
  observation('o4v', 'p4', { label: 'V' }),
  observation('o5', 'p5'),
  observation('o6', 'p6'),
  observation('o7', 'p7'),
  careTeam('ct4', 'p4', 'active'),
  careTeam('ct5', 'p5', 'inactive'),
  appointment('ap6', 'p6', NOON),
  appointment('ap7', 'p7', NOON - 3 * 86_400_000),
  { resourceType: 'RelatedPerson', id: 'rp', active: true, patient: ref('Patient/p1') },
  { resourceType: 'RelatedPerson', id: 'gone', active: false, patient: ref('Patient/p2') },
  { resourceType: 'Device', id: 'd1', patient: ref('Patient/p1') },
  { resourceType: 'Device', id: 'd2', patient: ref('Patient/p2') },
  ...[
    ['bin', 'Patient/p1'],
    ['bin2', 'Observation/o2'],
  ].map(([id = '', context = '']) => ({
    ...{ resourceType: 'Binary', id, contentType: 'text/plain' },
    securityContext: ref(context),
    ...(id === 'bin2' && { meta: { security: [{ system: LABELS, code: 'R' }] } }),
  })),
  {
    ...{ resourceType: 'Claim', id: 'c1', status: 'active', use: 'claim', created: '2026-01-01' },
    ...{ type: code, patient: ref('Patient/p1'), provider: ref('Organization/a'), priority: code },
    ...{
      insurance: [{ sequence: 1, focal: true, coverage: { display: 'x' } }],
      insurer: ref('Organization/ins'),
    },
  },
];
