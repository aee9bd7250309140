/** Parts of resources: `_summary` (R4 3.1.1.5.8) and `_elements` (R4 3.1.1.5.9). */
import type { Definitions, ElementDef, TypeDef } from './definitions.ts';
import { isObject } from './json.ts';
import type { JsonObject, JsonValue, Resource } from './types.ts';

export interface Part {
  summary: 'true' | 'text' | 'data' | 'count' | 'false';
  /** Names as in the URL: `name` or `Patient.name`. Where there are any, `summary` does not count. */
  elements: readonly string[];
}

const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};

/**
 * The part of a resource that is asked for, tagged SUBSETTED; the given one is left as it is (values
 * that are kept whole are shared). Mandatory elements and modifier extensions always stay: without
 * them the rest would be invalid or say something else. `count` leaves as little as `_elements=id`;
 * callers send no resources then.
 */
export function summarize(definitions: Definitions, resource: Resource, part: Part): Resource {
  const { summary, elements } = part;
  const whole = summary === 'false' && elements.length === 0;
  const type = definitions.types.get(resource.resourceType);
  if (whole || !type) return resource;
  if (elements.length === 0 && summary === 'true') {
    return tagged(summaryOf(definitions, resource, type));
  }
  return tagged(topLevel(resource, type, wanted(part, type)));
}

/**
 * The names of an `_elements` that no searched type has. A name with a type in front is looked up
 * there; R4 knows root elements only.
 */
export function unknownElements(
  definitions: Definitions,
  types: readonly string[],
  names: readonly string[],
): string[] {
  const isIn = (type: string, name: string): boolean =>
    definitions.types.get(type)?.elements.some((element) => isNamed(element, name)) ?? false;
  return names.filter((name) => {
    const dot = name.indexOf('.');
    if (dot < 0) return !types.some((type) => isIn(type, name));
    return !isIn(name.slice(0, dot), name.slice(dot + 1));
  });
}

/** A choice may be called `value`, `value[x]` or `valueQuantity`. */
export function isNamed(element: ElementDef, name: string): boolean {
  if (name === element.name) return true;
  if (!element.choice) return false;
  return name === `${element.name}[x]` || jsonNames(element).includes(name);
}

/** The names that an element may have in JSON; of a choice one for each type. */
export const jsonNames = ({ name, types, choice }: ElementDef): string[] =>
  choice ? types.map((type) => name + type.charAt(0).toUpperCase() + type.slice(1)) : [name];

/** Elements that no part goes without. */
const always = new Set(['id', 'meta', 'implicitRules', 'modifierExtension']);

function wanted({ summary, elements }: Part, type: TypeDef): (element: ElementDef) => boolean {
  const essential = (element: ElementDef): boolean => element.min > 0 || always.has(element.name);
  if (elements.length > 0) {
    const prefix = `${type.name}.`;
    const names = elements.map((name) =>
      name.startsWith(prefix) ? name.slice(prefix.length) : name,
    );
    return (element) => essential(element) || names.some((name) => isNamed(element, name));
  }
  if (summary === 'data') return (element) => element.name !== 'text';
  if (summary === 'text') return (element) => essential(element) || element.name === 'text';
  return essential;
}

function topLevel(
  resource: Resource,
  type: TypeDef,
  keeps: (element: ElementDef) => boolean,
): Resource {
  const names = new Set(type.elements.filter(keeps).flatMap(jsonNames));
  const result: Resource = { resourceType: resource.resourceType };
  for (const [name, value] of Object.entries(resource)) {
    if (names.has(name.startsWith('_') ? name.slice(1) : name)) result[name] = value;
  }
  return result;
}

/** What of a type is in the summary, by JSON name: how to shorten the values. */
type Outline = Map<string, 'whole' | 'resource' | Outline>;

const outlines = new WeakMap<TypeDef, Outline>();

function summaryOf(definitions: Definitions, resource: Resource, type: TypeDef): Resource {
  return {
    resourceType: resource.resourceType,
    ...shorten(definitions, resource, outlineOf(definitions, type)),
  };
}

function outlineOf(definitions: Definitions, type: TypeDef): Outline {
  const known = outlines.get(type);
  if (known) return known;
  const outline: Outline = new Map();
  outlines.set(type, outline);
  for (const element of type.elements) {
    const essential = element.min > 0 || always.has(element.name);
    if (!element.summary && !essential) continue;
    for (const [i, name] of jsonNames(element).entries()) {
      const inner = definitions.types.get(element.types[i] ?? '');
      if (inner?.kind === 'resource') outline.set(name, 'resource');
      else if (!inner || inner.kind === 'primitive' || inner.name === 'Extension') {
        outline.set(name, 'whole');
      } else outline.set(name, outlineOf(definitions, inner));
    }
  }
  return outline;
}

function shorten(definitions: Definitions, object: JsonObject, outline: Outline): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    if (name.startsWith('_')) {
      const bare = name.slice(1);
      if (outline.has(bare) && isIncomplete(object[bare])) result[name] = value;
      continue;
    }
    const inner = outline.get(name);
    if (inner === undefined) continue;
    result[name] = Array.isArray(value)
      ? value.map((item) => shortened(definitions, item, inner))
      : shortened(definitions, value, inner);
  }
  return result;
}

/** The `_name` side says why there is no value, or must keep in step with an array. */
const isIncomplete = (value: JsonValue | undefined): boolean =>
  value === undefined || (Array.isArray(value) && value.includes(null));

function shortened(
  definitions: Definitions,
  value: JsonValue,
  inner: 'whole' | 'resource' | Outline,
): JsonValue {
  if (inner === 'whole' || !isObject(value)) return value;
  if (inner === 'resource') {
    return summarize(definitions, value as Resource, { summary: 'true', elements: [] });
  }
  const short = shorten(definitions, value, inner);
  // An element with nothing but extensions would be left empty, which FHIR does not know.
  return Object.keys(short).length === 0 ? value : short;
}

/** The resource with the tag, `id` and `meta` in front as in every stored text. */
export function tagged({ resourceType, id, meta, ...rest }: Resource): Resource {
  const known = isObject(meta) ? meta : {};
  const tags = Array.isArray(known['tag']) ? known['tag'] : [];
  const present = tags.some((tag) => isObject(tag) && tag['code'] === SUBSETTED.code);
  return {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: present ? known : { ...known, tag: [...tags, { ...SUBSETTED }] },
    ...rest,
  };
}
