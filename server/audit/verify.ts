import { type Db, loadSql } from '../db/db.ts';
import type { Verification } from './types.ts';

const headSql = loadSql(import.meta.url, 'head.sql');
const pendingSql = loadSql(import.meta.url, 'pending.sql');
const verifySql = loadSql(import.meta.url, 'verify.sql');

/** Blocks that are looked at together. */
const BLOCKS = 50;
const TIMEOUT_MS = 300_000;

/** day, n, lo, hi; events and agents then and now; whether digests and hash fit; hash */
type Tuple = readonly [
  ...[string, number, string, string, number, number, number, number],
  ...[boolean, boolean, boolean, Buffer],
];

/** The block before, as far as the next one depends on it. */
interface Before {
  day: string;
  n: number;
  hi: string;
  hash: Buffer;
}

const NONE: Before = { day: '-infinity', n: 0, hi: '0', hash: Buffer.alloc(0) };

/** Recomputes the chain of the days, some blocks at a time. */
export async function verifyChain(
  db: Db,
  { from, to }: { from?: string; to?: string },
): Promise<Verification> {
  const found: Verification = { intact: true, blocks: 0, events: 0, pending: 0, faults: [] };
  let before = from === undefined ? NONE : ((await headOf(db, from)) ?? NONE);
  for (;;) {
    const tuples = await blocksBehind(db, before, to);
    for (const tuple of tuples) before = judge(found, tuple, before);
    if (tuples.length < BLOCKS) break;
  }
  const last = await headOf(db, undefined);
  if ((last?.hi ?? '0') === before.hi) found.pending = await countBehind(db, before.hi);
  if (found.blocks > 0) found.head = before.hash.toString('hex');
  found.intact = found.faults.length === 0;
  return found;
}

async function headOf(db: Db, day: string | undefined): Promise<Before | undefined> {
  const [row] = await db.tuples<[string, number, Buffer, string]>(headSql, [day]);
  return row && { day: row[0], n: row[1], hash: row[2], hi: row[3] };
}

async function countBehind(db: Db, hi: string): Promise<number> {
  const [[count] = [0]] = await db.tuples<[number]>(pendingSql, [hi]);
  return count;
}

function blocksBehind(db: Db, { day, n, hash }: Before, to: string | undefined): Promise<Tuple[]> {
  return db.transaction((tx) => tx.tuples<Tuple>(verifySql, [day, n, to, hash, BLOCKS]), {
    statementTimeout: TIMEOUT_MS,
  });
}

/** Notes what is wrong with a block, and returns it as the one before the next. */
function judge(found: Verification, tuple: Tuple, before: Before): Before {
  const [day, block, , hi, , , count, , , , , hash] = tuple;
  for (const text of [chainFault(tuple, before), ...rowFaults(tuple)]) {
    if (text !== undefined) found.faults.push({ day, block, text });
  }
  found.blocks += 1;
  found.events += count;
  return { day, n: block, hi, hash };
}

function chainFault(tuple: Tuple, before: Before): string | undefined {
  const [day, n, lo, , , , , , , , fits] = tuple;
  if (fits && lo === before.hi) return undefined;
  const expected = day === before.day ? before.n + 1 : 1;
  if (n > expected) {
    const range = n - 1 > expected ? `Blocks ${expected} to ${n - 1} are` : `Block ${expected} is`;
    return `${range} missing before this one.`;
  }
  if (lo !== before.hi) {
    return before === NONE
      ? 'Blocks of earlier days are missing: the journal does not begin here.'
      : `Blocks are missing between block ${before.n} of ${before.day} and this one.`;
  }
  return 'The block was changed, or the hash of the block before it: its hash does not fit.';
}

function rowFaults(tuple: Tuple): (string | undefined)[] {
  const [, , , , events, agents, eventsNow, agentsNow, eventsFit, agentsFit] = tuple;
  return [
    eventsFit ? undefined : rowFault('events', events, eventsNow),
    agentsFit ? undefined : rowFault('agents (who acted)', agents, agentsNow),
  ];
}

function rowFault(what: string, then: number, now: number): string {
  if (now < then) return `Missing: ${then - now} of ${then} ${what}.`;
  if (now > then) return `Added later: ${now - then} to ${then} ${what}.`;
  return `Changed or replaced: at least one of ${then} ${what}.`;
}
