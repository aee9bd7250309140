/** Properties with their `_name` sides (R4 2.6.2.3), read and written in step. */
import type { JsonObject, JsonValue } from './types.ts';

/** A value with what stands under `_name`: id and extensions of a primitive. Null for none. */
export interface Item {
  value: JsonValue;
  side: JsonValue;
}

/** Whether the element has a value, or extensions in place of one. */
export const isThere = (owner: JsonObject, key: string): boolean =>
  owner[key] !== undefined || owner[`_${key}`] !== undefined;

export function readList(owner: JsonObject, name: string): Item[] {
  const values = owner[name];
  const sides = owner[`_${name}`];
  const items: Item[] = (Array.isArray(values) ? values : []).map((value) => ({
    value,
    side: null,
  }));
  for (const [i, side] of (Array.isArray(sides) ? sides : []).entries()) {
    items[i] = { value: items[i]?.value ?? null, side };
  }
  return items;
}

/** R4 2.6.2.3: the two arrays run in step, with null where one has nothing. */
export function writeList(owner: JsonObject, name: string, items: readonly Item[]): void {
  const write = (key: string, list: JsonValue[]): void => {
    if (list.some((item) => item !== null)) owner[key] = list;
    else delete owner[key];
  };
  write(
    name,
    items.map(({ value }) => value),
  );
  write(
    `_${name}`,
    items.map(({ side }) => side),
  );
}

export function writeOne(owner: JsonObject, key: string, { value, side }: Item): void {
  if (value !== null) owner[key] = value;
  else delete owner[key];
  if (side !== null) owner[`_${key}`] = side;
  else delete owner[`_${key}`];
}
