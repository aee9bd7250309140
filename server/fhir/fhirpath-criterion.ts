import { type Branch, compileBranches, isSingle, type Test } from './fhirpath-branch.ts';
import { type PathNode, Refused, typeArgument } from './fhirpath-parse.ts';
import { pointsTo } from './fhirpath-resolve.ts';

/** How a test has its paths planned: from the value under test, which has one static type. */
export interface TestScope {
  plan(node: PathNode): Branch[];
  isKindOf(type: string, ancestor: string): boolean;
}

type Call = Extract<PathNode, { kind: 'call' }>;
type Binary = Extract<PathNode, { kind: 'binary' }>;
type Values = (value: unknown, root: unknown) => unknown[];

/** Types whose equality is that of their JSON text; dates and decimals have rules of their own. */
const PLAIN = new Set(
  'string markdown code id uri url canonical oid uuid boolean integer positiveInt unsignedInt'.split(
    ' ',
  ),
);

function valuesOf(branches: readonly Branch[]): Values {
  const targets = branches.map((branch) => ({
    branch,
    sink: (value: unknown, out: unknown[]) => void out.push(value),
  }));
  const run = compileBranches(targets);
  return (value, root) => {
    const out: unknown[] = [];
    run(value, root, out);
    return out;
  };
}

const exists = (branches: readonly Branch[]): Test => {
  const values = valuesOf(branches);
  return (value, root) => values(value, root).length > 0;
};

/** Only what compares like its JSON: a date never equals a boolean, but may equal a string. */
function checkComparable(branches: readonly Branch[], literal: unknown): void {
  for (const { type } of branches) {
    const date = type === 'date' || type === 'dateTime' || type === 'instant' || type === 'time';
    if (!PLAIN.has(type) && !(date && typeof literal === 'boolean')) {
      throw new Refused(`comparison of ${type}`);
    }
  }
}

/** The JSON name where the path is one single element of the value under test (`system`). */
function ownElement([branch, ...more]: readonly Branch[]): string | undefined {
  const [step, ...further] = branch?.steps ?? [];
  if (more.length > 0 || further.length > 0 || branch?.from !== 'context') return undefined;
  return step?.op === 'get' && !step.many ? step.name : undefined;
}

/** `path = literal` (FHIRPath 6.1.1): empty where the path is, false for several values. */
function equality(scope: TestScope, node: Binary): Test {
  const [path, literal] =
    node.right.kind === 'literal' ? [node.left, node.right] : [node.right, node.left];
  if (literal.kind !== 'literal') throw new Refused('comparison of two paths');
  const wanted = literal.value;
  const branches = scope.plan(path);
  checkComparable(branches, wanted);
  const equal = node.op === '=';
  const name = ownElement(branches);
  if (name !== undefined) {
    return (value) => {
      const found = (value as Record<string, unknown>)[name];
      return found === undefined || found === null ? undefined : (found === wanted) === equal;
    };
  }
  const values = valuesOf(branches);
  return (value, root) => {
    const found = values(value, root);
    if (found.length === 0) return undefined;
    return (found.length === 1 && found[0] === wanted) === equal;
  };
}

/** Three-valued logic (FHIRPath 6.5). */
function logic(scope: TestScope, node: Binary): Test {
  const left = planTest(scope, node.left);
  const right = planTest(scope, node.right);
  const decisive = node.op === 'or';
  return (value, root) => {
    const one = left(value, root);
    if (one === decisive) return decisive;
    const other = right(value, root);
    if (other === decisive) return decisive;
    return one === undefined || other === undefined ? undefined : !decisive;
  };
}

function isType(scope: TestScope, path: PathNode, type: string): Test {
  const branches = scope.plan(path);
  if (branches.every((branch) => branch.resolved)) {
    const values = valuesOf(branches);
    return (value, root) => {
      const found = values(value, root);
      return found.length === 0 ? undefined : pointsTo(found[0], root, type);
    };
  }
  if (branches.some((branch) => branch.resolved || !isSingle(branch))) {
    throw new Refused('is on several values');
  }
  const any = exists(branches);
  const some = exists(branches.filter((branch) => scope.isKindOf(branch.type, type)));
  return (value, root) => (any(value, root) ? some(value, root) : undefined);
}

function existence(scope: TestScope, node: Call): Test {
  const [criterion] = node.args;
  if (!criterion) return exists(scope.plan(node.of));
  return exists(scope.plan({ kind: 'call', of: node.of, name: 'where', args: [criterion] }));
}

function calledTest(scope: TestScope, node: Call): Test {
  switch (node.name) {
    case 'exists':
      return existence(scope, node);
    case 'empty': {
      const any = exists(scope.plan(node.of));
      return (value, root) => !any(value, root);
    }
    case 'not': {
      const test = planTest(scope, node.of);
      return (value, root) => {
        const known = test(value, root);
        return known === undefined ? undefined : !known;
      };
    }
    case 'hasExtension':
      return exists(scope.plan({ ...node, name: 'extension' }));
    case 'is':
      return isType(scope, node.of, typeArgument(node.args));
    default:
      throw new Refused(`${node.name}()`);
  }
}

/** A path as a criterion: its boolean value. */
function booleanPath(scope: TestScope, node: PathNode): Test {
  const branches = scope.plan(node);
  const [only] = branches;
  if (branches.length !== 1 || only?.type !== 'boolean' || !isSingle(only)) {
    throw new Refused('a path as criterion');
  }
  const values = valuesOf(branches);
  return (value, root) => values(value, root)[0] as boolean | undefined;
}

/**
 * A boolean expression on one value. Throws `Refused` where it is not of the compiled part.
 */
export function planTest(scope: TestScope, node: PathNode): Test {
  switch (node.kind) {
    case 'binary':
      if (node.op === 'and' || node.op === 'or') return logic(scope, node);
      if (node.op === '=' || node.op === '!=') return equality(scope, node);
      throw new Refused('a union as criterion');
    case 'call':
      return calledTest(scope, node);
    case 'cast':
      if (node.op === 'is') return isType(scope, node.of, node.type);
      return booleanPath(scope, node);
    case 'literal': {
      const { value } = node;
      if (typeof value !== 'boolean') throw new Refused('a literal as criterion');
      return () => value;
    }
    default:
      return booleanPath(scope, node);
  }
}
