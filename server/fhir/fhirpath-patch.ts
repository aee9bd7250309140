/** FHIRPath Patch (R4 3.1.0.7.3, fhirpatch.html): Parameters with one `operation` per change. */
import type { Definitions } from './definitions.ts';
import { FhirError } from './error.ts';
import { clone, isObject } from './json.ts';
import { dropEmptied } from './patch-emptied.ts';
import { locate } from './patch-path.ts';
import type { Scope, Spot } from './patch-spot.ts';
import { createScope, elementOf } from './patch-spot.ts';
import type { PathStep } from './patch-steps.ts';
import { cutPath, PathError } from './patch-steps.ts';
import { appendValue, insertValue, moveItem, removeSpot, replaceSpot } from './patch-write.ts';
import type { Issue, JsonObject, JsonValue, Resource } from './types.ts';

const types = ['add', 'insert', 'delete', 'replace', 'move'] as const;
type Type = (typeof types)[number];

export interface FhirpathPatchOperation {
  type: Type;
  path: string;
  steps: PathStep[];
  /** Only of `add`: the element to add. */
  name: string;
  /** The `value` part itself: value[x], parts or a resource. Links in it are rewritten in place. */
  value: JsonObject;
  index: number;
  source: number;
  destination: number;
  /** FHIRPath of the operation in the patch, for messages. */
  expression: string;
}

const MAX_OPERATIONS = 5_000;

