import type { Definitions } from '../fhir/definitions.ts';
import { referenceTarget } from '../fhir/extract-reference.ts';
import type { CompartmentRoot } from './store.ts';

/** What a record refers to and needs to make sense, found in the stored texts. */

/**
 * Types that say nothing of a patient: followed wherever a record refers to them. Not Bundle, Binary,
 * Contract and the like, which may hold anybody's data (and a Binary any number of bytes; the URL in
 * the attachment leads to it).
 */
const SUPPORTING: readonly string[] = [
  ...['Organization', 'OrganizationAffiliation', 'Practitioner', 'PractitionerRole', 'Location'],
  ...['HealthcareService', 'Endpoint', 'InsurancePlan'],
  ...['Medication', 'MedicationKnowledge', 'Substance', 'BiologicallyDerivedProduct'],
  ...['Device', 'DeviceDefinition', 'DeviceMetric', 'ObservationDefinition', 'SpecimenDefinition'],
  ...['ActivityDefinition', 'PlanDefinition', 'Questionnaire', 'Measure', 'ResearchStudy'],
];

export interface Followed {
  /** Followed where they are no patient's (a Device may be one's). */
  supporting: readonly string[];
  /** All types that a first step may lead to: of an encounter also those of its own patient. */
  first: ReadonlySet<string>;
}

export function followedTypes(definitions: Definitions, root: CompartmentRoot): Followed {
  const { resourceTypes } = definitions;
  const ofPatients = resourceTypes.filter((type) => definitions.main(type).patient !== undefined);
  const more = root === 'Encounter' ? ofPatients : [];
  return { supporting: SUPPORTING, first: new Set([...SUPPORTING, ...more]) };
}

const MARK = '"reference":"';

/**
 * Adds the literal references of a stored text as they are written. Stored texts have no white space,
 * and inside a string every quote is escaped, so the mark is always that of an element.
 */
export function addReferences(text: string, found: Set<string>): void {
  for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at)) {
    const start = at + MARK.length;
    const end = text.indexOf('"', start);
    if (end < 0) return;
    found.add(text.slice(start, end));
    at = end;
  }
}

/** The resources of these types, `Type/id`, that references lead to on this server. */
export function targetsOf(
  references: ReadonlySet<string>,
  types: ReadonlySet<string>,
  bases: readonly string[],
): Set<string> {
  const targets = new Set<string>();
  for (const text of references) {
    const target = referenceTarget(text, bases);
    if (target !== undefined && types.has(target.slice(0, target.indexOf('/')))) {
      targets.add(target);
    }
  }
  return targets;
}
