import { describe, expect, it } from 'vitest';
import type { Term } from '../../server/fhir/query.ts';
import {
  alternatives,
  common,
  envelope,
  factored,
  union,
} from '../../server/store/access-shape.ts';
import { allOf, anyOf } from '../../server/store/access-terms.ts';

const word = (text: string): Term => ({ kind: 'words', rare: false, words: [text] });
const list = (...keys: string[]): Term => ({ kind: 'linked', key: 'K.p', patient: true, keys });
const rows = (...seqs: string[]): Term => ({ kind: 'rows', seqs });
const linked = (...keys: string[]): Term => ({ kind: 'linked', key: 'K.r', patient: false, keys });
const chain = (key: string): Term => ({ kind: 'chain', key, patient: false, targets: [] });
const [a, b, c, e] = [word('a'), word('b'), word('c'), chain('e')];
const either = (...terms: Term[]) => anyOf(terms);
const both = (...terms: Term[]) => allOf(terms);

describe('alternatives()', () => {
  it.each<[string, Term[], Term[][]]>([
    ['one condition', [a], [[a]]],
    ['an OR', [either(a, b)], [[a], [b]]],
    [
      'conditions and an OR',
      [a, either(b, c)],
      [
        [a, b],
        [a, c],
      ],
    ],
    ['an OR of ANDs', [either(both(a, b), c)], [[a, b], [c]]],
  ])('of %s', (_what, where, expected) => expect(alternatives(where)).toEqual(expected));

  it('of too many are left as they are', () => {
    const ors = Array.from({ length: 5 }, () => either(a, b));
    expect(alternatives(ors)).toEqual([ors]);
  });
});

describe('lists', () => {
  it.each<[string, Term[], Term[]]>([
    ['of patients', [list('1', '2'), list('2', '3')], [list('1', '2', '3')]],
    ['of rows', [rows('1'), a, rows('2')], [rows('1', '2'), a]],
    ['by different references', [list('1'), linked('1')], [list('1'), linked('1')]],
  ])('%s are one in an OR', (_what, terms, expected) => expect(union(terms)).toEqual(expected));

  it.each<[string, Term[], Term[]]>([
    ['of patients', [a, list('1', '2'), list('2', '3')], [list('2'), a]],
    ['without anybody in common', [list('1'), list('2')], [anyOf([])]],
    // It may refer to both.
    ['by references that repeat', [linked('1'), linked('2')], [linked('1'), linked('2')]],
  ])('%s are one in an AND', (_what, terms, expected) => expect(common(terms)).toEqual(expected));
});

describe('envelope()', () => {
  it.each<[string, Term, Term | undefined]>([
    ['of a list', list('1'), list('1')],
    ['of an AND', both(a, list('1', '2'), rows('7')), rows('7')],
    ['of an OR of lists', either(both(a, list('1')), list('2')), list('1', '2')],
    ['of an OR with something else', either(list('1'), a), undefined],
    ['of an OR of lists of different things', either(list('1'), rows('1')), undefined],
    ['of what must not be', { kind: 'not', term: list('1') }, undefined],
    ['of nothing', anyOf([]), undefined],
  ])('%s', (_what, term, expected) => expect(envelope(term)).toEqual(expected));
});

describe('factored()', () => {
  it('looks once at what costs', () => {
    const terms = [both(a, e), both(b, e), both(c, chain('f'))];
    expect(factored(terms)).toEqual([both(either(a, b), e), both(c, chain('f'))]);
  });

  it('joins what then has the same conditions', () => {
    const f = chain('f');
    const terms = [both(a, e), both(b, e), both(a, f), both(b, f)];
    expect(factored(terms)).toEqual([both(either(a, b), either(e, f))]);
  });

  it('keeps what nothing else is asked of', () => {
    expect(factored([both(a, e), e])).toEqual([e]);
    expect(factored([both(a, e), a])).toEqual([a]);
  });
});
