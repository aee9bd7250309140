import { loadSql, sqlList, sqlTexts } from '../db/db.ts';
import { stampResource } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import { vidTime } from './clock.ts';
import type { Context, Run } from './context.ts';
import type { Noted } from './rows.ts';
import type { Version } from './store.ts';

const foreignSql = loadSql(import.meta.url, 'audit-foreign.sql');

/** An AuditEvent that somebody else made, as a row of the journal; numbers as decimal text. */
export interface ForeignRow {
  /** When it happened, by its own word (`recorded`), unix ms. */
  at: number;
  seq: string;
  outcome: number;
  typeNumber: number;
  id: string;
  rk: string;
  /** Row keys of all it refers to. */
  keys: readonly string[];
  content: string;
  /** Who sent it; that is an event of its own, whose version key this is. */
  noted?: Noted;
  sending: string;
  stored: Version;
}

/** Stamps an AuditEvent like any resource, with the one version that it has. */
export function foreignEntry(context: Context, id: string, resource: Resource): ForeignRow {
  const { clock, extractor, hasher, typeNumber } = context;
  const vid = clock.next();
  const lastUpdated = vidTime(vid);
  const content = stampResource(resource, {
    ...{ id, versionId: '1', lastUpdated: new Date(lastUpdated).toISOString() },
  });
  const { main, references } = extractor.extract({ ...resource, id });
  const keys = new Set(references.map(({ target }) => String(hasher.target(target))));
  return {
    at: main.date?.lo ?? lastUpdated,
    seq: String(vid),
    outcome: Number(resource['outcome'] ?? 0),
    typeNumber: typeNumber(AUDIT_EVENT),
    id,
    rk: String(hasher.row(AUDIT_EVENT, id)),
    keys: [...keys],
    content,
    sending: String(clock.next()),
    stored: { type: AUDIT_EVENT, id, version: 1, lastUpdated, method: 'POST', content },
  };
}

/** Adds them to the journal, each with who sent it, inside the transaction that `run` is of. */
export async function insertForeign(run: Run, rows: readonly ForeignRow[]): Promise<void> {
  await run(foreignSql, [
    sqlList(rows.map(({ at }) => at)),
    sqlList(rows.map(({ seq }) => seq)),
    sqlList(rows.map(({ outcome }) => outcome)),
    sqlTexts(rows.map(({ id }) => id)),
    sqlTexts(rows.map(({ keys, noted }) => sqlList([noted?.agent ?? '0', ...keys]))),
    sqlTexts(rows.map(({ noted }) => noted?.request)),
    sqlTexts(rows.map(({ content }) => content)),
    sqlList(rows.map(({ sending }) => sending)),
    sqlList(rows.map(({ noted }) => noted?.agent)),
    sqlList(rows.map(({ rk }) => rk)),
    sqlList(rows.map(({ typeNumber }) => typeNumber)),
  ]);
}
