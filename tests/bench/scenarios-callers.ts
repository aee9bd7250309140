import { isType, ofPatient, ofType, where } from './checks.ts';
import { TERMINOLOGY, vitalSigns } from './codes.ts';
import type { Request } from './http.ts';
import { readOf } from './scenarios-read.ts';
import { ask, byName, PAGE, vitalsOf } from './searches.ts';
import type { InCare } from './wards.ts';
import { inTurn, type Scenario, type World } from './world.ts';

/** What people ask for: a clinician of their patients in care, an app of a patient's own record. */

type Questions = (world: World, cared: readonly InCare[]) => Request[];

const asked = (name: string, questions: Questions): Scenario => ({
  name,
  prepare: (world) => inTurn(questions(world, world.inCare ?? [])),
});

const each =
  (question: (world: World, one: InCare) => Request): Questions =>
  (world, cared) =>
    cared.map((one) => question(world, one));

const recordOf = (world: World, { patient }: InCare): Request => ({
  path: `Patient/${patient.id}/$everything?_count=100`,
  check: (answer) => {
    world.tally.answers++;
    return isType(answer, 'Bundle');
  },
});

const vitalSign = (n: number, { patient, stay }: InCare): Request => {
  const [code, display] = vitalSigns[0] ?? ['', ''];
  const body = JSON.stringify({
    ...{ resourceType: 'Observation', status: 'final' },
    category: [
      { coding: [{ system: `${TERMINOLOGY}/observation-category`, code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'urn:bench:code', code, display }] },
    ...{ subject: { reference: `Patient/${patient.id}` } },
    ...{ encounter: { reference: `Encounter/${stay}` }, effectiveDateTime: '1990-01-02T10:00:00Z' },
    identifier: [{ system: 'urn:bench:id', value: `call-${n}` }],
  });
  const jsonBytes = Buffer.byteLength(body);
  const check: Request['check'] = (answer) => isType(answer, 'Observation');
  return { method: 'POST', path: 'Observation', body, jsonBytes, check };
};

const statusIs = (status: string) =>
  where(`of the status ${status}`, (resource) => resource.status === status);

/** Not all of a record is of the clinician's branches, so how much of it is found is not known. */
const readVital: Questions = (_world, cared) =>
  cared.flatMap(({ vitals }) => vitals.map((id) => readOf(`Observation/${id}`)));

export const clinicianScenarios: readonly Scenario[] = [
  asked('read', readVital),
  asked(
    'vital signs of a patient',
    each((world, { patient }) => ({ ...vitalsOf(world, patient), check: ofType('Bundle') })),
  ),
  asked(
    'patients by name',
    each((world, { patient }) => byName(world, patient)),
  ),
  asked('stays in progress', (world) => [
    ask(world, `Encounter?status=in-progress&_count=${PAGE}`, {
      type: 'Encounter',
      each: statusIs('in-progress'),
    }),
  ]),
  asked('active prescriptions', (world) => [
    ask(world, `MedicationRequest?status=active&_count=${PAGE}`, {
      type: 'MedicationRequest',
      each: statusIs('active'),
    }),
  ]),
  asked('record ($everything)', each(recordOf)),
  {
    name: 'create',
    prepare:
      ({ inCare = [] }) =>
      (_worker, n) => {
        const one = inCare[n % inCare.length];
        return one && vitalSign(n, one);
      },
  },
];

const own =
  (question: (world: World, one: InCare) => Request): Questions =>
  (world, [first]) =>
    first ? [question(world, first)] : [];

export const patientScenarios: readonly Scenario[] = [
  asked('read', (_world, [first]) =>
    (first?.vitals ?? []).map((id) => readOf(`Observation/${id}`)),
  ),
  asked(
    'own vital signs',
    own((world, { patient }) => vitalsOf(world, patient)),
  ),
  asked(
    'own visits',
    own((world, { patient }) =>
      ask(world, `Encounter?patient=${patient.id}&_count=${PAGE}`, {
        type: 'Encounter',
        each: ofPatient(patient.id),
      }),
    ),
  ),
  asked('own record ($everything)', own(recordOf)),
];
