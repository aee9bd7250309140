import {
  CVX,
  conditions,
  drugs,
  LOINC,
  type Measure,
  procedures,
  RXNORM,
  SNOMED,
  TERMINOLOGY,
  type Term,
  UCUM,
  vaccines,
  visits,
} from './codes.ts';
import { concept, isEmergency, type Link, type Resource } from './people.ts';
import type { Random } from './random.ts';

/** What the resources of one visit share. `at` is its start in Unix milliseconds. */
export interface Visit {
  readonly random: Random;
  readonly at: number;
  readonly subject: Link;
  readonly encounter: { readonly reference: string };
  readonly doctor: Link;
  readonly hospital: Link;
}

const MINUTE = 60_000;
const PROFILE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core';

/** `minutes` after the start of the visit, as an R4 dateTime. */
export const after = ({ at }: Visit, minutes: number): string =>
  new Date(at + minutes * MINUTE).toISOString().replace('.000Z', '+00:00');

/** Where tags of the hospital come from, and the one of laboratory results that are too high. */
export const REVIEW = { system: 'https://hospital.example/tags', code: 'review' };

const classes = {
  ambulatory: { system: `${TERMINOLOGY}/v3-ActCode`, code: 'AMB', display: 'ambulatory' },
  emergency: { system: `${TERMINOLOGY}/v3-ActCode`, code: 'EMER', display: 'emergency' },
};

const term = (system: string, [code, display]: Term): unknown => concept(system, code, display);

export function encounter(visit: Visit): Resource {
  const { random, subject } = visit;
  return {
    resourceType: 'Encounter',
    meta: { profile: [`${PROFILE}-encounter`] },
    identifier: [
      { use: 'official', system: 'https://hospital.example/visit', value: random.uuid() },
    ],
    status: 'finished',
    class: isEmergency(visit.doctor.reference) ? classes.emergency : classes.ambulatory,
    type: [term(SNOMED, random.pick(visits))],
    subject,
    participant: [
      {
        type: [concept(`${TERMINOLOGY}/v3-ParticipationType`, 'PPRF', 'primary performer')],
        period: { start: after(visit, 0), end: after(visit, 30) },
        individual: visit.doctor,
      },
    ],
    period: { start: after(visit, 0), end: after(visit, 30) },
    reasonCode: [term(SNOMED, random.pick(conditions))],
    serviceProvider: visit.hospital,
  };
}

/** An Observation of about 1 kB with a quantity and its interpretation. */
export function observation(visit: Visit, category: string, measure: Measure): Resource {
  const { random } = visit;
  const [code, display, unit, low, high] = measure;
  const value = Math.round((low + random.next() * (high - low)) * 100) / 100;
  const level: Term = value > high * 0.9 ? ['H', 'High'] : ['N', 'Normal'];
  const head = observationHead(visit, category, [code, display]);
  const isToReview = category === 'laboratory' && level[0] === 'H';
  return {
    ...head,
    ...(isToReview ? { meta: { ...head.meta, tag: [REVIEW] } } : {}),
    valueQuantity: { value, unit, system: UCUM, code: unit },
    interpretation: [term(`${TERMINOLOGY}/v3-ObservationInterpretation`, level)],
    ...(category === 'laboratory'
      ? { referenceRange: [{ text: `${low} to ${high} ${unit}` }] }
      : {}),
  };
}

/** The blood pressure panel: two components and no value of its own. */
export function bloodPressure(visit: Visit): Resource {
  const part = (code: string, display: string, value: number) => ({
    code: concept(LOINC, code, display),
    valueQuantity: { value, unit: 'mm[Hg]', system: UCUM, code: 'mm[Hg]' },
  });
  return {
    ...observationHead(visit, 'vital-signs', ['85354-9', 'Blood pressure panel']),
    component: [
      part('8462-4', 'Diastolic Blood Pressure', visit.random.int(58, 99)),
      part('8480-6', 'Systolic Blood Pressure', visit.random.int(98, 172)),
    ],
  };
}

const observationHead = (
  visit: Visit,
  category: string,
  code: Term,
): Resource & { meta: { profile: string[] } } => ({
  resourceType: 'Observation',
  meta: { profile: [`${PROFILE}-observation-${category === 'laboratory' ? 'lab' : 'clinical'}`] },
  status: 'final',
  category: [concept(`${TERMINOLOGY}/observation-category`, category, category)],
  code: term(LOINC, code),
  subject: visit.subject,
  encounter: visit.encounter,
  effectiveDateTime: after(visit, visit.random.int(1, 20)),
  issued: new Date(visit.at + 20 * MINUTE).toISOString(),
  performer: [visit.doctor],
});

