import type { Kind } from '../audit/audit.ts';
import type { JsonObject } from '../fhir/types.ts';

/** How each kind of event is coded: R4 AuditEvent value sets, DICOM PS3.16 D, IHE BALP 1.1.4. */

export const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
export const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const INTERACTION = 'http://hl7.org/fhir/restful-interaction';
const BALP = 'https://profiles.ihe.net/ITI/BALP';
export const USER_AGENTS = `${BALP}/CodeSystem/UserAgentTypes`;
export const X_REQUEST_ID: JsonObject = {
  system: `${BALP}/CodeSystem/BasicAuditEntityType`,
  code: 'XrequestId',
};

export const coding = (system: string, code: string, display: string): JsonObject => ({
  system,
  code,
  display,
});

/** `IHE.BasicAudit.Create`; of one patient `IHE.BasicAudit.PatientCreate`. */
export const balpProfile = (name: string): string =>
  `${BALP}/StructureDefinition/IHE.BasicAudit.${name}`;

/** Which way the data went: DICOM's source and destination; of a query the source is who asks. */
export type Flow = 'in' | 'out' | 'removal' | 'security';

export interface Pattern {
  type: JsonObject;
  subtype(about: { id?: string } | undefined): JsonObject[];
  action: 'C' | 'R' | 'U' | 'D' | 'E';
  flow: Flow;
  /** Who the user is to the data: its author, or the one who gets it. */
  author?: true;
  /** Of BALP; absent where BALP has no profile for it. */
  profile?: 'Create' | 'Read' | 'Update' | 'Delete' | 'Query' | 'PrivacyDisclosure.Source';
}

const REST = coding(
  'http://terminology.hl7.org/CodeSystem/audit-event-type',
  'rest',
  'RESTful Operation',
);
const EXPORT = coding(DCM, '110106', 'Export');
const ALERT = coding(DCM, '110113', 'Security Alert');
const AUTHENTICATION = coding(DCM, '110114', 'User Authentication');

const interaction = (code: string): JsonObject => coding(INTERACTION, code, code);

const rest = (
  code: string,
  action: Pattern['action'],
  rest: Pick<Pattern, 'flow' | 'author' | 'profile'>,
): Pattern => ({ type: REST, subtype: () => [interaction(code)], action, ...rest });

const write = { flow: 'in', author: true } as const;

const security = (
  type: JsonObject,
  subtype: JsonObject,
  action: Pattern['action'] = 'E',
): Pattern => ({ type, subtype: () => [subtype], action, flow: 'security' });

/** All kinds but `foreign`, whose AuditEvents are as they were sent. */
export const PATTERNS: Readonly<Record<Exclude<Kind, 'foreign'>, Pattern>> = {
  create: rest('create', 'C', { ...write, profile: 'Create' }),
  update: rest('update', 'U', { ...write, profile: 'Update' }),
  patch: rest('patch', 'U', { ...write, profile: 'Update' }),
  delete: rest('delete', 'D', { flow: 'removal', author: true, profile: 'Delete' }),
  read: rest('read', 'R', { flow: 'out', profile: 'Read' }),
  vread: rest('vread', 'R', { flow: 'out', profile: 'Read' }),
  history: {
    ...{ type: REST, action: 'R', flow: 'out' },
    subtype: (about) => [
      interaction(about?.id ? 'history-instance' : about ? 'history-type' : 'history-system'),
    ],
  },
  search: {
    ...{ type: REST, action: 'E', flow: 'in', profile: 'Query' },
    subtype: (about) => [interaction(about ? 'search-type' : 'search-system')],
  },
  everything: {
    ...{ type: REST, action: 'E', flow: 'in' },
    subtype: () => [interaction('operation'), { code: 'everything', display: '$everything' }],
  },
  export: {
    ...{ type: EXPORT, action: 'R', flow: 'out', profile: 'PrivacyDisclosure.Source' },
    subtype: () => [
      coding(
        'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle',
        'disclose',
        'Disclose Record Lifecycle Event',
      ),
    ],
  },
  batch: rest('batch', 'E', { flow: 'in' }),
  transaction: rest('transaction', 'E', { flow: 'in' }),
  operation: rest('operation', 'E', { flow: 'in' }),
  request: { type: REST, subtype: () => [], action: 'E', flow: 'in' },
  login: security(AUTHENTICATION, coding(DCM, '110122', 'Login')),
  logout: security(AUTHENTICATION, coding(DCM, '110123', 'Logout')),
  token: security(AUTHENTICATION, coding('urn:ihe:event-type-code', 'ITI-71', 'Get Access Token')),
  revoke: security(AUTHENTICATION, coding('urn:ietf:rfc:7009', 'revoke', 'Token Revocation')),
  introspect: security(
    AUTHENTICATION,
    coding('urn:ietf:rfc:7662', 'introspect', 'Token Introspection'),
  ),
  launch: security(
    AUTHENTICATION,
    coding('http://hl7.org/fhir/smart-app-launch', 'launch', 'SMART App Launch'),
  ),
  consent: security(
    ALERT,
    coding(
      `${BALP}/CodeSystem/AuthZsubType`,
      'AuthZ-Consent',
      'Authorization Decision using Roles and Consent',
    ),
  ),
  breakGlass: security(ALERT, coding(DCM, '110127', 'Emergency Override Started')),
  administration: security(ALERT, coding(DCM, '110129', 'Security Configuration'), 'U'),
  password: security(ALERT, coding(DCM, '110137', 'User Security Attributes Changed'), 'U'),
  explain: security(ALERT, coding(DCM, '110132', 'Use of Restricted Function'), 'R'),
};
