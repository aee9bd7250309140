import { FhirError } from './error.ts';
import type { SearchQuery, Term } from './query.ts';
import { followName, type LeafTerm, NoSuchParameter } from './query-chain.ts';
import { type Compartment, compartmentTerm } from './query-compartment.ts';
import { controlOf, UNSAID } from './query-control.ts';
import { parseFilter } from './query-filter.ts';
import { filterTerm } from './query-filter-value.ts';
import { LIST_PARAM, parseTerm, type TermOptions, TermProblem } from './query-terms.ts';
import { joinTypes, sizeOf } from './query-types.ts';
import type { Issue } from './types.ts';

export interface ParseOptions extends TermOptions {
  /** Types searched; all resource types for a search of the whole system. */
  types: readonly string[];
  /** Only what is in this compartment, which can hold the types. */
  compartment?: Compartment;
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
  /** Names of parameters that may be given once. */
  seen: Set<string>;
  /** Values parsed so far, each as often as there are ways to it. */
  parsed: number;
}

/** What one search may hold: a statement ends at 65,535 values, and long before that it is slow. */
const MAX_PARAMETERS = 100;
const MAX_VALUES = 2000;
const MAX_CHARACTERS = 500_000;
/** Values of the whole tree: chains and several types repeat them. */
const MAX_SIZE = 5000;
/** Beyond this parsing alone holds up everybody else. */
const MAX_PARSED = 20_000;

/**
 * Parses the parameters of a search.
 * @throws FhirError invalid with one issue per faulty parameter
 */
export function parseQuery(options: ParseOptions): SearchQuery {
  refuseTooMany(options.params);
  const query = emptyQuery(options);
  const state: State = { options, query, errors: [], seen: new Set(), parsed: 0 };
  for (const [name, value] of options.params) {
    const before = query.ignored.length;
    const faults = state.errors.length;
    parseParameter(state, name, value);
    const taken = query.ignored.length === before && state.errors.length === faults;
    if (taken && !UNSAID.has(name)) query.applied.push([name, appliedValue(query, name, value)]);
  }
  refuseTextWithIncludes(state);
  refuseTooLarge(state);
  if (state.errors.length > 0) throw new FhirError('invalid', state.errors);
  if (query.count === 0) query.summary = 'count';
  return query;
}

function emptyQuery(options: ParseOptions): SearchQuery {
  const { types, compartment, count } = options;
  const query: SearchQuery = {
    ...{ types, where: [], sort: [], count, total: 'none', summary: 'false', elements: [] },
    ...{ include: [], revinclude: [], applied: [], ignored: [] },
  };
  if (compartment) {
    query.compartment = `${compartment.type}/${compartment.id}`;
    query.where.push(compartmentTerm(options, compartment, types));
  }
  return query;
}

function refuseTooMany(params: ParseOptions['params']): void {
  let values = params.length;
  let characters = 0;
  for (const [name, value] of params) {
    characters += name.length + value.length;
    for (let at = value.indexOf(','); at >= 0; at = value.indexOf(',', at + 1)) values++;
  }
  const few = params.length <= MAX_PARAMETERS && values <= MAX_VALUES;
  if (few && characters <= MAX_CHARACTERS) return;
  const diagnostics =
    `The search has ${params.length} parameters with ${values} values of ${characters} characters; ` +
    `at most ${MAX_PARAMETERS} with ${MAX_VALUES} of ${MAX_CHARACTERS} are taken. Ask in several ` +
    'searches.';
  throw new FhirError('invalid', [{ severity: 'error', code: 'too-costly', diagnostics }]);
}

function refuseTooLarge({ query, errors }: State): void {
  const size = query.where.reduce((total, term) => total + sizeOf(term), 0);
  if (size <= MAX_SIZE) return;
  const diagnostics =
    `The search comes to ${size} conditions; at most ${MAX_SIZE} are taken. Name the types that ` +
    'references lead to, e.g. subject:Patient.name, or ask in several searches.';
  errors.push({ severity: 'error', code: 'too-costly', diagnostics });
}

