import type { JsonObject, Resource } from '../../server/fhir/types.ts';

/**
 * A small hospital for the tests of plans: 200,000 resources whose numbers and shares give a planner
 * reasons to choose badly: a few values that nearly all have, many that nobody shares, what belongs
 * to one patient spread over the table as visits come.
 */
export type Stored = Resource & { id: string };

export const PATIENTS = 4000;
const VISITS = 3;
const OBSERVATIONS = 12;
export const SIZE = 200_000;

const UCUM = 'http://unitsofmeasure.org';
export const LOINC = 'http://loinc.org';
export const SNOMED = 'http://snomed.info/sct';
const V2_IDENTIFIER = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';

const ref = (reference: string) => ({ reference });
const concept = (system: string, code: string, text?: string) => ({
  coding: [{ system, code }],
  ...(text ? { text } : {}),
});
const two = (n: number): string => String(n).padStart(2, '0');

/** A number that looks random, the same each time. */
function mix(a: number, b = 0, c = 0): number {
  let x = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b);
  x ^= Math.imul(c + 3, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return (x ^ (x >>> 15)) >>> 0;
}

const dayOf = (n: number, from: number, years: number): string =>
  `${from + (n % years)}-${two(1 + ((n >>> 4) % 12))}-${two(1 + ((n >>> 8) % 28))}`;

const letters = (n: number): string =>
  ['ka', 'lo', 'mi', 'ra', 'te', 'su', 'ne', 'vo'][n % 8] +
  (['ber', 'lin', 'mar', 'son', 'ton', 'dal', 'wig'][(n >>> 3) % 7] ?? '') +
  (['a', 'er', 'in', 'o'][(n >>> 6) % 4] ?? '');

function patient(i: number): Stored {
  const n = mix(i);
  return {
    ...{ resourceType: 'Patient', id: `p${i}`, active: true, gender: n % 2 ? 'male' : 'female' },
    text: narrative(`allergic to kind${i % 70}`),
    identifier: [
      {
        ...{ system: 'urn:mrn', value: `m${i}` },
        type: { coding: [{ system: V2_IDENTIFIER, code: 'MR' }], text: 'Record number' },
      },
    ],
    name: [{ family: letters(n), given: [letters(n >>> 5), `Given${i % 900}`] }],
    birthDate: dayOf(n, 1930, 90),
    ...(i % 4 ? {} : { deceasedDateTime: dayOf(n >>> 3, 2010, 14) }),
    address: [{ line: [`${i % 300} Long Street`], city: `City${n % 50}`, country: 'XX' }],
    ...(i % 3 ? { telecom: [{ system: 'phone', value: `0${n}` }] } : {}),
    generalPractitioner: [ref(`Practitioner/d${n % 400}`)],
    managingOrganization: ref(`Organization/g${n % 100}`),
  };
}

