import type { Op, ResourceScope } from './scopes.ts';

/** Scopes in plain words, for the page where people agree to them. */

const VERBS: Readonly<Record<Op, string>> = {
  r: 'read',
  s: 'search',
  c: 'add',
  u: 'change',
  d: 'delete',
};

/** In the order in which people care. */
const ORDER: readonly Op[] = ['r', 's', 'c', 'u', 'd'];

/** What people call the types that apps ask for; others are named as FHIR names them. */
const NAMES: Readonly<Record<string, string>> = {
  Account: 'accounts',
  AllergyIntolerance: 'allergies and intolerances',
  Appointment: 'appointments',
  AuditEvent: 'records of who saw what',
  Binary: 'attached files',
  CarePlan: 'care plans',
  CareTeam: 'care teams',
  ChargeItem: 'charges',
  Claim: 'insurance claims',
  ClaimResponse: 'answers to insurance claims',
  ClinicalImpression: 'clinical assessments',
  Communication: 'messages',
  Composition: 'clinical documents',
  Condition: 'diagnoses and health problems',
  Consent: 'consents',
  Coverage: 'insurance coverage',
  DetectedIssue: 'safety warnings',
  Device: 'devices and implants',
  DiagnosticReport: 'reports of laboratory and imaging',
  DocumentReference: 'documents and notes',
  Encounter: 'visits and stays',
  EpisodeOfCare: 'episodes of care',
  ExplanationOfBenefit: 'insurance statements',
  FamilyMemberHistory: 'family history',
  Flag: 'warnings about the patient',
  Goal: 'goals of care',
  Group: 'groups of patients',
  ImagingStudy: 'X-rays and other images',
  Immunization: 'vaccinations',
  Invoice: 'invoices',
  List: 'lists',
  Location: 'rooms and places',
  Media: 'photos and recordings',
  Medication: 'medicines',
  MedicationAdministration: 'medicines given',
  MedicationDispense: 'medicines handed out',
  MedicationRequest: 'prescriptions',
  MedicationStatement: 'medicines taken',
  NutritionOrder: 'diets',
  Observation: 'measurements and test results',
  Organization: 'hospitals and departments',
  Patient: 'name, address and other personal details',
  Person: 'links between records of a person',
  Practitioner: 'doctors and other staff',
  PractitionerRole: 'duties of staff',
  Procedure: 'operations and procedures',
  Provenance: 'origin of entries',
  Questionnaire: 'questionnaires',
  QuestionnaireResponse: 'answers to questionnaires',
  RelatedPerson: 'family members and contacts',
  RiskAssessment: 'assessments of risk',
  Schedule: 'schedules',
  ServiceRequest: 'orders and referrals',
  Slot: 'free times for appointments',
  Specimen: 'samples',
  Task: 'tasks',
};

const WHOSE: Readonly<Record<ResourceScope['context'], string>> = {
  patient: 'of this patient',
  user: 'of all that you may see yourself',
  system: 'of all patients',
};

const WORDS: Readonly<Record<string, string>> = {
  openid: 'know that it is you who signs in',
  fhirUser: 'know your name and your entry in the hospital’s records',
  offline_access: 'keep this access while you are not using it, until you take it back',
  online_access: 'keep this access until you sign out',
  launch: 'know what was open when it was started',
  'launch/patient': 'know which patient it is for',
  'launch/encounter': 'know which visit or stay it is for',
};

/**
 * What a scope allows, as the end of the sentence "The app may ..": `read and search diagnoses and
 * health problems of this patient (only category: encounter diagnosis)`.
 * @param scope a resource scope, or the text of one of the others
 */
export function describe(scope: ResourceScope | string): string {
  if (typeof scope === 'string') return ofOther(scope);
  const { context, type, ops, query } = scope;
  const verbs = listed(ORDER.filter((op) => ops.has(op)).map((op) => VERBS[op]));
  const name = Object.hasOwn(NAMES, type) ? NAMES[type] : `“${type}” entries`;
  const what = type === '*' ? 'everything' : name;
  const future = type === '*' ? ', kinds of data that come later included' : '';
  return `${verbs} ${what} ${WHOSE[context]}${future}${limits(query)}`;
}

function ofOther(text: string): string {
  const known = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
  return known ?? `know what was open when it was started (${text})`;
}

function limits(query: ResourceScope['query']): string {
  if (query.length === 0) return '';
  const words = query.map(([name, value]) => `${wordOf(name)}: ${codesOf(value)}`);
  return ` (only ${words.join('; ')})`;
}

const wordOf = (name: string): string => name.replace(/^_/, '').replaceAll('-', ' ');

/** Systems are addresses that mean nothing to people. */
const codesOf = (value: string): string =>
  value
    .split(',')
    .map((one) => one.replace(/^[^|]*\|(?=.)/, '').replaceAll('-', ' '))
    .join(' or ');

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
