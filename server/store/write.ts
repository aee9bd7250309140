import { loadSql, passingLocked, sqlList } from '../db/db.ts';
import { type ForeignRow, insertForeign } from './audit-foreign.ts';
import { Batcher } from './batcher.ts';
import type { Context, Run } from './context.ts';
import type { Dictionary } from './dictionary.ts';
import { wasUndone } from './read.ts';
import { type Noted, notedValues, type Row, writeValues } from './rows.ts';

const insertSql = loadSql(import.meta.url, 'insert.sql');
const insertCheckSql = loadSql(import.meta.url, 'insert-check.sql');
const updateSql = loadSql(import.meta.url, 'update.sql');
const updateFreeSql = passingLocked(updateSql);
const lockSql = loadSql(import.meta.url, 'lock.sql');
const deleteSql = loadSql(import.meta.url, 'delete.sql');

/** A statement ends behind this much: its values stand in memory several times on their way. */
const ROWS_PER_STATEMENT = 1000;
const CHARACTERS_PER_STATEMENT = 500_000;
/** One statement at a time makes the largest groups, where its rows wait for nobody. */
const LANES = 1;
/** Rows under a client's id may have to wait for another writer of the same id. */
const NAMED_LANES = 2;

export interface Removal {
  rk: string;
  vid: string;
  base: number;
  noted?: Noted;
}

/** Everything one commit writes. */
export interface Writes {
  inserts: Row[];
  updates: Row[];
  removals: Removal[];
  /** AuditEvents that others made: rows of the journal. */
  foreign: ForeignRow[];
}

/** Another writer was first: the caller looks again and decides anew. */
export class Overtaken extends Error {
  constructor() {
    super('another writer changed the same resource');
    this.name = 'Overtaken';
  }
}

async function insertRows(run: Run, rows: readonly Row[]): Promise<Set<string>> {
  const written = await run(insertSql, [...writeValues(rows), ...notedValues(rows)]);
  return new Set(written.map(([rk]) => rk as string));
}

/** Rows under ids that clients chose; inside a transaction, because they are checked afterwards. */
async function insertNamed(run: Run, rows: readonly Row[]): Promise<Set<string>> {
  const written = await insertRows(run, rows);
  const named = rows.filter((row) => isNamed(row) && written.has(row.rk));
  if (named.length === 0) return written;
  const keys = sqlList(named.map((row) => row.rk));
  const late = await run(insertCheckSql, [keys, sqlList(named.map((row) => row.version))]);
  if (late.length > 0) throw new Overtaken();
  return written;
}

/** Under a client's id there may have been a resource before; a server's id is always new. */
const isNamed = ({ method }: Row): boolean => method !== 'POST';

async function updateRows(
  run: Run,
  rows: readonly Row[],
  statement = updateSql,
): Promise<Set<string>> {
  const bases = sqlList(rows.map((row) => row.base));
  const supposed = sqlList(rows.map((row) => (row.supposed ? 't' : 'f')));
  const written = await run(statement, [
    ...writeValues(rows),
    ...notedValues(rows),
    ...[bases, supposed],
  ]);
  return new Set(written.map(([rk]) => rk as string));
}

async function removeRows(run: Run, removals: readonly Removal[]): Promise<Set<string>> {
  const written = await run(deleteSql, [
    sqlList(removals.map((row) => row.rk)),
    sqlList(removals.map((row) => row.vid)),
    sqlList(removals.map((row) => row.base)),
    ...notedValues(removals),
  ]);
  return new Set(written.map(([rk]) => rk as string));
}

/**
 * Writes rows. Single rows of concurrent requests share statements and so the flush of the log
 * (group commit); more than one row is one database transaction of its own.
 */
export class Writer {
  readonly #context: Context;
  readonly #dictionary: Dictionary;
  readonly #inserts: Batcher<Row, boolean>;
  readonly #named: Batcher<Row, boolean>;
  readonly #updates: Batcher<Row, boolean>;

