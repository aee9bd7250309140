import { describe, expect, test } from 'vitest';
import { fulltextTerm } from '../../server/fhir/query-fulltext.ts';

const text = (query: string) => ({ kind: 'fulltext', of: 'text', query });
const any = (...terms: object[]) => ({ kind: 'any', terms });
const all = (...terms: object[]) => ({ kind: 'all', terms });
const not = (term: object) => ({ kind: 'not', term });

describe('fulltextTerm()', () => {
  test.each([
    ['bone', text('bone')],
    ['bone  marrow', text('bone marrow')],
    ['"bone marrow" biopsy', text('"bone marrow" biopsy')],
    ['bone and marrow', text('bone marrow')],
    ['bone OR liver', any(text('bone'), text('liver'))],
    ['bone or liver marrow', any(text('bone'), text('liver marrow'))],
    ['(bone OR liver) and metastases', all(any(text('bone'), text('liver')), text('metastases'))],
    ['metastases (bone OR (liver))', all(text('metastases'), any(text('bone'), text('liver')))],
    ['bone NOT liver', all(text('bone'), not(text('liver')))],
    ['bone -liver', all(text('bone'), not(text('liver')))],
    ['bone -"liver cyst"', all(text('bone'), not(text('"liver cyst"')))],
    ['bone -(liver OR kidney)', all(text('bone'), not(any(text('liver'), text('kidney'))))],
    ['NOT (liver)', not(text('liver'))],
    ['not liver', text('not liver')],
    ['X-ray - left', text('X-ray left')],
  ])('reads %s', (query, term) => {
    expect(fulltextTerm('text', query)).toEqual(term);
  });

  test.each([
    ['(bone', 'open'],
    ['bone)', 'closes nothing'],
    ['()', 'missing'],
    ['bone OR', 'missing'],
    ['OR bone', 'missing'],
    ['bone AND', 'AND joins'],
    ['AND bone', 'AND joins'],
    ['bone NOT', 'NOT stands before'],
    ['"bone', 'quotation mark'],
    ['- ,', 'missing'],
    ['a'.repeat(501), 'longer than 500'],
    ['(((((((((((((((((((((((((((((((((((((((((a', 'operators'],
  ])('refuses %s', (query, message) => {
    expect(() => fulltextTerm('text', query)).toThrow(message);
  });
});
