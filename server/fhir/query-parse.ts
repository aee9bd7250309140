import type { SearchParamDef } from './definitions.ts';
import { FhirError } from './error.ts';
import type { Include, SearchQuery, SortKey, Summary, Total } from './query.ts';
import { sortPath } from './query-sort.ts';
import { parseTerm, type TermOptions, TermProblem } from './query-terms.ts';
import type { Issue } from './types.ts';

export interface ParseOptions extends TermOptions {
  /** Types searched; all resource types for a search of the whole system. */
  types: readonly string[];
  /** Decoded names and values in the request's order (`_format` and `_pretty` left out). */
  params: readonly (readonly [name: string, value: string])[];
  /** `Prefer: handling=lenient`: unknown parameters and modifiers are left out and reported. */
  lenient: boolean;
  count: number;
  maxCount: number;
}

/** Parsing in progress: the query so far and what is wrong with it. */
interface State {
  options: ParseOptions;
  query: SearchQuery;
  errors: Issue[];
}

type Control = (state: State, value: string) => void;

const TOTALS: readonly Total[] = ['none', 'estimate', 'accurate'];
const SUMMARIES: readonly Summary[] = ['false', 'true', 'text', 'data', 'count'];

/** R4 3.1.1.5: parameters that shape the result. True: may be repeated. */
const CONTROLS: Record<string, { parse: Control; repeats?: true }> = {
  _count: { parse: parseCount },
  _sort: { parse: parseSort },
  _total: { parse: (state, value) => pick(state, '_total', TOTALS, value) },
  _summary: { parse: (state, value) => pick(state, '_summary', SUMMARIES, value) },
  _elements: { parse: parseElements, repeats: true },
  _include: { parse: (state, value) => parseInclude(state, 'include', value), repeats: true },
  _revinclude: { parse: (state, value) => parseInclude(state, 'revinclude', value), repeats: true },
  _cursor: {
    parse: ({ query }, value) => {
      query.cursor = value;
    },
  },
};

/** What one search may hold: a statement ends at 65,535 values, and long before that it is slow. */
const MAX_PARAMETERS = 100;
const MAX_VALUES = 2000;

/**
 * Parses the parameters of a search.
 * @throws FhirError invalid with one issue per faulty parameter
 */
export function parseQuery(options: ParseOptions): SearchQuery {
  refuseTooMany(options.params);
  const query: SearchQuery = {
    types: options.types,
    where: [],
    sort: [],
    count: options.count,
    total: 'none',
    summary: 'false',
    elements: [],
    include: [],
    revinclude: [],
    applied: [],
    ignored: [],
  };
  const state: State = { options, query, errors: [] };
  const seen = new Set<string>();
  for (const [name, value] of options.params) {
    const before = query.ignored.length;
    const faults = state.errors.length;
    parseParameter(state, name, value, seen);
    const taken = query.ignored.length === before && state.errors.length === faults;
    if (taken && name !== '_cursor') query.applied.push([name, appliedValue(query, name, value)]);
  }
  if (state.errors.length > 0) throw new FhirError('invalid', state.errors);
  if (query.count === 0) query.summary = 'count';
  return query;
}

function refuseTooMany(params: ParseOptions['params']): void {
  let values = params.length;
  for (const [, value] of params) {
    for (let at = value.indexOf(','); at >= 0; at = value.indexOf(',', at + 1)) values++;
  }
  if (params.length <= MAX_PARAMETERS && values <= MAX_VALUES) return;
  const diagnostics =
    `The search has ${params.length} parameters with ${values} values; at most ${MAX_PARAMETERS} ` +
    `with ${MAX_VALUES} are taken. Ask in several searches.`;
  throw new FhirError('invalid', [{ severity: 'error', code: 'too-costly', diagnostics }]);
}

/** The self link says what was done: a page size above the limit was cut to it. */
function appliedValue(query: SearchQuery, name: string, value: string): string {
  return name === '_count' ? String(query.count) : value;
}

function parseParameter(state: State, name: string, value: string, seen: Set<string>): void {
  const control = Object.hasOwn(CONTROLS, name) ? CONTROLS[name] : undefined;
  try {
    if (!control) return addTerm(state, name, value);
    if (seen.has(name) && !control.repeats) throw new TermProblem('it may be given only once');
    seen.add(name);
    control.parse(state, value);
  } catch (error) {
    if (!(error instanceof TermProblem)) throw error;
    report(state, name, error);
  }
}

