import { type Db, DbError, loadSql } from '../db/db.ts';
import type { Log } from '../log.ts';

const lockSql = loadSql(import.meta.url, 'chain-lock.sql');
const chainSql = loadSql(import.meta.url, 'chain.sql');
const headSql = loadSql(import.meta.url, 'head.sql');
const tidySql = loadSql(import.meta.url, 'tidy.sql');

/** Events of one block, a little more where one transaction wrote many. */
const BLOCK = 20_000;
const EVERY_MS = 1000;
/** Each so many rounds the coarse index is brought up to date, too. */
const SUMMARIZE = 10;
const TIMEOUT_MS = 120_000;

/** The last block: what it is called, and its hash in hex. */
interface Head {
  day: string;
  n: number;
  hash: string;
}

interface Appended {
  head: Head;
  before: Head | undefined;
  more: boolean;
}

interface Options {
  db: Db;
  log: Log | undefined;
  /** Milliseconds between rounds; 0: only when asked to. */
  every?: number | undefined;
  /** Events of one block. */
  block?: number | undefined;
}

/**
 * Appends to the chain what has become final, about once a second; any process may, one does at a
 * time. Nobody waits for it: it looks only at rows that no transaction under way can precede.
 */
export class Chainer {
  readonly #options: Options;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #rounds = 0;
  #head: Head | undefined;
  #failing = false;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    this.#next();
  }

  /** Chains all that is final now. */
  async chain(): Promise<void> {
    await this.#round?.catch(() => {});
    while ((await this.#append())?.more) {}
  }

  /** Chains what there is, leaves the head in the log, and ends. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round?.catch(() => {});
    try {
      await this.chain();
      const [row] = await this.#options.db.tuples<[string, number, Buffer]>(headSql, [null]);
      if (row) this.#witness({ day: row[0], n: row[1], hash: row[2].toString('hex') });
    } catch (error) {
      this.#options.log?.warn(
        { part: 'audit', error },
        'the end of the audit journal is not chained',
      );
    }
  }

  #next(): void {
    const { every = EVERY_MS } = this.#options;
    if (every === 0 || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#runRound().finally(() => this.#next());
    }, every);
    this.#timer.unref();
  }

  async #runRound(): Promise<void> {
    const { db, log } = this.#options;
    if (!db.ready()) return;
    try {
      while (!this.#closed && (await this.#append())?.more) {}
      if (!this.#closed) await db.tuples(tidySql, [this.#rounds++ % SUMMARIZE === 0]);
      this.#failing = false;
    } catch (error) {
      const away = error instanceof DbError && error.kind === 'unavailable';
      if (!away && !this.#failing)
        log?.warn({ part: 'audit', error }, 'chaining the journal failed');
      this.#failing = !away;
    }
  }

  /** One block; undefined where there is nothing to chain, or another process is at it. */
  async #append(): Promise<Appended | undefined> {
    const { db, block = BLOCK } = this.#options;
    const appended = await db.transaction(
      async (tx) => {
        const [[mine] = []] = await tx.tuples<[boolean]>(lockSql);
        if (!mine) return undefined;
        const [row] = await tx.tuples<ChainTuple>(chainSql, [block]);
        return row && appendedOf(row);
      },
      { statementTimeout: TIMEOUT_MS },
    );
    if (appended) this.#look(appended);
    return appended;
  }

  /** What this process knows of the chain must still be true. */
  #look({ head, before }: Appended): void {
    const known = this.#head;
    if (known && (!before || isBehind(before, known))) {
      this.#options.log?.error(
        { part: 'audit', day: known.day, head: known.hash },
        'the audit journal was shortened or changed: this head is gone',
      );
    }
    if (before && before.day !== head.day) this.#witness(before);
    this.#head = head;
  }

  /** Outside the database: whoever can change all of it cannot change this. */
  #witness({ day, hash }: Head): void {
    this.#options.log?.info({ part: 'audit', day, head: hash }, 'head of the audit journal');
  }
}

/** That `one` ends before `other`, or is another block in its place. */
function isBehind(one: Head, other: Head): boolean {
  if (one.day !== other.day) return one.day < other.day;
  return one.n < other.n || (one.n === other.n && one.hash !== other.hash);
}

type ChainTuple = readonly [
  ...[string, number, number, string],
  ...[string | null, number | null, string | null, boolean],
];

function appendedOf([day, n, , hash, lastDay, lastN, lastHash, more]: ChainTuple): Appended {
  const before =
    lastDay === null || lastN === null || lastHash === null
      ? undefined
      : { day: lastDay, n: lastN, hash: lastHash };
  return { head: { day, n, hash }, before, more };
}
