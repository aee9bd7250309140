import { FhirError } from '../fhir/error.ts';
import { pathOf } from '../request-path.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';

const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const NEAR_MAX = 3;

/** Words that stand where a type or an id could; they take fewer methods than those. */
export const reserved: ReadonlySet<string> = new Set(['metadata', '_history', '_search']);

/** The resource type that the path names. Throws not-found, naming types that look alike. */
export function typeOf(service: Service, exchange: Exchange): string {
  const type = exchange.part('type');
  if (reserved.has(type)) throw wrongMethod(service, exchange);
  if (!service.types.has(type)) throw unknownType(service, type);
  return type;
}

/** A type that a parameter names. Throws FhirError invalid where R4 has none of the name. */
export function refuseNoType(service: Service, type: string, param = '_type'): void {
  if (service.types.has(type)) return;
  const { issues } = unknownType(service, type);
  throw new FhirError(
    'invalid',
    issues.map((issue) => ({ ...issue, expression: `http.${param}` })),
  );
}

/** The refusal of a type that does not exist in R4. */
export function unknownType(service: Service, type: string): FhirError {
  if (type.startsWith('$')) return unknownOperation(type);
  const near = nearTypes(type, service.types);
  const hint = near.length ? `Did you mean ${near.join(' or ')}?` : 'See /fhir/metadata.';
  return new FhirError('not-found', [
    {
      severity: 'error',
      code: 'not-supported',
      diagnostics: `"${clip(type)}" is not a resource type of FHIR R4. ${hint}`,
    },
  ]);
}

/** The id of the path where a resource may be read: what cannot be an id cannot be found. */
export function idOf(service: Service, exchange: Exchange): string {
  const id = exchange.part('id');
  if (ID.test(id)) return id;
  if (reserved.has(id)) throw wrongMethod(service, exchange);
  if (id.startsWith('$')) throw unknownOperation(id);
  throw new FhirError('not-found', `Nothing has the id "${clip(id)}". ${ID_RULE}`);
}

/** The id of the path where something is to be written. Throws invalid. */
export function writableIdOf(service: Service, exchange: Exchange): string {
  const id = exchange.part('id');
  if (ID.test(id)) return id;
  if (reserved.has(id)) throw wrongMethod(service, exchange);
  if (id.startsWith('$')) throw unknownOperation(id);
  throw new FhirError('invalid', [
    {
      severity: 'error',
      code: 'value',
      diagnostics: `"${clip(id)}" cannot be an id. ${ID_RULE}`,
      expression: `${exchange.part('type')}.id`,
    },
  ]);
}

const ID_RULE = 'An id has 1 to 64 characters of A-Z, a-z, 0-9, "-" and "." (R4 2.24.0.1).';

/** The refusal of a method that the path does not take; the answer says in Allow what it does. */
export function wrongMethod(service: Service, exchange: Exchange): FhirError {
  const allow = service.allow(pathOf(exchange.incoming.url));
  const text = `This path does not take this method. It takes ${allow}.`;
  return new FhirError('method-not-allowed', text);
}

export function unknownOperation(name: string): FhirError {
  const diagnostics = `The operation ${clip(name)} does not exist here. See /fhir/metadata.`;
  return new FhirError('not-found', [{ severity: 'error', code: 'not-supported', diagnostics }]);
}

/** The types that differ from the text by case or a few letters, nearest first. */
export function nearTypes(text: string, types: Iterable<string>): string[] {
  const asked = text.toLowerCase().slice(0, 40);
  const limit = Math.max(1, Math.floor(asked.length / 3));
  return [...types]
    .map((type) => ({ type, distance: editDistance(asked, type.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAR_MAX)
    .map(({ type }) => type);
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const clip = (text: string): string => text.slice(0, 80);
