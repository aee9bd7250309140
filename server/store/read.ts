import { DbError, loadSql } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { Batcher } from './batcher.ts';
import type { Context, Run } from './context.ts';
import { type Standing, sqlList, versionOf } from './rows.ts';
import type { Actor, Version } from './store.ts';

const readSql = loadSql(import.meta.url, 'read.sql');
const endedSql = loadSql(import.meta.url, 'ended.sql');
const vreadSql = loadSql(import.meta.url, 'vread.sql');
const lookupSql = loadSql(import.meta.url, 'lookup.sql');

/** 2^31 - 1: version numbers are SQL ints. */
const MAX_VERSION = 2_147_483_647;

/** Whether a failed statement may be tried again item by item: only if it surely did nothing. */
export const wasUndone = (error: unknown): boolean =>
  error instanceof DbError && error.kind !== 'unavailable' && !error.maybeCommitted;

interface Target {
  type: string;
  id: string;
}

function notFound(type: string, id: string): FhirError {
  return new FhirError('not-found', `${type}/${id} is not known here. Check the type and the id.`);
}

function gone(type: string, id: string): FhirError {
  return new FhirError(
    'gone',
    `${type}/${id} has been deleted; its history is at ${type}/${id}/_history.`,
  );
}

/** Reads by key. Reads that arrive together share one statement on a pipelined connection. */
export class Reader {
  readonly #context: Context;
  readonly #current: Batcher<string, readonly unknown[] | undefined>;
  readonly #standings: Batcher<string, Standing | undefined>;

  constructor(context: Context) {
    this.#context = context;
    this.#current = new Batcher({
      lanes: 2,
      most: 64,
      splits: wasUndone,
      run: async (keys) => {
        const rows = await context.db.fast(readSql, [sqlList(keys)]);
        const byKey = new Map(rows.map((row) => [row[0] as string, row]));
        return keys.map((key) => byKey.get(key));
      },
    });
    this.#standings = new Batcher({
      lanes: 2,
      most: 64,
      splits: wasUndone,
      run: async (keys) => {
        const rows = await context.db.fast(lookupSql, [sqlList(keys)]);
        const byKey = new Map(rows.map((row) => [row[0] as string, standingOf(row)]));
        return keys.map((key) => byKey.get(key));
      },
    });
  }

  async read(_actor: Actor, type: string, id: string): Promise<Version> {
    const key = String(this.#context.hasher.row(type, id));
    const row = await this.#current.add(key);
    if (row && row[1] === id) return versionOf(type, row.slice(1));
    const [ended] = await this.#context.db.tuples(endedSql, [key]);
    throw ended?.[0] === id ? gone(type, id) : notFound(type, id);
  }

  async vread(_actor: Actor, type: string, id: string, versionId: string): Promise<Version> {
    const key = String(this.#context.hasher.row(type, id));
    const version = /^[1-9][0-9]{0,9}$/.test(versionId) ? Number(versionId) : 0;
    const rows =
      version > 0 && version <= MAX_VERSION
        ? await this.#context.db.fast(vreadSql, [key, version])
        : [];
    const row = rows.find(([rowId]) => rowId === id);
    if (!row) {
      throw new FhirError(
        'not-found',
        `${type}/${id} has no version ${versionId.slice(0, 64)}. Versions are listed at ` +
          `${type}/${id}/_history.`,
      );
    }
    const found = versionOf(type, row);
    if (found.method === 'DELETE') throw gone(type, id);
    return found;
  }

  /** Where a resource stands, for a writer; undefined if it never existed. */
  async standing(type: string, id: string): Promise<Standing | undefined> {
    const found = await this.#standings.add(String(this.#context.hasher.row(type, id)));
    return found?.id === id ? found : undefined;
  }

  /** The same for many at once, in one statement. */
  async standings(run: Run, targets: readonly Target[]): Promise<(Standing | undefined)[]> {
    const keys = targets.map(({ type, id }) => String(this.#context.hasher.row(type, id)));
    const rows = keys.length ? await run(lookupSql, [sqlList(keys)]) : [];
    const byKey = new Map(rows.map((row) => [row[0] as string, standingOf(row)]));
    return targets.map(({ id }, i) => {
      const found = byKey.get(keys[i] as string);
      return found?.id === id ? found : undefined;
    });
  }

  /** Current versions of many resources, in one statement; undefined where there is none. */
  async many(run: Run, targets: readonly Target[]): Promise<(Version | undefined)[]> {
    const keys = targets.map(({ type, id }) => String(this.#context.hasher.row(type, id)));
    const rows = keys.length ? await run(readSql, [sqlList(keys)]) : [];
    const byKey = new Map(rows.map((row) => [row[0] as string, row]));
    return targets.map(({ type, id }, i) => {
      const row = byKey.get(keys[i] as string);
      return row?.[1] === id ? versionOf(type, row.slice(1)) : undefined;
    });
  }
}

function standingOf(row: readonly unknown[]): Standing | undefined {
  const [, id, version, vid, seq, hash, endedId, endedVersion, endedVid] = row;
  if (id !== null) {
    return {
      id: id as string,
      version: Number(version),
      vid: BigInt(vid as string),
      seq: seq as string,
      hash: hash as string,
    };
  }
  if (endedId === null) return undefined;
  return {
    id: endedId as string,
    version: Number(endedVersion),
    vid: BigInt(endedVid as string),
  };
}
