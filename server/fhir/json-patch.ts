/** JSON Patch (RFC 6902) over JSON Pointer (RFC 6901), as R4 3.1.0.7 takes it for `PATCH`. */
import { FhirError } from './error.ts';
import { clone, deepEqual, isObject } from './json.ts';
import { MAX_DEPTH } from './json-limits.ts';
import { dropEmptied } from './patch-emptied.ts';
import type { JsonObject, JsonValue } from './types.ts';

const verbs = ['add', 'remove', 'replace', 'move', 'copy', 'test'] as const;
type Verb = (typeof verbs)[number];

export interface JsonPatchOperation {
  op: Verb;
  /** The reference tokens of the pointer, unescaped. Empty for the whole document. */
  path: string[];
  from?: string[];
  value?: JsonValue;
  /** How messages name the operation: `JSON Patch operation 2 (replace /name/0)`. */
  label: string;
}

/**
 * Nodes that the `copy` and `move` operations of one patch may touch: thirty copies of the whole into
 * itself would be a billion.
 */
const MAX_TOUCHED = 500_000;
/** Each operation on a long array shifts all of it. */
const MAX_OPERATIONS = 5_000;

/** Thrown inside an operation; `applyJsonPatch` adds which one it was. */
class Misfit extends Error {}

/**
 * Reads a JSON Patch document: an array of operations. Unknown members are ignored (RFC 6902 4).
 * @throws FhirError `invalid` with one issue for every malformed operation, `too-large`
 */
export function parseJsonPatch(body: JsonValue): JsonPatchOperation[] {
  if (!Array.isArray(body)) {
    throw new FhirError(
      'invalid',
      'A JSON Patch is an array of operations, e.g. [{"op":"replace","path":"/active","value":true}].',
    );
  }
  if (body.length > MAX_OPERATIONS) {
    throw new FhirError('too-large', `A patch has at most ${MAX_OPERATIONS} operations; use PUT.`);
  }
  const faults: string[] = [];
  const operations = body.map((item, index) => parseOperation(item, index, faults));
  if (faults.length > 0) throw malformed(faults);
  return operations;
}

function malformed(faults: readonly string[]): FhirError {
  return new FhirError(
    'invalid',
    faults.map((diagnostics) => ({ severity: 'error', code: 'invalid', diagnostics })),
  );
}

function parseOperation(item: JsonValue, index: number, faults: string[]): JsonPatchOperation {
  const source: JsonObject = isObject(item) ? item : {};
  const { op, path, from } = source;
  const label = `JSON Patch operation ${index} (${printable(op)} ${printable(path)})`;
  const fault = (text: string): void => void faults.push(`${label}: ${text}`);
  if (!isObject(item)) fault('must be an object with "op" and "path".');
  else if (!isVerb(op)) fault(`"op" must be one of ${verbs.join(', ')}.`);
  const operation: JsonPatchOperation = { op: isVerb(op) ? op : 'test', path: [], label };
  operation.path = pointer(path, 'path', fault);
  if (op === 'move' || op === 'copy') operation.from = pointer(from, 'from', fault);
  if (op === 'add' || op === 'replace' || op === 'test') {
    if (source.value === undefined) fault('needs a "value".');
    else operation.value = source.value;
  }
  if (op === 'move' && isInside(operation.path, operation.from ?? [])) {
    fault('cannot move a value into one of its own children.');
  }
  return operation;
}

const printable = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value.slice(0, 200) : '?';

const isVerb = (op: JsonValue | undefined): op is Verb => verbs.some((verb) => verb === op);

const isInside = (path: readonly string[], from: readonly string[]): boolean =>
  path.length > from.length && from.every((token, i) => token === path[i]);

