import { isObject } from './json.ts';
import type { JsonValue } from './types.ts';

/**
 * Drops the containers that a patch emptied, and those that become empty by that: in FHIR an element
 * without content does not exist (R4 2.6.2.1), and the caller who removes the last name means just
 * that. It runs after all operations, so that a later one may still fill what an earlier one emptied.
 * Empty containers that are not in `emptied` stay: they are the caller's, and validation names them.
 *
 * @param root mutated in place; itself never dropped
 */
export function dropEmptied(root: JsonValue, emptied: ReadonlySet<JsonValue>): void {
  for (const container of emptied) {
    if (!isEmpty(container)) continue;
    sweep(root, emptied);
    return;
  }
}

/** True where the value is a container of the set, or became empty by the sweep itself. */
function sweep(value: JsonValue, emptied: ReadonlySet<JsonValue>, name = ''): boolean {
  if (Array.isArray(value)) return sweepArray(value, emptied, name);
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  if (names.length === 0) return emptied.has(value);
  for (const each of names) {
    if (sweep(value[each] ?? null, emptied, each)) delete value[each];
  }
  return isEmpty(value);
}

function sweepArray(items: JsonValue[], emptied: ReadonlySet<JsonValue>, name: string): boolean {
  if (items.length === 0) return emptied.has(items);
  const swept = items.map((item) => sweep(item, emptied));
  if (!swept.includes(true)) return false;
  // In `_given` the position says which `given` is meant: null takes the place (R4 2.6.2.3).
  const parallel = name.startsWith('_');
  for (let i = items.length - 1; i >= 0; i -= 1) {
    if (!swept[i]) continue;
    if (parallel) items[i] = null;
    else items.splice(i, 1);
  }
  return items.every((item) => item === null);
}

const isEmpty = (value: JsonValue): boolean =>
  (Array.isArray(value) || isObject(value)) && Object.keys(value).length === 0;