/** R4 3.1.1.5.8: includes cannot be mixed with `_summary=text`. */
function refuseTextWithIncludes(state: State): void {
  const { summary, include, revinclude } = state.query;
  if (summary !== 'text' || include.length + revinclude.length === 0) return;
  const problem = 'text cannot be combined with _include or _revinclude; leave one of them out';
  report(state, '_summary', new TermProblem(problem));
}

/** The self link says what was done: a page size above the limit was cut to it. */
function appliedValue(query: SearchQuery, name: string, value: string): string {
  return name === '_count' ? String(query.count) : value;
}

function parseParameter(state: State, name: string, value: string): void {
  const { options, query, seen } = state;
  try {
    const control = controlOf(name);
    if (!control) {
      query.where.push(criterion(state, name, value));
      return;
    }
    if (seen.has(name) && !control.repeats) throw new TermProblem('it may be given only once');
    seen.add(name);
    control.parse({ options, query }, value);
  } catch (error) {
    if (!(error instanceof TermProblem)) throw error;
    report(state, name, error);
  }
}

/** Problems quote values, and a caller knows what was sent: the reason is at the end. */
const shortened = (message: string): string =>
  message.length > 4000 ? `${message.slice(0, 200)} .. ${message.slice(-1000)}` : message;

function report({ options, query, errors }: State, name: string, problem: TermProblem): void {
  const shown = name.slice(0, 80);
  const reason = shortened(problem.message);
  if (problem.unsupported && options.lenient) {
    query.ignored.push({
      severity: 'warning',
      code: 'not-supported',
      diagnostics: `The parameter "${shown}" was left out: ${reason}.`,
      expression: `http.${shown}`,
    });
    return;
  }
  errors.push({
    severity: 'error',
    code: problem.unsupported ? 'not-supported' : 'value',
    diagnostics: `The parameter "${shown}" was refused: ${reason}.`,
    expression: `http.${shown}`,
  });
}

/** A criterion on the types searched; of several, a parameter that all of them have (3.1.1.2). */
function criterion(state: State, name: string, value: string): Term {
  const { options } = state;
  const { types } = options;
  const [first = ''] = types;
  if (name === '_filter') return filter(options, value);
  const values = value.split(',').length;
  const leafTerm: LeafTerm = (leaf) => {
    state.parsed += values;
    if (state.parsed > MAX_PARSED) {
      throw new FhirError('invalid', 'The search has too many values for chains of so many types.');
    }
    return parseTerm(leaf, value, options);
  };
  if (types.length === 1) return followName(options, first, name, leafTerm);
  if (isOfAll(options, name)) return followName(options, first, name, leafTerm);
  try {
    return joinTypes(types.map((type) => followName(options, type, name, leafTerm)));
  } catch (error) {
    if (!(error instanceof NoSuchParameter)) throw error;
    const shown = `"${name.slice(0, 80)}" is not a parameter of every type searched`;
    throw new TermProblem(`${shown}; name the types that have it by _type`, true);
  }
}

/** `_id`, `_tag`: one key for all types. With a modifier (`:missing`) it may be one for each. */
const isOfAll = ({ definitions, types }: ParseOptions, name: string): boolean =>
  name === LIST_PARAM.code ||
  (name.startsWith('_') && types.every((type) => definitions.searchParams(type).has(name)));

/** R4 3.1.3: tests whose paths are names of parameters, chains among them. */
function filter(options: ParseOptions, text: string): Term {
  const [type = '', ...others] = options.types;
  if (others.length > 0) throw new TermProblem('it takes a search of one type', true);
  if (text.trim() === '') throw new TermProblem('it is empty; leave it out', true);
  return parseFilter(text, (path, op, value) =>
    followName(options, type, path, ({ def, type: at }) =>
      filterTerm(def, op, value, (modifier, plain) =>
        parseTerm({ type: at, def, modifier }, plain, options),
      ),
    ),
  );
}
