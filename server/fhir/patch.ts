/** Patches of a resource (R4 3.1.0.7): JSON Patch and FHIRPath Patch. */
import type { Definitions } from './definitions.ts';
import { FhirError } from './error.ts';
import type { FhirpathPatchOperation } from './fhirpath-patch.ts';
import { applyFhirpathPatch, parseFhirpathPatch } from './fhirpath-patch.ts';
import { isObject } from './json.ts';
import type { JsonPatchOperation } from './json-patch.ts';
import { applyJsonPatch, parseJsonPatch } from './json-patch.ts';
import type { JsonObject, JsonValue, Resource } from './types.ts';

export type Patch =
  | { kind: 'json'; operations: JsonPatchOperation[] }
  | { kind: 'fhirpath'; operations: FhirpathPatchOperation[] };

/**
 * Reads a patch: an array is a JSON Patch, a Parameters resource (from JSON or XML) a FHIRPath Patch.
 *
 * @param contentType where given, a JSON Patch must come as application/json-patch+json
 * @throws FhirError `invalid` for a malformed patch, `unsupported-media` for other kinds of patch
 */
export function parsePatch(body: JsonValue, contentType?: string): Patch {
  const media = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (/(?:xml|merge)-patch/.test(media)) {
    throw new FhirError(
      'unsupported-media',
      `${media} is not supported. Send a JSON Patch (application/json-patch+json) or a FHIRPath ` +
        'Patch (a Parameters resource as application/fhir+json or application/fhir+xml).',
    );
  }
  if (media === 'application/json-patch+json' || Array.isArray(body)) {
    return { kind: 'json', operations: parseJsonPatch(body) };
  }
  if (isObject(body) && body['resourceType'] === 'Parameters') {
    return { kind: 'fhirpath', operations: parseFhirpathPatch(body) };
  }
  throw new FhirError(
    'invalid',
    'A patch is an array of JSON Patch operations (application/json-patch+json) or a Parameters ' +
      'resource with FHIRPath Patch operations; to replace a resource use PUT.',
  );
}

/**
 * The patched resource; the given one is left as it is. `meta.versionId` and `meta.lastUpdated` are
 * the server's: whatever the patch does to them is undone. The result is not validated.
 *
 * @throws FhirError `unprocessable` where the patch does not fit the resource, or would change its
 * type or id
 */
export function applyPatch(patch: Patch, resource: Resource, definitions: Definitions): Resource {
  const result =
    patch.kind === 'json'
      ? applyJsonPatch(patch.operations, resource)
      : applyFhirpathPatch(patch.operations, resource, definitions);
  return withOwnMeta(sameIdentity(result, resource), resource);
}

function sameIdentity(result: JsonValue, before: Resource): JsonObject {
  if (!isObject(result)) {
    throw new FhirError('unprocessable', 'The patch would leave no resource; use DELETE for that.');
  }
  for (const name of ['resourceType', 'id'] as const) {
    if (result[name] === before[name]) continue;
    throw new FhirError('unprocessable', [
      {
        severity: 'error',
        code: 'business-rule',
        diagnostics: `A patch may not change ${name}; create another resource instead.`,
        expression: `${before.resourceType}.${name}`,
      },
    ]);
  }
  return result;
}

function withOwnMeta(result: JsonObject, before: Resource): Resource {
  const old = isObject(before['meta']) ? before['meta'] : {};
  // What is no object is left for validation to refuse.
  if (result['meta'] !== undefined && !isObject(result['meta'])) return result as Resource;
  const meta: JsonObject = { ...result['meta'] };
  for (const name of ['versionId', 'lastUpdated']) {
    if (old[name] === undefined) delete meta[name];
    else meta[name] = old[name];
  }
  if (Object.keys(meta).length > 0) result['meta'] = meta;
  else delete result['meta'];
  return result as Resource;
}
