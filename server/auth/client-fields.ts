import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import { OAuthError } from './types.ts';

/** Reads the members of a JSON object by their kind. All throw OAuthError invalid_client_metadata. */

const MOST = 100;

export function fault(text: string): OAuthError {
  return new OAuthError('invalid_client_metadata', text);
}

/** A text of at most `longest` characters, without control characters; undefined where absent. */
export function textIn(body: JsonObject, name: string, longest: number): string | undefined {
  const value = valueIn(body, name);
  if (value === undefined) return undefined;
  if (isText(value, longest)) return value;
  throw fault(`${name} is not a text of 1 to ${longest} characters.`);
}

/** A list of such texts, none of them twice; undefined where absent. */
export function textsIn(body: JsonObject, name: string, longest: number): string[] | undefined {
  const value = valueIn(body, name);
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.length <= MOST;
  if (isList && value.every((one) => isText(one, longest))) return [...new Set(value as string[])];
  throw fault(`${name} is not a list of at most ${MOST} texts of 1 to ${longest} characters.`);
}

/** True or false; undefined where absent. */
export function flagIn(body: JsonObject, name: string): boolean | undefined {
  const value = valueIn(body, name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw fault(`${name} is not true or false.`);
}

/** An object; undefined where absent. */
export function objectIn(body: JsonObject, name: string): JsonObject | undefined {
  const value = valueIn(body, name);
  if (value === undefined || isObject(value)) return value;
  throw fault(`${name} is not a JSON object.`);
}

/** `null` counts as absent (RFC 7591 2). */
function valueIn(body: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined;
}

const isText = (value: JsonValue, longest: number): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= longest &&
  !/[\p{Cc}\p{Cs}]/u.test(value);