export function condition(visit: Visit): Resource {
  const { random } = visit;
  const over = random.chance(0.5);
  const status: Term = over ? ['resolved', 'Resolved'] : ['active', 'Active'];
  return {
    resourceType: 'Condition',
    meta: { profile: [`${PROFILE}-condition`] },
    clinicalStatus: term(`${TERMINOLOGY}/condition-clinical`, status),
    verificationStatus: concept(`${TERMINOLOGY}/condition-ver-status`, 'confirmed', 'Confirmed'),
    category: [
      concept(`${TERMINOLOGY}/condition-category`, 'encounter-diagnosis', 'Encounter Diagnosis'),
    ],
    code: term(SNOMED, random.pick(conditions)),
    subject: visit.subject,
    encounter: visit.encounter,
    onsetDateTime: after(visit, 0),
    ...(over ? { abatementDateTime: after(visit, 60 * 24 * random.int(3, 60)) } : {}),
    recordedDate: after(visit, 0),
  };
}

export const procedure = (visit: Visit): Resource => ({
  resourceType: 'Procedure',
  meta: { profile: [`${PROFILE}-procedure`] },
  status: 'completed',
  code: term(SNOMED, visit.random.pick(procedures)),
  subject: visit.subject,
  encounter: visit.encounter,
  performedPeriod: { start: after(visit, 3), end: after(visit, visit.random.int(10, 28)) },
  performer: [{ actor: visit.doctor, onBehalfOf: visit.hospital }],
  reasonCode: [term(SNOMED, visit.random.pick(conditions))],
});

export const medicationRequest = (visit: Visit): Resource => ({
  resourceType: 'MedicationRequest',
  meta: { profile: [`${PROFILE}-medicationrequest`] },
  status: visit.random.chance(0.7) ? 'stopped' : 'active',
  intent: 'order',
  medicationCodeableConcept: term(RXNORM, visit.random.pick(drugs)),
  subject: visit.subject,
  encounter: visit.encounter,
  authoredOn: after(visit, 25),
  requester: visit.doctor,
  dosageInstruction: [
    {
      sequence: 1,
      text: 'Take one tablet by mouth twice a day, with food',
      timing: { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
      asNeededBoolean: false,
      doseAndRate: [{ doseQuantity: { value: visit.random.int(1, 2) } }],
    },
  ],
});

/** A report with a note of about 1 kB as Base64, over the results given as `urn:uuid:..`. */
export const diagnosticReport = (visit: Visit, results: readonly string[]): Resource => ({
  resourceType: 'DiagnosticReport',
  meta: { profile: [`${PROFILE}-diagnosticreport-lab`] },
  status: 'final',
  category: [concept(`${TERMINOLOGY}/v2-0074`, 'LAB', 'Laboratory')],
  code: concept(LOINC, '51990-0', 'Basic Metabolic Panel'),
  subject: visit.subject,
  encounter: visit.encounter,
  effectiveDateTime: after(visit, 10),
  issued: new Date(visit.at + 25 * MINUTE).toISOString(),
  performer: [visit.hospital],
  result: results.map((reference) => ({ reference })),
  presentedForm: [{ contentType: 'text/plain; charset=utf-8', data: note(visit) }],
});

function note({ random, subject }: Visit): string {
  const lines = Array.from({ length: 12 }, () => {
    const [, name] = random.pick(conditions);
    const course = random.pick(['no change', 'improved', 'to be seen again']);
    return `${name}: ${course}, ${random.int(1, 900)}`;
  });
  return Buffer.from(`# ${subject.display}\n${lines.join('\n')}\n`).toString('base64');
}

export const immunization = (visit: Visit): Resource => ({
  resourceType: 'Immunization',
  meta: { profile: [`${PROFILE}-immunization`] },
  status: 'completed',
  vaccineCode: term(CVX, visit.random.pick(vaccines)),
  patient: visit.subject,
  encounter: visit.encounter,
  occurrenceDateTime: after(visit, 15),
  primarySource: true,
  lotNumber: `L${visit.random.int(100_000, 999_999)}`,
});

/** What is to be looked at again, by references `urn:uuid:..`. */
export const watchList = (subject: Link, items: readonly string[]): Resource => ({
  resourceType: 'List',
  status: 'current',
  mode: 'snapshot',
  title: 'To be looked at again',
  subject,
  entry: items.map((reference) => ({ item: { reference } })),
});
