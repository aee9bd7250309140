import { describe, expect, it } from 'vitest';
import { isUnmodified, parseTags, preconditions } from '../../server/rest/conditions.ts';

describe('parseTags()', () => {
  it.each([
    ['W/"3"', ['3']],
    ['"3"', ['3']],
    ['W/"1", "2" ,W/"3"', ['1', '2', '3']],
    ['*', '*'],
    [' * ', '*'],
  ])('reads %s', (text, tags) => {
    expect(parseTags('If-Match', text)).toEqual(tags);
  });

  it.each(['', '3', 'W/3', 'W/"3', '"a b"', 'w/"3"', '""', '"1", 2', "'3'"])(
    'refuses %s',
    (text) => {
      expect(() => parseTags('If-Match', text)).toThrow(/If-Match.*no entity tag/);
    },
  );
});

describe('preconditions()', () => {
  const all = ['if-match', 'if-none-match', 'if-none-exist'] as const;

  it.each([
    [{}, {}],
    [{ 'if-match': 'W/"2"' }, { ifMatch: ['2'] }],
    [{ 'if-match': '*' }, { ifMatch: ['*'] }],
    [{ 'if-none-match': '*' }, { mustNotExist: true }],
    [{ 'if-none-exist': 'identifier=1' }, { ifNoneExist: 'identifier=1' }],
    [{ 'if-none-exist': 'Patient?identifier=1' }, { ifNoneExist: 'identifier=1' }],
    [{ 'if-none-exist': '?identifier=1' }, { ifNoneExist: 'identifier=1' }],
  ])('reads %o', (headers, expected) => {
    expect(preconditions(headers, all)).toEqual(expected);
  });

  it.each([
    [{ 'if-match': '"1"', 'if-none-match': '*' }, /contradict/],
    [{ 'if-none-match': 'W/"1"' }, /has no use here/],
    [{ 'if-none-exist': '' }, /empty/],
    [{ 'if-none-exist': 'Patient?' }, /empty/],
    [{ 'if-unmodified-since': 'Sat, 29 Oct 1994 19:43:31 GMT' }, /if-unmodified-since/],
  ])('refuses %o', (headers, message) => {
    expect(() => preconditions(headers, all)).toThrow(message);
  });

  it('refuses one that the interaction does not take', () => {
    const headers = { 'if-none-exist': 'identifier=1' };
    expect(() => preconditions(headers, ['if-match'])).toThrow(/does not take.*if-none-exist/);
  });
});

describe('isUnmodified()', () => {
  const at = Date.parse('2026-01-01T00:00:00.500Z');

  it.each([
    [{}, false],
    [{ 'if-none-match': 'W/"3"' }, true],
    [{ 'if-none-match': 'W/"2", W/"3"' }, true],
    [{ 'if-none-match': '*' }, true],
    [{ 'if-none-match': 'W/"2"' }, false],
    [{ 'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }, true],
    [{ 'if-modified-since': 'Wed, 31 Dec 2025 23:59:59 GMT' }, false],
    [{ 'if-none-match': '"2"', 'if-modified-since': 'Fri, 01 Jan 2027 00:00:00 GMT' }, false],
  ])('says of %o: %s', (headers, expected) => {
    expect(isUnmodified(headers, 3, at)).toBe(expected);
  });

  it('refuses a date that is none', () => {
    expect(() => isUnmodified({ 'if-modified-since': 'yesterday' }, 3, at)).toThrow(/no date/);
  });
});
