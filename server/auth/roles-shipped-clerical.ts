import type { Role, RoleRule } from './roles.ts';
import {
  branchRules,
  encounterRules,
  lookUp,
  ofPatient,
  ownWork,
  patientRules,
} from './roles-shipped-care.ts';

/** The shipped roles of those who register, place and bill patients: they read nothing clinical. */

const OF_HOME = ofPatient('organization=%branch');
const VISITED = ofPatient('_has:Encounter:patient:service-provider=%branch');

/** Why somebody is here is between them and their doctor. */
const REASONS = ['type', 'reasonCode', 'reasonReference', 'diagnosis', 'hospitalization'];
const CONTACTS = ['address', 'telecom', 'contact', 'photo', 'communication'];

/** Types about a patient, of patients of the branch. */
const ofBranch = (types: readonly string[], interactions: string): RoleRule[] =>
  [OF_HOME, VISITED].map((criteria) => ({ types, interactions, criteria }));

const frontDesk: RoleRule[] = [
  ...patientRules({ interactions: 'crus' }),
  ...ofBranch(['RelatedPerson', 'Coverage', 'Appointment', 'AppointmentResponse'], 'crus'),
  ...encounterRules({ interactions: 'rs', hidden: REASONS }),
  ...encounterRules(
    { interactions: 'cu', hidden: REASONS },
    { and: 'status=planned,arrived,cancelled' },
  ),
  { types: ['Schedule', 'Slot'], interactions: 'cu' },
  ...ownWork,
  lookUp,
];

/** What a bed manager may not change of an encounter: all but where it is. */
const NOT_ITS_PLACE = [
  ...['identifier', 'status', 'class', 'subject', 'episodeOfCare', 'basedOn', 'participant'],
  ...['appointment', 'period', 'account', 'serviceProvider', 'partOf'],
];

const bedManager: RoleRule[] = [
  { types: ['Location'], interactions: 'u', criteria: 'organization=%branch' },
  ...encounterRules({ interactions: 'rus', hidden: REASONS, readOnly: NOT_ITS_PLACE }),
  ...patientRules({ interactions: 'rs', hidden: CONTACTS }),
  ...ownWork,
  lookUp,
];

/**
 * Beds and their state, isolation among it (Location.operationalStatus, v2-0116); nothing that says who
 * lies there.
 */
const housekeeping: RoleRule[] = [
  { types: ['Location'], interactions: 'rs', criteria: 'organization=%branch' },
  {
    types: ['Task'],
    interactions: 'rus',
    criteria: 'owner=%user',
    hidden: ['for', 'encounter', 'focus', 'basedOn', 'reasonReference', 'input', 'output', 'note'],
    readOnly: ['owner', 'requester', 'code'],
  },
];

const AMOUNTS = ['Account', 'ChargeItem', 'Claim', 'Invoice'];
const ANSWERS = ['ClaimResponse', 'ExplanationOfBenefit', 'CoverageEligibilityResponse'];

/** Of a diagnosis its code, to bill by. */
const BESIDE_CODE = [
  ...['identifier', 'severity', 'bodySite', 'onset', 'abatement', 'recorder', 'asserter', 'stage'],
  ...['evidence', 'note'],
];

const billingClerk: RoleRule[] = [
  ...ofBranch([...AMOUNTS, 'Coverage', 'CoverageEligibilityRequest'], 'crus'),
  ...ofBranch(ANSWERS, 'rs'),
  ...branchRules(['Condition'], { interactions: 'rs', hidden: BESIDE_CODE }),
  ...encounterRules({ interactions: 'rs', hidden: ['hospitalization'] }),
  ...patientRules({ interactions: 'rs', hidden: ['photo', 'communication'] }),
  { types: ['PaymentNotice'], interactions: 'crs', criteria: 'provider=%branch' },
  { types: ['PaymentReconciliation'], interactions: 'rs', criteria: 'requestor=%branch' },
  ...ownWork,
  lookUp,
];

/** Takes payments; what was paid is given back by an operation that a supervisor confirms. */
const cashier: RoleRule[] = [
  ...ofBranch(['Account', 'ChargeItem', 'Invoice'], 'rs'),
  { types: ['PaymentNotice'], interactions: 'crs', criteria: 'provider=%branch' },
  { types: ['PaymentReconciliation'], interactions: 'crs', criteria: 'requestor=%branch' },
  ...patientRules({ interactions: 'rs', hidden: CONTACTS }),
  ...ownWork,
  lookUp,
];

export const CLERICAL_ROLES: readonly Omit<Role, 'shipped'>[] = [
  { name: 'FrontDesk', title: 'Front desk', rules: frontDesk },
  { name: 'BedManager', title: 'Bed manager', rules: bedManager },
  { name: 'Housekeeping', title: 'Housekeeping', rules: housekeeping },
  { name: 'BillingClerk', title: 'Billing clerk', rules: billingClerk },
  { name: 'Cashier', title: 'Cashier', rules: cashier },
];