/** The parts an operation has besides `type` and `path`. */
const needs: Record<Type, readonly string[]> = {
  add: ['name', 'value'],
  insert: ['value', 'index'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
};

/**
 * Reads the Parameters of a FHIRPath Patch.
 * @throws FhirError `invalid` with one issue for every fault, expressions below `Parameters`
 */
export function parseFhirpathPatch(parameters: JsonObject): FhirpathPatchOperation[] {
  const items = parameters['parameter'];
  if (Array.isArray(items) && items.length > MAX_OPERATIONS) {
    throw new FhirError('too-large', `A patch has at most ${MAX_OPERATIONS} operations; use PUT.`);
  }
  const issues: Issue[] = [];
  const operations = (Array.isArray(items) ? items : []).map((item, index) => {
    const expression = `Parameters.parameter[${index}]`;
    return parseOperation(item, expression, (diagnostics) => {
      issues.push({ severity: 'error', code: 'invalid', diagnostics, expression });
    });
  });
  if (operations.length === 0) {
    issues.push({
      severity: 'error',
      code: 'required',
      diagnostics: 'A FHIRPath Patch needs at least one parameter named "operation".',
      expression: 'Parameters.parameter',
    });
  }
  if (issues.length > 0) throw new FhirError('invalid', issues);
  return operations;
}

type Fault = (diagnostics: string) => void;

function parseOperation(item: JsonValue, expression: string, fault: Fault): FhirpathPatchOperation {
  const operation: FhirpathPatchOperation = {
    ...{ type: 'delete', path: '', steps: [], name: '', value: {} },
    ...{ index: 0, source: 0, destination: 0, expression },
  };
  if (!isObject(item) || item['name'] !== 'operation') {
    fault('A FHIRPath Patch knows parameters named "operation" only.');
    return operation;
  }
  const parts = partsOf(item, fault);
  const given = parts.get('type')?.['valueCode'] ?? parts.get('type')?.['valueString'];
  const type = types.find((each) => each === given);
  if (!type) {
    fault(`The part "type" must be a valueCode: one of ${types.join(', ')}.`);
    return operation;
  }
  operation.type = type;
  readPath(operation, parts.get('path')?.['valueString'], fault);
  for (const name of needs[type]) readPart(operation, name, parts.get(name), fault);
  for (const name of parts.keys()) {
    if (name !== 'type' && name !== 'path' && !needs[type].includes(name)) {
      fault(`"${type}" has no part "${name}"; it takes ${['path', ...needs[type]].join(', ')}.`);
    }
  }
  return operation;
}

function partsOf(item: JsonObject, fault: Fault): Map<string, JsonObject> {
  const parts = new Map<string, JsonObject>();
  const list = item['part'];
  for (const part of Array.isArray(list) ? list : []) {
    const name = isObject(part) ? part['name'] : undefined;
    if (!isObject(part) || typeof name !== 'string') fault('Every part needs a name.');
    else if (parts.has(name)) fault(`The part "${name}" stands twice.`);
    else parts.set(name, part);
  }
  return parts;
}

function readPath(
  operation: FhirpathPatchOperation,
  path: JsonValue | undefined,
  fault: Fault,
): void {
  if (typeof path !== 'string' || path === '') {
    fault('The part "path" must be a valueString with a FHIRPath, e.g. Patient.name[0].');
    return;
  }
  operation.path = path;
  try {
    operation.steps = cutPath(path);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    fault(error.message);
  }
}

function readPart(
  operation: FhirpathPatchOperation,
  name: string,
  part: JsonObject | undefined,
  fault: Fault,
): void {
  if (!part) fault(`"${operation.type}" needs the part "${name}".`);
  else if (name === 'value') operation.value = part;
  else if (name === 'name') {
    const text = part['valueString'];
    if (typeof text === 'string') operation.name = text;
    else fault('The part "name" must be a valueString: the name of the element to add.');
  } else if (name === 'index' || name === 'source' || name === 'destination') {
    const number = part['valueInteger'];
    if (typeof number === 'number' && number >= 0) operation[name] = number;
    else fault(`The part "${name}" must be a valueInteger, 0 or greater.`);
  }
}

/**
 * Applies all operations in order to a copy: all or nothing. Elements that a deletion leaves without
 * content go too, at the end.
 * @throws FhirError `unprocessable` where a path does not match as its operation demands, or the
 * value does not fit the element
 */
export function applyFhirpathPatch(
  operations: readonly FhirpathPatchOperation[],
  resource: Resource,
  definitions: Definitions,
): Resource {
  const result = clone(resource);
  const scope = createScope(result, definitions);
  const emptied = new Set<JsonValue>();
  for (const operation of operations) {
    try {
      run[operation.type](scope, operation, emptied);
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
      const { expression, type, path } = operation;
      const diagnostics = `FHIRPath Patch ${type} ${path}: ${error.message}`;
      throw new FhirError(
        'unprocessable',
        [{ severity: 'error', code: 'processing', diagnostics, expression }],
        error,
      );
    }
  }
  dropEmptied(result, emptied);
  return result;
}

type Run = (scope: Scope, operation: FhirpathPatchOperation, emptied: Set<JsonValue>) => void;

const run: Record<Type, Run> = {
  add(scope, { steps, name, value }) {
    appendValue(scope, only(locate(scope, steps)), { name, value });
  },
  insert(scope, { steps, value, index }) {
    insertValue(scope, listOf(scope, steps), { index, value });
  },
  delete(scope, { steps }, emptied) {
    // "Path of the element to delete (if found)": nothing to delete is no fault.
    const spots = locate(scope, steps);
    if (spots.length > 0) removeSpot(notRoot(only(spots)), emptied);
  },
  replace(scope, { steps, value }) {
    replaceSpot(scope, notRoot(only(locate(scope, steps))), value);
  },
  move(scope, { steps, source, destination }) {
    moveItem(listOf(scope, steps), source, destination);
  },
};

function only(spots: readonly Spot[]): Spot {
  const [spot] = spots;
  if (!spot) throw new PathError('the path matches nothing in the resource.');
  if (spots.length > 1) {
    throw new PathError(`the path matches ${spots.length} elements; add an index or where().`);
  }
  return spot;
}

function notRoot(spot: Spot): Spot {
  if (spot.element) return spot;
  throw new PathError('a patch changes elements; for the whole resource use PUT or DELETE.');
}

/** The parent and the list: `insert` and `move` name a list, which may have no items yet. */
function listOf(scope: Scope, steps: readonly PathStep[]): { parent: Spot; name: string } {
  const last = steps.at(-1);
  if (steps.length < 2 || last?.kind !== 'member') {
    throw new PathError('the path must end in the name of a list, e.g. Patient.identifier.');
  }
  const parent = only(locate(scope, steps.slice(0, -1)));
  const element = elementOf(scope, parent, last.name);
  if (element.max === 1) throw new PathError(`${last.name} does not repeat; use add or replace.`);
  return { parent, name: last.name };
}
