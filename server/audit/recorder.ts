import { DbError, loadSql } from '../db/db.ts';
import type { Agents } from './agents.ts';
import { Flood } from './flood.ts';
import { packRows } from './pack.ts';
import { type Event, insertValues, type RowValues, rowOf } from './rows.ts';
import type { AuditParts, Entry, Run } from './types.ts';

/** What was recorded longer ago than this is durable, while the database can be written. */
export const LOSS_MS = 1000;
/** Events that come within this time are written together. */
const GATHER_MS = 250;
/** Rows of one statement; so many are written at once. */
const ROWS = 1000;
/** Events kept while the database is away. */
const MOST = 100_000;
const RETRY_MS = 300;
/** A statement that takes this long is as bad as one that fails. */
const SLOW_MS = 5000;

const insertSql = loadSql(import.meta.url, 'insert.sql');
/** After an attempt of which nobody knows whether it was carried out. */
const insertAgainSql = {
  name: `${insertSql.name}.again`,
  text: `${insertSql.text}\non conflict (at, seq) do nothing`,
};

/** What the recorder holds and has done, for metrics. */
export interface RecorderState {
  written: number;
  waiting: number;
  lost: number;
  /** Milliseconds since the oldest event that waits was recorded. */
  oldest: number;
}

interface Waiting extends Event {
  since: number;
}

/** Notes events in memory and writes them together, in order, one statement at a time. */
export class Recorder {
  readonly #parts: AuditParts;
  readonly #agents: Agents;
  readonly #forget: () => void;
  readonly #flood = new Flood({ note: (entry) => this.#add(entry) });
  #waiting: Waiting[] = [];
  /** How many of them the last attempt had, if it failed: the next one must be of the same rows. */
  #again = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failing = false;
  #written = 0;
  #lost = 0;
  /** Lost since the journal last said so. */
  #untold = 0;

  constructor(parts: AuditParts, agents: Agents) {
    this.#parts = parts;
    this.#agents = agents;
    this.#forget = parts.db.onChange((ready) => {
      if (ready && this.#waiting.length > 0) this.#soon(0);
    });
  }

  /** Never throws, never waits. */
  add(entry: Entry): void {
    if (this.#flood.admits(entry)) this.#add(entry);
  }

  #add(entry: Entry): void {
    if (this.#waiting.length >= MOST) return this.#lose(1);
    const seq = this.#seq();
    this.#waiting.push({ entry, seq, alone: seq === undefined, since: performance.now() });
    this.#soon(this.#waiting.length === ROWS && !this.#failing ? 0 : GATHER_MS);
  }

  /** Writes entries now, with `run` or in a transaction of their own. */
  async write(all: readonly Entry[], run?: Run): Promise<void> {
    const entries = all.filter((entry) => this.#flood.admits(entry));
    if (entries.length === 0) return;
    await this.#agents.write(entries.map(({ agent }) => agent));
    const rows = entries.map((entry) => this.#row({ entry, seq: undefined }));
    await (run ?? this.#parts.db.tuples)(insertSql, insertValues(rows));
    this.#written += entries.length;
  }

  /** Waits until what was added so far is written. Rejects where it cannot be now. */
  async flush(): Promise<void> {
    const last = this.#waiting.at(-1);
    while (last && this.#waiting.includes(last)) await this.#run();
    await this.#running;
  }

  overdue(): boolean {
    const oldest = this.#oldest();
    const isLate = oldest > SLOW_MS || (this.#failing && oldest > LOSS_MS);
    return isLate || this.#waiting.length >= MOST;
  }

  state(): RecorderState {
    const { length: waiting } = this.#waiting;
    return { written: this.#written, waiting, lost: this.#lost, oldest: this.#oldest() };
  }

  #oldest(): number {
    const [first] = this.#waiting;
    return first ? performance.now() - first.since : 0;
  }

  /** Writes what it can and ends. */
  async close(): Promise<void> {
    this.#forget();
    this.#flood.end();
    await this.flush().catch((error: unknown) => {
      this.#parts.log?.error(
        { part: 'audit', count: this.#waiting.length, error },
        'events were lost: the audit journal could not be written before the end',
      );
    });
    clearTimeout(this.#timer);
  }

  /** The clock refuses while its lease is lost: such an event gets its place when it is written. */
  #seq(): bigint | undefined {
    try {
      return this.#parts.next();
    } catch {
      return undefined;
    }
  }

  #row = (event: Event): RowValues => rowOf(event, this.#agents, this.#parts);

  #rows(events: readonly Event[]): RowValues[] {
    const { packs, singles } = packRows(events, this.#agents, this.#parts);
    return [...packs, ...singles.map(this.#row)];
  }

  #soon(delay: number): void {
    if (this.#running) return; // goes on by itself
    if (this.#timer && delay > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#run().catch(() => {}); // was told, and is tried again
    }, delay);
    this.#timer.unref();
  }

  /** One statement, or the one that is under way. */
  #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#writeSome().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length === 0) return;
      const full = this.#waiting.length >= ROWS;
      this.#soon(this.#failing ? RETRY_MS : full ? 0 : GATHER_MS);
    });
    return this.#running;
  }

  async #writeSome(): Promise<void> {
    const batch = this.#waiting.slice(0, this.#again || ROWS);
    if (batch.length === 0) return;
    this.#again = batch.length;
    try {
      await this.#agents.write(batch.map(({ entry }) => entry.agent));
      await this.#insert(batch);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#waiting.splice(0, batch.length);
    this.#again = 0;
    if (this.#failing)
      this.#parts.log?.info({ part: 'audit' }, 'the audit journal is written again');
    this.#failing = false;
    if (this.#untold > 0) this.#tell();
  }

  /** An event that the database refuses for what is in it must not hold up all others. */
  async #insert(events: readonly Event[]): Promise<void> {
    const statement = this.#failing ? insertAgainSql : insertSql;
    try {
      await this.#parts.db.steady(statement, insertValues(this.#rows(events)));
      this.#written += events.length;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (events.length === 1) return this.#lose(1, error);
      for (const event of events) event.alone = true;
      const half = events.length >> 1;
      await this.#insert(events.slice(0, half));
      await this.#insert(events.slice(half));
    }
  }

  #failed(error: unknown): void {
    if (!this.#failing) {
      this.#parts.log?.error(
        { part: 'audit', count: this.#waiting.length, error },
        'the audit journal cannot be written; events are kept and tried again',
      );
    }
    this.#failing = true;
  }

  #lose(count: number, error?: unknown): void {
    if (this.#untold === 0) {
      this.#parts.log?.error(
        { part: 'audit', count, error },
        'events of the audit journal were lost',
      );
    }
    this.#lost += count;
    this.#untold += count;
  }

  /** The journal says itself what is missing in it. */
  #tell(): void {
    const count = this.#untold;
    this.#untold = 0;
    this.#add({
      kind: 'request',
      outcome: 8,
      agent: { kind: 'system' },
      detail: { text: 'Events were lost here: they could not be written down.', count },
    });
  }
}

/** Not for the state of the server or the connection, but for what the event says. */
const isRefusal = (error: unknown): boolean =>
  error instanceof DbError
    ? /^(22|23502|54)/.test(error.code ?? '')
    : error instanceof TypeError || error instanceof RangeError;
