import type { Role, RoleRule } from './roles.ts';
import {
  branchRules,
  CARE_TEAM,
  encounterRules,
  IN_CONTEXT,
  IN_ENCOUNTER,
  lookUp,
  OF_PERSON,
  ofPatient,
  ownWork,
  patientRules,
  TODAY,
  WARD,
} from './roles-shipped-care.ts';

/** The shipped roles of those who treat patients, and of laboratory and pharmacy. */

const RECORD = [...IN_ENCOUNTER, ...IN_CONTEXT, ...OF_PERSON];
const without = (types: readonly string[], ...left: string[]): string[] =>
  types.filter((type) => !left.includes(type));

/** Who is in a care team, or has an appointment, comes to see the record: others enter that. */
const CARE_GIVING = ['CareTeam', 'Appointment'];

/** Those of the care team see what is restricted, too. */
function inCare(rules: (extra: Partial<RoleRule>, care: string[]) => RoleRule[]): RoleRule[] {
  return [...rules({ restricted: true }, [CARE_TEAM]), ...rules({}, [WARD, TODAY])];
}

const CARE = [CARE_TEAM, WARD, TODAY];

/** Break-the-glass: one patient, to read. */
const emergency: readonly RoleRule[] = [
  {
    types: [...RECORD, ...CARE_GIVING, 'Encounter'],
    interactions: 'rs',
    criteria: 'patient=%patient',
    restricted: true,
    purpose: 'BTG',
  },
  {
    types: ['Patient'],
    interactions: 'rs',
    criteria: '_id=%patient',
    restricted: true,
    purpose: 'BTG',
  },
  {
    types: ['Binary', 'Provenance'],
    interactions: 'rs',
    about: ['*'],
    restricted: true,
    purpose: 'BTG',
  },
];

/** Whoever sees something may see where it came from. */
const provenance: RoleRule = { types: ['Provenance'], interactions: 'rs', about: ['*'] };

/** Whoever could change these would bring another patient into their ward. */
const WHOSE = ['subject', 'serviceProvider'];

const clinician: RoleRule[] = [
  ...inCare((extra, care) => [
    ...branchRules(RECORD, { interactions: 'crus', ...extra }, { care }),
    ...encounterRules({ interactions: 'rus', readOnly: WHOSE, ...extra }, { care }),
    ...patientRules({ interactions: 'rs', ...extra }, care),
  ]),
  { types: ['Binary'], interactions: 'crus', about: ['*'] },
  provenance,
  {
    types: [...CARE_GIVING, 'Account', 'Coverage'],
    interactions: 'rs',
    criteria: 'patient:Patient.organization=%branch',
    anyOf: CARE.map(ofPatient),
  },
  { types: ['Appointment'], interactions: 'rs', criteria: 'actor=%user' },
  ...emergency,
  ...ownWork,
  lookUp,
];

const VITALS = 'category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs';
const nursing = ['MedicationAdministration', 'Task', 'Communication'];

const nurse: RoleRule[] = [
  ...branchRules(without(RECORD, ...nursing), { interactions: 'rs' }, { care: [WARD] }),
  ...branchRules(['Observation'], { interactions: 'cu' }, { care: [WARD], and: VITALS }),
  ...branchRules(nursing, { interactions: 'crus' }, { care: [WARD] }),
  ...encounterRules({ interactions: 'rs' }, { care: [WARD] }),
  ...patientRules({ interactions: 'rs' }, [WARD]),
  { types: ['Binary'], interactions: 'rs', about: ['*'] },
  provenance,
  ...ownWork,
  lookUp,
];

const LAB_ORDERS = 'category=http://snomed.info/sct|108252007';
const LAB_RESULTS =
  'category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
const LAB_REPORTS = 'category=http://terminology.hl7.org/CodeSystem/v2-0074|LAB';
const LABORATORY = ['ServiceRequest', 'Specimen', 'Observation', 'DiagnosticReport'];
const UNVERIFIED = 'status=registered,preliminary';

const laboratory: RoleRule[] = [
  ...branchRules(['ServiceRequest'], { interactions: 'rs' }, { and: LAB_ORDERS }),
  ...branchRules(['Specimen'], { interactions: 'crus' }),
  ...branchRules(['Observation'], { interactions: 'rs' }, { and: LAB_RESULTS }),
  ...branchRules(['DiagnosticReport'], { interactions: 'rs' }, { and: LAB_REPORTS }),
  ...branchRules(['Observation'], { interactions: 'cu' }, { and: `${LAB_RESULTS}&${UNVERIFIED}` }),
  ...branchRules(
    ['DiagnosticReport'],
    { interactions: 'cu' },
    { and: `${LAB_REPORTS}&${UNVERIFIED}` },
  ),
  // Not by the Patient: that stands for the whole record.
  { types: ['Binary'], interactions: 'crus', about: LABORATORY },
  { types: ['Provenance'], interactions: 'rs', about: LABORATORY },
  ...patientRules({ interactions: 'rs', hidden: ['address', 'telecom', 'contact', 'photo'] }),
  ...ownWork,
  lookUp,
];

/** Nobody verifies what they entered themselves. */
const verify = { interactions: 'u', except: ['performer=%user'] };
const pathologist: RoleRule[] = [
  ...laboratory,
  ...branchRules(['Observation'], verify, { and: LAB_RESULTS }),
  ...branchRules(['DiagnosticReport'], verify, { and: LAB_REPORTS }),
];

/** What is on its way to a patient is told without the patient. */
const stock = (hidden = false): RoleRule[] => [
  {
    ...{ types: ['SupplyRequest'], interactions: 'crus', ...(hidden && { hidden: ['deliverTo'] }) },
    anyOf: ['requester=%branch', 'supplier=%branch'],
  },
  {
    ...{
      types: ['SupplyDelivery'],
      interactions: 'crus',
      ...(hidden && { hidden: ['patient', 'destination'] }),
    },
    anyOf: ['supplier=%branch', 'supplier=%user', 'receiver=%user'],
  },
];

const pharmacist: RoleRule[] = [
  ...branchRules(['MedicationRequest', 'MedicationAdministration', 'AllergyIntolerance'], {
    interactions: 'rs',
  }),
  ...branchRules(['MedicationDispense', 'DetectedIssue'], { interactions: 'crus' }),
  ...patientRules({ interactions: 'rs', hidden: ['address', 'telecom', 'contact', 'photo'] }),
  ...stock(),
  ...ownWork,
  lookUp,
];

export const CLINICAL_ROLES: readonly Omit<Role, 'shipped'>[] = [
  { name: 'Clinician', title: 'Clinician', rules: clinician },
  { name: 'Nurse', title: 'Nurse', rules: nurse },
  { name: 'LabTechnician', title: 'Laboratory technician', rules: laboratory },
  { name: 'Pathologist', title: 'Pathologist', rules: pathologist },
  { name: 'Pharmacist', title: 'Pharmacist', rules: pharmacist },
  { name: 'StoreKeeper', title: 'Store keeper', rules: [...stock(true), lookUp] },
];
