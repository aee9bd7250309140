import { MAX_STRING } from './extract-shape.ts';
import type { Term } from './query.ts';
import { anyOf, type Param, TermProblem } from './query-param.ts';
import { unescaped } from './query-values.ts';
import { foldString } from './terms.ts';

/** Strings (R4 3.1.1.4.8). The index holds each value and what follows each of its word starts. */

function refuseLong(text: string, advice: string): string {
  if (text.length <= MAX_STRING) return text;
  throw new TermProblem(`it is longer than ${MAX_STRING} characters; ${advice}`);
}

/**
 * The values without case, accents and runs of white space.
 * @throws TermProblem where nothing is left, or more than the index holds
 */
export function foldedValues(values: readonly string[]): string[] {
  return values.map((value) => {
    const folded = refuseLong(foldString(unescaped(value)), 'write the beginning only');
    if (folded === '') throw new TermProblem('it has no letters to look for');
    return folded;
  });
}

/** One text in Unicode may be written with composed letters and with combining accents. */
const spellings = (text: string): string[] => [
  ...new Set([text, text.normalize('NFC'), text.normalize('NFD')]),
];

export function stringTerm(
  { keys }: Pick<Param, 'keys'>,
  values: readonly string[],
  modifier?: string,
): Term {
  if (modifier === 'exact') {
    const advice = 'search without :exact for its beginning';
    const texts = values.flatMap((value) => spellings(refuseLong(unescaped(value), advice)));
    return { kind: 'exact', keys, values: texts };
  }
  const folded = foldedValues(values);
  if (modifier === 'text') return wordsTerm(keys, folded);
  return {
    kind: 'string',
    keys,
    match: modifier === 'contains' ? 'contains' : 'start',
    values: folded,
  };
}

/** Each word is a look-up of its own. */
const MAX_WORDS = 20;

/** `:text`, "advanced text handling": every word begins some word, in whatever order they stand. */
function wordsTerm(keys: string[], folded: readonly string[]): Term {
  const terms = folded.map((text): Term => {
    const words = [...new Set(text.split(' '))];
    if (words.length > MAX_WORDS) throw new TermProblem(`it has more than ${MAX_WORDS} words`);
    const starts = words.map(
      (word): Term => ({ kind: 'string', keys, match: 'start', values: [word] }),
    );
    return { kind: 'all', terms: starts };
  });
  return anyOf(terms);
}
