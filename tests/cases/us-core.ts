import { ref } from './two-patients.ts';

/** Problems and findings of two patients, one of each category that (g)(10) grants by itself. */

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const US_CORE = 'http://hl7.org/fhir/us/core/CodeSystem';

interface Category {
  type: 'Condition' | 'Observation';
  system: string;
  code: string;
}

const of = (type: Category['type'], system: string, ...codes: string[]): Category[] =>
  codes.map((code) => ({ type, system, code }));

/** The eight of the kit, in the two launches in which it asks for them. */
export const GRANTED: readonly (readonly Category[])[] = [
  [
    ...of('Condition', `${TERMINOLOGY}/condition-category`, 'encounter-diagnosis'),
    ...of('Condition', `${US_CORE}/condition-category`, 'health-concern'),
    ...of('Observation', `${TERMINOLOGY}/observation-category`, 'laboratory', 'social-history'),
  ],
  [
    ...of('Condition', `${TERMINOLOGY}/condition-category`, 'problem-list-item'),
    ...of('Observation', `${TERMINOLOGY}/observation-category`, 'vital-signs', 'survey'),
    ...of('Observation', `${US_CORE}/us-core-category`, 'sdoh'),
  ],
];

/** Categories that are never granted, the same code of another system among them. */
const OTHERS: readonly Category[] = [
  ...of('Condition', `${US_CORE}/us-core-category`, 'sdoh'),
  ...of('Observation', `${TERMINOLOGY}/observation-category`, 'imaging'),
  ...of('Observation', 'urn:other', 'laboratory', 'survey'),
];

export const scopeOf = ({ type, system, code }: Category, ops = 'rs'): string =>
  `patient/${type}.${ops}?category=${system}|${code}`;

/** `condition-health-concern-p1` */
export const idOf = ({ type, system, code }: Category, patient: string): string =>
  [type, ...(system.startsWith('urn') ? ['other'] : []), code, patient].join('-').toLowerCase();

function resourceOf(category: Category, patient: string): object {
  const { type, system, code } = category;
  const common = {
    ...{ resourceType: type, id: idOf(category, patient), subject: ref(`Patient/${patient}`) },
    ...{ category: [{ coding: [{ system, code }] }], encounter: ref(`Encounter/e-${patient}`) },
    code: { coding: [{ system: 'http://loinc.org', code: 'any' }] },
  };
  if (type === 'Observation') {
    return { ...common, status: 'final', effectiveDateTime: '2026-01-02', valueString: code };
  }
  const active = { coding: [{ system: `${TERMINOLOGY}/condition-clinical`, code: 'active' }] };
  const dates = { onsetDateTime: '2026-01-01', recordedDate: '2026-01-02' };
  return { ...common, ...dates, clinicalStatus: active };
}

const all = [...GRANTED.flat(), ...OTHERS];

export const records: readonly object[] = ['p1', 'p2'].flatMap((id) => [
  { resourceType: 'Patient', id, name: [{ text: `Name of ${id}` }] },
  {
    ...{ resourceType: 'Encounter', id: `e-${id}`, status: 'finished', class: { code: 'AMB' } },
    ...{ subject: ref(`Patient/${id}`), type: [{ text: `Visit of ${id}` }] },
  },
  ...all.map((category) => resourceOf(category, id)),
  ...all.map((category) => ({
    ...{ resourceType: 'Provenance', id: `v-${idOf(category, id)}`.slice(0, 64) },
    ...{ target: [ref(`${category.type}/${idOf(category, id)}`)], recorded: '2026-01-02T00:00:00Z' },
    agent: [{ who: { display: 'somebody' } }],
  })),
]);

const CATEGORIES = [...new Set(all.map(({ system, code }) => `${system}|${code}`))];

/** The searches that US Core asks of servers for these types, with what (g)(10) adds. */
export function queriesOf(type: Category['type']): string[] {
  const by = (more: string): string => `${type}?patient=p1${more}`;
  const status = type === 'Condition' ? 'clinical-status=active' : 'status=final';
  const dates =
    type === 'Condition' ? ['onset-date', 'recorded-date'] : ['date', '_lastUpdated'];
  return [
    ...[type, by(''), by('&code=any'), by(`&${status}`), by('&encounter=e-p1')],
    ...dates.map((name) => by(`&${name}=ge2026-01-01`)),
    ...CATEGORIES.flatMap((category) => [
      by(`&category=${encodeURIComponent(category)}`),
      by(`&category=${encodeURIComponent(category)}&${status}`),
      by(`&category=${category.split('|')[1]}`),
      `${type}?category=${encodeURIComponent(category)}`,
    ]),
    ...[by('&_sort=-_lastUpdated&_count=2'), by('&category:not=laboratory'), by('&_summary=true')],
    ...all.filter((one) => one.type === type).map((one) => `${type}?_id=${idOf(one, 'p1')}`),
  ];
}

/** Ids of p1 that the launch may see, and those that nobody without more scopes may. */
export const seenIn = (at: number, type: Category['type']): string[] =>
  (GRANTED[at] ?? []).filter((one) => one.type === type).map((one) => idOf(one, 'p1'));

export const hiddenIn = (at: number, type: Category['type']): string[] => [
  ...all
    .filter((one) => one.type === type && !GRANTED[at]?.includes(one))
    .map((one) => idOf(one, 'p1')),
  ...all.filter((one) => one.type === type).map((one) => idOf(one, 'p2')),
];
