import type { Term } from './query.ts';
import { holds, type Param, TermProblem, type TypedParam } from './query-param.ts';
import { hierarchyParam } from './query-reference.ts';

/** Which modifiers a parameter takes (R4 3.1.1.4.4 and the sections of the types). */

/** Every resource has these values, and they are not in the index. */
const ALWAYS: ReadonlySet<string> = new Set(['_id', '_lastUpdated']);
/** Of type string or token in R4's files, but searched in a way of their own. */
const OWN_WAY: ReadonlySet<string> = new Set(['_text', '_content', '_query', '_list', '_filter']);

/** The modifiers of a parameter, without those that name a resource type. */
export function modifiersOf(param: TypedParam): string[] {
  const { def } = param;
  if (OWN_WAY.has(def.code)) return [];
  if (def.code === '_id') return ['missing', 'not'];
  switch (def.type) {
    case 'composite':
      return []; // R4 3.1.1.4.17: "Modifiers are not used on composite parameters."
    case 'string':
      return ['missing', 'exact', 'contains', 'text'];
    case 'uri':
      return ['missing', 'above', 'below'];
    case 'token':
      return ['missing', 'not', ...tokenModifiers(param)];
    case 'reference':
      return ['missing', ...referenceModifiers(param)];
    default:
      return ['missing'];
  }
}

function tokenModifiers(param: TypedParam): string[] {
  const modifiers: string[] = [];
  if (holds(param, 'CodeableConcept', 'Coding', 'Identifier')) modifiers.push('text');
  if (holds(param, 'CodeableConcept', 'Coding', 'code')) {
    modifiers.push('in', 'not-in', 'above', 'below');
  }
  if (holds(param, 'Identifier')) modifiers.push('of-type');
  return modifiers;
}

function referenceModifiers(param: TypedParam): string[] {
  const { def, options } = param;
  const { definitions } = options;
  const targets = def.targets ?? definitions.resourceTypes;
  const modifiers: string[] = [];
  if (holds(param, 'Reference')) {
    modifiers.push('identifier');
    if (targets.some((type) => hierarchyParam(definitions, type))) modifiers.push('above', 'below');
  }
  if (holds(param, 'canonical') && !modifiers.includes('below')) modifiers.push('below');
  return modifiers;
}

/**
 * Refuses a modifier that the parameter does not take.
 * @throws TermProblem that names those it takes
 */
export function checkModifier(param: Param, modifier: string): void {
  const { def, options } = param;
  const byType = def.type === 'reference';
  if (byType && options.definitions.resourceTypes.includes(modifier)) {
    if (!def.targets || def.targets.includes(modifier)) return;
    throw new TermProblem(`it never refers to ${modifier}; possible: ${def.targets.join(', ')}`);
  }
  const taken = modifiersOf(param);
  if (taken.includes(modifier)) return;
  const names = taken.map((name) => `:${name}`);
  if (byType) names.push(`a type (:${def.targets?.[0] ?? 'Patient'})`);
  throw new TermProblem(
    `the modifier ":${modifier.slice(0, 80)}" is not supported on "${def.code}", a ${def.type} ` +
      `parameter; it takes ${names.length > 0 ? names.join(', ') : 'no modifier'}`,
    true,
  );
}

/** `:missing` (R4 3.1.1.4.4): true where no value is filed under the parameter. */
export function missingTerm({ type, def }: Param, values: readonly string[]): Term {
  const [wanted] = values;
  if (values.length > 1 || (wanted !== 'true' && wanted !== 'false')) {
    throw new TermProblem(`":missing" is either true or false, not "${values.join(',')}"`);
  }
  const missing = wanted === 'true';
  if (ALWAYS.has(def.code)) return { kind: missing ? 'any' : 'all', terms: [] };
  const present: Term = { kind: 'present', type, codes: [...(def.keys ?? [def.code])] };
  return missing ? { kind: 'not', term: present } : present;
}
