import { type AuditRow, idOf } from '../audit/audit.ts';
import { asResource, parseJson } from '../fhir/json.ts';
import type { JsonObject, JsonValue, Resource } from '../fhir/types.ts';
import {
  type AuditEventSettings,
  agentsOf,
  present,
  purposeConcept,
  said,
  serverWho,
  usedToken,
} from './audit-event-agents.ts';
import { balpProfile, coding, PATTERNS, type Pattern } from './audit-event-codes.ts';
import { entitiesOf, patientsOf } from './audit-event-entities.ts';

export type { AuditEventSettings } from './audit-event-agents.ts';

/**
 * The AuditEvent of a row of the journal, by the patterns of IHE BALP 1.1.4: the same row makes the
 * same text. What BALP says of success alone is claimed (`meta.profile`) of what succeeded alone. A
 * search that gave data of several patients is one AuditEvent that names all of them, where BALP has
 * one for each.
 */
export function toAuditEvent(row: AuditRow, settings: AuditEventSettings): Resource {
  if (row.kind === 'foreign') return asResource(parseJson(row.content ?? ''));
  const pattern = PATTERNS[row.kind];
  const { agent, outcome, detail } = row;
  const recorded = new Date(row.at).toISOString();
  const profile = profilesOf(row, pattern);
  const entity = entitiesOf(row);
  const meta = { versionId: '1', lastUpdated: recorded, ...(profile.length > 0 && { profile }) };
  return {
    resourceType: 'AuditEvent',
    id: idOf(row.seq),
    ...present({
      meta,
      type: pattern.type,
      subtype: someOf(pattern.subtype(row.about)),
      action: pattern.action,
      recorded,
      outcome: String(outcome),
      outcomeDesc: said(detail?.text),
      purposeOfEvent: agent.purpose === undefined ? undefined : [purposeConcept(agent.purpose)],
      agent: agentsOf(agent, pattern, settings),
      source: sourceOf(settings),
      entity: someOf(entity),
    }),
  };
}

const someOf = (list: JsonObject[]): JsonValue | undefined => (list.length > 0 ? list : undefined);

function sourceOf(settings: AuditEventSettings): JsonObject {
  return present({
    site: URL.parse(settings.base)?.host,
    observer: serverWho(settings),
    type: [
      coding(
        'http://terminology.hl7.org/CodeSystem/security-source-type',
        '4',
        'Application Server',
      ),
    ],
  });
}

function profilesOf(row: AuditRow, pattern: Pattern): string[] {
  const basic = basicProfile(row, pattern);
  return [
    ...(basic === undefined ? [] : [balpProfile(basic)]),
    ...(usedToken(row.agent) ? [balpProfile('OAUTHaccessTokenUse.Comprehensive')] : []),
  ];
}

function basicProfile(row: AuditRow, { profile }: Pattern): string | undefined {
  if (row.outcome !== 0 || profile === undefined) return undefined;
  const patients = patientsOf(row);
  const ofOne = patients.length === 1 && patients[0] !== undefined;
  if (profile === 'PrivacyDisclosure.Source') return ofOne ? profile : undefined;
  const told = profile === 'Query' ? row.detail?.query : row.about?.id;
  if (!told) return undefined;
  return ofOne ? `Patient${profile}` : profile;
}
