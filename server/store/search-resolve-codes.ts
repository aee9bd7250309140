import { loadSql, sqlList } from '../db/db.ts';
import type { CodeSource, Term } from '../fhir/query.ts';
import { paramKey, uriTerm } from '../fhir/terms.ts';
import type { JsonObject } from '../fhir/types.ts';
import {
  type Code,
  expandValueSet,
  type Library,
  needsOf,
  subsumed,
  TerminologyProblem,
} from '../fhir/valueset.ts';
import type { Context, Run } from './context.ts';
import { printVisible } from './search-sql.ts';

/** Reads the value sets and code systems that `:in`, `:above` and `:below` name. */

const canonicalSql = loadSql(import.meta.url, 'canonical.sql');
const readSql = loadSql(import.meta.url, 'read.sql');

/** Most resources that one value set may build on, and versions that are looked at. */
const MAX_BUILT_ON = 200;
const MAX_VERSIONS = 200;

type Kind = 'ValueSet' | 'CodeSystem';

/**
 * The codes that a source means. Only those value sets and code systems count that fit `within`, where
 * it is given (resolved).
 * @throws TerminologyProblem where what it names is not stored here, or not whole
 */
export async function codesOf(
  context: Context,
  run: Run,
  { of, within }: { of: CodeSource; within: Term | undefined },
): Promise<Code[]> {
  const shelf = new Shelf(context, run, within);
  if ('valueSet' in of) {
    await shelf.fill(of.valueSet);
    return expandValueSet(of.valueSet, shelf);
  }
  const { system, code, direction } = of;
  await shelf.fetch('CodeSystem', [system]);
  const codeSystem = shelf.codeSystem(system);
  if (codeSystem) {
    return subsumed(codeSystem, code, direction).map((one) => ({ system, code: one }));
  }
  throw new TerminologyProblem(
    'not-supported',
    `the code system "${system}" is not stored here, so that what is ${direction} "${code}" is not ` +
      'known; store the CodeSystem with its concepts, or list the codes',
  );
}

