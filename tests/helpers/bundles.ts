import { expect } from 'vitest';
import type { Plan } from '../../server/fhir/bundle.ts';
import { planBundle } from '../../server/fhir/bundle.ts';
import { FhirError } from '../../server/fhir/error.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';

/** Entries of bundles and what becomes of them, for the tests of `server/fhir/bundle*.ts`. */
export const definitions = loadDefinitions();
export const BASE = 'http://localhost/fhir';

/** Plans with ids `new-1`, `new-2`, ...; own base `BASE`. */
export function plan(type: string, entry: JsonValue[]): Plan {
  let ids = 0;
  const newId = (): string => `new-${++ids}`;
  return planBundle({ resourceType: 'Bundle', type, entry }, { newId, bases: [BASE], definitions });
}

/** The issues of the `invalid` that `run` throws; none where it does not throw. */
export function issuesOf(
  run: () => unknown,
): [expression: string | undefined, diagnostics: string][] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    expect(error.kind).toBe('invalid');
    return error.issues.map(({ expression, diagnostics }) => [expression, diagnostics]);
  }
  return [];
}

export const post = (
  resource: Resource,
  fullUrl?: string,
  request: JsonObject = {},
): JsonObject => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  request: { method: 'POST', url: resource.resourceType, ...request },
});
export const put = (resource: Resource, fullUrl?: string): JsonObject =>
  post(resource, fullUrl, { method: 'PUT', url: `${resource.resourceType}/${resource.id}` });
export const ask = (method: string, url: string): JsonObject => ({ request: { method, url } });
export const patient: Resource = { resourceType: 'Patient' };

/** A FHIRPath Patch: replaces the element by the value, or deletes it. */
export function patchOf(path: string, value?: JsonObject): Resource {
  const part: JsonObject[] = [
    { name: 'type', valueCode: value ? 'replace' : 'delete' },
    { name: 'path', valueString: path },
  ];
  if (value) part.push({ name: 'value', ...value });
  return { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] };
}
