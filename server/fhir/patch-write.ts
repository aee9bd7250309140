/** Changes single elements of a resource tree, primitives with their `_name` sides in step. */
import { isObject } from './json.ts';
import { isThere, readList, writeList, writeOne } from './patch-items.ts';
import type { Scope, Spot } from './patch-spot.ts';
import { contentsOf, elementOf, jsonName, valueAt } from './patch-spot.ts';
import { PathError } from './patch-steps.ts';
import { readValue } from './patch-value.ts';
import type { JsonObject, JsonValue } from './types.ts';

/** `add`: appends to a list, or sets an element that is not there yet. */
export function appendValue(
  scope: Scope,
  parent: Spot,
  { name, value }: { name: string; value: JsonObject },
): void {
  const element = elementOf(scope, parent, name);
  const content = readValue(scope, { parent, element }, value);
  const owner = ownerFor(scope, parent);
  const key = jsonName(element, content.type);
  if (element.max !== 1) {
    const list = readList(owner, key);
    list.push(content);
    writeList(owner, key, list);
    return;
  }
  const present = element.types.some((type) => isThere(owner, jsonName(element, type)));
  if (present) throw new PathError(`${parent.path}.${name} exists already; use replace.`);
  writeOne(owner, key, content);
}

/** `insert`: the index may be the length of the list, not more. */
export function insertValue(
  scope: Scope,
  { parent, name }: { parent: Spot; name: string },
  { index, value }: { index: number; value: JsonObject },
): void {
  const element = elementOf(scope, parent, name);
  const content = readValue(scope, { parent, element }, value);
  const owner = ownerFor(scope, parent);
  const list = readList(owner, name);
  if (index > list.length) {
    throw new PathError(
      `index ${index} is past the end of the list, which has ${list.length} items.`,
    );
  }
  list.splice(index, 0, content);
  writeList(owner, name, list);
}

/** `move` within a list; the destination counts after the item is taken out. */
export function moveItem(
  { parent, name }: { parent: Spot; name: string },
  source: number,
  destination: number,
): void {
  const owner = valueAt(parent);
  const list = isObject(owner) ? readList(owner, name) : [];
  const [item] = list.splice(source, 1);
  if (!item || !isObject(owner)) throw new PathError(`the list has no item ${source} to move.`);
  if (destination > list.length) {
    throw new PathError(`destination ${destination} is past the end (0 to ${list.length}).`);
  }
  list.splice(destination, 0, item);
  writeList(owner, name, list);
}

/** `replace`: the new value may be of another type of value[x]. Extensions go with the old value. */
export function replaceSpot(scope: Scope, spot: Spot, value: JsonObject): void {
  const { owner, name, index, element } = spot;
  if (!element) return;
  const content = readValue(scope, { parent: spot, element }, value);
  if (index !== undefined) {
    const list = readList(owner, name);
    list[index] = content;
    writeList(owner, name, list);
    return;
  }
  const key = jsonName(element, content.type);
  for (const old of new Set([name, `_${name}`])) if (old !== key) delete owner[old];
  writeOne(owner, key, content);
}

/** `delete`; what may now be empty is added to `emptied`. */
export function removeSpot({ owner, name, index }: Spot, emptied: Set<JsonValue>): void {
  if (index === undefined) {
    delete owner[name];
    delete owner[`_${name}`];
  } else {
    const list = readList(owner, name);
    list.splice(index, 1);
    writeList(owner, name, list);
  }
  emptied.add(owner);
}

/** The object that a new child goes into; a primitive without extensions gets its `_name` object. */
function ownerFor(scope: Scope, spot: Spot): JsonObject {
  const known = contentsOf(scope, spot);
  if (known) return known;
  const created: JsonObject = {};
  const side = `_${spot.name}`;
  if (spot.index === undefined) spot.owner[side] = created;
  else {
    const old = spot.owner[side];
    const sides = Array.isArray(old) ? old : [];
    while (sides.length <= spot.index) sides.push(null);
    sides[spot.index] = created;
    spot.owner[side] = sides;
  }
  return created;
}