  constructor(context: Context, dictionary: Dictionary) {
    this.#context = context;
    this.#dictionary = dictionary;
    const { tuples } = context.db;
    const batcher = (lanes: number, write: (run: Run, rows: Row[]) => Promise<Set<string>>) =>
      new Batcher<Row, boolean>({
        lanes,
        most: 64,
        splits: (error) => error instanceof Overtaken || wasUndone(error),
        run: async (rows) => {
          const written = await write(tuples, rows);
          return rows.map((row) => written.has(row.rk));
        },
      });
    this.#inserts = batcher(LANES, insertRows);
    this.#named = batcher(NAMED_LANES, (_run, rows) =>
      context.db.transaction((inside) => insertNamed(inside.tuples, rows)),
    );
    // What another writer holds is passed over and waited for alone: nobody waits behind it.
    this.#updates = batcher(LANES, (run, rows) => updateRows(run, rows, updateFreeSql));
  }

  /** Throws Overtaken if a version check failed; then nothing was written. */
  async write(writes: Writes, tx?: Run): Promise<void> {
    const { inserts, updates, removals, foreign } = writes;
    const { db } = this.#context;
    const unknown = this.#dictionary.add(inserts, updates);
    if (unknown) await unknown;
    const count = inserts.length + updates.length + removals.length;
    if (tx) return writeAll(tx, writes);
    if (foreign.length > 0) {
      return count === 0 && parts(foreign).length === 1
        ? writeAll(db.tuples, writes)
        : db.transaction((inside) => writeAll(inside.tuples, writes));
    }
    const [insert] = inserts;
    const isHeavy = (insert ?? updates[0])?.heavy;
    if (count === 1 && removals.length === 0 && !isHeavy) {
      const done = insert ? this.#insertOne(insert) : this.#updateOne(updates[0] as Row);
      if (!(await done)) throw new Overtaken();
      return;
    }
    const plain = inserts.length === count && !inserts.some(isNamed);
    if (plain && parts(inserts).length === 1) return writeAll(db.tuples, writes);
    if (count > 0) await db.transaction((inside) => writeAll(inside.tuples, writes));
  }

  #insertOne(row: Row): Promise<boolean> {
    return (isNamed(row) ? this.#named : this.#inserts).add(row);
  }

  async #updateOne(row: Row): Promise<boolean> {
    if (await this.#updates.add(row)) return true;
    return (await updateRows(this.#context.db.tuples, [row])).has(row.rk);
  }
}

async function writeAll(run: Run, { inserts, updates, removals, foreign }: Writes): Promise<void> {
  if (removals.length + updates.length > 1) {
    const keys = [...removals, ...updates].map(({ rk }) => rk);
    await run(lockSql, [sqlList(keys)]);
  }
  for (const part of parts(removals)) expectAll(part, await removeRows(run, part));
  for (const part of parts(updates)) expectAll(part, await updateRows(run, part));
  for (const part of parts(inserts)) expectAll(part, await insertNamed(run, part));
  for (const part of parts(foreign)) await insertForeign(run, part);
}

function expectAll(rows: readonly { rk: string }[], written: Set<string>): void {
  if (rows.some((row) => !written.has(row.rk))) throw new Overtaken();
}

/** Rows in key order, so that two writers of the same rows wait in line and not in a ring. */
function parts<T extends { rk: string; content?: string }>(rows: readonly T[]): T[][] {
  const sorted = rows.toSorted((a, b) => (BigInt(a.rk) < BigInt(b.rk) ? -1 : 1));
  const cut: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const row of sorted) {
    const length = row.content?.length ?? 0;
    const full = (cut.at(-1)?.length ?? 0) === ROWS_PER_STATEMENT;
    if (full || size + length > CHARACTERS_PER_STATEMENT) {
      cut.push([]);
      size = 0;
    }
    cut.at(-1)?.push(row);
    size += length;
  }
  return cut;
}
