import type { Agent } from '../audit/audit.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import {
  coding,
  DCM,
  type Flow,
  PARTICIPATION,
  type Pattern,
  USER_AGENTS,
} from './audit-event-codes.ts';

/** AuditEvent.agent: the app or system, this server, and the person behind the app (IHE BALP). */

/** What of this server stands in AuditEvents. */
export interface AuditEventSettings {
  /** The FHIR base URL without a slash at its end. */
  base: string;
}

const SOURCE = coding(DCM, '110153', 'Source Role ID');
const DESTINATION = coding(DCM, '110152', 'Destination Role ID');
const APPLICATION = coding(DCM, '110150', 'Application');

/** The client's role and the server's. */
const ROLES: Readonly<Record<Flow, { client: JsonObject; server: JsonObject[] }>> = {
  in: { client: SOURCE, server: [DESTINATION] },
  out: { client: DESTINATION, server: [SOURCE] },
  removal: {
    client: APPLICATION,
    server: [
      coding(
        'http://terminology.hl7.org/CodeSystem/provenance-participant-type',
        'custodian',
        'Custodian',
      ),
    ],
  },
  security: {
    client: APPLICATION,
    server: [
      coding(
        'http://terminology.hl7.org/CodeSystem/extra-security-role-type',
        'authserver',
        'authorization server',
      ),
      coding(USER_AGENTS, 'AuthzOauthService', 'OAuth Authorization Service'),
    ],
  },
};

const AUTHOR = coding(PARTICIPATION, 'AUT', 'Author');
const RECIPIENT = coding(PARTICIPATION, 'IRCP', 'information recipient');

/** R4 network-type. */
const IP_ADDRESS = '2';
const URI = '5';

/** Text as FHIR takes it; undefined where nothing is left of it. */
export function said(text: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: FHIR has no place for them
  const clean = text?.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, ' ');
  return clean === undefined || clean.trim() === '' ? undefined : clean;
}

/** The members that are there. */
export function present(members: Record<string, JsonValue | undefined>): JsonObject {
  const found: JsonObject = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) found[name] = value;
  return found;
}

/** Types that AuditEvent.agent.who may refer to (R4). */
const WHO = /^(?:PractitionerRole|Practitioner|Organization|Device|Patient|RelatedPerson)\/[^/]+$/;

type Who = NonNullable<Agent['user']>;

function whoOf({ id, name, fhirUser }: Who, { base }: AuditEventSettings): JsonObject {
  return present({
    reference: fhirUser !== undefined && WHO.test(fhirUser) ? fhirUser : undefined,
    identifier: { system: base, value: said(id) ?? 'unknown' },
    display: said(name),
  });
}

/** Who this server is: AuditEvent.source.observer too, as BALP wants of the source of a disclosure. */
export const serverWho = ({ base }: AuditEventSettings): JsonObject => ({
  identifier: { system: 'urn:ietf:rfc:3986', value: base },
  display: 'Kiln',
});

const UNKNOWN: JsonObject = {
  extension: [
    { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' },
  ],
};

/** Whether a token of a grant was used, so that the agents say so (OAUTHaccessTokenUse). */
export const usedToken = ({ client, grant }: Agent): boolean =>
  client !== undefined && grant !== undefined;

/** The grant stands where BALP has the id of a JWT: Kiln's tokens are opaque. */
const policyOf = ({ grant }: Agent): JsonValue | undefined =>
  grant === undefined ? undefined : [`urn:ietf:params:oauth:jti:${grant}`];

const purposeOf = ({ purpose }: Agent): JsonValue | undefined =>
  purpose === undefined ? undefined : [purposeConcept(purpose)];

export const purposeConcept = (code: string): JsonObject => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code }],
});

/** Where no app is known: what Kiln does by itself, a browser at a page of Kiln's, or nobody known. */
function namelessClient({ kind, user }: Agent): JsonObject {
  if (kind === 'system') return { display: 'Kiln' };
  return { display: user ? 'a browser' : 'anonymous' };
}

function clientOf(agent: Agent, { flow }: Pattern, settings: AuditEventSettings): JsonObject {
  const { client, user, address } = agent;
  const role = ROLES[flow].client;
  const both = usedToken(agent) && role !== APPLICATION;
  return present({
    type: { coding: both ? [role, APPLICATION] : [role] },
    who: client ? whoOf(client, settings) : namelessClient(agent),
    altId: said(client?.id),
    name: said(client?.name),
    requestor: user === undefined,
    policy: user ? undefined : policyOf(agent),
    network:
      said(address) === undefined
        ? UNKNOWN
        : { address: said(address) as string, type: IP_ADDRESS },
    purposeOfUse: user ? undefined : purposeOf(agent),
  });
}

function userOf(agent: Agent, { author }: Pattern, settings: AuditEventSettings): JsonObject[] {
  const { user } = agent;
  if (!user) return [];
  const roles = author ? [AUTHOR, ...(usedToken(agent) ? [RECIPIENT] : [])] : [RECIPIENT];
  return [
    present({
      type: { coding: roles },
      who: whoOf(user, settings),
      altId: said(user.id),
      name: said(user.name),
      requestor: true,
      policy: policyOf(agent),
      purposeOfUse: purposeOf(agent),
    }),
  ];
}

/** The app or system, this server, the person: in this order. */
export function agentsOf(
  agent: Agent,
  pattern: Pattern,
  settings: AuditEventSettings,
): JsonObject[] {
  const server: JsonObject = {
    type: { coding: ROLES[pattern.flow].server },
    who: serverWho(settings),
    requestor: false,
    network: { address: settings.base, type: URI },
  };
  return [clientOf(agent, pattern, settings), server, ...userOf(agent, pattern, settings)];
}
