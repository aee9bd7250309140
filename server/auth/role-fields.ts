import type { Definitions, ElementDef } from '../fhir/definitions.ts';
import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import { ABOUT } from './access-about.ts';
import {
  type CriteriaOptions,
  NoCriteria,
  type VARIABLES,
  type Variables,
} from './access-criteria.ts';
import { NAMED_ONLY, type Role, type RoleRule, ruleTerms } from './roles.ts';

/** Reads roles as administrators write them. */

/** What is wrong and what to do, and where: `rules[3].criteria`. */
export interface Problem {
  at: string;
  problem: string;
}

export const ROLE_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const MOST_RULES = 200;
const MEMBERS = ['name', 'title', 'rules', 'shipped'];

const TEXTS = ['types', 'about', 'anyOf', 'except', 'hidden', 'readOnly'] as const;
const RULE_MEMBERS: readonly string[] = [
  ...['interactions', 'criteria', 'restricted', 'purpose'],
  ...TEXTS,
];

/** The role in a body, or all that is wrong with it. */
export function readRole(
  definitions: Definitions,
  name: string,
  body: JsonObject,
): Role | { problems: Problem[] } {
  const { title = name, rules } = body;
  const problems = strangers(body, MEMBERS, '');
  if (body['name'] !== undefined && body['name'] !== name) {
    problems.push({ at: 'name', problem: `It is not "${name}", the name in the address.` });
  }
  if (typeof title !== 'string' || !/^[^\p{Cc}]{1,200}$/u.test(title)) {
    problems.push({ at: 'title', problem: 'It is not a text of 1 to 200 characters.' });
  }
  if (!Array.isArray(rules) || rules.length > MOST_RULES) {
    problems.push({ at: 'rules', problem: `It is not a list of at most ${MOST_RULES} rules.` });
  } else {
    problems.push(...rules.flatMap((rule, i) => faultsOf(definitions, rule, `rules[${i}]`)));
  }
  if (problems.length > 0) return { problems };
  return { name, title: title as string, rules: rules as unknown as RoleRule[], shipped: false };
}

function strangers(body: JsonObject, members: readonly string[], path: string): Problem[] {
  return Object.keys(body)
    .filter((name) => !members.includes(name))
    .map((name) => ({
      at: `${path}${name.slice(0, 80)}`,
      problem: `There is no such member; there are ${members.join(', ')}.`,
    }));
}

function faultsOf(definitions: Definitions, rule: JsonValue, at: string): Problem[] {
  if (!isObject(rule)) return [{ at, problem: 'It is not a JSON object.' }];
  const problems = [
    ...strangers(rule, RULE_MEMBERS, `${at}.`),
    ...shapeFaults(rule, at),
    ...typeFaults(definitions, rule, 'types', at),
    ...typeFaults(definitions, rule, 'about', at),
  ];
  return problems.length > 0
    ? problems
    : meaningFaults(definitions, rule as unknown as RoleRule, at);
}

function shapeFaults(rule: JsonObject, at: string): Problem[] {
  const problems: Problem[] = [];
  const refuse = (name: string, problem: string): void => {
    problems.push({ at: `${at}.${name}`, problem });
  };
  const { interactions, criteria, restricted, purpose } = rule;
  if (typeof interactions !== 'string' || !/^(?=.)c?r?u?d?s?$/.test(interactions)) {
    refuse('interactions', 'It is not some letters of "cruds" in this order.');
  }
  if (criteria !== undefined && !isSearch(criteria)) refuse('criteria', 'It is no search text.');
  if (restricted !== undefined && restricted !== true) refuse('restricted', 'It is not true.');
  if (purpose !== undefined && purpose !== 'BTG') refuse('purpose', 'It is not "BTG".');
  for (const name of TEXTS) {
    if (rule[name] === undefined && name !== 'types') continue;
    if (!isTextList(rule[name])) refuse(name, 'It is not a list of 1 to 200 texts.');
  }
  return problems;
}

const isSearch = (value: JsonValue | undefined): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 2000;

const isTextList = (value: JsonValue | undefined): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.length <= 200 && value.every(isSearch);