/** Everything that an expansion needs, read beforehand. */
class Shelf implements Library {
  readonly #context: Context;
  readonly #run: Run;
  readonly #within: Term | undefined;
  readonly #held = {
    ValueSet: new Map<string, JsonObject | undefined>(),
    CodeSystem: new Map<string, JsonObject | undefined>(),
  };

  constructor(context: Context, run: Run, within: Term | undefined) {
    this.#context = context;
    this.#run = run;
    this.#within = within;
  }

  valueSet(canonical: string): JsonObject | undefined {
    return this.#held.ValueSet.get(canonical);
  }

  codeSystem(canonical: string): JsonObject | undefined {
    return this.#held.CodeSystem.get(canonical);
  }

  builtIn(canonical: string): ReadonlyMap<string, ReadonlySet<string>> | undefined {
    const { url, version } = split(canonical);
    const own = version === undefined || version === R4;
    return own ? this.#context.definitions.valueSet(url) : undefined;
  }

  /** Reads a value set, what it builds on, what that builds on, and so on. */
  async fill(canonical: string): Promise<void> {
    let wanted = [canonical];
    while (wanted.length > 0) {
      await this.fetch('ValueSet', wanted);
      const needs = wanted.flatMap((one) => {
        const valueSet = this.valueSet(one);
        return valueSet ? [needsOf(valueSet)] : [];
      });
      const systems = needs.flatMap((need) => need.codeSystems);
      await this.fetch('CodeSystem', systems);
      const { ValueSet, CodeSystem } = this.#held;
      if (ValueSet.size + CodeSystem.size > MAX_BUILT_ON) {
        const reason = `the value set "${canonical}" builds on more than ${MAX_BUILT_ON} others`;
        throw new TerminologyProblem('too-costly', reason);
      }
      wanted = [...new Set(needs.flatMap((need) => need.valueSets))].filter(
        (one) => !ValueSet.has(one),
      );
    }
  }

  /** Reads what is not held yet, by canonical url; `ValueSet/id` by its address. */
  async fetch(kind: Kind, canonicals: readonly string[]): Promise<void> {
    const held = this.#held[kind];
    const wanted = [...new Set(canonicals)].filter((one) => !held.has(one));
    if (wanted.length === 0) return;
    const urls = wanted.flatMap((one) => this.#urlsOf(kind, one));
    const found = await this.#byUrl(kind, urls);
    for (const one of wanted) {
      const named = this.#urlsOf(kind, one).map((url) => pick(found, url));
      held.set(one, (await this.#byAddress(kind, one)) ?? named.find(Boolean));
    }
  }

  /** An address may also be what a resource calls its own url. */
  #urlsOf(kind: Kind, canonical: string): string[] {
    return canonical.startsWith(`${kind}/`)
      ? this.#context.bases.map((base) => `${base}/${canonical}`)
      : [canonical];
  }

  async #byUrl(kind: Kind, canonicals: readonly string[]): Promise<JsonObject[]> {
    const { hasher } = this.#context;
    const key = paramKey(kind, 'url');
    const words = canonicals.map((one) => String(hasher.word(uriTerm(key, split(one).url))));
    if (words.length === 0) return [];
    const values = [sqlList(words), words.length * MAX_VERSIONS];
    const rows = await this.#run({ text: canonicalSql.text }, values);
    return this.#visible(rows.map(([content]) => JSON.parse(content as string) as JsonObject));
  }

  /** Those that may be seen. */
  async #visible(found: JsonObject[]): Promise<JsonObject[]> {
    if (!this.#within || found.length === 0) return found;
    const { hasher } = this.#context;
    const keyOf = ({ resourceType, id }: JsonObject): string =>
      String(hasher.row(String(resourceType), String(id)));
    const statement = printVisible(this.#context, found.map(keyOf), this.#within);
    const seen = new Set((await this.#run(statement, statement.values)).map(([rk]) => rk));
    return found.filter((one) => seen.has(keyOf(one)));
  }

  async #byAddress(kind: Kind, canonical: string): Promise<JsonObject | undefined> {
    if (!canonical.startsWith(`${kind}/`)) return undefined;
    const id = canonical.slice(kind.length + 1);
    const [row] = await this.#run(readSql, [sqlList([String(this.#context.hasher.row(kind, id))])]);
    if (row?.[1] !== id) return undefined;
    const [found] = await this.#visible([JSON.parse(row[5] as string) as JsonObject]);
    return found;
  }
}

/** The version of what comes with the server. */
const R4 = '4.0.1';

function split(canonical: string): { url: string; version?: string } {
  const bar = canonical.indexOf('|');
  return bar < 0
    ? { url: canonical }
    : { url: canonical.slice(0, bar), version: canonical.slice(bar + 1) };
}

/** R4 2.26.0.12: the version asked for, else the latest; the newest of those that say the same. */
function pick(found: readonly JsonObject[], canonical: string): JsonObject | undefined {
  const { url, version } = split(canonical);
  const named = found.filter((one) => one.url === url);
  if (version !== undefined) return named.find((one) => one.version === version);
  return named.reduce<JsonObject | undefined>(
    (best, one) => (best && compareVersions(best.version, one.version) >= 0 ? best : one),
    undefined,
  );
}

const isDigits = (part: string): boolean => /^\d{1,15}$/.test(part);

/** `1.10` is later than `1.9`; one without a version comes before all that have one. */
function compareVersions(a: unknown, b: unknown): number {
  const [left, right] = [a, b].map((one) => (typeof one === 'string' ? one.split(/[.-]/) : []));
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const [x, y] = [left?.[i] ?? '', right?.[i] ?? ''];
    if (x === y) continue;
    if (isDigits(x) && isDigits(y) && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return 0;
}
