import type { Term } from './query.ts';
import { TermProblem } from './query-terms.ts';

/**
 * `_filter` (R4 3.1.3): parses the expression and leaves its tests to the caller, who knows paths and
 * parameters. `and` and `or` have no precedence over each other: they are taken from left to right.
 */

export const FILTER_OPS = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
] as const;
export type FilterOp = (typeof FILTER_OPS)[number];

/** One test: `path` as it is written (`subject:Patient.name`), `value` without its quotes. */
export type FilterLeaf = (path: string, op: FilterOp, value: string) => Term;

/** Beyond these a filter is a program: each test is a part of one statement. */
const MAX_LENGTH = 8000;
const MAX_DEPTH = 20;
const MAX_TESTS = 100;

const SPACE = /\s*/y;
const WORD = /[_A-Za-z][A-Za-z0-9_.:-]*/y;
/** What stands before the parameter of a reverse chain, nested ones too. */
const HAS = /^(?:_has:[^:]+:[^:]+:)+/;
const OP = /[A-Za-z]+(?=\s|$)/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;
/** Any characters but white space and what closes a group (R4: `token`, `numberOrDate`). */
const TOKEN = /[^\s\])"][^\s\])]*/y;
const JOIN = /(?:and|or)(?=[\s(])/iy;
const CLOSE = /\)/y;
const NOT = /not(?=[\s(])/iy;

interface State {
  readonly text: string;
  readonly leaf: FilterLeaf;
  at: number;
  tests: number;
}

/**
 * Parses a filter.
 * @throws TermProblem naming the position, and what was expected there
 */
export function parseFilter(text: string, leaf: FilterLeaf): Term {
  if (text.length > MAX_LENGTH) {
    throw new TermProblem(`it has ${text.length} characters; at most ${MAX_LENGTH} are taken`);
  }
  const state: State = { text, leaf, at: 0, tests: 0 };
  const term = parseLogical(state, 0);
  if (state.at < text.length) throw expected(state, '"and", "or" or the end');
  return term;
}

/** The next match, with the white space behind it passed over. */
function take(state: State, pattern: RegExp): string | undefined {
  pattern.lastIndex = state.at;
  const [found] = pattern.exec(state.text) ?? [];
  if (found === undefined) return undefined;
  SPACE.lastIndex = state.at + found.length;
  SPACE.exec(state.text);
  state.at = SPACE.lastIndex;
  return found;
}

function expected({ text, at }: State, what: string): TermProblem {
  const rest = text.slice(at, at + 20);
  const found = rest === '' ? 'it ends there' : `"${rest}" stands there`;
  return new TermProblem(`at character ${at + 1} ${what} is expected, and ${found}`);
}

function parseLogical(state: State, depth: number): Term {
  take(state, SPACE);
  let term = parseOperand(state, depth);
  let joined: 'all' | 'any' | undefined;
  for (let join = take(state, JOIN); join !== undefined; join = take(state, JOIN)) {
    const kind = join.toLowerCase() === 'and' ? 'all' : 'any';
    const next = parseOperand(state, depth);
    // Only terms joined in this loop grow: a group in parentheses stays as it was written.
    if (joined === kind && term.kind === kind) term = { kind, terms: [...term.terms, next] };
    else term = { kind, terms: [term, next] };
    joined = kind;
  }
  return term;
}

function parseOperand(state: State, depth: number): Term {
  if (depth > MAX_DEPTH) {
    throw new TermProblem(`at character ${state.at + 1} it is nested more than ${MAX_DEPTH} deep`);
  }
  if (take(state, NOT) !== undefined) {
    return { kind: 'not', term: parseOperand(state, depth + 1) };
  }
  if (state.text[state.at] !== '(') return parseTest(state);
  state.at += 1;
  const term = parseLogical(state, depth + 1);
  if (take(state, CLOSE) === undefined) throw expected(state, '")"');
  return term;
}

function parseTest(state: State): Term {
  const from = state.at;
  const path = parsePath(state);
  const at = state.at;
  const op = take(state, OP)?.toLowerCase();
  if (!FILTER_OPS.includes(op as FilterOp)) {
    state.at = at;
    throw expected(state, `an operator (${FILTER_OPS.join(', ')})`);
  }
  const value = parseValue(state);
  state.tests += 1;
  if (state.tests > MAX_TESTS) throw new TermProblem(`it has more than ${MAX_TESTS} tests`);
  try {
    return state.leaf(path, op as FilterOp, value);
  } catch (error) {
    if (!(error instanceof TermProblem)) throw error;
    throw new TermProblem(
      `"${path}" at character ${from + 1}: ${error.message}`,
      error.unsupported,
    );
  }
}

function parsePath(state: State): string {
  const from = state.at;
  const path = take(state, WORD);
  if (path === undefined) throw expected(state, 'the name of a search parameter, "not" or "("');
  if (state.text[state.at] === '[') {
    throw new TermProblem(
      `at character ${state.at + 1} a filter on elements (${path}[..].name) is not supported; ` +
        'use a composite parameter where the type has one',
      true,
    );
  }
  const last = path.slice(path.lastIndexOf('.') + 1).replace(HAS, '');
  if (last.includes(':')) {
    throw new TermProblem(
      `at character ${from + 1} "${path}" has a modifier; a filter has operators in their place`,
    );
  }
  return path;
}

function parseValue(state: State): string {
  const from = state.at;
  const quoted = take(state, STRING);
  if (quoted === undefined) {
    const token = take(state, TOKEN);
    if (token === undefined) throw expected(state, 'a value, bare or in double quotes');
    return token;
  }
  if (!/[\s\])]|^$/.test(state.text[from + quoted.length] ?? '')) {
    state.at = from + quoted.length;
    throw expected(state, 'a space or a closing bracket');
  }
  try {
    const value: unknown = JSON.parse(quoted);
    // NUL and half a surrogate pair are in no text of a resource, and PostgreSQL takes neither.
    const isText = typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
    if (isText && value !== '') return value;
  } catch {
    // Said below.
  }
  throw new TermProblem(
    `at character ${from + 1} ${quoted} is not a JSON string with content, whole characters and no NUL`,
  );
}
