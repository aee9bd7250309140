import { describe, expect, test } from 'vitest';
import { TermProblem } from '../../server/fhir/query-terms.ts';
import { tokenAny, uriTerm, uriTextKey } from '../../server/fhir/terms.ts';
import { all, any, parse, texts, words } from '../helpers/term.ts';

describe('uris (R4 3.1.1.4.9)', () => {
  const SOURCE = '_source';
  const at = (...uris: string[]) => words(...uris.map((uri) => uriTerm(SOURCE, uri)));
  const starts = (...values: string[]) => texts([uriTextKey(SOURCE)], ...values);
  test.each([
    ['http://a.org/b', at('http://a.org/b')],
    ['http://a.org/B,urn:x', at('http://a.org/B', 'urn:x')],
  ])('%s is compared whole', (value, term) => {
    expect(parse(`Patient?_source=${value}`)).toEqual(term);
  });

  test.each([
    ['http://a.org/b', any(at('http://a.org/b'), starts('http://a.org/b/'))],
    ['http://a.org/b/', any(at('http://a.org/b/'), starts('http://a.org/b/'))],
    ['http://a.org', any(at('http://a.org'), starts('http://a.org/'))],
    [
      'http://a.org/b,http://b.org/c/',
      any(at('http://a.org/b', 'http://b.org/c/'), starts('http://a.org/b/', 'http://b.org/c/')),
    ],
  ])('below %s goes on where a level ends', (value, term) => {
    expect(parse(`Patient?_source:below=${value}`)).toEqual(term);
  });

  test.each([
    [
      'http://a.org/b/5',
      ['http://a.org/b/5', 'http://a.org', 'http://a.org/', 'http://a.org/b', 'http://a.org/b/'],
    ],
    ['http://a.org', ['http://a.org']],
  ])('above %s is each of its levels', (value, uris) => {
    expect(parse(`Patient?_source:above=${value}`)).toEqual(at(...uris));
  });

  test.each([
    'urn:uuid:1',
    'urn:oid:1.2',
    'nothing',
    'http://',
    '/b',
    `http://a.org/${'b/'.repeat(1100)}`,
  ])(':above and :below refuse %s', (value) => {
    expect(() => parse(`Patient?_source:below=${value}`)).toThrow(TermProblem);
    expect(() => parse(`Patient?_source:above=${value}`)).toThrow(TermProblem);
  });

  test('a canonical is found with its version or below the start of one', () => {
    const profile = (uri: string) => words(uriTerm('_profile', uri));
    expect(parse('Patient?_profile=http://a.org/p|1.0')).toEqual(profile('http://a.org/p|1.0'));
    expect(parse('Patient?_profile:below=http://a.org/p|1')).toEqual(
      any(profile('http://a.org/p|1'), texts(['_profile'], 'http://a.org/p|1.')),
    );
  });

  test("a version behind a resource's own url is looked for in its version", () => {
    const url = (uri: string) => words(uriTerm('ValueSet.url', uri));
    expect(parse('ValueSet?url=http://a.org/v|2')).toEqual(
      any(
        url('http://a.org/v|2'),
        all(url('http://a.org/v'), words(tokenAny('ValueSet.version', '2'))),
      ),
    );
  });
});
