import { describe, expect, it } from 'vitest';
import { parsePrefer } from '../../server/rest/prefer.ts';

describe('parsePrefer()', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['return=minimal', { return: 'minimal' }],
    ['return="representation"', { return: 'representation' }],
    ['RETURN=OperationOutcome', { return: 'OperationOutcome' }],
    ['handling=lenient, return=minimal', { handling: 'lenient', return: 'minimal' }],
    ['handling=strict; return=minimal', { handling: 'strict', return: 'minimal' }],
    ['respond-async, wait=10', {}],
    ['return=everything, handling=', {}],
  ])('reads %s', (header, expected) => {
    expect(parsePrefer(header)).toEqual(expected);
  });

  it('heeds the first of two that contradict each other, as RFC 7240 says', () => {
    const prefer = parsePrefer(
      'return=minimal, return=representation, handling=lenient, handling=strict',
    );
    expect(prefer).toEqual({ return: 'minimal', handling: 'lenient' });
  });
});
