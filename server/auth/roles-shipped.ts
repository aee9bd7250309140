import { SHARED } from './access-patient.ts';
import { REVIEW_TASK, type Role, type RoleRule } from './roles.ts';
import { CLERICAL_ROLES } from './roles-shipped-clerical.ts';
import { CLINICAL_ROLES } from './roles-shipped-clinical.ts';

/**
 * The roles that the server comes with. Where the work of two people of one department differs in what
 * they may see, they are two roles.
 */

const read = (types: readonly string[]): RoleRule => ({
  types,
  interactions: 'rs',
  restricted: true,
});

/** What describes the hospital and its work, not its patients. */
const DEFINITIONS = [
  ...SHARED,
  ...[
    'Schedule',
    'Slot',
    'Device',
    'Group',
    'Subscription',
    'MessageDefinition',
    'GraphDefinition',
  ],
  ...['StructureMap', 'ExampleScenario', 'EventDefinition', 'CatalogEntry'],
];

const SYSTEM_ROLES: readonly Omit<Role, 'shipped'>[] = [
  {
    name: 'Admin',
    title: 'Administrator',
    rules: [
      {
        types: DEFINITIONS.filter((type) => type !== 'Device' && type !== 'Group'),
        interactions: 'cruds',
        restricted: true,
      },
      // Devices of the house; those implanted belong to a record.
      { types: ['Device'], interactions: 'cruds', criteria: 'patient:missing=true' },
    ],
  },
  {
    name: 'Superuser',
    title: 'Everything but the audit; for automation',
    rules: [{ types: ['*'], interactions: 'cruds', restricted: true }],
  },
  {
    name: 'Auditor',
    title: 'Auditor, privacy officer',
    rules: [
      read(['AuditEvent']),
      { types: ['Task'], interactions: 'rs', criteria: REVIEW_TASK, restricted: true },
    ],
  },
  {
    name: 'Insurer',
    title: 'Insurer’s system',
    rules: [
      { types: ['Claim'], interactions: 'rs', criteria: 'insurer=%user' },
      { types: ['ClaimResponse'], interactions: 'crus', criteria: 'insurer=%user' },
      { types: ['PaymentReconciliation'], interactions: 'crus', criteria: 'payment-issuer=%user' },
    ],
  },
  {
    name: 'LabInstrument',
    title: 'Instrument of the laboratory',
    rules: [
      { types: ['Task'], interactions: 'r', criteria: 'owner=%user' },
      {
        types: ['Observation'],
        interactions: 'c',
        criteria: 'device=%user&status=preliminary',
      },
    ],
  },
  {
    name: 'Patient',
    title: 'Patient, or who acts for one',
    rules: [
      { types: ['Patient'], interactions: 'rs', criteria: '_id=%own', restricted: true },
      {
        types: [
          ...['Account', 'AllergyIntolerance', 'Appointment', 'AppointmentResponse', 'CarePlan'],
          ...['CareTeam', 'ChargeItem', 'Claim', 'ClaimResponse', 'ClinicalImpression'],
          ...['Communication', 'CommunicationRequest', 'Composition', 'Condition', 'Consent'],
          ...['Coverage', 'Device', 'DeviceRequest', 'DeviceUseStatement', 'DiagnosticReport'],
          ...['DocumentManifest', 'DocumentReference', 'Encounter', 'EpisodeOfCare'],
          ...['ExplanationOfBenefit', 'FamilyMemberHistory', 'Flag', 'Goal', 'ImagingStudy'],
          ...['Immunization', 'ImmunizationRecommendation', 'Invoice', 'List', 'Media'],
          ...['MedicationAdministration', 'MedicationDispense', 'MedicationRequest'],
          ...['MedicationStatement', 'NutritionOrder', 'Observation', 'Procedure'],
          ...['QuestionnaireResponse', 'RelatedPerson', 'RequestGroup', 'RiskAssessment'],
          ...['ServiceRequest', 'Specimen', 'Task', 'VisionPrescription'],
        ],
        interactions: 'rs',
        criteria: 'patient=%own',
        restricted: true,
      },
      { types: ['Binary', 'Provenance'], interactions: 'rs', about: ['*'], restricted: true },
      {
        types: ['Appointment'],
        interactions: 'c',
        criteria: 'patient=%own&status=proposed,pending,booked',
      },
      {
        types: ['Appointment'],
        interactions: 'u',
        criteria: 'patient=%own&status=proposed,pending,booked,cancelled',
        readOnly: ['participant.actor'],
      },
      {
        types: ['QuestionnaireResponse'],
        interactions: 'c',
        criteria: 'patient=%own',
      },
      read([...SHARED, 'Schedule', 'Slot']),
    ],
  },
];

export const SHIPPED: readonly Omit<Role, 'shipped'>[] = [
  ...CLINICAL_ROLES,
  ...CLERICAL_ROLES,
  ...SYSTEM_ROLES,
];
