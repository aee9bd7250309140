import type { Audit, AuditRow } from '../audit/audit.ts';
import { FhirError } from '../fhir/error.ts';
import { stringify } from '../fhir/json.ts';
import type { JsonObject, Resource } from '../fhir/types.ts';
import { forbidden, limitOf } from './access.ts';
import { type Eyes, veiled } from './access-elements.ts';
import { fitsContent } from './access-fits.ts';
import { type AuditEventSettings, toAuditEvent } from './audit-event.ts';
import { AUDIT_EVENT, noHistory, switchedOff } from './audit-refused.ts';
import type { Context } from './context.ts';
import { decodeCursor } from './cursor.ts';
import { notFound } from './not-found.ts';
import type { Actor, HistoryPage, HistoryQuery, Version } from './store.ts';

/** Reads AuditEvents by their ids: each is a row of the journal, and has one version. */

export interface Journal {
  context: Context;
  /** Undefined where it is switched off. */
  audit: Audit | undefined;
}

/** @throws FhirError not-found where the journal is switched off */
export function auditOf({ audit }: Journal): Audit {
  if (audit) return audit;
  throw switchedOff();
}

export const settingsOf = ({ bases: [base = ''] }: Context): AuditEventSettings => ({ base });

/** An AuditEvent as the other verbs know resources. */
export function versionOfEvent(row: AuditRow, resource: Resource): Version {
  const { lastUpdated } = resource['meta'] as JsonObject;
  return {
    ...{ type: AUDIT_EVENT, id: resource.id ?? '', version: 1, method: 'POST' },
    lastUpdated: Date.parse(String(lastUpdated)),
    content: row.content ?? stringify(resource),
  };
}

/** By content alone: the journal has no rows in the index. */
export const eyesOnEvents = (context: Context, actor: Actor): Eyes => ({
  ...{ context, run: context.db.steady, known: new Map(), actor },
});

/**
 * The current and only version.
 * @throws FhirError forbidden, not-found
 */
export async function readEvent(journal: Journal, actor: Actor, id: string): Promise<Version> {
  const limit = limitOf(actor, AUDIT_EVENT, 'r');
  if (limit === 'none') throw forbidden(AUDIT_EVENT, 'r');
  const { context } = journal;
  const row = await find(auditOf(journal), id);
  if (!row) throw notFound(AUDIT_EVENT, id);
  const resource = toAuditEvent(row, settingsOf(context));
  const eyes = eyesOnEvents(context, actor);
  const fits = limit === 'all' || (await fitsContent(eyes, resource, limit));
  if (fits !== true) throw notFound(AUDIT_EVENT, id);
  const version = versionOfEvent(row, resource);
  if (!actor.access) return version;
  const [seen = version] = await veiled(eyes, [version]);
  return seen;
}

/** What was recorded a moment ago may still be in memory. */
async function find(audit: Audit, id: string): Promise<AuditRow | undefined> {
  const row = await audit.find(id);
  if (row) return row;
  await audit.flush();
  return audit.find(id);
}

/** @throws FhirError forbidden, not-found; for any other version than the first too */
export async function vreadEvent(
  journal: Journal,
  actor: Actor,
  { id, versionId }: { id: string; versionId: string },
): Promise<Version> {
  const version = await readEvent(journal, actor, id);
  if (versionId === '1') return version;
  throw new FhirError(
    'not-found',
    `${AUDIT_EVENT}/${id} has no version ${versionId.slice(0, 64)}: AuditEvents never change, so ` +
      'that there is version 1 alone.',
  );
}

/** The one version. @throws FhirError method-not-allowed for the history of all AuditEvents */
export async function historyOfEvent(
  journal: Journal,
  actor: Actor,
  { id, since, at, count, cursor }: HistoryQuery,
): Promise<HistoryPage> {
  if (id === undefined) throw noHistory();
  // One version makes no second page, so no cursor is of this history.
  if (cursor !== undefined) decodeCursor(journal.context.secret, `history ${AUDIT_EVENT}`, cursor);
  const version = await readEvent(journal, actor, id);
  const { lastUpdated } = version;
  const inTime = lastUpdated >= (since ?? lastUpdated) && lastUpdated <= (at?.hi ?? lastUpdated);
  const versions = inTime ? [version].slice(0, count) : [];
  return since === undefined && !at ? { versions, total: 1 } : { versions };
}
