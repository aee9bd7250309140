import { componentsOf, type Described, planned, targetsOf } from './custom-param-plan.ts';
import { sameMeaning } from './custom-param-same.ts';
import type { Definitions, SearchParamDef, SearchType } from './definitions.ts';
import { compositePlan } from './extract-composite.ts';
import { isKindOf } from './fhirpath-compile.ts';
import type { Issue, Resource } from './types.ts';

/** What a SearchParameter resource comes to: its parameters by resource type, or what is wrong. */
export interface Judged {
  params: Map<string, SearchParamDef>;
  issues: Issue[];
}

export interface JudgeOptions {
  /** R4's own definitions. */
  standard: Definitions;
  /** Those with the custom parameters of all other SearchParameter resources. */
  present: Definitions;
}

/** Statuses that a parameter works in; a retired one finds nothing. */
const WORKING: ReadonlySet<unknown> = new Set(['active', 'draft']);
const TYPES: ReadonlySet<unknown> = new Set<SearchType>(
  'string token reference date number quantity uri composite'.split(' ') as SearchType[],
);
/** What can stand in a query without being taken for a modifier, a chain or a list. */
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/**
 * Judges a SearchParameter resource (valid as a resource) for use in searches. One that says what R4
 * says is fine and changes nothing, as is one that is not in use (`status`).
 */
export function judgeSearchParameter(resource: Resource, options: JudgeOptions): Judged {
  const params = new Map<string, SearchParamDef>();
  if (!WORKING.has(resource.status)) return { params, issues: [] };
  const described = describe(resource);
  const faults = refusedSizes(described);
  if (faults.length > 0) return { params, issues: faults };
  for (const [i, base] of described.bases.entries()) {
    const types = concreteTypes(options.standard, base);
    if (types.length === 0)
      faults.push(fault(`base[${i}]`, `"${base}" is no resource type of R4.`));
    for (const type of types) {
      if (params.has(type) || isStandard(described, type, options)) continue;
      const judged = judgeOn(described, type, options);
      if ('code' in judged) params.set(type, judged);
      else faults.push(fault(judged.element, judged.diagnostics));
    }
  }
  const issues = [...new Map(faults.map((one) => [one.diagnostics, one])).values()];
  return issues.length > 0 ? { params: new Map(), issues } : { params, issues };
}

/** R4's longest has 1,386 characters and two levels. Each write evaluates it. */
const MAX_LENGTH = 5000;
const MAX_DEPTH = 30;

function refusedSizes({ expression, components }: Described): Issue[] {
  const all = components.map((one, i) => [`component[${i}].expression`, one.expression] as const);
  return [['expression', expression] as const, ...all].flatMap(([element, text]) => {
    const deep = depthOf(text) > MAX_DEPTH;
    if (text.length <= MAX_LENGTH && !deep) return [];
    const is = deep ? `is nested more than ${MAX_DEPTH} deep` : `has ${text.length} characters`;
    const most = `at most ${MAX_LENGTH} characters, ${MAX_DEPTH} levels of brackets`;
    return [fault(element, `The expression ${is}; possible: ${most}. Divide the parameter.`)];
  });
}

/** Levels of brackets that are open at once, strings left out. */
function depthOf(expression: string): number {
  let [depth, most] = [0, 0];
  for (const [bracket] of expression.replace(/'(?:[^'\\]|\\.)*'/g, '').matchAll(/[()[\]]/g)) {
    depth += bracket === '(' || bracket === '[' ? 1 : -1;
    most = Math.max(most, depth);
  }
  return most;
}

function describe(resource: Resource): Described {
  const { code, url, type, expression, base, target, component } = resource;
  return {
    code: code as string,
    url: url as string,
    type: type as SearchType,
    expression: typeof expression === 'string' ? expression.trim() : '',
    bases: base as string[],
    targets: (target ?? []) as string[],
    components: (component ?? []) as unknown as Described['components'],
  };
}

/** `Resource` and `DomainResource` stand for all types that specialise them. */
function concreteTypes({ types, resourceTypes }: Definitions, base: string): string[] {
  return resourceTypes.filter((type) => isKindOf(types, type, base));
}

function isStandard(described: Described, type: string, { standard }: JudgeOptions): boolean {
  const own = standard.searchParams(type).get(described.code);
  return own !== undefined && sameMeaning(standard, type, described, own);
}

interface Fault {
  element: string;
  diagnostics: string;
}

/** The parameter on one type, or why it cannot be had. */
function judgeOn(
  described: Described,
  type: string,
  { standard, present }: JudgeOptions,
): SearchParamDef | Fault {
  const { code, url, expression } = described;
  const taken = present.searchParams(type).get(code);
  if (taken) return { element: 'code', diagnostics: takenText(type, taken) };
  if (!CODE.test(code)) return { element: 'code', diagnostics: CODE_RULE };
  if (!TYPES.has(described.type)) {
    const hint = 'Use one of string, token, reference, date, number, quantity, uri, composite.';
    const diagnostics = `Parameters of the type "${described.type}" have no rule to search by. ${hint}`;
    return { element: 'type', diagnostics };
  }
  if (expression === '') {
    const diagnostics = 'Without an expression nothing can be indexed: give one in FHIRPath.';
    return { element: 'expression', diagnostics };
  }
  const plan = planned(standard, type, described);
  if ('element' in plan) return plan;
  const def: SearchParamDef = { code, url, type: described.type, expression };
  if (plan.many) def.many = true;
  if (described.type === 'reference') return withTargets(def, targetsOf(described, plan.branches));
  if (described.type !== 'composite') return def;
  return composite(def, { described, type, present });
}

const CODE_RULE =
  'A code begins with a letter and has at most 64 letters, digits, "-" and "_", so that it can ' +
  'stand in a query; "_" in front is kept for the parameters of the standard.';

const takenText = (type: string, { code, url }: SearchParamDef): string =>
  `${type} has the search parameter "${code}" already, with a meaning of its own (${url}). ` +
  'Choose another code, or change that one.';

function withTargets(def: SearchParamDef, targets: string[] | Fault): SearchParamDef | Fault {
  if (!Array.isArray(targets)) return targets;
  return targets.length > 0 ? { ...def, targets } : def;
}

interface CompositeSite {
  described: Described;
  type: string;
  present: Definitions;
}

function composite(
  def: SearchParamDef,
  { described, type, present }: CompositeSite,
): SearchParamDef | Fault {
  const components = componentsOf(described, type, present);
  if (!Array.isArray(components)) return components;
  const whole = { ...def, components };
  const plan = compositePlan(present, type, whole);
  if (plan.and || plan.wordsKey !== undefined) return whole;
  const diagnostics = `The components cannot be read from the elements of "${def.expression}" on ${type}.`;
  return { element: 'component', diagnostics };
}

const fault = (element: string, diagnostics: string): Issue => ({
  severity: 'error',
  code: 'business-rule',
  diagnostics,
  expression: `SearchParameter.${element}`,
});