function report({ options, query, errors }: State, name: string, problem: TermProblem): void {
  const shown = name.slice(0, 80);
  if (problem.unsupported && options.lenient) {
    query.ignored.push({
      severity: 'warning',
      code: 'not-supported',
      diagnostics: `The parameter "${shown}" was left out: ${problem.message}.`,
      expression: `http.${shown}`,
    });
    return;
  }
  errors.push({
    severity: 'error',
    code: problem.unsupported ? 'not-supported' : 'value',
    diagnostics: `The parameter "${shown}" was refused: ${problem.message}.`,
    expression: `http.${shown}`,
  });
}

function addTerm({ options, query }: State, name: string, value: string): void {
  const [path = '', modifier] = splitModifier(name);
  const [first = ''] = options.types;
  if (path.includes('.')) throw new TermProblem('chained parameters are not supported yet', true);
  const def = options.definitions.searchParams(first).get(path);
  const everywhere = options.types.length === 1 || path.startsWith('_');
  if (!def || !everywhere) throw new TermProblem(unknown(options, path), true);
  if (def.expression === '') throw new TermProblem('it is not supported yet', true);
  query.where.push(parseTerm({ type: first, def, modifier }, value, options));
}

function splitModifier(name: string): [string, string | undefined] {
  const colon = name.indexOf(':');
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

function unknown({ definitions, types }: ParseOptions, path: string): string {
  if (types.length > 1) return `"${path}" is not a parameter of every type searched`;
  const [type = ''] = types;
  const known = [...definitions.searchParams(type).keys()].sort().join(', ');
  return `${type} has no search parameter "${path.slice(0, 80)}"; it has ${known}`;
}

function parseCount({ options, query }: State, value: string): void {
  if (!/^\d{1,9}$/.test(value)) throw new TermProblem('it must be a whole number from 0 on');
  query.count = Math.min(Number(value), options.maxCount);
}

function pick(
  { query }: State,
  name: '_total' | '_summary',
  allowed: readonly string[],
  value: string,
): void {
  if (!allowed.includes(value)) throw new TermProblem(`it must be one of ${allowed.join(', ')}`);
  if (name === '_total') query.total = value as Total;
  else query.summary = value as Summary;
}

function parseElements({ query }: State, value: string): void {
  const names = value.split(',').map((name) => name.trim());
  if (names.some((name) => !/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name))) {
    throw new TermProblem('it must list element names, e.g. _elements=identifier,name');
  }
  query.elements.push(...names);
}

function parseSort({ options, query }: State, value: string): void {
  const sort = value.split(',').map((key): SortKey => {
    const descending = key.startsWith('-');
    const code = descending ? key.slice(1) : key;
    const [first = ''] = options.types;
    const def = options.definitions.searchParams(first).get(code);
    const everywhere = options.types.length === 1 || code === '_lastUpdated' || code === '_id';
    if (!def || !everywhere || !isSortable(first, def)) {
      throw new TermProblem(`it cannot sort by "${code.slice(0, 80)}"`, true);
    }
    return { code, descending };
  });
  const codes = new Set(sort.map((key) => key.code));
  if (codes.size < sort.length) throw new TermProblem('it names a parameter twice');
  query.sort = sort;
}

/** What the index holds in order, or hashes but the content has at a plain path. */
function isSortable(type: string, def: SearchParamDef): boolean {
  if (def.code === '_id' || def.code === '_lastUpdated') return true;
  if (['date', 'string', 'number', 'quantity'].includes(def.type)) return def.expression !== '';
  return sortPath(type, def) !== undefined;
}

function parseInclude(
  { options, query }: State,
  side: 'include' | 'revinclude',
  text: string,
): void {
  const [source = '', code = '', target, ...rest] = text.split(':');
  const { definitions, types } = options;
  if (!definitions.resourceTypes.includes(source)) {
    throw new TermProblem(
      `"${text}" does not begin with a resource type; write Type:parameter`,
      true,
    );
  }
  const def = definitions.searchParams(source).get(code);
  if (def?.type !== 'reference') {
    throw new TermProblem(`${source} has no reference parameter "${code.slice(0, 80)}"`, true);
  }
  if (rest.length > 0 || (target !== undefined && !definitions.resourceTypes.includes(target))) {
    throw new TermProblem(`"${text}" has no resource type behind the parameter`, true);
  }
  if (target !== undefined && def.targets && !def.targets.includes(target)) {
    throw new TermProblem(`${source}:${code} never refers to ${target}`);
  }
  if (side === 'include' && !types.includes(source)) {
    throw new TermProblem(`${source} is not the type that is searched`);
  }
  const include: Include = { source, code };
  if (target !== undefined) include.target = target;
  query[side].push(include);
}
