import type { ElementDef, TypeDef } from './definitions.ts';
import { type Branch, compileBranches, isSingle, type Step, type Test } from './fhirpath-branch.ts';
import { planTest } from './fhirpath-criterion.ts';
import { type PathNode, parsePath, Refused, typeArgument } from './fhirpath-parse.ts';

/**
 * Search parameter expressions as plain JavaScript: 0.4 us for what fhirpath.js does in 160
 * (facts/storage.md 3). The element tables give every value its FHIR type before anything runs.
 */

/** What a path is planned against. */
export interface PathScope {
  types: ReadonlyMap<string, TypeDef>;
  /** Type of the context (`Patient`, `Observation.component`). */
  context: string;
  /** Type of the resource, for `%resource` and paths that begin with a type; default: `context`. */
  root?: string;
}

export interface Typed {
  /** FHIR type without `FHIR.`; a backbone element as `Patient.contact`. */
  type: string;
  value: unknown;
}

export type CompiledPath = (context: unknown, root?: unknown) => Typed[];

const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Whether `type` is `ancestor` or specialises it. */
export function isKindOf(types: PathScope['types'], type: string, ancestor: string): boolean {
  for (let at: string | undefined = type; at; at = types.get(at)?.base) {
    if (at === ancestor) return true;
  }
  return false;
}

/** R4's own composites write `DateTime`: a name that no type has is looked up without case. */
function knownType(scope: PathScope, name: string): string {
  if (scope.types.has(name)) return name;
  const lower = name.charAt(0).toLowerCase() + name.slice(1);
  if (scope.types.has(lower)) return lower;
  throw new Refused(`unknown type ${name}`);
}

function readElement(branch: Branch, element: ElementDef, type: string): Branch {
  const name = element.choice ? element.name + capitalised(type) : element.name;
  const step: Step = { op: 'get', name, many: element.max !== 1 };
  return { from: branch.from, steps: [...branch.steps, step], type, element };
}

/** Steps from the branch into an element, one new branch per type it may have. */
export function stepInto(scope: PathScope, branch: Branch, name: string): Branch[] {
  if (branch.resolved) throw new Refused('navigation past resolve()');
  const type = scope.types.get(branch.type);
  if (!type || type.abstract || type.kind === 'primitive') {
    throw new Refused(`${branch.type}.${name}`);
  }
  const element = type.elements.find((one) => one.name === name);
  if (!element) throw new Refused(`${branch.type} has no element ${name}`);
  return element.types.map((one) => readElement(branch, element, one));
}

function castTo(scope: PathScope, branch: Branch, name: string): Branch[] {
  const type = knownType(scope, name);
  if (isKindOf(scope.types, branch.type, type)) return [branch];
  if (branch.resolved) throw new Refused('cast of resolve()');
  if (!isKindOf(scope.types, type, branch.type)) return [];
  // From Resource to a concrete one: decided by the value.
  if (scope.types.get(type)?.kind !== 'resource') return [];
  const test = (value: unknown) => (value as { resourceType?: unknown }).resourceType === type;
  return [{ ...branch, steps: [...branch.steps, { op: 'filter', test }], type }];
}

function indexed(branches: Branch[], at: number): Branch[] {
  const [branch] = branches;
  if (!branch || branches.length > 1) throw new Refused('index of several paths');
  if (isSingle(branch)) return at === 0 ? [branch] : [];
  const last = branch.steps.at(-1);
  const before = { ...branch, steps: branch.steps.slice(0, -1) };
  if (last?.op !== 'get' || !isSingle(before)) throw new Refused('index of a nested list');
  return [{ ...branch, steps: [...before.steps, { ...last, at }] }];
}

/** A boolean expression on a value of the given type. */
function testOn(scope: PathScope, context: string, node: PathNode): Test {
  const inner = { ...scope, context, root: scope.root ?? scope.context };
  return planTest(
    {
      plan: (path) => plan(inner, path),
      isKindOf: (type, ancestor) => isKindOf(scope.types, type, knownType(scope, ancestor)),
    },
    node,
  );
}

