import type { JsonObject } from './types.ts';
import {
  type Concept,
  conceptGraph,
  objects,
  TerminologyProblem,
  text,
} from './valueset-concepts.ts';
import { filterTest } from './valueset-filter.ts';

/**
 * The codes of a value set that is stored here: its expansion, or what `compose` says over stored code
 * systems (R4 4.9.8). What it builds on is fetched beforehand (`needsOf`), so this is a function.
 */

export { subsumed, TerminologyProblem } from './valueset-concepts.ts';

export interface Code {
  system: string;
  code: string;
}

/** Resources by canonical url, with or without `|version`. */
export interface Library {
  valueSet(canonical: string): JsonObject | undefined;
  codeSystem(canonical: string): JsonObject | undefined;
  /** Codes by system of a value set that comes with the server. */
  builtIn(canonical: string): ReadonlyMap<string, ReadonlySet<string>> | undefined;
}

/** More codes than this are no condition of a search. */
export const MAX_CODES = 10_000;

/** Sets of codes: a code once, whatever names it. */
type Codes = Map<string, Code>;

/**
 * The codes of a value set.
 * @throws TerminologyProblem naming the value set and what stands in the way
 */
export function expandValueSet(canonical: string, library: Library): Code[] {
  const codes = [...expand(canonical, library, []).values()];
  if (codes.length <= MAX_CODES) return codes;
  throw new TerminologyProblem(
    'too-costly',
    `the value set "${canonical}" has ${codes.length} codes; at most ${MAX_CODES} can be searched for`,
  );
}

/** What the expansion of a value set builds on, as canonical urls. */
export function needsOf(valueSet: JsonObject): { valueSets: string[]; codeSystems: string[] } {
  const needs = { valueSets: [] as string[], codeSystems: [] as string[] };
  if (usableExpansion(valueSet)) return needs;
  for (const part of [...parts(valueSet, 'include'), ...parts(valueSet, 'exclude')]) {
    needs.valueSets.push(...importsOf(part));
    const system = systemOf(part);
    if (system !== undefined && objects(part.concept).length === 0) needs.codeSystems.push(system);
  }
  return needs;
}

function parts(valueSet: JsonObject, name: 'include' | 'exclude'): JsonObject[] {
  const { compose } = valueSet;
  return objects([compose ?? null]).flatMap((one) => objects(one[name]));
}

function importsOf({ valueSet }: JsonObject): string[] {
  return Array.isArray(valueSet) ? valueSet.filter((one) => typeof one === 'string') : [];
}

function systemOf({ system, version }: JsonObject): string | undefined {
  const url = text(system);
  const exact = text(version);
  return url === undefined || exact === undefined ? url : `${url}|${exact}`;
}

function expand(canonical: string, library: Library, open: readonly string[]): Codes {
  if (open.includes(canonical)) {
    const way = [...open, canonical].join(' > ');
    throw new TerminologyProblem('not-supported', `the value set includes itself: ${way}`);
  }
  const valueSet = library.valueSet(canonical);
  if (!valueSet) return builtIn(canonical, library);
  const expansion = usableExpansion(valueSet);
  if (expansion) return expansion;
  try {
    return composed(valueSet, library, [...open, canonical]);
  } catch (error) {
    if (!(error instanceof TerminologyProblem)) throw error;
    throw new TerminologyProblem(error.code, `the value set "${canonical}": ${error.message}`);
  }
}

function builtIn(canonical: string, library: Library): Codes {
  const systems = library.builtIn(canonical);
  if (!systems) {
    throw new TerminologyProblem(
      'not-found',
      `the value set "${canonical}" is not stored here; store it, or check its url and version`,
    );
  }
  const codes: Codes = new Map();
  for (const [system, set] of systems) for (const code of set) add(codes, system, code);
  return codes;
}

const keyOf = (system: string, code: string): string => `${system}\n${code}`;

function add(codes: Codes, system: string, code: string): void {
  codes.set(keyOf(system, code), { system, code });
}

/** Says that an expansion is not all there is (R4 4.9.8.3). */
const UNCLOSED = /\/valueset-(?:unclosed|toocostly)$/;

