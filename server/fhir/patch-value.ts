/** The value of a FHIRPath Patch operation: value[x], nested parts, or a resource. */
import type { ElementDef } from './definitions.ts';
import { isKindOf } from './fhirpath-compile.ts';
import { clone, isObject } from './json.ts';
import type { Item } from './patch-items.ts';
import { isThere, readList, writeList, writeOne } from './patch-items.ts';
import type { Scope, Spot } from './patch-spot.ts';
import { capitalised, jsonName } from './patch-spot.ts';
import { PathError } from './patch-steps.ts';
import { quote } from './primitive.ts';
import type { JsonObject, JsonValue } from './types.ts';

export interface Content extends Item {
  /** The FHIR type among the element's types. */
  type: string;
}

/**
 * Reads the part that holds a value for an element.
 * @throws PathError where the element cannot take it
 */
export function readValue(
  scope: Scope,
  { parent, element }: { parent: Spot; element: ElementDef },
  part: JsonObject,
): Content {
  const place = element.name;
  const resource = part['resource'];
  if (isObject(resource)) {
    const type = element.types[0] ?? '';
    if (scope.definitions.types.get(type)?.kind === 'resource') {
      return { type, value: clone(resource), side: null };
    }
    throw new PathError(`${place} is not a resource.`);
  }
  const suffixes = Object.keys(part).filter((name) => /^_?value[A-Z]/.test(name));
  const suffix = suffixes[0]?.replace(/^_?value/, '');
  const parts = part['part'];
  if (suffix !== undefined) return readTyped(scope, element, { suffix, part });
  if (Array.isArray(parts)) return readParts(scope, element, parts);
  throw new PathError(`the value for ${parent.path} is empty: give value[x] or parts.`);
}

function readTyped(
  scope: Scope,
  element: ElementDef,
  { suffix, part }: { suffix: string; part: JsonObject },
): Content {
  const type = element.types.find((each) => fits(scope, each, { suffix, choice: element.choice }));
  if (type === undefined) {
    const allowed = element.types.map((each) => `value${capitalised(each)}`).slice(0, 8);
    const backbone = element.types[0]?.includes('.') ? 'nested parts' : allowed.join(' or ');
    throw new PathError(`${element.name} does not take value${suffix}; give ${backbone}.`);
  }
  const value = clone(part[`value${suffix}`] ?? null);
  const side = clone(part[`_value${suffix}`] ?? null);
  return { type, value, side };
}

/**
 * A choice wants its very type. Elsewhere clients write valueString for a code and the like: any
 * primitive will do where one is expected, and validation looks at the text.
 */
function fits(
  { definitions: { types } }: Scope,
  expected: string,
  given: { suffix: string; choice: true | undefined },
): boolean {
  const { suffix } = given;
  if (capitalised(expected) === suffix) return true;
  if (given.choice) return false;
  const lower = suffix.charAt(0).toLowerCase() + suffix.slice(1);
  const type = types.get(suffix) ?? types.get(lower);
  const wanted = types.get(expected);
  if (!type || !wanted) return false;
  if (type.kind === 'primitive' || wanted.kind === 'primitive') {
    return type.kind === wanted.kind && (type.json ?? 'string') === (wanted.json ?? 'string');
  }
  return isKindOf(types, type.name, expected) || isKindOf(types, expected, type.name);
}

/** Backbone elements have no value[x] of their own: their children come as parts. */
function readParts(scope: Scope, element: ElementDef, parts: readonly JsonValue[]): Content {
  const [type] = element.types;
  const def = type === undefined ? undefined : scope.definitions.types.get(type);
  if (!def || type === undefined || element.choice || def.kind === 'primitive') {
    throw new PathError(`${element.name} cannot be built from parts; give it as value[x].`);
  }
  const parent: Spot = { owner: {}, name: element.name, type, path: element.name };
  const value: JsonObject = {};
  for (const part of parts) {
    const name = isObject(part) && typeof part.name === 'string' ? part.name : '';
    const child = def.elements.find((each) => each.name === name);
    if (!isObject(part) || !child) throw new PathError(`${type} has no element ${quote(name)}.`);
    putChild(value, child, readValue(scope, { parent, element: child }, part));
  }
  return { type, value, side: null };
}

/** Sets a child of an object under construction; repeated names make a list. */
function putChild(owner: JsonObject, element: ElementDef, content: Content): void {
  const key = jsonName(element, content.type);
  if (element.max === 1) {
    if (isThere(owner, key)) throw new PathError(`${element.name} does not repeat.`);
    writeOne(owner, key, content);
  } else writeList(owner, key, [...readList(owner, key), content]);
}
