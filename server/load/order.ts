import { headOf, type Input } from './files.ts';

/**
 * Types that others refer to, in the order in which they are to be there: references by criteria
 * (`Practitioner?identifier=..`) are looked up when a resource comes in. What is not named comes last.
 */
const stages: readonly (readonly string[])[] = [
  ['Organization'],
  ['Location', 'Endpoint', 'Medication', 'Substance'],
  ['Practitioner', 'HealthcareService'],
  ['PractitionerRole'],
  ['Patient'],
];
const PATIENT = stages.length - 1;

/**
 * A reference by criteria must match one resource, and records that bring organisations of their own
 * may add a second one with the same identifier (Synthea's two generations do); so those that refer
 * by criteria go before those that do not.
 */
const byCriteria = /"reference"\s*:\s*"[A-Z][A-Za-z]*\?/;
const SELF_CONTAINED = PATIENT + 1;
const REST = SELF_CONTAINED + 1;

/** What a file begins with tells what it is about; a patient's record begins with the patient. */
const HEAD_BYTES = 64 * 1024;

/** The inputs in stages; a stage is loaded when the one before it is done. */
export async function inStages(inputs: readonly Input[]): Promise<Input[][]> {
  const staged: Input[][] = [];
  for (const input of inputs) {
    const stage = stageOf(await headOf(input.path, HEAD_BYTES).catch(() => ''));
    staged[stage] ??= [];
    staged[stage].push(input);
  }
  return staged.filter((inputs) => inputs !== undefined);
}

/** The stage of a file that begins with this text. */
export function stageOf(head: string): number {
  const types = [...head.matchAll(/"resourceType"\s*:\s*"([A-Za-z]+)"/g)].map(([, type]) => type);
  if (types.includes('Patient')) return byCriteria.test(head) ? PATIENT : SELF_CONTAINED;
  const first = types.find((type) => type !== 'Bundle') ?? '';
  const stage = stages.findIndex((types) => types.includes(first));
  return stage < 0 ? REST : stage;
}
