import { type Extracted, MAX_STRING, type Sink, type SinkScope } from './extract-shape.ts';
import { foldString } from './terms.ts';

/**
 * Rows of string parameters (R4 3.1.1.4.8): the search matches the start of a field, and of a
 * HumanName or an Address the start of any part.
 */

const NAME_PARTS = ['text', 'family', 'given', 'prefix', 'suffix'];
const ADDRESS_PARTS = ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'];

function add(out: Extracted, key: string, value: unknown): void {
  if (typeof value !== 'string') return;
  // Cut before folding, so that its cost is bounded, and after: it may lengthen (Hangul).
  const short = value.length > MAX_STRING ? value.slice(0, MAX_STRING) : value;
  const folded = foldString(short).slice(0, MAX_STRING);
  if (folded !== '') out.strings.push({ key, value: folded });
}

function partsSink(key: string, parts: readonly string[]): Sink {
  return (value, out) => {
    const record = value as Record<string, unknown>;
    for (const part of parts) {
      const found = record[part];
      if (Array.isArray(found)) for (const one of found) add(out, key, one);
      else add(out, key, found);
    }
  };
}

const PARTS: Record<string, readonly string[]> = {
  HumanName: NAME_PARTS,
  Address: ADDRESS_PARTS,
  CodeableConcept: ['text'],
  Coding: ['display'],
  ContactPoint: ['value'],
  Annotation: ['text'],
};
const TEXTS = new Set('string markdown code id uri url canonical oid uuid'.split(' '));

/** The sink of a string parameter for values of the FHIR type; undefined where it has no text. */
export function stringSink(type: string, { key }: SinkScope): Sink | undefined {
  if (TEXTS.has(type)) return (value, out) => add(out, key, value);
  const parts = PARTS[type];
  return parts && partsSink(key, parts);
}
