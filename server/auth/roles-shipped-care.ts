import { SHARED } from './access-patient.ts';
import type { RoleRule } from './roles.ts';

/**
 * The conditions of the shipped roles for staff. A branch sees what happened in its own encounters;
 * what belongs to no encounter it sees of its own patients and of those it has had. Within the
 * branch a clinician sees patients in care: of their care team, in their ward, with them today.
 */

/** How a Patient is in somebody's care at present. */
export const CARE_TEAM =
  '_has:CareTeam:patient:participant=%user&_has:CareTeam:patient:status=active';
export const WARD =
  '_has:Encounter:patient:location=%ward&' +
  '_has:Encounter:patient:status=arrived,triaged,in-progress,onleave';
export const TODAY =
  '_has:Appointment:patient:actor=%user&_has:Appointment:patient:date=%today&' +
  '_has:Appointment:patient:status=booked,arrived,checked-in,fulfilled';

/** How a Patient belongs to a branch. */
const OF_BRANCH = ['organization=%branch', '_has:Encounter:patient:service-provider=%branch'];

/** Types about a patient whose resources name the encounter they happened in. */
export const IN_ENCOUNTER = [
  ...['CarePlan', 'ClinicalImpression', 'Communication', 'CommunicationRequest', 'Composition'],
  ...['Condition', 'DeviceRequest', 'DiagnosticReport', 'DocumentReference', 'Flag'],
  ...['ImagingStudy', 'List', 'Media', 'MedicationRequest', 'NutritionOrder', 'Observation'],
  ...['Procedure', 'QuestionnaireResponse', 'RequestGroup', 'RiskAssessment', 'ServiceRequest'],
  ...['Task', 'VisionPrescription'],
];

/** The same by `context`. */
export const IN_CONTEXT = [
  ...['MedicationAdministration', 'MedicationDispense', 'MedicationStatement'],
];

/** Types about a patient that belong to the person, whoever looks after them. */
export const OF_PERSON = [
  ...['AllergyIntolerance', 'BodyStructure', 'Consent', 'DetectedIssue', 'DeviceUseStatement'],
  ...['EpisodeOfCare', 'FamilyMemberHistory', 'Goal', 'Immunization'],
  ...['ImmunizationRecommendation', 'RelatedPerson', 'Specimen'],
];

/** A condition on a Patient as one on what refers to it. */
export const ofPatient = (condition: string): string =>
  condition
    .split('&')
    .map((part) => `patient:Patient.${part}`)
    .join('&');

type Extra = Omit<RoleRule, 'types' | 'criteria'>;

interface Given {
  /** Conditions on the Patient, of which one has to fit. */
  care?: readonly string[];
  /** Added to the criteria of each rule. */
  and?: string;
}

/** Rules for types about a patient, within the branch and perhaps in care. */
export function branchRules(types: readonly string[], extra: Extra, given: Given = {}): RoleRule[] {
  const { care, and } = given;
  const part = (all: readonly string[]): string[] => types.filter((type) => all.includes(type));
  const anyOf = care && { anyOf: care.map(ofPatient) };
  const rule = (of: readonly string[], criteria: string): RoleRule[] =>
    of.length === 0
      ? []
      : [{ types: of, ...extra, criteria: and ? `${criteria}&${and}` : criteria, ...anyOf }];
  const home = ofPatient(OF_BRANCH[0] as string);
  return [
    ...rule(part(IN_ENCOUNTER), 'encounter:Encounter.service-provider=%branch'),
    ...rule(part(IN_ENCOUNTER), `encounter:missing=true&${home}`),
    ...rule(part(IN_CONTEXT), 'context:Encounter.service-provider=%branch'),
    ...rule(part(IN_CONTEXT), `context:missing=true&${home}`),
    ...OF_BRANCH.flatMap((condition) => rule(part(OF_PERSON), ofPatient(condition))),
  ];
}

/** Rules for the Patient itself. */
export function patientRules(extra: Extra, care?: readonly string[]): RoleRule[] {
  const anyOf = care && { anyOf: care };
  return OF_BRANCH.map((criteria) => ({ types: ['Patient'], ...extra, criteria, ...anyOf }));
}

/** Rules for encounters of the branch. */
export function encounterRules(extra: Extra, { care, and }: Given = {}): RoleRule[] {
  const criteria = `service-provider=%branch${and ? `&${and}` : ''}`;
  const anyOf = care && { anyOf: care.map(ofPatient) };
  return [{ types: ['Encounter'], ...extra, criteria, ...anyOf }];
}

/** What everybody at work may look up: staff, rooms, medicines, definitions. */
export const lookUp: RoleRule = {
  types: [...SHARED, 'Schedule', 'Slot'],
  interactions: 'rs',
  restricted: true,
};

/** One's own tasks and messages. */
export const ownWork: readonly RoleRule[] = [
  { types: ['Task'], interactions: 'rus', criteria: 'owner=%user', readOnly: ['owner'] },
  { types: ['Communication'], interactions: 'rs', anyOf: ['recipient=%user', 'sender=%user'] },
];
