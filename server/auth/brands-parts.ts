import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';

/** What the checks of brands and of endpoints share. */

export const EXTENSION = 'http://hl7.org/fhir/StructureDefinition/';

/** A resource of a Bundle of brands. */
export interface Published {
  /** `Bundle.entry[3].resource` */
  path: string;
  type: string;
  /** '' where it has none. */
  id: string;
  fullUrl: string | undefined;
  resource: JsonObject;
}

/** The objects of a list; none where it is no list. */
export const listOf = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

export const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;

export const extensionsOf = (element: JsonObject, url: string): JsonObject[] =>
  listOf(element['extension']).filter((one) => one['url'] === url);

export function isWebsite(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && /^https?:\/\/[^/]/.test(value) && URL.canParse(value);
}
