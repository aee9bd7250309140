import type { Audit } from '../audit/audit.ts';
import { DbError } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { treatsElements, veiledResults } from './access-element-write.ts';
import { isLimited, permitTypes, withoutUnreadable } from './access-write.ts';
import { refuseJoins, refuseJournalChanges } from './audit-refused.ts';
import type { Context, Run } from './context.ts';
import { type Criterion, lockCriteria } from './criteria.ts';
import { type Draft, draftAll, idsOf, resourceOf } from './draft.ts';
import { KeyedLocks } from './locks.ts';
import { refuseIncomplete } from './params-incomplete.ts';
import { type ParamChange, storeParams } from './params-write.ts';
import type { Reader } from './read.ts';
import { resolveDrafts } from './resolve.ts';
import type { Noted } from './rows.ts';
import { settle } from './settle.ts';
import type { Actor, Change, ChangeResult, CommitOptions, Transaction } from './store.ts';
import { note, notedOf, recordUnchanged } from './trail.ts';
import { Overtaken, type Writer } from './write.ts';

/** How often a commit that another writer overtook starts again before it answers 409. */
const ATTEMPTS = 12;

interface Attempt {
  actor: Actor;
  drafts: readonly Draft[];
  options: CommitOptions;
  first: boolean;
  noted: Noted | undefined;
  /** What it has made of the search parameters (`Params.spread`), if it changes any. */
  params?: number | undefined;
}

/**
 * The one way to write (ARCHITECTURE 1). Each attempt: hold the keys, resolve criteria and
 * references, look where the resources stand, decide, validate, write in one transaction. An attempt
 * that another writer overtook is forgotten as a whole and made again.
 */
export class Committer {
  readonly #context: Context;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #audit: Audit | undefined;
  readonly #locks = new KeyedLocks();

  constructor(
    context: Context,
    { reader, writer, audit }: { reader: Reader; writer: Writer; audit: Audit | undefined },
  ) {
    this.#context = context;
    this.#reader = reader;
    this.#writer = writer;
    this.#audit = audit;
  }

  async commit(
    actor: Actor,
    changes: readonly Change[],
    options: CommitOptions,
  ): Promise<ChangeResult[]> {
    refuseJournalChanges(this.#audit !== undefined, changes);
    const drafts = draftAll(this.#context, changes, options);
    permitTypes(actor, drafts);
    for (const { criterion } of drafts) {
      if (!criterion) continue;
      refuseJoins(this.#context.definitions, criterion.query);
      await refuseIncomplete(this.#context, actor, criterion.query);
    }
    const noted = await notedOf(this.#audit, actor);
    for (let attempt = 1; ; attempt++) {
      try {
        const tried: Attempt = { actor, drafts, options, first: attempt === 1, noted };
        const results = await this.#locks.hold(keysOf(drafts), () => this.#attempt(tried));
        if (this.#audit && actor.trail) {
          recordUnchanged(this.#audit, actor.trail, { changes, results });
        }
        if (tried.params !== undefined) await this.#context.params.spread(tried.params);
        const readable = await withoutUnreadable(this.#context, actor, { drafts, results });
        return await veiledResults(this.#context, actor, readable);
      } catch (error) {
        if (!wasOvertaken(error)) throw error;
        if (attempt === ATTEMPTS) throw stillOvertaken(error);
        // The first attempt may have believed an If-Match: nobody is in the way.
        if (attempt > 1) await pause(attempt);
      }
    }
  }

  /** Marked for the search parameters, by which it indexes. */
  async #attempt(attempt: Attempt): Promise<ChangeResult[]> {
    const leave = this.#context.params.enter();
    try {
      return await this.#run(attempt);
    } finally {
      // Also after an error: it may have been committed.
      this.#context.reach.wrote(attempt.drafts);
      leave();
    }
  }

  /** Alone where nothing must be decided under a lock; else inside a database transaction. */
  async #run(attempt: Attempt): Promise<ChangeResult[]> {
    const { drafts, options } = attempt;
    const guarded = drafts.flatMap((draft) => guardOf(draft));
    if (guarded.length === 0 && !options.within && !drafts.some(isParam)) {
      return this.#decide(attempt, this.#context.db.tuples);
    }
    return this.#context.db.transaction(async ({ tuples: run }) => {
      const unlock = await lockCriteria(this.#context, run, guarded);
      const results = await this.#decide(attempt, run, run);
      const inside: Transaction = { query: run };
      await options.within?.(inside);
      await unlock();
      return results;
    });
  }

  async #decide(attempt: Attempt, run: Run, tx?: Run): Promise<ChangeResult[]> {
    const { actor, drafts, options, first, noted } = attempt;
    const inside = tx !== undefined;
    const supposes =
      first &&
      !inside &&
      !isLimited(this.#context, actor, drafts) &&
      !treatsElements(actor, drafts);
    const parts = { context: this.#context, reader: this.#reader, run, inside, supposes, actor };
    await resolveDrafts(parts, drafts, options);
    const { writes, results } = await settle(parts, drafts, options);
    if (noted) note(writes, noted);
    await this.#writer.write(writes, tx);
    const params = drafts.some(isParam) ? paramChanges(drafts, results) : [];
    if (params.length > 0) attempt.params = await storeParams(this.#context, run, params);
    return results;
  }
}

const isParam = ({ change }: Draft): boolean => change.type === 'SearchParameter';

/** The SearchParameters that were really written or deleted. */
function paramChanges(drafts: readonly Draft[], results: readonly ChangeResult[]): ParamChange[] {
  return drafts.flatMap((draft, i) => {
    if (!isParam(draft) || !results[i]?.changed) return [];
    const resource = draft.patched ?? resourceOf(draft.change);
    return idsOf(draft).map((id) => ({ id, resource, path: draft.change.path }));
  });
}

/** A criterion under which something may be created is decided by one writer at a time. */
function guardOf({ change, criterion }: Draft): Criterion[] {
  return criterion && (change.method === 'create' || change.method === 'update') ? [criterion] : [];
}

/** What this process serialises: resources by id, and criteria. Creates with new ids need none. */
function keysOf(drafts: readonly Draft[]): string[] {
  return drafts.flatMap(({ change, criterion }) => {
    if (criterion) return [criterion.key];
    return 'id' in change && change.id !== undefined ? [`${change.type}/${change.id}`] : [];
  });
}

/**
 * Whether the database surely holds nothing of the attempt, and another one may succeed: a version
 * check failed, the same row was made by another writer, a deadlock or a lock that took too long.
 */
function wasOvertaken(error: unknown): boolean {
  if (error instanceof Overtaken) return true;
  if (!(error instanceof DbError)) return false;
  return error.kind === 'unique' || error.kind === 'conflict';
}

function stillOvertaken(cause: unknown): FhirError {
  const diagnostics =
    'Other writers keep changing the same resources; nothing was written. Try again later.';
  return new FhirError('conflict', [{ severity: 'error', code: 'conflict', diagnostics }], cause);
}

/** Random and growing, so that two writers do not meet again at once. */
function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 ** attempt, 100)));
}
