import { describe, expect, it } from 'vitest';
import { derivedId } from '../../server/load/ids.ts';

describe('derivedId()', () => {
  it('answers a UUID of version 5 and of the variant of RFC 9562', () => {
    expect(derivedId('abc', 0)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('never changes, or what was loaded before an upgrade would be loaded again', () => {
    expect(derivedId('abc', 7)).toBe('436cc184-c9b9-59fe-8db4-81480d7f7714');
  });

  it('differs for another content or another place', () => {
    const ids = [derivedId('abc', 0), derivedId('abc', 1), derivedId('abd', 0)];
    expect(new Set(ids).size).toBe(3);
  });
});
