import {
  type Extracted,
  MAX_STRING,
  type Sink,
  type SinkScope,
  type StringRow,
} from './extract-shape.ts';
import { foldString } from './terms.ts';

/**
 * Rows of string parameters (R4 3.1.1.4.8): the search matches the start of a field, of a HumanName
 * or an Address the start of any part, and here the start of any word.
 */

const NAME_PARTS = ['text', 'family', 'given', 'prefix', 'suffix'];
/** City, state, postal code and country have parameters of their own wherever R4 has `address`. */
const DIVIDED_PARTS = ['text', 'line', 'district'];
const ADDRESS_PARTS = [...DIVIDED_PARTS, 'city', 'state', 'postalCode', 'country'];

/** As the index holds a text: folded, and cut before (to bound the cost) and after (Hangul grows). */
export function indexedText(text: string): string {
  const short = text.length > MAX_STRING ? text.slice(0, MAX_STRING) : text;
  const folded = foldString(short);
  return folded.length > MAX_STRING ? folded.slice(0, MAX_STRING) : folded;
}

function add(out: Extracted, key: string, text: unknown): void {
  if (typeof text !== 'string') return;
  const value = indexedText(text);
  if (value === '') return;
  // One character more than is folded tells a longer text from one that ends there.
  const original = text.length > MAX_STRING ? text.slice(0, MAX_STRING + 1) : text;
  out.strings.push(original === value ? { key, value } : { key, value, original });
}

/** A name has a few words; what has more is a description, and is found by its first ones. */
const MAX_WORDS = 8;

const isGap = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '-';

/** Where the next word of a folded text begins; -1 where there is none. */
function nextWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isGap(text, at)) at++;
  while (at < text.length && isGap(text, at)) at++;
  return at < text.length ? at : -1;
}

const rowKey = ({ key, value }: StringRow): string => `${key}\u0001${value}`;

/** A folded text from each of its later words on, as far as words count. */
export function laterWords(text: string): string[] {
  const found: string[] = [];
  for (
    let at = nextWord(text, 0);
    at > 0 && found.length < MAX_WORDS - 1;
    at = nextWord(text, at)
  ) {
    found.push(text.slice(at));
  }
  return found;
}

/**
 * Adds a part for every later word of the strings from `start` on: "Servers SHOULD search the parts
 * of a family name independently". What stands there already is left out.
 */
export function addWords(strings: StringRow[], start: number): void {
  const end = strings.length;
  let seen: Set<string> | undefined;
  for (let i = start; i < end; i++) {
    const { key, value } = strings[i] as StringRow;
    for (const word of laterWords(value)) {
      const row: StringRow = { key, value: word, part: true };
      seen ??= new Set(strings.slice(start, end).map(rowKey));
      if (!seen.has(rowKey(row))) strings.push(row);
      seen.add(rowKey(row));
    }
  }
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
export function stringSink(type: string, { key, divided }: SinkScope): Sink | undefined {
  if (TEXTS.has(type)) return (value, out) => add(out, key, value);
  const parts = divided && type === 'Address' ? DIVIDED_PARTS : PARTS[type];
  return parts && partsSink(key, parts);
}
