import type { Definitions, ElementDef } from '../fhir/definitions.ts';
import { deepEqual, isObject } from '../fhir/json.ts';
import { isNamed, jsonNames } from '../fhir/summary.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import type { Rule } from './access.ts';

/** Parts of resources by the paths of elements: `name`, `contact.name`, `onset` for onset[x]. */

/** Names of elements from the type down, as the definitions have them. */
export type Path = readonly string[];

/** By JSON name, which elements are meant as a whole and of which only parts. */
export type Outline = ReadonlyMap<string, 'whole' | Outline>;

/** A path as rules write it; the type may stand in front, and a choice may be named as in JSON. */
export function pathOf(definitions: Definitions, type: string, text: string): Path {
  const bare = text.startsWith(`${type}.`) ? text.slice(type.length + 1) : text;
  let types: readonly string[] = [type];
  return bare.split('.').map((name) => {
    const element = elementOf(definitions, types, name);
    types = element?.types ?? [];
    return element?.name ?? name;
  });
}

/** What a rule hides of the resources that it gives. */
export const hiddenBy = (definitions: Definitions, type: string, { hidden = [] }: Rule): Path[] =>
  hidden.map((text) => pathOf(definitions, type, text));

function elementOf(
  definitions: Definitions,
  types: readonly string[],
  name: string,
): ElementDef | undefined {
  const elements = types.flatMap((type) => definitions.types.get(type)?.elements ?? []);
  return elements.find((element) => isNamed(element, name));
}

/** Whether one of the paths leads to the other, or to something inside or around it. */
export const overlap = (a: Path, b: Path): boolean =>
  a.slice(0, b.length).every((name, i) => name === b[i]);

/** The paths that each of the lists covers, whether by themselves or by what is around them. */
export function commonPaths(lists: readonly (readonly Path[])[]): Path[] {
  const covers = (list: readonly Path[], path: Path): boolean =>
    list.some((one) => one.length <= path.length && overlap(one, path));
  const common = lists.flat().filter((path) => lists.every((list) => covers(list, path)));
  return [...new Map(common.map((path) => [path.join('.'), path])).values()];
}

/** The paths of a type as the JSON names that they mean. */
export function outlineOf(definitions: Definitions, type: string, paths: readonly Path[]): Outline {
  const outline = new Map<string, 'whole' | Outline>();
  for (const [name = '', group] of Map.groupBy(paths, ([first]) => first)) {
    const element = elementOf(definitions, [type], name);
    const isWhole = group.some(({ length }) => length === 1);
    const inner = group.map((path) => path.slice(1));
    for (const [i, json] of (element ? jsonNames(element) : [name]).entries()) {
      const of = element?.types[i] ?? '';
      outline.set(json, isWhole ? 'whole' : outlineOf(definitions, of, inner));
    }
  }
  return outline;
}

/** What an outline says of a member: `_birthDate` belongs to `birthDate`. */
export const partOf = (outline: Outline, member: string): 'whole' | Outline | undefined =>
  outline.get(member.startsWith('_') ? member.slice(1) : member);

/** The object without what the outline means; what is kept whole is shared. */
export function without(object: JsonObject, outline: Outline): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    const part = partOf(outline, name);
    const left = part === undefined ? value : part === 'whole' ? undefined : reduced(value, part);
    if (left !== undefined) kept[name] = left;
  }
  return kept;
}

/** Undefined where nothing is left: FHIR knows no empty objects and arrays. */
function reduced(value: JsonValue, outline: Outline): JsonValue | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item) => reduced(item, outline)).filter((item) => item !== undefined);
    return items.length > 0 ? items : undefined;
  }
  if (!isObject(value)) return value;
  const kept = without(value, outline);
  return Object.keys(kept).length > 0 ? kept : undefined;
}

/** Whether what the outline means differs, in whichever items of arrays it stands. */
export const isChanged = (before: JsonObject, after: JsonObject, outline: Outline): boolean =>
  !deepEqual(valuesOf(before, outline), valuesOf(after, outline));

function valuesOf(object: JsonObject, outline: Outline): JsonValue[] {
  return [...outline].flatMap(([name, part]) =>
    [name, `_${name}`].flatMap((member): JsonValue[] => {
      const value = object[member];
      if (value === undefined) return [];
      if (part === 'whole') return member === 'meta' ? ownMeta(value) : [[member, value]];
      const items = Array.isArray(value) ? value : [value];
      return items.flatMap((item) => (isObject(item) ? valuesOf(item, part) : []));
    }),
  );
}

/** Versions and times of change are the server's. */
function ownMeta(value: JsonValue): JsonValue[] {
  if (!isObject(value)) return [value];
  const { versionId: _, lastUpdated: __, ...own } = value;
  return Object.keys(own).length > 0 ? [own] : [];
}
