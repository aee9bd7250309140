import { type AuditOptions, createAudit } from '../../server/audit/audit.ts';
import type { Agent, Audit, AuditParts, Entry } from '../../server/audit/types.ts';
import { type Db, openDatabase } from '../../server/db/db.ts';
import { connect, send } from '../../server/db/pg.ts';
import { createLog } from '../../server/log.ts';
import { VersionClock } from '../../server/store/clock.ts';
import { Hasher } from '../../server/store/hash.ts';
import { databaseOptions } from './databases.ts';

export interface Journal {
  audit: Audit;
  db: Db;
  parts: AuditParts;
  /** Lines of the log so far. */
  lines: string[];
}

export interface Journals {
  journals: [Journal, ...Journal[]];
  url: string;
  /** One statement as the superuser, who owns the cluster; rows as objects. */
  tamper(text: string): Promise<unknown[]>;
  close(): Promise<void>;
}

const TYPES = ['Patient', 'Observation', 'Practitioner', 'Encounter'];

const hasher = new Hasher('test');
/** Row key of `Type/id`, decimal. */
export const keyOf = (name: string): string => String(hasher.target(name));

export function partsOf(db: Db, slot: number, lines: string[]): AuditParts {
  const clock = new VersionClock();
  clock.lease(slot, Number.POSITIVE_INFINITY);
  return {
    db,
    next: () => clock.next(),
    key: (name) => hasher.target(name),
    typeNumber: (type) => {
      if (!TYPES.includes(type)) throw new Error(`no type ${type}`);
      return TYPES.indexOf(type) + 1;
    },
    typeName: (num) => TYPES[num - 1] ?? '',
    log: createLog('info', (line) => lines.push(line)),
  };
}

export async function openJournal(
  url: string,
  slot = 0,
  options: AuditOptions = {},
): Promise<Journal> {
  const db = await openDatabase(databaseOptions(url));
  const lines: string[] = [];
  const parts = partsOf(db, slot, lines);
  return { db, lines, parts, audit: await createAudit(parts, { chainEvery: 0, ...options }) };
}

/** Journals of several processes on one fresh database; they chain only when asked to. */
export async function openJournals(count = 1, options: AuditOptions = {}): Promise<Journals> {
  // Not at the top: also a process outside vitest uses this file.
  const { freshDatabase } = await import('./postgres.ts');
  const fresh = await freshDatabase();
  const all: Journal[] = [];
  for (let slot = 0; slot < count; slot++) all.push(await openJournal(fresh.url, slot, options));
  const [first, ...others] = all;
  if (!first) throw new Error('at least one journal');
  return {
    journals: [first, ...others],
    url: fresh.url,
    tamper: (text) => asSuperuser(fresh.url, text),
    close: async () => {
      await Promise.all(all.map((one) => one.audit.close()));
      await Promise.all(all.map((one) => one.db.close()));
      await fresh.drop();
    },
  };
}

/** What somebody with all rights over the cluster may do: also past the triggers. */
export async function asSuperuser(url: string, text: string): Promise<unknown[]> {
  const client = await connect({ connectionString: url });
  try {
    return (await send(client, { text })).rows;
  } finally {
    await client.end();
  }
}

export const nurse: Agent = {
  kind: 'user',
  user: { id: 'nurse', name: 'Nurse Joy', fhirUser: 'Practitioner/joy' },
  client: { id: 'app', name: 'An app' },
  address: '10.0.0.1',
};

/** A read of a patient's record. */
export const readOf = (patient: string, more: Partial<Entry> = {}): Entry => ({
  ...{ kind: 'read', outcome: 0, agent: nurse },
  about: { type: 'Patient', id: patient, version: 1 },
  patients: [keyOf(`Patient/${patient}`)],
  ...more,
});
