import { isUtf8 } from 'node:buffer';
import { isNumber, numberOf, numberText } from './decimal.ts';
import { FhirError } from './error.ts';
import type { JsonLimits, RawPlace } from './json-limits.ts';
import { scanJson } from './json-scan.ts';
import type { JsonObject, JsonValue, RawNumber, Resource } from './types.ts';

export type { JsonLimits } from './json-limits.ts';
export type { Stamp } from './json-text.ts';
export { metaOf, prettyJson, stampResource } from './json-text.ts';

/**
 * Reads a JSON text. Stricter than `JSON.parse`: unique names, bounded depth, whole characters; and
 * numbers keep their text (`RawNumber` where JavaScript would print them differently).
 * @throws FhirError `invalid` naming line, column, path and remedy
 */
export function parseJson(text: string, limits?: JsonLimits): JsonValue {
  if (!text.isWellFormed()) {
    throw new FhirError(
      'invalid',
      'The JSON text holds half of a surrogate pair. Write both halves, or the character itself.',
    );
  }
  return parseJsonBytes(Buffer.from(text), limits);
}

/**
 * Reads a JSON text in UTF-8; a byte order mark at its start is skipped.
 * @throws FhirError `invalid` as `parseJson`, and for bytes that are not UTF-8
 */
export function parseJsonBytes(buffer: Uint8Array, limits?: JsonLimits): JsonValue {
  const bytes = withoutMark(asBuffer(buffer));
  if (!isUtf8(bytes)) throw notUtf8(bytes);
  const { places, more } = scanJson(bytes, limits);
  const text = bytes.toString('utf8');
  if (more) return JSON.parse(text, keepText) as JsonValue;
  const value = JSON.parse(text) as JsonValue;
  return places.length === 0 ? value : restore(value, places);
}

/**
 * Reads one resource from JSON in UTF-8. Only its being an object with a `resourceType` is checked.
 * @throws FhirError `invalid`
 */
export function parseResource(buffer: Uint8Array, limits?: JsonLimits): Resource {
  return asResource(parseJsonBytes(buffer, limits));
}

/** @throws FhirError `invalid` where the value is not an object with a `resourceType`. */
export function asResource(value: JsonValue): Resource {
  if (isObject(value) && typeof value.resourceType === 'string') return value as Resource;
  throw new FhirError('invalid', [
    {
      severity: 'error',
      code: 'structure',
      diagnostics:
        'The body is not a FHIR resource. Send a JSON object whose "resourceType" names its type.',
    },
  ]);
}

/** The JSON text of a value, raw numbers as they were written. */
export function stringify(value: JsonValue): string {
  return JSON.stringify(value);
}

/** True for a JSON object; raw numbers are not. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumber(value);
}

/** A deep copy; raw numbers, which are frozen, are shared. */
export function clone<T extends JsonValue>(value: T): T {
  return copy(value) as T;
}

function copy(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  if (isNumber(value)) return value;
  const object: JsonObject = {};
  for (const name in value) object[name] = copy(value[name] as JsonValue);
  return object;
}

/**
 * Whether two values are the same JSON: names in any order, arrays in order, numbers by their text
 * (`1.0` is not `1.00`: R4 2.24.0.1, the precision of a decimal is part of it).
 */
export function deepEqual(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  if (isNumber(a)) return isNumber(b) && numberText(a) === numberText(b);
  if (Array.isArray(b) || isNumber(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && deepEqual(a[name], b[name]));
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** Decoding and encoding again differs first where a sequence is broken. */
function notUtf8(bytes: Buffer): FhirError {
  const again = Buffer.from(bytes.toString('utf8'));
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at++;
  return new FhirError(
    'invalid',
    `The body is not valid UTF-8: see byte ${at}. Send JSON encoded in UTF-8.`,
  );
}

function restore(root: JsonValue, places: readonly RawPlace[]): JsonValue {
  let top = root;
  for (const { path, text } of places) {
    const raw = numberOf(text) as RawNumber;
    const last = path.at(-1);
    if (last === undefined) top = raw;
    else {
      let parent = root as Record<string | number, JsonValue>;
      for (const step of path.slice(0, -1)) parent = parent[step] as Record<string, JsonValue>;
      parent[last] = raw;
    }
  }
  return top;
}

/** The reviver for texts with so many such numbers that their places would be a burden. */
function keepText(_name: string, value: JsonValue, context?: { source?: string }): JsonValue {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return numberOf(source) ?? value;
}
