import type { Definitions, SearchParamDef, SearchType } from './definitions.ts';
import { FhirError } from './error.ts';
import { canFile } from './extract-param.ts';
import { compileFhirPath } from './fhirpath.ts';
import { type Branch, isSingle } from './fhirpath-branch.ts';
import { plan } from './fhirpath-compile.ts';
import { parsePath, Refused } from './fhirpath-parse.ts';

/** The elements of a SearchParameter that count. */
export interface Described {
  code: string;
  url: string;
  type: SearchType;
  expression: string;
  bases: readonly string[];
  targets: readonly string[];
  components: readonly { definition: string; expression: string }[];
}

interface Fault {
  element: string;
  diagnostics: string;
}

interface Planned {
  /** Empty where fhirpath.js evaluates the expression: types are known with the values only. */
  branches: Branch[];
  /** One resource may have several values. */
  many: boolean;
}

/** What the expression reads on a type, or why it cannot be used there. */
export function planned(
  definitions: Definitions,
  type: string,
  described: Described,
): Planned | Fault {
  const branches = branchesOf(definitions, type, described.expression);
  if (!Array.isArray(branches)) return branches ?? { branches: [], many: true };
  if (branches.length === 0) {
    const diagnostics = `"${described.expression}" says nothing of ${type}: leave that base out.`;
    return { element: 'expression', diagnostics };
  }
  const fits = branches.some((one) => canRead(described.type, one));
  if (!fits) return { element: 'type', diagnostics: misfit(type, described, branches) };
  const [first] = branches;
  const many = branches.some((one) => !isSingle(one) || one.element !== first?.element);
  return { branches, many };
}

/** The typed branches; undefined where the expression is left to fhirpath.js. */
function branchesOf(
  definitions: Definitions,
  type: string,
  expression: string,
): Branch[] | Fault | undefined {
  try {
    const branches = plan({ types: definitions.types, context: type }, parsePath(expression));
    if (!branches.some((one) => one.resolved)) return branches;
    const hint = 'resolve() may only stand in `resolve() is Type`.';
    return { element: 'expression', diagnostics: `"${expression}" follows references. ${hint}` };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return evaluationFault(definitions, type, expression);
  }
}

/** fhirpath.js takes any name; one that no type has as an element is a slip of the pen. */
function evaluationFault(
  definitions: Definitions,
  type: string,
  expression: string,
): Fault | undefined {
  const unknown = memberNames(expression).find((name) => !namesOf(definitions).has(name));
  if (unknown !== undefined) {
    const diagnostics = `"${expression}" names "${unknown}", which is an element of no type.`;
    return { element: 'expression', diagnostics };
  }
  try {
    // It looks for functions only when it runs.
    compileFhirPath(expression)({ resourceType: type });
    return undefined;
  } catch (error) {
    if (error instanceof FhirError) return { element: 'expression', diagnostics: error.message };
    throw error;
  }
}

const OPERATORS: ReadonlySet<string> = new Set(
  'and or xor implies is as in contains div mod true false'.split(' '),
);

/** Names in lower case that are neither functions, variables, operators nor inside a string. */
function memberNames(expression: string): string[] {
  const bare = expression.replace(/'(?:[^'\\]|\\.)*'/g, "''");
  const names = [...bare.matchAll(/(?<![\w%$@])[a-z]\w*(?!\w|\s*\()/g)].map(([name]) => name);
  return names.filter((name) => !OPERATORS.has(name));
}

const elementNames = new WeakMap<Definitions['types'], ReadonlySet<string>>();

/** Names of all elements, and of the types that a cast may name. */
function namesOf({ types }: Definitions): ReadonlySet<string> {
  const known = elementNames.get(types);
  if (known) return known;
  const elements = [...types.values()].flatMap((type) => type.elements.map(({ name }) => name));
  const names = new Set([...types.keys(), ...elements]);
  elementNames.set(types, names);
  return names;
}

/** An extension stands for its value; what a composite reads its components say. */
const canRead = (type: SearchType, branch: Branch): boolean =>
  type === 'composite' || branch.type === 'Extension' || canFile(type, branch.type);

function misfit(type: string, described: Described, branches: readonly Branch[]): string {
  const found = [...new Set(branches.map((one) => one.type))].slice(0, 5).join(', ');
  return `On ${type} the expression yields ${found}, which cannot be searched as ${described.type}.`;
}

/** Types that the reference may lead to, sorted; empty where any may. */
export function targetsOf({ targets }: Described, branches: readonly Branch[]): string[] | Fault {
  const open = branches.length === 0 || branches.some(({ element }) => !element?.targets);
  const allowed = new Set(branches.flatMap(({ element }) => element?.targets ?? []));
  if (targets.length === 0) return open ? [] : [...allowed].sort();
  const both = open ? [...targets] : targets.filter((target) => allowed.has(target));
  if (both.length > 0) return both.sort();
  const possible = [...allowed].sort().join(', ');
  return {
    element: 'target',
    diagnostics: `The element never refers to these; possible: ${possible}.`,
  };
}

/** The components with the parameters that their canonical urls name. */
export function componentsOf(
  { components }: Described,
  type: string,
  definitions: Definitions,
): NonNullable<SearchParamDef['components']> | Fault {
  if (components.length === 0) {
    return { element: 'component', diagnostics: 'A composite parameter needs components.' };
  }
  const found: NonNullable<SearchParamDef['components']> = [];
  for (const [i, { definition, expression }] of components.entries()) {
    const [url] = definition.split('|');
    const part = paramByUrl(definitions, type, url ?? '');
    if (!part || part.type === 'composite') {
      const diagnostics = `No parameter that can be a component here has the url ${url}.`;
      return { element: `component[${i}].definition`, diagnostics };
    }
    found.push({ code: part.code, type: part.type, expression: expression.trim() });
  }
  return found;
}

/** Of the type itself first: R4 publishes one url for a parameter of many types. */
function paramByUrl(
  definitions: Definitions,
  type: string,
  url: string,
): SearchParamDef | undefined {
  for (const one of [type, ...definitions.resourceTypes]) {
    for (const def of definitions.searchParams(one).values()) if (def.url === url) return def;
  }
  return undefined;
}
