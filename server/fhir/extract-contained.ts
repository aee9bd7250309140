import type { Extracted } from './extract-shape.ts';
import type { Chain, Term } from './query.ts';
import { containedWord, presenceWord } from './terms.ts';
import type { Resource } from './types.ts';

/**
 * Chains look into contained resources as into others (R4 3.1.1.5.5): what a contained resource would
 * be found by stands in the index of the one around it, behind the key of the reference that leads
 * there, with a word that says its type.
 */

const isResource = (value: unknown): value is Resource =>
  typeof (value as { resourceType?: unknown } | null)?.resourceType === 'string';

/** A resource holds a few others; what is deeper in a flood of them is not searched by chains. */
const MAX_CONTAINED = 50;
/** Contained resources refer to each other, in circles if need be. */
const MAX_LINKS = 3;

export interface Inside {
  extract(resource: Resource): Extracted;
  /** The key of a type's main date, which has no row of its own otherwise. */
  dateKey(type: string): string;
}

/** Adds what the contained resources that are referred to would be found by. */
export function addContained(
  resource: Resource,
  out: Extracted,
  { extract, dateKey }: Inside,
): void {
  const { contained } = resource;
  if (!Array.isArray(contained)) return;
  const inside = new Map<unknown, Resource>();
  for (const one of contained) if (isResource(one)) inside.set(one.id, one);
  const ways = out.fragments.slice(0, MAX_CONTAINED).map((one) => ({ ...one, links: 1 }));
  for (const { key, id, links } of ways) {
    const found = inside.get(id);
    if (!found) continue;
    const rows = extract(found);
    const { date } = rows.main;
    if (date) rows.dates.push({ key: dateKey(found.resourceType), lo: date.lo, hi: date.hi });
    addOne({ key, type: found.resourceType }, rows, out);
    if (links === MAX_LINKS) continue;
    // The loop takes in what is added while it runs.
    for (const next of rows.fragments.slice(0, MAX_CONTAINED - ways.length)) {
      ways.push({ key: containedWord(key, next.key), id: next.id, links: links + 1 });
    }
  }
  out.tokens = [...new Set(out.tokens)];
  out.references = distinct(out.references);
  out.strings = distinct(out.strings);
  out.texts = distinct(out.texts);
}

/** Several contained resources may have the same to be found by. */
function distinct<T extends object>(rows: readonly T[]): T[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const text = JSON.stringify(row);
    return !seen.has(text) && seen.add(text);
  });
}

function addOne(
  { key, type }: { key: string; type: string },
  found: Extracted,
  out: Extracted,
): void {
  const inner = (text: string): string => containedWord(key, text);
  const keyed = <T extends { key: string }>(row: T): T => ({ ...row, key: inner(row.key) });
  out.tokens.push(inner(type), ...found.tokens.map(inner));
  out.tokens.push(...found.present.map((code) => inner(presenceWord(type, [code]))));
  out.references.push(...found.references.map(keyed));
  out.strings.push(...found.strings.map(keyed));
  out.numbers.push(...found.numbers.map(keyed));
  out.texts.push(...found.texts.map(keyed));
  out.dates.push(...found.dates.map(keyed));
}

/** A contained resource that fits, behind the reference with the key; undefined as in `onContained`. */
export function containedTerm(
  key: string,
  { type, where }: Chain['targets'][number],
): Term | undefined {
  const inside = where.map((one) => onContained(key, one));
  if (!inside.every((one) => one !== undefined)) return undefined;
  const marker: Term = { kind: 'words', words: [containedWord(key, type)], rare: true };
  return { kind: 'all', terms: [marker, ...inside] };
}

const anyOf = (terms: Term[]): Term => ({ kind: 'any', terms });

/** A chain that goes on from a contained resource to stored ones. */
const onward = <T extends { key: string; patient: boolean }>(key: string, term: T): T => ({
  ...term,
  key: containedWord(key, term.key),
  patient: false,
});

/** A chain that goes on to other resources in the same one. */
const beside = (key: string, chain: Chain | undefined): Term[] =>
  chain?.targets.flatMap((target) => containedTerm(containedWord(key, chain.key), target) ?? []) ??
  [];

/** What no contained resource meets: it has no row, no version, and nothing refers to it from afar. */
const NEVER: Term = { kind: 'any', terms: [] };

/**
 * A criterion on a contained resource as one on the resource around it; undefined where nothing is
 * known of it any more but what was looked up.
 */
export function onContained(key: string, term: Term): Term | undefined {
  const inner = (text: string): string => containedWord(key, text);
  const inside = (one: Term): Term | undefined => onContained(key, one);
  switch (term.kind) {
    case 'words':
      return { ...term, words: term.words.map(inner) };
    case 'near':
      return { ...term, key: inner(term.key) };
    case 'references':
      return { ...term, key: inner(term.key), patient: false };
    case 'chain':
      return anyOf([onward(key, term), ...beside(key, term)]);
    case 'linked':
      return anyOf([onward(key, term), ...beside(key, term.of)]);
    case 'rows':
      return anyOf(beside(key, term.of));
    case 'date':
      return { ...term, main: false, keys: term.keys.map(inner) };
    case 'string':
    case 'exact':
    case 'number':
    case 'pair':
    case 'texts':
      return { ...term, keys: term.keys.map(inner) };
    case 'any':
    case 'all': {
      const terms = term.terms.map(inside);
      return terms.every((one) => one !== undefined) ? { ...term, terms } : undefined;
    }
    case 'not': {
      const one = inside(term.term);
      return one && { ...term, term: one };
    }
    case 'present': {
      const words = term.codes.map((code) => inner(presenceWord(term.type, [code])));
      return { kind: 'words', words, rare: false };
    }
    case 'hashed':
      return term.of && inside(term.of);
    case 'id':
    case 'lastUpdated':
    case 'has':
      return NEVER;
    default:
      return undefined;
  }
}