function filtered(scope: PathScope, branches: Branch[], criterion: PathNode): Branch[] {
  return branches.map((branch) => {
    if (branch.resolved) throw new Refused('where() on resolve()');
    const test = testOn(scope, branch.type, criterion);
    return { ...branch, steps: [...branch.steps, { op: 'filter', test }] };
  });
}

function extensions(scope: PathScope, branches: Branch[], url: PathNode | undefined): Branch[] {
  if (url?.kind !== 'literal') throw new Refused('extension() of a computed url');
  const wanted = url.value;
  const test = (value: unknown) => (value as { url?: unknown }).url === wanted;
  const steps = branches.flatMap((branch) => stepInto(scope, branch, 'extension'));
  return steps.map((branch) => ({ ...branch, steps: [...branch.steps, { op: 'filter', test }] }));
}

type Call = Extract<PathNode, { kind: 'call' }>;

function called(scope: PathScope, node: Call): Branch[] {
  const of = () => plan(scope, node.of);
  const [argument] = node.args;
  switch (node.name) {
    case 'as':
    case 'ofType': {
      const type = typeArgument(node.args);
      return of().flatMap((branch) => castTo(scope, branch, type));
    }
    case 'where':
      if (!argument) throw new Refused('where() without a criterion');
      return filtered(scope, of(), argument);
    case 'extension':
      return extensions(scope, of(), argument);
    case 'first':
      return indexed(of(), 0);
    case 'resolve':
      return of().map((branch) => ({ ...branch, type: 'Resource', resolved: true }));
    default:
      return computed(scope, node);
  }
}

/** A boolean of the context as a value of its own. */
function computed(scope: PathScope, node: PathNode): Branch[] {
  const test = testOn(scope, scope.context, node);
  return [{ from: 'context', steps: [{ op: 'compute', test }], type: 'boolean' }];
}

function member(scope: PathScope, node: Extract<PathNode, { kind: 'member' }>): Branch[] {
  const root = scope.root ?? scope.context;
  if (node.of.kind === 'this' && /^[A-Z]/.test(node.name) && scope.types.has(node.name)) {
    const own = isKindOf(scope.types, root, node.name);
    if (own && root !== scope.context) throw new Refused('type name inside an element');
    return own ? [{ from: 'context', steps: [], type: root }] : [];
  }
  return plan(scope, node.of).flatMap((branch) => stepInto(scope, branch, node.name));
}

/** The branches of a parsed path. Throws `Refused` where it is not of the compiled part. */
export function plan(scope: PathScope, node: PathNode): Branch[] {
  switch (node.kind) {
    case 'this':
      return [{ from: 'context', steps: [], type: scope.context }];
    case 'resource':
      return [{ from: 'resource', steps: [], type: scope.root ?? scope.context }];
    case 'member':
      return member(scope, node);
    case 'call':
      return called(scope, node);
    case 'index':
      return indexed(plan(scope, node.of), node.at);
    case 'cast':
      if (node.op === 'is') return computed(scope, node);
      return plan(scope, node.of).flatMap((branch) => castTo(scope, branch, node.type));
    case 'binary':
      if (node.op !== '|') return computed(scope, node);
      return [...plan(scope, node.left), ...plan(scope, node.right)];
    default:
      throw new Refused('a literal');
  }
}

/**
 * The typed branches of an expression (a path that begins with another type has none), or undefined
 * where it is left to fhirpath.js (`compileFhirPath`).
 */
export function planPath(expression: string, scope: PathScope): Branch[] | undefined {
  try {
    const branches = plan(scope, parsePath(expression));
    return branches.some((branch) => branch.resolved) ? undefined : branches;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/**
 * Compiles an expression to a function from a context (and its resource) to typed values, or
 * undefined where it is left to fhirpath.js. `as()` on a list filters, as search parameters expect.
 */
export function compilePath(expression: string, scope: PathScope): CompiledPath | undefined {
  const branches = planPath(expression, scope);
  if (!branches) return undefined;
  const targets = branches.map((branch) => ({
    branch,
    sink: (value: unknown, out: Typed[]) => void out.push({ type: branch.type, value }),
  }));
  const run = compileBranches(targets);
  return (context, root = context) => {
    const out: Typed[] = [];
    run(context, root, out);
    return out;
  };
}