const narrative = (text: string) => ({
  ...{ status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
});

function* visit(i: number, v: number): Generator<Stored> {
  const n = mix(i, v);
  const day = dayOf(n, 2012 + v * 4, 4);
  const of = { subject: ref(`Patient/p${i}`), encounter: ref(`Encounter/e${i}-${v}`) };
  yield {
    ...{ resourceType: 'Encounter', id: `e${i}-${v}`, status: 'finished', subject: of.subject },
    class: { system: ACT, code: n % 20 ? 'AMB' : 'IMP' },
    text: narrative(`seen for cause${n % 200} by doctor${n % 400}`),
    identifier: [{ system: 'urn:visit', value: `v${i}-${v}` }],
    period: { start: `${day}T08:00:00Z`, end: `${day}T09:30:00Z` },
    participant: [{ individual: ref(`Practitioner/d${n % 400}`) }],
    location: [{ location: ref(`Location/l${n % 300}`) }],
    serviceProvider: ref(`Organization/g${n % 100}`),
  };
  for (let k = 0; k < OBSERVATIONS; k++) yield observation(i, v, k, { ...of, day });
  yield {
    ...{ resourceType: 'Condition', id: `c${i}-${v}`, ...of, onsetDateTime: day },
    clinicalStatus: concept(CLINICAL, n % 5 ? 'active' : 'resolved'),
    code: concept(SNOMED, String(1000 + (mix(n) % (n % 3 ? 20 : 500))), `Problem ${n % 40}`),
    ...(n % 6 ? {} : { asserter: ref(`Practitioner/d${n % 400}`) }),
  };
  yield {
    ...{ resourceType: 'MedicationRequest', id: `m${i}-${v}`, ...of, authoredOn: day },
    ...{ status: n % 4 ? 'completed' : 'active', intent: 'order' },
    medicationReference: ref(`Medication/d${n % 300}`),
    requester: ref(`Practitioner/d${n % 400}`),
  };
  if ((i + v) % 2) yield report(i, v, { ...of, day });
  else yield procedure(i, v, { ...of, day });
}

interface Of {
  subject: JsonObject;
  encounter: JsonObject;
  day: string;
}

const report = (i: number, v: number, { day, ...of }: Of): Stored => ({
  ...{ resourceType: 'DiagnosticReport', id: `r${i}-${v}`, ...of, status: 'final' },
  code: concept(LOINC, '24323-8', 'Metabolic panel'),
  effectiveDateTime: day,
  issued: `${day}T10:00:00Z`,
  result: [5, 6, 7].map((k) => ref(`Observation/o${i}-${v}-${k}`)),
});

const procedure = (i: number, v: number, { day, ...of }: Of): Stored => ({
  ...{ resourceType: 'Procedure', id: `x${i}-${v}`, ...of, status: 'completed' },
  code: concept(SNOMED, String(5000 + (mix(i, v) % 200))),
  performedDateTime: day,
  performer: [{ actor: ref(`Practitioner/d${mix(i, v) % 400}`) }],
});

/** Five vital signs at each visit, seven of a hundred laboratory codes, one of them rare. */
function observation(i: number, v: number, k: number, { day, ...of }: Of): Stored {
  const n = mix(i, v, k);
  const vital = k < 5;
  const code = vital ? `v${k}` : n % 5000 === 0 ? 'rare' : `l${(n >>> 4) % 100}`;
  return {
    ...{ resourceType: 'Observation', id: `o${i}-${v}-${k}`, ...of },
    status: n % 50 ? 'final' : 'amended',
    category: [concept(CATEGORY, vital ? 'vital-signs' : 'laboratory')],
    code: concept(LOINC, code, `Kind ${code}`),
    effectiveDateTime: `${day}T${two(8 + (k % 2))}:${two(n % 60)}:00Z`,
    ...(n % 3 ? { performer: [ref(`Practitioner/d${n % 400}`)] } : {}),
    ...(k === 0 ? pressure(n) : { valueQuantity: quantity(n) }),
  };
}

function quantity(n: number): JsonObject {
  const value = (n >>> 3) % 1000;
  if (n % 10 === 0) return { value: value / 1000, unit: 'g', system: UCUM, code: 'g' };
  if (n % 10 < 6) return { value, unit: 'mg', system: UCUM, code: 'mg' };
  return { value: value / 10, unit: 'mmol/l', system: UCUM, code: 'mmol/L' };
}

const pressure = (n: number): JsonObject => ({
  component: [
    { code: concept(LOINC, '8480-6'), valueQuantity: mmHg(90 + (n % 90)) },
    { code: concept(LOINC, '8462-4'), valueQuantity: mmHg(50 + ((n >>> 7) % 60)) },
  ],
});
const mmHg = (value: number): JsonObject => ({ value, unit: 'mmHg', system: UCUM, code: 'mm[Hg]' });

function* times<T>(count: number, make: (i: number) => T): Generator<T> {
  for (let i = 0; i < count; i++) yield make(i);
}

function* house(): Generator<Stored> {
  yield* times(100, (i) => ({
    ...{ resourceType: 'Organization', id: `g${i}`, name: `Clinic ${letters(mix(i))}` },
    ...(i ? { partOf: ref(`Organization/g${Math.floor((i - 1) / 3)}`) } : {}),
  }));
  yield* times(400, (i) => ({
    ...{ resourceType: 'Practitioner', id: `d${i}`, name: [{ family: letters(mix(i, 1)) }] },
    identifier: [{ system: 'urn:npi', value: `n${i}` }],
  }));
  yield* times(400, (i) => ({
    ...{ resourceType: 'PractitionerRole', id: `w${i}` },
    ...{ practitioner: ref(`Practitioner/d${i}`), organization: ref(`Organization/g${i % 100}`) },
  }));
  yield* times(300, (i) => ({
    ...{ resourceType: 'Location', id: `l${i}`, name: `Ward ${i}`, status: 'active' },
    position: { latitude: -40 + (mix(i, 2) % 80), longitude: -90 + (mix(i, 3) % 180) },
    managingOrganization: ref(`Organization/g${i % 100}`),
    ...(i ? { partOf: ref(`Location/l${Math.floor((i - 1) / 4)}`) } : {}),
  }));
  yield* times(300, (i) => ({
    ...{ resourceType: 'Medication', id: `d${i}`, code: concept('urn:drug', `drug${i}`) },
  }));
  yield* times(200, (i) => ({
    ...{ resourceType: 'ValueSet', id: `s${i}`, status: 'active', name: `Set${i}` },
    url: `http://example.org/area${i % 10}/ValueSet/s${i}`,
    compose: { include: [{ system: LOINC, concept: [{ code: `l${i % 100}` }, { code: 'rare' }] }] },
  }));
}

function* aside(): Generator<Stored> {
  yield* times(1500, (i) => ({
    ...{ resourceType: 'Provenance', id: `t${i}`, recorded: '2024-01-01T00:00:00Z' },
    target: [ref(`Observation/o${i}-1-3`)],
    agent: [{ who: ref(`Practitioner/d${i % 400}`) }],
  }));
  yield* times(200, (i) => ({
    ...{ resourceType: 'List', id: `i${i}`, status: 'current', mode: 'working' },
    entry: [0, 1, 2].map((k) => ({ item: ref(`Patient/p${mix(i, k) % PATIENTS}`) })),
  }));
  yield* times(100, (i) => ({
    ...{ resourceType: 'Group', id: `u${i}`, type: 'person', actual: true },
    member: [...times(20, (k) => ({ entity: ref(`Patient/p${mix(i, k) % PATIENTS}`) }))],
  }));
  yield* times(500, (i) => ({
    ...{ resourceType: 'CarePlan', id: `a${i}`, status: 'active', intent: 'plan' },
    subject: ref(`Patient/p${mix(i, 9) % PATIENTS}`),
    instantiatesCanonical: [`http://example.org/plan/${i % 20}|1.${i % 3}`],
  }));
}

/** Later versions, so that there is a history. */
export function* corrections(): Generator<Stored> {
  for (let i = 0; i < PATIENTS; i++) {
    for (let k = 0; k < 2; k++) {
      const day = dayOf(mix(i, 1), 2016, 4);
      const of = { subject: ref(`Patient/p${i}`), encounter: ref(`Encounter/e${i}-1`), day };
      yield { ...observation(i, 1, k, of), status: 'corrected' };
    }
  }
}

/** All of them, each after what it refers to. */
export function* hospital(): Generator<Stored> {
  yield* house();
  yield* times(PATIENTS, patient);
  for (let v = 0; v < VISITS; v++) {
    for (let i = 0; i < PATIENTS; i++) yield* visit(i, v);
  }
  yield* aside();
}
