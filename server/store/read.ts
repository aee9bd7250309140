import { DbError, loadSql, sqlList } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { Batcher } from './batcher.ts';
import type { Context, Run } from './context.ts';
import { notFound } from './not-found.ts';
import { type Standing, versionOf } from './rows.ts';
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
  readonly #versions: Batcher<VersionKey, readonly unknown[] | undefined>;
  readonly #standings: Batcher<string, readonly unknown[] | undefined>;

  constructor(context: Context) {
    this.#context = context;
    const { fast } = context.db;
    const batch = <Item>(ask: (items: Item[]) => Promise<(readonly unknown[] | undefined)[]>) =>
      new Batcher({ lanes: 2, most: 64, splits: wasUndone, run: ask });
    this.#current = batch(async (keys: string[]) => {
      const byKey = keyed(await fast(readSql, [sqlList(keys)]));
      return keys.map((key) => byKey.get(key));
    });
    this.#standings = batch(async (keys: string[]) => {
      const byKey = keyed(await fast(lookupSql, [sqlList(keys), true]));
      return keys.map((key) => byKey.get(key));
    });
    this.#versions = batch(async (keys: VersionKey[]) => {
      const numbers = sqlList(keys.map(({ version }) => version));
      const rows = await fast(vreadSql, [sqlList(keys.map(({ rk }) => rk)), numbers]);
      const found = new Map(rows.map((row) => [`${row[0]} ${row[2]}`, row]));
      return keys.map(({ rk, version }) => found.get(`${rk} ${version}`));
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
    const possible = version > 0 && version <= MAX_VERSION;
    const row = possible ? await this.#versions.add({ rk: key, version }) : undefined;
    if (row?.[1] !== id) {
      throw new FhirError(
        'not-found',
        `${type}/${id} has no version ${versionId.slice(0, 64)}. Versions are listed at ` +
          `${type}/${id}/_history.`,
      );
    }
    const found = versionOf(type, row.slice(1));
    if (found.method === 'DELETE') throw gone(type, id);
    return found;
  }

  /** Where a resource stands, for a writer; undefined if it never existed. */
  async standing(type: string, id: string): Promise<Standing | undefined> {
    const row = await this.#standings.add(String(this.#context.hasher.row(type, id)));
    const found = row && standingOf(type, row);
    return found?.id === id ? found : undefined;
  }

  /** The same for many at once, in one statement; with their texts where those are needed. */
  async standings(
    run: Run,
    targets: readonly Target[],
    withTexts: boolean,
  ): Promise<(Standing | undefined)[]> {
    const keys = targets.map(({ type, id }) => String(this.#context.hasher.row(type, id)));
    const byKey = keyed(keys.length ? await run(lookupSql, [sqlList(keys), withTexts]) : []);
    return targets.map(({ type, id }, i) => {
      const row = byKey.get(keys[i] as string);
      const found = row && standingOf(type, row);
      return found?.id === id ? found : undefined;
    });
  }
}

interface VersionKey {
  rk: string;
  version: number;
}

const keyed = (rows: readonly (readonly unknown[])[]): Map<string, readonly unknown[]> =>
  new Map(rows.map((row) => [row[0] as string, row]));

function standingOf(type: string, row: readonly unknown[]): Standing | undefined {
  const [, id, , vid, , , , seq, endedId, endedVersion, endedVid] = row;
  if (id !== null) {
    const current = versionOf(type, row.slice(1));
    const { version } = current;
    return { id: current.id, version, vid: BigInt(vid as string), seq: seq as string, current };
  }
  if (endedId === null) return undefined;
  return {
    id: endedId as string,
    version: Number(endedVersion),
    vid: BigInt(endedVid as string),
  };
}