function typeFaults(
  definitions: Definitions,
  rule: JsonObject,
  ...[name, at]: ['types' | 'about', string]
): Problem[] {
  const types = rule[name];
  if (!isTextList(types)) return [];
  return types
    .filter((type) => type !== '*' && !definitions.resourceTypes.includes(type))
    .map((type) => ({
      at: `${at}.${name}`,
      problem: `There is no resource type "${type.slice(0, 80)}".`,
    }));
}

/** Whether its criteria can be parsed, and its elements exist, for each type. */
function meaningFaults(definitions: Definitions, rule: RoleRule, at: string): Problem[] {
  const types = rule.types.includes('*')
    ? definitions.resourceTypes.filter((type) => !NAMED_ONLY.has(type))
    : rule.types;
  const options = { definitions, bases: [], zone: 0, now: 0, variables: SAMPLES };
  const found = types.flatMap((type) => [
    ...aboutFaults(rule, type, at),
    ...criteriaFaults(rule, type, options).map(({ at: name, problem }) => ({
      at: `${at}.${name}`,
      problem: `${type}: ${problem}.`,
    })),
    ...elementFaults(definitions, rule, type, at),
  ]);
  // Of a rule for all types the first few tell enough.
  return found.slice(0, 20);
}

function aboutFaults({ about }: RoleRule, type: string, at: string): Problem[] {
  if (!about || ABOUT.has(type)) return [];
  const known = [...ABOUT.keys()].join(' and ');
  return [{ at: `${at}.about`, problem: `${type}: it can be said of ${known} only.` }];
}

/** Something of each kind that a variable may stand for. */
const SAMPLES: Variables = {
  user: [
    'Practitioner',
    'PractitionerRole',
    'Patient',
    'RelatedPerson',
    'Organization',
    'Device',
  ].map((type) => `${type}/x`),
  ...{ patient: ['Patient/x'], own: ['Patient/x'], branch: ['Organization/x'] },
  ...{ ward: ['Location/x'], today: ['2000-01-01'] },
} satisfies Record<(typeof VARIABLES)[number], string[]>;

/** Text by text, so that each fault is told where it is. */
function criteriaFaults(rule: RoleRule, type: string, options: CriteriaOptions): Problem[] {
  const base = { types: [type], interactions: rule.interactions, restricted: true } as const;
  const { criteria, anyOf = [], except = [] } = rule;
  const parts: [string, RoleRule][] = [
    ['criteria', criteria === undefined ? base : { ...base, criteria }],
    ...anyOf.map((text, i): [string, RoleRule] => [`anyOf[${i}]`, { ...base, criteria: text }]),
    ...except.map((text, i): [string, RoleRule] => [`except[${i}]`, { ...base, criteria: text }]),
  ];
  return parts.flatMap(([at, part]) => {
    try {
      ruleTerms(part, type, options);
      return [];
    } catch (error) {
      if (error instanceof NoCriteria) return [{ at, problem: error.message.replace(/\.$/, '') }];
      throw error;
    }
  });
}

/** By these a resource is found again, and what was left out is told. */
const ALWAYS: ReadonlySet<string> = new Set(['id', 'meta', 'resourceType', 'implicitRules']);

function elementFaults(
  definitions: Definitions,
  { hidden = [], readOnly = [] }: RoleRule,
  ...[type, at]: [string, string]
): Problem[] {
  const paths = [
    ...hidden.map((path) => ({ path, name: 'hidden' })),
    ...readOnly.map((path) => ({ path, name: 'readOnly' })),
  ];
  return paths
    .filter(({ path, name }) =>
      name === 'hidden' && ALWAYS.has(path) ? true : !hasElement(definitions, type, path),
    )
    .map(({ path, name }) => ({
      at: `${at}.${name}`,
      problem: `${type} has no element "${path.slice(0, 80)}" that could be named here.`,
    }));
}

/** Whether a path of names leads to an element; `onset` stands for onset[x]. */
function hasElement(definitions: Definitions, type: string, path: string): boolean {
  let types = [type];
  for (const name of path.split('.')) {
    const elements: ElementDef[] = types
      .flatMap((one) => definitions.types.get(one)?.elements ?? [])
      .filter((element) => element.name === name);
    if (elements.length === 0) return false;
    types = elements.flatMap((element) => element.types);
  }
  return true;
}
