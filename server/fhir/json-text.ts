import type { JsonObject, JsonValue, Resource } from './types.ts';

/** What the server itself says of a version (R4 2.26.3.3). */
export interface Stamp {
  id: string;
  versionId: string;
  /** An instant, e.g. `2026-01-31T12:00:00.000Z`. */
  lastUpdated: string;
}

/**
 * The text a version is stored and served as. It begins with type, id, version and time, so that
 * `metaOf` finds them without parsing; all else follows in the order it came in.
 */
export function stampResource(resource: Resource, stamp: Stamp): string {
  const { versionId, lastUpdated } = stamp;
  const stamped: JsonObject = {
    resourceType: resource.resourceType,
    id: stamp.id,
    meta: withRest({ versionId, lastUpdated }, resource.meta),
  };
  return JSON.stringify(withRest(stamped, resource));
}

function withRest(head: JsonObject, all: JsonValue | undefined): JsonObject {
  if (typeof all !== 'object' || all === null || Array.isArray(all)) return head;
  const object = all as JsonObject;
  for (const name in object) {
    if (head[name] === undefined) head[name] = object[name] as JsonValue;
  }
  return head;
}

const STAMPED =
  /^\{"resourceType":"([A-Za-z]{1,64})","id":"([A-Za-z0-9\-.]{1,64})","meta":\{"versionId":"([^"\\]{1,64})","lastUpdated":"([^"\\]{1,64})"/;

/** Type, id, version and time of a text made by `stampResource`; undefined for other texts. */
export function metaOf(text: string): (Stamp & { resourceType: string }) | undefined {
  const found = STAMPED.exec(text);
  if (!found) return undefined;
  const [, resourceType = '', id = '', versionId = '', lastUpdated = ''] = found;
  return { resourceType, id, versionId, lastUpdated };
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;

/**
 * Indents a well-formed JSON text by two spaces a level. Works on the text, so that numbers and
 * escapes stay as they are.
 */
export function prettyJson(text: string): string {
  const out: string[] = [];
  let line = '\n';
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '}' || token === ']') {
      line = line.slice(0, -2);
      if (last !== '{' && last !== '[') out.push(line);
    } else if (last === '{' || last === '[' || last === ',') {
      out.push(line);
    }
    out.push(token === ':' ? ': ' : token);
    if (token === '{' || token === '[') line += '  ';
    last = token;
  }
  return out.join('');
}