/** The codes of a stored expansion; undefined where there is none, or only a page of it. */
function usableExpansion({ expansion, compose }: JsonObject): Codes | undefined {
  const [whole] = objects([expansion ?? null]);
  if (!whole || (whole.contains === undefined && compose !== undefined)) return undefined;
  if (objects(whole.extension).some(({ url }) => UNCLOSED.test(String(url)))) return undefined;
  const codes: Codes = new Map();
  let entries = 0;
  const stack = objects(whole.contains);
  for (let one = stack.pop(); one; one = stack.pop()) {
    entries++;
    const system = text(one.system);
    const code = text(one.code);
    if (system !== undefined && code !== undefined && one.abstract !== true) {
      add(codes, system, code);
    }
    stack.push(...objects(one.contains));
  }
  return typeof whole.total === 'number' && whole.total > entries ? undefined : codes;
}

function composed(valueSet: JsonObject, library: Library, open: readonly string[]): Codes {
  const includes = parts(valueSet, 'include');
  if (includes.length === 0) {
    throw new TerminologyProblem(
      'not-supported',
      'it has neither a complete expansion nor a compose.include; store it with one of them',
    );
  }
  const [compose] = objects([valueSet.compose ?? null]);
  const scope: Scope = { library, open, activeOnly: compose?.inactive === false };
  const codes: Codes = new Map();
  for (const include of includes) {
    for (const [key, code] of partCodes(include, scope)) codes.set(key, code);
  }
  for (const exclude of parts(valueSet, 'exclude')) remove(codes, exclude, scope);
  return codes;
}

interface Scope {
  library: Library;
  /** Value sets being expanded, to find a circle. */
  open: readonly string[];
  activeOnly: boolean;
}

/** A system alone is excluded whether its concepts are known here or not. */
function remove(codes: Codes, exclude: JsonObject, scope: Scope): void {
  const system = text(exclude.system);
  const whole = ['concept', 'filter', 'valueSet'].every((name) => exclude[name] === undefined);
  if (system !== undefined && whole) {
    for (const [key, code] of codes) if (code.system === system) codes.delete(key);
  } else
    for (const key of partCodes(exclude, { ...scope, activeOnly: false }).keys()) codes.delete(key);
}

/** Everything that one include says holds at once: its system part and each of its value sets. */
function partCodes(part: JsonObject, scope: Scope): Codes {
  const sets = importsOf(part).map((one) => expand(one, scope.library, scope.open));
  const system = text(part.system);
  if (system !== undefined) sets.unshift(systemCodes(part, system, scope));
  const [first, ...others] = sets;
  if (!first) {
    throw new TerminologyProblem('not-supported', 'a part of its compose names no system');
  }
  if (others.length === 0) return first;
  return new Map([...first].filter(([key]) => others.every((other) => other.has(key))));
}

function systemCodes(part: JsonObject, system: string, scope: Scope): Codes {
  const codes: Codes = new Map();
  const concepts = objects(part.concept);
  for (const { code } of concepts) if (typeof code === 'string') add(codes, system, code);
  if (concepts.length > 0) return codes;
  for (const { code } of selected(part, systemOf(part) ?? system, scope)) add(codes, system, code);
  return codes;
}

/** The concepts of a stored code system that pass the filters. Groups are not codes to record. */
function selected(part: JsonObject, canonical: string, { library, activeOnly }: Scope): Concept[] {
  const codeSystem = library.codeSystem(canonical);
  if (codeSystem?.content !== 'complete') {
    const lack = codeSystem ? 'is stored here without all its concepts' : 'is not stored here';
    throw new TerminologyProblem(
      'not-supported',
      `it builds on the code system "${canonical}", which ${lack}; store the code system with ` +
        'content "complete", or the value set with an expansion',
    );
  }
  const graph = conceptGraph(codeSystem);
  const tests = objects(part.filter).map((filter) => filterTest(codeSystem, graph, filter));
  return graph.concepts.filter(
    (concept) =>
      !concept.abstract &&
      !(activeOnly && concept.inactive) &&
      tests.every((test) => test(concept)),
  );
}
