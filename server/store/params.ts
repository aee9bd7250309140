import { type Db, loadSql } from '../db/db.ts';
import type { Definitions, SearchParamDef } from '../fhir/definitions.ts';
import { type ExtensibleDefinitions, extensible } from '../fhir/definitions-custom.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Run } from './context.ts';

const versionSql = loadSql(import.meta.url, 'param-version.sql');
const confirmSql = loadSql(import.meta.url, 'param-confirm.sql');
const othersSql = loadSql(import.meta.url, 'param-others.sql');
const rowsSql = loadSql(import.meta.url, 'param-rows.sql');

/** How often a process looks whether another one has changed the parameters. */
const LOOK_MS = 500;
/** How long an answer may wait until the other processes have looked; one may have been killed. */
const SPREAD_MS = 5000;
const SPREAD_LOOK_MS = 50;

/** A custom parameter on one resource type, as the table holds it. */
export interface ParamRow {
  type: string;
  /** Of the SearchParameter resource that it comes from. */
  id: string;
  /** Since when it has meant what it means. */
  version: number;
  def: SearchParamDef;
  /** Whether all resources that were there before are indexed. */
  complete: boolean;
}

/** The definitions by resource type. */
export function byType(rows: readonly ParamRow[]): Map<string, SearchParamDef[]> {
  const groups = Map.groupBy(rows, ({ type }) => type);
  return new Map([...groups].map(([type, list]) => [type, list.map(({ def }) => def)]));
}

/** All custom parameters of the database. */
export async function readParams(run: Run, typeName: (num: number) => string): Promise<ParamRow[]> {
  const rows = await run(rowsSql, []);
  return rows.map(([type, , id, version, def, complete]) => ({
    type: typeName(Number(type)),
    id: id as string,
    version: Number(version),
    def: JSON.parse(def as string) as SearchParamDef,
    complete: complete as boolean,
  }));
}

/** Work that began under the same parameters. */
interface Generation {
  running: number;
  idle?: () => void;
}

interface ParamsOptions {
  db: Db;
  standard: Definitions;
  /** Names this process in process_slot. */
  owner: string;
  typeName(num: number): string;
  /** The extractor must compile the type anew. */
  onChange(type: string): void;
}

/**
 * The custom search parameters as this process knows them. A process looks twice a second whether
 * the version in the database has grown, takes the parameters over, waits for the commits that began
 * before, and then confirms the version in its slot: it never writes by an older one again. Indexing
 * anew begins when all processes have confirmed, so that nothing falls between the two; and who
 * changes a parameter is answered when all have, so that the next write anywhere heeds it.
 */
export class Params {
  readonly standard: Definitions;
  readonly definitions: ExtensibleDefinitions;
  readonly #options: ParamsOptions;
  #version = -1;
  #incomplete: ReadonlySet<string> = new Set();
  #generation: Generation = { running: 0 };
  #looking: Promise<void> = Promise.resolve();
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ParamsOptions) {
    this.#options = options;
    this.standard = options.standard;
    this.definitions = extensible(options.standard);
  }

  /** Takes over what is there, and goes on looking until `stop`. */
  async start(): Promise<void> {
    await this.refresh();
    // What fails now is tried again with the next look; nothing is confirmed meanwhile.
    this.#timer = setInterval(() => {
      if (this.#busy === 0) this.refresh().catch(() => undefined);
    }, LOOK_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Keys (`paramKey`) of the parameters that older resources are not all found by yet. */
  get incomplete(): ReadonlySet<string> {
    return this.#incomplete;
  }

  /** Marks a piece of work that indexes; what it returns is to be called at its end. */
  enter(): () => void {
    const generation = this.#generation;
    generation.running += 1;
    return () => {
      generation.running -= 1;
      if (generation.running === 0) generation.idle?.();
    };
  }

  /** Looks once; several at a time take turns. */
  refresh(): Promise<void> {
    this.#busy += 1;
    const look = this.#looking
      .then(() => this.#look())
      .finally(() => {
        this.#busy -= 1;
      });
    this.#looking = look.catch(() => undefined);
    return look;
  }

  /** After a change: takes it over here, and waits (not for ever) until all others have. */
  async spread(version: number): Promise<void> {
    const until = Date.now() + SPREAD_MS;
    try {
      await this.refresh();
      while (Date.now() < until) {
        const [row] = await this.#options.db.tuples(othersSql, [version]);
        if (Number(row?.[0]) === 0) return;
        await new Promise((resolve) => setTimeout(resolve, SPREAD_LOOK_MS));
      }
    } catch {
      // The change is stored, and this process has not confirmed it: the next look makes up for it.
    }
  }

  async #look(): Promise<void> {
    const { db, owner } = this.#options;
    const [row] = await db.fast(versionSql, [owner]);
    const version = Number(row?.[0]);
    if (version !== this.#version || this.#incomplete.size > 0) await this.#takeOver(version);
    // Null where the slot is lost: then this process does not write.
    const confirmed = row?.[1] ?? null;
    if (confirmed === null || Number(confirmed) === this.#version) return;
    await db.tuples(confirmSql, [owner, this.#version]);
  }

  /** Version before rows: what is read may be newer than the version confirmed, never older. */
  async #takeOver(version: number): Promise<void> {
    const { db, typeName, onChange } = this.#options;
    const rows = await readParams(db.tuples, typeName);
    for (const type of this.definitions.setCustom(byType(rows))) onChange(type);
    this.#incomplete = new Set(
      rows.filter(({ complete }) => !complete).map(({ type, def }) => paramKey(type, def.code)),
    );
    if (version === this.#version) return;
    const before = this.#generation;
    this.#generation = { running: 0 };
    if (before.running > 0) {
      await new Promise<void>((resolve) => {
        before.idle = resolve;
      });
    }
    this.#version = version;
  }
}
