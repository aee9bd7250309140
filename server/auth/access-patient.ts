import type { Term } from '../fhir/query.ts';
import { compartmentTerm, compartmentTypes } from '../fhir/query-compartment.ts';
import { isPatientColumn, type TermOptions } from '../fhir/query-terms.ts';
import { paramKey } from '../fhir/terms.ts';
import { ABOUT, subjectTypes } from './access-about.ts';
import type { Op } from './scopes.ts';

/** What scopes of the kind `patient/` reach (SMART 2.2; R4 2.4, the compartment of a patient). */

/**
 * Types that are of no patient and that any app of a patient may read. Explicit, so that nothing is
 * shared because it was forgotten: of a type that is in neither place there is nothing.
 */
export const SHARED: ReadonlySet<string> = new Set([
  ...['Practitioner', 'PractitionerRole', 'Organization', 'OrganizationAffiliation', 'Location'],
  ...['HealthcareService', 'Endpoint', 'InsurancePlan'],
  ...['Medication', 'MedicationKnowledge', 'Substance', 'DeviceDefinition'],
  ...['CodeSystem', 'ValueSet', 'ConceptMap', 'NamingSystem', 'TerminologyCapabilities'],
  ...['StructureDefinition', 'SearchParameter', 'OperationDefinition', 'CompartmentDefinition'],
  ...['CapabilityStatement', 'ImplementationGuide', 'Questionnaire', 'PlanDefinition'],
  ...['ActivityDefinition', 'Library', 'Measure', 'ChargeItemDefinition'],
  ...['ObservationDefinition', 'SpecimenDefinition'],
]);

const SHARED_OPS: ReadonlySet<Op> = new Set(['r', 's']);
const ALL_OPS: ReadonlySet<Op> = new Set(['c', 'r', 'u', 'd', 's']);

export interface Reach {
  ops: ReadonlySet<Op>;
  where: Term[];
}

/**
 * What of a type a `patient/` scope reaches; undefined where it is nothing. Of types that are about
 * others that is told by these (access-about.ts), not by a parameter of their own.
 */
export function patientReach(
  type: string,
  patient: string,
  options: TermOptions,
): Reach | undefined {
  if (ABOUT.has(type)) return undefined;
  if (SHARED.has(type)) return { ops: SHARED_OPS, where: [] };
  const term = memberTerm(type, patient, options);
  return term && { ops: ALL_OPS, where: [term] };
}

/** What of each type is of the patient; what is shared is of nobody. */
export function patientSubjects(
  patient: string,
  options: TermOptions,
): ReadonlyMap<string, readonly Term[]> {
  return new Map(
    subjectTypes(options.definitions).flatMap((type): [string, readonly Term[]][] => {
      const term = SHARED.has(type) ? undefined : memberTerm(type, patient, options);
      return term ? [[type, [term]]] : [];
    }),
  );
}

/**
 * Whether a resource is in the patient's compartment. The Patient itself by its id alone: its other
 * way in, `Patient.link`, would open the records of other people.
 */
function memberTerm(type: string, patient: string, options: TermOptions): Term | undefined {
  if (type === 'Patient') return { kind: 'id', ids: [patient] };
  const { definitions } = options;
  if (compartmentTypes(definitions, 'Patient')?.includes(type)) {
    return compartmentTerm(options, { type: 'Patient', id: patient }, [type]);
  }
  return ofPatient(type, patient, options);
}

/** Types that R4 left out of the compartment though each is about one patient: Device, Task. */
function ofPatient(type: string, patient: string, options: TermOptions): Term | undefined {
  const code = options.definitions.main(type).patient;
  const def = code === undefined ? undefined : options.definitions.searchParams(type).get(code);
  if (!def) return undefined;
  const targets = [`Patient/${patient}`];
  const column = isPatientColumn({ type, def, options });
  return { kind: 'references', key: paramKey(type, def.code), targets, patient: column };
}
