import { loadSql } from '../db/db.ts';
import { Batcher } from './batcher.ts';
import type { Context, Run } from './context.ts';
import { wasUndone } from './read.ts';
import { type Row, sqlList, sqlTexts, type Unit, writeValues } from './rows.ts';

const insertSql = loadSql(import.meta.url, 'insert.sql');
const insertCheckSql = loadSql(import.meta.url, 'insert-check.sql');
const updateSql = loadSql(import.meta.url, 'update.sql');
const lockSql = loadSql(import.meta.url, 'lock.sql');
const deleteSql = loadSql(import.meta.url, 'delete.sql');
const unitAddSql = loadSql(import.meta.url, 'unit-add.sql');

/** A statement ends behind this much: its values stand in memory several times on their way. */
const ROWS_PER_STATEMENT = 1000;
const CHARACTERS_PER_STATEMENT = 500_000;
const MAX_KNOWN_UNITS = 10_000;
/** Rows under new ids wait for nobody, so one statement at a time does; updates may meet a lock. */
const INSERT_LANES = 1;
const UPDATE_LANES = 2;

export interface Removal {
  rk: string;
  vid: string;
  base: number;
}

/** Everything one commit writes. */
export interface Writes {
  inserts: Row[];
  updates: Row[];
  removals: Removal[];
}

/** Another writer was first: the caller looks again and decides anew. */
export class Overtaken extends Error {
  constructor() {
    super('another writer changed the same resource');
    this.name = 'Overtaken';
  }
}

async function insertRows(run: Run, rows: readonly Row[]): Promise<Set<string>> {
  const written = await run(insertSql, writeValues(rows));
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

async function updateRows(run: Run, rows: readonly Row[]): Promise<Set<string>> {
  const bases = sqlList(rows.map((row) => row.base));
  const written = await run(updateSql, [...writeValues(rows), bases]);
  return new Set(written.map(([rk]) => rk as string));
}

async function removeRows(run: Run, removals: readonly Removal[]): Promise<Set<string>> {
  const written = await run(deleteSql, [
    sqlList(removals.map((row) => row.rk)),
    sqlList(removals.map((row) => row.vid)),
    sqlList(removals.map((row) => row.base)),
  ]);
  return new Set(written.map(([rk]) => rk as string));
}

/**
 * Writes rows. Single rows of concurrent requests share statements and so the flush of the log
 * (group commit); more than one row is one database transaction of its own.
 */
export class Writer {
  readonly #context: Context;
  readonly #knownUnits = new Set<string>();
  readonly #inserts: Batcher<Row, boolean>;
  readonly #named: Batcher<Row, boolean>;
  readonly #updates: Batcher<Row, boolean>;

  constructor(context: Context) {
    this.#context = context;
    const run: Run = (statement, values) => context.db.tuples(statement, values);
    const batcher = (lanes: number, write: (run: Run, rows: Row[]) => Promise<Set<string>>) =>
      new Batcher<Row, boolean>({
        lanes,
        most: 64,
        splits: (error) => error instanceof Overtaken || wasUndone(error),
        run: async (rows) => {
          const written = await write(run, rows);
          return rows.map((row) => written.has(row.rk));
        },
      });
    this.#inserts = batcher(INSERT_LANES, insertRows);
    this.#named = batcher(UPDATE_LANES, (_run, rows) =>
      context.db.transaction((inside) => insertNamed(inside.tuples, rows)),
    );
    this.#updates = batcher(UPDATE_LANES, updateRows);
  }

  /** Throws Overtaken if a version check failed; then nothing was written. */
  async write(writes: Writes, tx?: Run): Promise<void> {
    const { inserts, updates, removals } = writes;
    const direct: Run = (statement, values) => this.#context.db.tuples(statement, values);
    await this.#addUnits([...inserts, ...updates], tx);
    const count = inserts.length + updates.length + removals.length;
    if (tx) return writeAll(tx, writes);
    const [insert] = inserts;
    const isHeavy = (insert ?? updates[0])?.heavy;
    if (count === 1 && removals.length === 0 && !isHeavy) {
      const inserting = insert && isNamed(insert) ? this.#named : this.#inserts;
      const done = insert ? inserting.add(insert) : this.#updates.add(updates[0] as Row);
      if (!(await done)) throw new Overtaken();
      return;
    }
    const plain = inserts.length === count && !inserts.some(isNamed);
    if (plain && parts(inserts).length === 1) return writeAll(direct, writes);
    if (count > 0) await this.#context.db.transaction((inside) => writeAll(inside.tuples, writes));
  }

  /**
   * Units are shared words, not part of a resource: written before the first use. Inside a
   * transaction they may yet be rolled back, so they are not remembered as known then.
   */
  async #addUnits(rows: readonly Row[], tx?: Run): Promise<void> {
    const fresh = new Map<string, Unit>();
    for (const row of rows) {
      for (const unit of row.units) if (!this.#knownUnits.has(unit.h)) fresh.set(unit.h, unit);
    }
    if (fresh.size === 0) return;
    const units = [...fresh.values()];
    const run: Run = tx ?? ((statement, values) => this.#context.db.tuples(statement, values));
    await run(unitAddSql, [
      sqlList(units.map((unit) => unit.h)),
      sqlTexts(units.map((unit) => unit.system)),
      sqlTexts(units.map((unit) => unit.code)),
      sqlTexts(units.map((unit) => unit.unit)),
    ]);
    if (tx) return;
    // A server meets some hundred units; a flood of invented ones must not fill the memory.
    if (this.#knownUnits.size > MAX_KNOWN_UNITS) this.#knownUnits.clear();
    for (const unit of units) this.#knownUnits.add(unit.h);
  }
}

async function writeAll(run: Run, { inserts, updates, removals }: Writes): Promise<void> {
  if (removals.length + updates.length > 1) {
    const keys = [...removals, ...updates].map(({ rk }) => rk);
    await run(lockSql, [sqlList(keys)]);
  }
  for (const part of parts(removals)) expectAll(part, await removeRows(run, part));
  for (const part of parts(updates)) expectAll(part, await updateRows(run, part));
  for (const part of parts(inserts)) expectAll(part, await insertNamed(run, part));
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
