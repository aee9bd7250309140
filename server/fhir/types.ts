/**
 * The shapes that travel between folders. `unknown` enters at the edges (JSON, XML, HTTP) and is
 * parsed once into these.
 */

/**
 * A JSON number whose text is not what JavaScript would print (`1.00`, `1e3`, a 20-digit integer).
 * Made by `JSON.rawJSON`, so that `JSON.stringify` writes the text back unchanged.
 */
export interface RawNumber {
  readonly rawJSON: string;
}

export type JsonValue = null | boolean | number | RawNumber | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [name: string]: JsonValue;
}

/** A FHIR resource as a tree; `fhir/json.ts` and `fhir/xml.ts` read and write it. */
export interface Resource {
  resourceType: string;
  id?: string;
  [name: string]: JsonValue;
}

export type Severity = 'fatal' | 'error' | 'warning' | 'information';

/** One issue of an OperationOutcome (R4 OperationOutcome.issue). */
export interface Issue {
  severity: Severity;
  /** A code of http://hl7.org/fhir/ValueSet/issue-type. */
  code: string;
  /** What is wrong and what to do about it, in a sentence the caller may read. */
  diagnostics: string;
  /** FHIRPath of the element, e.g. `Patient.contact[0].name`. Absent for what is not an element. */
  expression?: string;
}
