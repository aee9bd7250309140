/** What may be shared by itself: categories of a type, and types of a scope for all of them. */

export interface Category {
  /** Value of the search parameter `category`. */
  token: string;
  words: string;
}

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const US_CORE = 'http://hl7.org/fhir/us/core/CodeSystem';

const of = (system: string, ...codes: (readonly [code: string, words: string])[]): Category[] =>
  codes.map(([code, words]) => ({ token: `${system}|${code}`, words }));

/** Categories of US Core and R4, and what people call them. */
export const CATEGORIES: Readonly<Record<string, readonly Category[]>> = {
  Condition: [
    ...of(
      `${TERMINOLOGY}/condition-category`,
      ['problem-list-item', 'the list of health problems'],
      ['encounter-diagnosis', 'diagnoses of visits and stays'],
    ),
    ...of(`${US_CORE}/condition-category`, ['health-concern', 'health concerns']),
    ...of(`${US_CORE}/us-core-category`, ['sdoh', 'social circumstances']),
  ],
  Observation: [
    ...of(
      `${TERMINOLOGY}/observation-category`,
      ['laboratory', 'laboratory results'],
      ['vital-signs', 'vital signs: blood pressure, weight, temperature'],
      ['social-history', 'way of life: smoking, work, family'],
      ['survey', 'answers to questionnaires'],
      ['imaging', 'results of imaging'],
      ['procedure', 'results of procedures'],
      ['exam', 'findings of examinations'],
      ['therapy', 'observations of therapies'],
      ['activity', 'activity and exercise'],
    ),
    ...of(`${US_CORE}/us-core-category`, ['sdoh', 'social circumstances']),
  ],
  DiagnosticReport: of(
    `${TERMINOLOGY}/v2-0074`,
    ['LAB', 'laboratory reports'],
    ['RAD', 'radiology reports'],
    ['PAT', 'pathology reports'],
  ),
  DocumentReference: of(`${US_CORE}/us-core-documentreference-category`, [
    'clinical-note',
    'notes of doctors and nurses',
  ]),
};

/** Types of a record that people know, by how often apps ask for them. */
export const SHARED_TYPES: readonly string[] = [
  ...['Patient', 'Condition', 'Observation', 'AllergyIntolerance', 'MedicationRequest'],
  ...['MedicationStatement', 'MedicationDispense', 'Immunization', 'Procedure', 'Encounter'],
  ...['DiagnosticReport', 'DocumentReference', 'ServiceRequest', 'Appointment', 'CarePlan'],
  ...['CareTeam', 'Goal', 'Device', 'Coverage', 'ExplanationOfBenefit', 'FamilyMemberHistory'],
  ...['ImagingStudy', 'QuestionnaireResponse', 'RelatedPerson', 'Specimen', 'Communication'],
  ...['Medication', 'Location', 'Organization', 'Practitioner', 'Provenance'],
];
