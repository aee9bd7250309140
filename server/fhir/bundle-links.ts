/**
 * Where links stand in a resource: Reference.reference, elements of type uri and url, and
 * the narrative (R4 3.1.0.11.2; "elements of type canonical are not replaced"). The element tables
 * say which property is which, so that an Identifier.value that looks like a link stays what it is.
 */
import type { Definitions } from './definitions.ts';
import { clone, isObject } from './json.ts';
import type { JsonObject, JsonValue, Resource } from './types.ts';

export type LinkKind = 'reference' | 'uri' | 'narrative';

/** What holds a link: an object and a property name, or an array and an index. */
export type LinkOwner = JsonObject | JsonValue[];

/** `text` is `owner[key]`; for `narrative` it is the whole xhtml. */
export type LinkVisitor = (
  kind: LinkKind,
  owner: LinkOwner,
  key: string | number,
  text: string,
) => void;

export type LinkWalker = (resource: JsonObject, visit: LinkVisitor) => void;

type Field = LinkKind | 'resource' | Shape;
/** The properties of a type that are links or hold some, by JSON name. */
type Shape = Map<string, Field>;

/**
 * R4 also lists oid and uuid, but `Patient/1` is a value of neither: a transaction in which one of
 * them equals a fullUrl could never be stored.
 */
const uris = new Set(['uri', 'url']);
const UNDERSCORE = 95;
const walkers = new WeakMap<Definitions, LinkWalker>();

/** The walker of a set of definitions; shapes are compiled when first met and kept. */
export function linkWalker(definitions: Definitions): LinkWalker {
  let walker = walkers.get(definitions);
  if (!walker) {
    walker = createWalker(definitions);
    walkers.set(definitions, walker);
  }
  return walker;
}

/** Visits every link of a resource, contained ones included, in document order. */
export function collectReferences(
  resource: Resource,
  definitions: Definitions,
  visit: (text: string, kind: LinkKind) => void,
): void {
  linkWalker(definitions)(resource, (kind, _owner, _key, text) => visit(text, kind));
}

/**
 * A copy of the resource with other links: `map` gets each link (in narratives each href and src)
 * and answers the new text, or undefined to keep the old one.
 */
export function rewriteReferences(
  resource: Resource,
  definitions: Definitions,
  map: (text: string) => string | undefined,
): Resource {
  const result = clone(resource);
  linkWalker(definitions)(result, (kind, owner, key, text) => {
    const next = kind === 'narrative' ? rewriteNarrative(text, map) : map(text);
    if (next !== undefined) writeLink(owner, key, next);
  });
  return result;
}

/** `owner[key] = text`. */
export function writeLink(owner: LinkOwner, key: string | number, text: string): void {
  (owner as Record<string | number, JsonValue>)[key] = text;
}

/** href and src with their quotes; the xhtml of a narrative has no others that link. */
const narrativeLink = /(\b(?:href|src)\s*=\s*)("[^"]*"|'[^']*')/g;

/** The xhtml with mapped links, or undefined where none changed. */
export function rewriteNarrative(
  xhtml: string,
  map: (text: string) => string | undefined,
): string | undefined {
  let changed = false;
  const result = xhtml.replace(narrativeLink, (whole, name: string, quoted: string) => {
    const next = map(quoted.slice(1, -1));
    if (next === undefined) return whole;
    changed = true;
    return `${name}${quoted[0]}${next}${quoted[0]}`;
  });
  return changed ? result : undefined;
}

/** FHIRPath of every object and array of a tree, `prefix` being that of the root. For messages. */
export function containerPaths(root: JsonValue, prefix: string): Map<LinkOwner, string> {
  const paths = new Map<LinkOwner, string>();
  const visit = (value: JsonValue, path: string): void => {
    if (Array.isArray(value)) {
      paths.set(value, path);
      for (const [i, item] of value.entries()) visit(item, `${path}[${i}]`);
    } else if (isObject(value)) {
      paths.set(value, path);
      for (const [name, item] of Object.entries(value)) visit(item, `${path}.${name}`);
    }
  };
  visit(root, prefix);
  return paths;
}

function createWalker(definitions: Definitions): LinkWalker {
  const shapes = new Map<string, Shape>();
  const element = shapeOf(definitions, 'Element', shapes);
  const none: Shape = new Map();

  function walk(object: JsonObject, shape: Shape, visit: LinkVisitor): void {
    for (const name in object) {
      const value = object[name];
      if (value === undefined || value === null) continue;
      const field = name.charCodeAt(0) === UNDERSCORE ? element : shape.get(name);
      if (field === undefined) continue;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i += 1) step(field, value, i, visit);
      } else step(field, object, name, visit);
    }
  }

  function step(field: Field, owner: LinkOwner, key: string | number, visit: LinkVisitor): void {
    const value = (owner as Record<string | number, JsonValue>)[key];
    if (typeof value === 'string') {
      if (typeof field === 'string' && field !== 'resource') visit(field, owner, key, value);
    } else if (isObject(value)) {
      if (field === 'resource') resource(value, visit);
      else if (typeof field !== 'string') walk(value, field, visit);
    }
  }

  function resource(value: JsonObject, visit: LinkVisitor): void {
    const type = value['resourceType'];
    const known = typeof type === 'string' && definitions.types.get(type)?.kind === 'resource';
    walk(value, known ? shapeOf(definitions, type, shapes) : none, visit);
  }

  return resource;
}

function shapeOf(definitions: Definitions, type: string, shapes: Map<string, Shape>): Shape {
  const known = shapes.get(type);
  if (known) return known;
  const shape: Shape = new Map();
  shapes.set(type, shape);
  for (const each of definitions.types.get(type)?.elements ?? []) {
    // Extension.url says what the extension is; it is a name, not a link.
    if (each.attribute) continue;
    for (const name of each.types) {
      const field = fieldOf(definitions, { owner: type, element: each.name, type: name }, shapes);
      if (field === undefined) continue;
      shape.set(
        each.choice ? each.name + name[0]?.toUpperCase() + name.slice(1) : each.name,
        field,
      );
    }
  }
  return shape;
}

function fieldOf(
  definitions: Definitions,
  at: { owner: string; element: string; type: string },
  shapes: Map<string, Shape>,
): Field | undefined {
  if (at.owner === 'Reference' && at.element === 'reference') return 'reference';
  if (at.type === 'xhtml') return 'narrative';
  if (uris.has(at.type)) return 'uri';
  const kind = definitions.types.get(at.type)?.kind;
  if (kind === 'resource') return 'resource';
  return kind === undefined || kind === 'primitive'
    ? undefined
    : shapeOf(definitions, at.type, shapes);
}
