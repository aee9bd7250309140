/**
 * Elements as places in the JSON tree that can be changed; fhirpath.js answers values, which say
 * nothing of where they stand.
 */
import type { Definitions, ElementDef, TypeDef } from './definitions.ts';
import { FhirError } from './error.ts';
import { isObject } from './json.ts';
import { PathError } from './patch-steps.ts';
import type { JsonObject, JsonValue, Resource } from './types.ts';

/** One element: `owner[name]`, or `owner[name][index]` where it repeats. */
export interface Spot {
  owner: JsonObject;
  /** JSON name: `valueQuantity` for value[x]. */
  name: string;
  index?: number;
  /** FHIR type; a backbone element as `Patient.contact`, a resource by its resourceType. */
  type: string;
  /** Absent for the resource itself. */
  element?: ElementDef;
  /** FHIRPath with all indexes: `Patient.contact[0].name`. */
  path: string;
}

export interface Scope {
  definitions: Definitions;
  resource: Resource;
  root: Spot;
  /** Elements looked at so far, by all operations of the patch. */
  effort: number;
}

/** Two or three looks at half a million list items: no honest patch of a resource needs more. */
const MAX_EFFORT = 1_500_000;

/** @throws FhirError `too-large` once a patch has asked for more than a server should do for it */
export function spend(scope: Scope, effort: number): void {
  scope.effort += effort;
  if (scope.effort <= MAX_EFFORT) return;
  throw new FhirError(
    'too-large',
    'The patch looks through too many elements. Use indexes in its paths, or fewer operations.',
  );
}

export function createScope(resource: Resource, definitions: Definitions): Scope {
  const type = resource.resourceType;
  const root: Spot = { owner: { [type]: resource }, name: type, type, path: type };
  return { definitions, resource, root, effort: 0 };
}

export const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The JSON name of an element with a value of the type. */
export const jsonName = (element: ElementDef, type: string): string =>
  element.choice ? element.name + capitalised(type) : element.name;

export function valueAt({ owner, name, index }: Spot): JsonValue | undefined {
  const value = owner[name];
  return index !== undefined && Array.isArray(value) ? value[index] : value;
}

/** What the element's children hang on: of a primitive, its `_name` object (R4 2.6.2.3). */
export function contentsOf(scope: Scope, spot: Spot): JsonObject | undefined {
  const primitive = scope.definitions.types.get(spot.type)?.kind === 'primitive';
  const value = valueAt(primitive ? { ...spot, name: `_${spot.name}` } : spot);
  return isObject(value) ? value : undefined;
}

/** The element tables of a spot; a primitive has what every Element has. */
export function typeAt(scope: Scope, spot: Spot): TypeDef {
  const { types } = scope.definitions;
  const type = types.get(spot.type);
  const found = type?.kind === 'primitive' ? types.get('Element') : type;
  if (!found) throw new PathError(`${spot.path} is of the unknown type ${spot.type}.`);
  return found;
}

export function elementOf(scope: Scope, spot: Spot, name: string): ElementDef {
  const { name: type, elements } = typeAt(scope, spot);
  const element = elements.find((each) => each.name === name);
  if (element) return element;
  const choice = elements.find((each) => each.choice && name.startsWith(each.name));
  const hint = choice ? ` In FHIRPath the element is named ${choice.name}.` : '';
  throw new PathError(`${type} has no element ${name}.${hint}`);
}

/** The children of that name, in document order. */
export function childrenOf(scope: Scope, spot: Spot, name: string): Spot[] {
  const element = elementOf(scope, spot, name);
  const owner = contentsOf(scope, spot);
  if (!owner) return [];
  const path = `${spot.path}.${name}`;
  const spots = element.types.flatMap((type) => spotsOf({ owner, element, type }, path));
  spend(scope, spots.length + 1);
  return spots;
}

function spotsOf(
  { owner, element, type }: { owner: JsonObject; element: ElementDef; type: string },
  path: string,
): Spot[] {
  const name = jsonName(element, type);
  const spot = { owner, name, element };
  const value = owner[name];
  const beside = owner[`_${name}`];
  if (value === undefined && beside === undefined) return [];
  if (element.max === 1) return [{ ...spot, type: actualType(value, type), path }];
  const values = Array.isArray(value) ? value : [];
  const others = Array.isArray(beside) ? beside : [];
  const spots: Spot[] = [];
  for (let index = 0; index < Math.max(values.length, others.length); index += 1) {
    const item = values[index] ?? undefined;
    if (item === undefined && (others[index] ?? undefined) === undefined) continue;
    spots.push({ ...spot, index, type: actualType(item, type), path: `${path}[${index}]` });
  }
  return spots;
}

/** A contained resource says itself what it is. */
function actualType(value: JsonValue | undefined, type: string): string {
  const own = isObject(value) ? value['resourceType'] : undefined;
  return typeof own === 'string' ? own : type;
}
