import { describe, expect, test } from 'vitest';
import type { Term } from '../../server/fhir/query.ts';
import { compositeKey, tokenAny, tokenExact } from '../../server/fhir/terms.ts';
import { parse as parseQuery } from '../helpers/term.ts';

const parse = (path: string, text: string): Term => parseQuery(`${path.replace('.', '?')}=${text}`);

/** `all(words, number)`: the kinds of a tree. */
function shape(term: Term): string {
  if (term.kind !== 'any' && term.kind !== 'all') return term.kind;
  return `${term.kind}(${term.terms.map(shape).join(', ')})`;
}

describe('composites (R4 3.1.1.4.17)', () => {
  test.each([
    ['Observation.code-value-quantity', 'urn:s|a$gt5||mg', 'all(words, number)'],
    ['Observation.code-value-date', 'a$ge2013', 'all(words, date)'],
    ['Observation.code-value-string', 'a$b', 'all(words, string)'],
    ['Observation.code-value-concept', 'a$b', 'all(words, words)'],
    ['Observation.component-code-value-quantity', 'a$5', 'number'],
    ['Observation.component-code-value-concept', 'a$b', 'words'],
    ['Observation.combo-code-value-quantity', 'a$5', 'any(all(words, number), number)'],
    ['Observation.combo-code-value-concept', 'a$b', 'any(all(words, words), words)'],
    ['Group.characteristic-value', 'gender$mixed', 'words'],
    ['Group.characteristic-value', 'gender$mixed,owner$Eve', 'words'],
    [
      'Observation.code-value-quantity',
      'a$5,a$6,b$7',
      'any(all(words, any(number, number)), all(words, number))',
    ],
    ['ValueSet.context-type-quantity', 'age$lt5', 'number'],
    ['DocumentReference.relationship', '1$appends', 'words'],
    ['MolecularSequence.chromosome-window-coordinate', '1$gt5$lt10', 'pair'],
    ['MolecularSequence.chromosome-variant-coordinate', '1$gt5$lt10', 'pair'],
  ])('%s=%s is %s', (path, text, expected) => {
    expect(shape(parse(path, text))).toBe(expected);
  });

  test('joins the words of one element', () => {
    expect(parse('Group.characteristic-value', 'urn:s|a\\$b$c')).toEqual({
      kind: 'words',
      rare: false,
      words: [
        compositeKey('Group.characteristic-value', [
          tokenExact('', 'urn:s', 'a$b'),
          tokenAny('', 'c'),
        ]),
      ],
    });
  });

  test('an id is of the type that the component refers to', () => {
    expect(parse('DocumentReference.relationship', '1$appends')).toMatchObject({
      words: [expect.stringContaining('DocumentReference/1')],
    });
  });

  test.each([
    ['Observation.code-value-quantity', 'a', 'code$value-quantity'],
    ['Observation.code-value-quantity', 'a$b$c', 'code$value-quantity'],
    ['Observation.code-value-quantity', '$5', 'code$value-quantity'],
    ['Observation.code-value-quantity', 'a$x', 'is not a quantity'],
    ['Observation.code-value-date', 'a$x', 'is not a date'],
    ['Observation.component-code-value-quantity', 'urn:s|$5', 'a code is needed'],
    ['MolecularSequence.chromosome-window-coordinate', '1$x$2', 'is not a number'],
  ])('%s=%s is refused', (path, text, message) => {
    expect(() => parse(path, text)).toThrow(message);
  });
});
