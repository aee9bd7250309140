import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { Term } from '../fhir/query.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import type { TermOptions } from '../fhir/query-terms.ts';
import type { ResourceScope } from './scopes.ts';

/**
 * Granular scopes (SMART App Launch 2.2, "Finer-grained resource constraints using search
 * parameters"). Modifiers, chains and `_filter` are experimental there and refused here.
 */

/** The parameters that a scope may use: tokens that each resource holds itself. */
export const GRANULAR: ReadonlySet<string> = new Set([
  'category',
  'code',
  'status',
  'type',
  'clinical-status',
  'class',
  '_security',
  '_tag',
]);

/**
 * The criteria of a granular scope on a type.
 * @throws FhirError invalid where the type does not have a parameter, or a value is none of it
 */
export function granularTerms(scope: ResourceScope, type: string, options: TermOptions): Term[] {
  const { where } = parseQuery({
    ...options,
    ...{ types: [type], params: scope.query, lenient: false, count: 1, maxCount: 1 },
  });
  return where;
}

/**
 * A function that says why a scope cannot be granted on this server, or undefined if it can: it
 * names a type or a granular parameter that there is not.
 */
export function grantable(definitions: Definitions): (scope: ResourceScope) => string | undefined {
  const options: TermOptions = { definitions, bases: [], zone: 0, now: 0 };
  const types = new Set(definitions.resourceTypes);
  return (scope) => {
    const { type, query } = scope;
    if (type !== '*' && !types.has(type)) return `There is no resource type "${type}".`;
    const ofSome = query.find(([name]) => type === '*' && !name.startsWith('_'));
    if (ofSome) return `Not every type has the parameter "${ofSome[0]}": name the type.`;
    const wrong = query.find(
      ([name]) => type !== '*' && definitions.searchParams(type).get(name)?.type !== 'token',
    );
    if (wrong) return `${type} has no parameter "${wrong[0]}" of type token.`;
    return refusedValue(scope, type === '*' ? 'Patient' : type, options);
  };
}

function refusedValue(
  scope: ResourceScope,
  type: string,
  options: TermOptions,
): string | undefined {
  try {
    granularTerms(scope, type, options);
    return undefined;
  } catch (error) {
    if (error instanceof FhirError) return error.message;
    throw error;
  }
}
