import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  foldString,
  isSystemWord,
  ofTypeTerm,
  presenceWord,
  textWord,
  tokenTerms,
  tokenTextKey,
  uriTerm,
  uriTextKey,
} from '../../server/fhir/terms.ts';

describe('foldString()', () => {
  test.each([
    ['Müller', 'muller'],
    ['  Peter   JAMES ', 'peter james'],
    ['Zoë\u00a0 O’Brien', 'zoe o’brien'],
    ['line\none', 'line one'],
    ['İstanbul', 'istanbul'],
    ['', ''],
  ])('makes %j %j', (text, folded) => {
    expect(foldString(text)).toBe(folded);
  });

  test('folds ASCII as it folds everything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        // A mark that folding removes forces the general path.
        expect(foldString(`${text}x`)).toBe(foldString(`${text}x\u0301`));
      }),
    );
  });
});

describe('tokenTerms()', () => {
  test.each([
    ['urn:s', 'A', 3],
    [undefined, 'A', 2],
    ['urn:s', undefined, 1],
    [undefined, undefined, 0],
  ])('files %j|%j under %i words', (system, code, count) => {
    const terms = tokenTerms('Patient.identifier', system, code);
    expect(new Set(terms).size).toBe(count);
    expect(terms.filter(isSystemWord)).toHaveLength(system ? 1 : 0);
  });

  test('tells codes apart by case only under UCUM', () => {
    expect(tokenTerms('k', 'urn:s', 'A')).toEqual(tokenTerms('k', 'urn:s', 'a'));
    const ucum = 'http://unitsofmeasure.org';
    expect(tokenTerms('k', ucum, 'Mg')).not.toEqual(tokenTerms('k', ucum, 'mg'));
  });
});

describe('ofTypeTerm()', () => {
  test('takes the value without regard to case, and every part into account', () => {
    const term = ofTypeTerm('k', 'urn:s', 'MR', 'a1');
    expect(ofTypeTerm('k', 'urn:s', 'mr', 'A1')).toBe(term);
    const others = [
      ofTypeTerm('j', 'urn:s', 'MR', 'a1'),
      ofTypeTerm('k', '', 'MR', 'a1'),
      ofTypeTerm('k', 'urn:s', 'MRa', '1'),
      ofTypeTerm('k', 'urn:s', 'MR', 'a2'),
    ];
    expect(others).not.toContain(term);
  });
});

describe('the words of one parameter', () => {
  test('are all different, whatever the value', () => {
    const key = 'Patient.identifier';
    const words = [
      ...tokenTerms(key, 'a', 'a'),
      ofTypeTerm(key, 'a', 'a', 'a'),
      textWord(tokenTextKey(key), 'a'),
      presenceWord('Patient', ['identifier']),
      presenceWord('Patient', ['identifier', 'name']),
    ];
    expect(new Set(words).size).toBe(words.length);
  });

  test('of a uri serve its text too', () => {
    expect(textWord(uriTextKey('ValueSet.url'), 'urn:x')).toBe(uriTerm('ValueSet.url', 'urn:x'));
  });
});
