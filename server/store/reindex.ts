import { setTimeout as sleep } from 'node:timers/promises';
import { DbError, loadSql } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import type { Context } from './context.ts';
import type { Dictionary } from './dictionary.ts';
import { readParams } from './params.ts';
import { type Job, LEASE_SECONDS, reindexBatch } from './reindex-batch.ts';
import { askReindex, type ReindexState, reindexStates } from './reindex-state.ts';

const takeSql = loadSql(import.meta.url, 'reindex-take.sql');
const releaseSql = loadSql(import.meta.url, 'reindex-release.sql');
const faultSql = loadSql(import.meta.url, 'reindex-fault.sql');

/** How often a process looks for work that others have left or ordered. */
const LOOK_MS = 1000;
/** After a failure (the database is away, a row was locked for seconds). */
const AGAIN_MS = 2000;

/**
 * Indexes resources anew in the background, a type at a time, for all processes of the database: who
 * holds the lease of a type works on it, and another one goes on where it stopped. Rests as long as
 * it works, so that at most half of a processor is lost to those who wait for answers.
 */
export class Reindexer {
  readonly #context: Context;
  readonly #owner: string;
  readonly #dictionary: Dictionary;
  #stopping: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(context: Context, dictionary: Dictionary, owner: string) {
    this.#context = context;
    this.#owner = owner;
    this.#dictionary = dictionary;
  }

  /** Works from now on, in the background. */
  start(): void {
    if (this.#stopping) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#running = this.#work(stopping.signal);
  }

  /** Ends behind the batch under way; what is left is for another process, or the next start. */
  async stop(): Promise<void> {
    if (!this.#stopping) return;
    this.#stopping.abort();
    await this.#running;
    this.#stopping = undefined;
    await this.#context.db.execute(releaseSql, [this.#owner]).catch(() => undefined);
  }

  /** Orders types to be indexed anew; all types where none is named. */
  async ask(types: readonly string[] = this.#context.definitions.resourceTypes): Promise<void> {
    await askReindex(this.#context, this.#context.db.tuples, { types });
  }

  /**
   * The same for the types of one SearchParameter.
   * @throws FhirError unprocessable where the resource is no parameter in use
   */
  async askParam(id: string): Promise<void> {
    const { db, typeName } = this.#context;
    const rows = await readParams(db.tuples, typeName);
    const types = rows.filter((row) => row.id === id).map(({ type }) => type);
    if (types.length > 0) return this.ask(types);
    throw new FhirError(
      'unprocessable',
      `SearchParameter/${id} indexes nothing of its own: it is not in use (status), or says what R4 ` +
        'says. POST [base]/$reindex?type=.. indexes whole types.',
    );
  }

  status(): Promise<ReindexState[]> {
    return reindexStates(this.#context);
  }

  /** Takes the next job that is free and may begin; for tests too. */
  async take(): Promise<Job | undefined> {
    const [row] = await this.#context.db.tuples(takeSql, [this.#owner, LEASE_SECONDS]);
    if (!row) return undefined;
    const [type, , round, position, total] = row;
    return {
      type: this.#context.typeName(Number(type)),
      typeNumber: Number(type),
      round: Number(round),
      owner: this.#owner,
      position: position as string,
      counted: total !== null,
    };
  }

  /** One batch of a job; false at its end. */
  async batch(job: Job): Promise<boolean> {
    const more = await reindexBatch(this.#context, this.#dictionary, job);
    // Own searches need not wait for the next look to know.
    if (!more) await this.#context.params.refresh();
    return more;
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const rest = await this.#once(signal).catch((error) => this.#failed(error));
      await sleep(rest, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** One job as far as it gets; the time until the next look. */
  async #once(signal: AbortSignal): Promise<number> {
    const job = await this.take();
    if (!job) return LOOK_MS;
    for (let more = true; more && !signal.aborted; ) {
      const began = performance.now();
      more = await this.batch(job);
      const took = performance.now() - began;
      await sleep(took, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return 0;
  }

  /** The name alone: messages of the database quote values. */
  async #failed(error: unknown): Promise<number> {
    const text = error instanceof DbError ? `${error.kind} ${error.code ?? ''}` : String(error);
    const told = `A batch failed and is tried again: ${text.slice(0, 200)}`;
    await this.#context.db.execute(faultSql, [this.#owner, told]).catch(() => undefined);
    return AGAIN_MS;
  }
}