/** RFC 6901 3 and 4: `~1` is `/`, `~0` is `~`, any other `~` is malformed. */
function pointer(
  text: JsonValue | undefined,
  name: string,
  fault: (text: string) => void,
): string[] {
  if (typeof text !== 'string') {
    fault(`needs a "${name}" that is a JSON Pointer such as "/name/0/family".`);
    return [];
  }
  if (text === '') return [];
  if (!text.startsWith('/')) fault(`"${name}" must be empty or start with "/".`);
  if (/~(?![01])/.test(text)) fault(`"${name}" has a "~" that is neither "~0" nor "~1".`);
  const tokens = text.split('/').slice(1);
  if (tokens.includes('__proto__')) fault(`"${name}" names "__proto__", which no resource has.`);
  if (tokens.length > MAX_DEPTH) fault(`"${name}" is deeper than ${MAX_DEPTH} levels.`);
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * Applies all operations in order to a copy of the document: all or nothing (RFC 6902 5).
 * Arrays and objects that a `remove` or `move` leaves empty are dropped at the end, because FHIR
 * knows no empty ones (R4 2.6.2.1); what the patch itself adds empty is left for validation.
 * @throws FhirError `unprocessable` for a failing `test` and a path that is not there, `too-large`
 * for copies without end.
 */
export function applyJsonPatch(
  operations: readonly JsonPatchOperation[],
  document: JsonValue,
): JsonValue {
  const state: State = { root: clone(document), emptied: new Set(), touched: 0 };
  for (const operation of operations) {
    try {
      run[operation.op](state, operation);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw new FhirError('unprocessable', `${operation.label}: ${error.message}`, error);
    }
  }
  dropEmptied(state.root, state.emptied);
  return state.root;
}

interface State {
  root: JsonValue;
  emptied: Set<JsonValue>;
  touched: number;
}

const run: Record<Verb, (state: State, operation: JsonPatchOperation) => void> = {
  add(state, { path, value = null }) {
    add(state, path, clone(value));
  },
  remove(state, { path }) {
    remove(state, path);
  },
  replace(state, { path, value = null }) {
    get(state, path);
    set(state, path, clone(value));
  },
  move(state, { path, from = [], label }) {
    const value = get(state, from);
    touch(state, value, label);
    if (from.length === path.length && isSame(from, path)) return;
    remove(state, from);
    add(state, path, value);
  },
  copy(state, { path, from = [], label }) {
    const value = get(state, from);
    touch(state, value, label);
    add(state, path, clone(value));
  },
  test(state, { path, value = null }) {
    if (!deepEqual(get(state, path), value)) {
      throw new Misfit('the test failed: the resource has another value. Read it and patch anew.');
    }
  },
};

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.every((token, i) => token === b[i]);

function touch(state: State, value: JsonValue, label: string): void {
  state.touched += countNodes(value, MAX_TOUCHED - state.touched);
  if (state.touched <= MAX_TOUCHED) return;
  throw new FhirError('too-large', `${label}: the patch copies or moves too much; use PUT.`);
}

/** Stops counting once the budget is spent. */
function countNodes(value: JsonValue, budget: number): number {
  let count = 1;
  if (!Array.isArray(value) && !isObject(value)) return 1;
  for (const item of Object.values(value)) {
    if (count > budget) break;
    count += countNodes(item, budget - count);
  }
  return count;
}

function get(state: State, path: readonly string[]): JsonValue {
  let at = state.root;
  for (const [depth, token] of path.entries()) at = child(at, token, path.slice(0, depth));
  return at;
}

function child(parent: JsonValue, token: string, above: readonly string[]): JsonValue {
  if (Array.isArray(parent)) {
    const value = parent[arrayIndex(token, parent.length - 1, above)];
    if (value !== undefined) return value;
  } else if (isObject(parent) && Object.hasOwn(parent, token)) {
    const value = parent[token];
    if (value !== undefined) return value;
  }
  throw new Misfit(`there is no "${token}" at "${print(above)}" in the resource.`);
}

const print = (path: readonly string[]): string =>
  path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** RFC 6901 4: digits without a leading zero. `last` is the highest index that will do. */
function arrayIndex(token: string, last: number, above: readonly string[]): number {
  const index = /^(?:0|[1-9]\d{0,9})$/.test(token) ? Number(token) : -1;
  if (index >= 0 && index <= last) return index;
  throw new Misfit(`"${token}" is not an index of the array at "${print(above)}" (0 to ${last}).`);
}

/** The container that holds the last token of the path, and that token. */
function place(state: State, path: readonly string[]): { parent: JsonValue; token: string } {
  return { parent: get(state, path.slice(0, -1)), token: path.at(-1) ?? '' };
}

function add(state: State, path: readonly string[], value: JsonValue): void {
  checkDepth(value, path.length);
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const { parent, token } = place(state, path);
  const above = path.slice(0, -1);
  if (Array.isArray(parent)) {
    const index = token === '-' ? parent.length : arrayIndex(token, parent.length, above);
    parent.splice(index, 0, value);
  } else if (isObject(parent)) parent[token] = value;
  else throw new Misfit(`"${print(above)}" is neither an object nor an array.`);
}

function set(state: State, path: readonly string[], value: JsonValue): void {
  checkDepth(value, path.length);
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const { parent, token } = place(state, path);
  if (Array.isArray(parent)) parent[Number(token)] = value;
  else if (isObject(parent)) parent[token] = value;
}

function remove(state: State, path: readonly string[]): void {
  get(state, path);
  if (path.length === 0) throw new Misfit('the whole resource cannot be removed; use DELETE.');
  const { parent, token } = place(state, path);
  if (Array.isArray(parent)) parent.splice(Number(token), 1);
  else if (isObject(parent)) delete parent[token];
  state.emptied.add(parent);
}

function checkDepth(value: JsonValue, depth: number): void {
  if (depth > MAX_DEPTH) throw new Misfit(`the value nests deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) for (const item of value) checkDepth(item, depth + 1);
  else if (isObject(value)) for (const item of Object.values(value)) checkDepth(item, depth + 1);
}
