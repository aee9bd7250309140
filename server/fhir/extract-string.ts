import { type Extracted, MAX_STRING, type Sink, type SinkScope } from './extract-shape.ts';
import { foldString } from './terms.ts';

/**
 * Rows of string parameters (R4 3.1.1.4.8): the search matches the start of a field, and of a
 * HumanName or an Address the start of any part.
 */

const NAME_PARTS = ['text', 'family', 'given', 'prefix', 'suffix'];
const ADDRESS_PARTS = ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'];

function add(out: Extracted, key: string, value: unknown, part?: true): void {
  if (typeof value !== 'string') return;
  // Cut before folding, so that its cost is bounded, and after: it may lengthen (Hangul).
  const short = value.length > MAX_STRING ? value.slice(0, MAX_STRING) : value;
  const folded = foldString(short).slice(0, MAX_STRING);
  if (folded !== '') out.strings.push({ key, value: folded, ...(part && { part }) });
}

const WORD_START = /[\s-]+(?=\S)/g;
/** A family name has a few words; what has more is not one. */
const FAMILY_WORDS = 8;

/** "Servers SHOULD search the parts of a family name independently": from each word on. */
function addFamily(out: Extracted, key: string, value: unknown): void {
  add(out, key, value);
  if (typeof value !== 'string') return;
  let count = 0;
  for (const { index, 0: gap } of value.slice(0, MAX_STRING).matchAll(WORD_START)) {
    if (++count === FAMILY_WORDS) return;
    if (index > 0) add(out, key, value.slice(index + gap.length), true);
  }
}

function partsSink(key: string, parts: readonly string[]): Sink {
  return (value, out) => {
    const record = value as Record<string, unknown>;
    for (const part of parts) {
      const found = record[part];
      if (Array.isArray(found)) for (const one of found) add(out, key, one);
      else if (part === 'family') addFamily(out, key, found);
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
  if (TEXTS.has(type)) {
    const file = key.endsWith('.family') ? addFamily : add;
    return (value, out) => file(out, key, value);
  }
  const parts = PARTS[type];
  return parts && partsSink(key, parts);
}
