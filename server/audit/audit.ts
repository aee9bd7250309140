import { loadSql } from '../db/db.ts';
import { Agents } from './agents.ts';
import { Chainer } from './chain.ts';
import { Recorder } from './recorder.ts';
import { Reader } from './scan.ts';
import type { Audit, AuditParts } from './types.ts';
import { verifyChain } from './verify.ts';

export { LOSS_MS } from './recorder.ts';
export { idOf } from './rows.ts';
export type {
  Agent,
  Audit,
  AuditFilter,
  AuditParts,
  AuditRow,
  Detail,
  Entry,
  Kind,
  Outcome,
  Trail,
  Verification,
} from './types.ts';
export { KINDS } from './types.ts';

const rebaseSql = loadSql(import.meta.url, 'rebase.sql');

export interface AuditOptions {
  /** Milliseconds between rounds of chaining; 0: only by `chain`. */
  chainEvery?: number;
  /** Events of one block of the chain. */
  block?: number;
}

/** The journal of this process. Its tables are those of migration 0003_audit. */
export async function createAudit(parts: AuditParts, options: AuditOptions = {}): Promise<Audit> {
  const { db, log } = parts;
  const [[moved] = []] = await db.tuples<[boolean]>(rebaseSql);
  if (moved) log?.info({ part: 'audit' }, 'the audit journal goes on in another database server');
  const agents = new Agents(parts);
  const recorder = new Recorder(parts, agents);
  parts.metrics?.watchJournal(() => recorder.state());
  const reader = new Reader(parts, agents);
  const chainer = new Chainer({ db, log, every: options.chainEvery, block: options.block });
  return {
    record: (entry) => recorder.add(entry),
    write: (entries, run) => recorder.write(entries, run),
    agentKey: (agent) => agents.key(agent),
    flush: () => recorder.flush(),
    overdue: () => recorder.overdue(),
    scan: (filter) => reader.scan(filter),
    find: (id) => reader.find(id),
    agentsOf: (names) => agents.of(names),
    chain: () => chainer.chain(),
    verify: (days) => verifyChain(db, days),
    close: async () => {
      await recorder.close();
      await chainer.close();
    },
  };
}
