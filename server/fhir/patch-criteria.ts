/** The criteria of where() in a patch path: the simple ones here, all others by fhirpath.js. */
import { compileFhirPath } from './fhirpath.ts';
import { type PathNode, parsePath, Refused } from './fhirpath-parse.ts';
import type { Scope, Spot } from './patch-spot.ts';
import { childrenOf, spend, valueAt } from './patch-spot.ts';
import { PathError } from './patch-steps.ts';
import { quote } from './primitive.ts';
import type { JsonValue } from './types.ts';

/** The elements for which a criterion (FHIRPath, on the element) holds. */
export function matching(scope: Scope, spots: readonly Spot[], criterion: string): Spot[] {
  try {
    const node = parsePath(criterion);
    return spots.filter((spot) => test(scope, spot, node) === true);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  refuseCostly(criterion);
  const verdicts = new Map<string, boolean[]>();
  return spots.filter((spot) => {
    const { path, index } = listOf(scope, spot);
    let verdict = verdicts.get(path);
    if (!verdict) {
      verdict = evaluate(scope, `${path}.select(where(${criterion}).exists())`);
      verdicts.set(path, verdict);
    }
    return verdict[index];
  });
}

/**
 * The functions that fhirpath.js may run for a stranger, in this process: all take time in step with
 * the element. Not so matches() and replaceMatches() (a pattern can take for ever), repeat(),
 * aggregate(), select(), combine() and replace() (results without end), and trace() writes to the log.
 */
const CHEAP = new Set(
  (
    'all allTrue anyTrue children contains count distinct empty endsWith exists extension first ' +
    'getValue hasValue iif indexOf is isDistinct last length lower not ofType single skip ' +
    'startsWith substring tail take toBoolean toDate toDateTime toDecimal toInteger toQuantity ' +
    'toString toTime trim upper where'
  ).split(' '),
);
const OPERATORS = new Set([
  'and',
  'as',
  'contains',
  'div',
  'implies',
  'in',
  'is',
  'mod',
  'or',
  'xor',
]);

function refuseCostly(criterion: string): void {
  const code = criterion.replace(/'(?:[^'\\]|\\.)*'/g, "''");
  if (/\/[/*]|%/.test(code)) {
    throw new PathError('a criterion holds no comments and no variables; leave them out.');
  }
  for (const [, name = ''] of code.matchAll(/([A-Za-z_]\w*|`[^`]*`)\s*\(/g)) {
    if (CHEAP.has(name) || OPERATORS.has(name)) continue;
    const known = [...CHEAP].map((each) => `${each}()`).join(', ');
    throw new PathError(`a criterion may not call ${quote(name)}; it may call ${known}.`);
  }
}

/** The list that one evaluation answers for; lists of primitives may have holes, so one by one. */
function listOf(scope: Scope, { path, type, index }: Spot): { path: string; index: number } {
  const whole = index !== undefined && scope.definitions.types.get(type)?.kind !== 'primitive';
  return whole ? { path: path.slice(0, path.lastIndexOf('[')), index } : { path, index: 0 };
}

/** fhirpath.js copies the resource for each evaluation: dear, so there may not be many. */
const EVALUATION = 5_000;

const sizeOf = (value: JsonValue): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce<number>((sum, each) => sum + sizeOf(each), 1)
    : 1;

function evaluate(scope: Scope, expression: string): boolean[] {
  spend(scope, EVALUATION + 2 * sizeOf(scope.resource));
  return compileFhirPath(expression)(scope.resource).map(({ value }) => value === true);
}

/** Three-valued, as FHIRPath 6.5: undefined stands for empty. */
function test(scope: Scope, spot: Spot, node: PathNode): boolean | undefined {
  if (node.kind === 'binary') {
    if (node.op === 'and' || node.op === 'or') return logic(scope, spot, node);
    if (node.op === '=' || node.op === '!=') return compare(scope, spot, node);
  } else if (node.kind === 'call' && node.args.length === 0) {
    if (node.name === 'exists') return values(scope, spot, node.of).length > 0;
    if (node.name === 'empty') return values(scope, spot, node.of).length === 0;
    if (node.name === 'not') {
      const known = test(scope, spot, node.of);
      return known === undefined ? undefined : !known;
    }
  }
  throw new Refused(node.kind);
}

type Binary = Extract<PathNode, { kind: 'binary' }>;

function logic(scope: Scope, spot: Spot, node: Binary): boolean | undefined {
  const decisive = node.op === 'or';
  const left = test(scope, spot, node.left);
  if (left === decisive) return decisive;
  const right = test(scope, spot, node.right);
  if (right === decisive) return decisive;
  return left === undefined || right === undefined ? undefined : !decisive;
}

/** Strings and booleans compare like their JSON; what does not is left to fhirpath.js. */
function compare(scope: Scope, spot: Spot, node: Binary): boolean | undefined {
  if (node.right.kind !== 'literal' || typeof node.right.value === 'number') {
    throw new Refused('comparison');
  }
  const found = values(scope, spot, node.left).filter((value) => value !== undefined);
  if (found.length === 0) return undefined;
  const equal = found.length === 1 && found[0] === node.right.value;
  return node.op === '=' ? equal : !equal;
}

const dates = new Set(['date', 'dateTime', 'instant', 'time']);

function values(scope: Scope, spot: Spot, node: PathNode): (JsonValue | undefined)[] {
  const spots = walk(scope, spot, node);
  if (spots.some(({ type }) => dates.has(type))) throw new Refused('comparison of dates');
  return spots.map(valueAt);
}

function walk(scope: Scope, spot: Spot, node: PathNode): Spot[] {
  if (node.kind === 'this') return [spot];
  if (node.kind === 'index') return walk(scope, spot, node.of).slice(node.at, node.at + 1);
  if (node.kind !== 'member' || /^[A-Z]/.test(node.name)) throw new Refused(node.kind);
  return walk(scope, spot, node.of).flatMap((each) => childrenOf(scope, each, node.name));
}
