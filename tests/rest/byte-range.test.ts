import { describe, expect, it } from 'vitest';
import { byteRange } from '../../server/rest/byte-range.ts';

const rangeOf = (range: string, length = 10, more = {}) =>
  byteRange({ method: 'GET', headers: { range }, ...more }, length);

describe('byteRange()', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=2-5', 2, 5],
    ['bytes=2-', 2, 9],
    ['bytes=9-99', 9, 9],
    ['bytes=-3', 7, 9],
    ['bytes=-99', 0, 9],
    ['BYTES=1-1', 1, 1],
  ])('understands %s', (range, first, last) => {
    expect(rangeOf(range)).toEqual({ first, last });
  });

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=-0'])('finds nothing at %s', (range) => {
    expect(rangeOf(range)).toBe('unsatisfiable');
  });

  it.each(['', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b', 'bytes=0x1-2'])(
    'leaves %j alone',
    (range) => {
      expect(rangeOf(range)).toBeUndefined();
    },
  );

  it('leaves HEAD alone, and what depends on a tag', () => {
    expect(rangeOf('bytes=0-1', 10, { method: 'HEAD' })).toBeUndefined();
    const headers = { range: 'bytes=0-1', 'if-range': 'W/"1"' };
    expect(byteRange({ method: 'GET', headers }, 10)).toBeUndefined();
  });

  it('finds nothing in no bytes', () => {
    expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable');
    expect(rangeOf('bytes=-1', 0)).toBe('unsatisfiable');
  });
});
