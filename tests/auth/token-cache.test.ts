import { expect, test } from 'vitest';
import { type FoundToken, TokenCache } from '../../server/auth/token-cache.ts';

const found = (grantId: string, expiresAt = 1_000_000): FoundToken => ({
  ...{ kind: 'A', scope: '', issuedAt: 0, expiresAt, user: undefined },
  grant: {
    ...{ id: grantId, clientId: 'app', userId: undefined, sessionId: undefined },
    ...{ scope: '', context: {}, offline: false },
  },
});

test('TokenCache keeps a token ten seconds, or until it ends', () => {
  const cache = new TokenCache();
  cache.put('a', found('g'), { era: cache.era, now: 0 });
  cache.put('b', found('g', 4000), { era: cache.era, now: 0 });
  const known = (now: number): boolean[] =>
    ['a', 'b'].map((key) => cache.get(key, now) !== undefined);
  expect([known(3999), known(4000), known(9999), known(10_000)]).toEqual([
    [true, true],
    [true, false],
    [true, false],
    [false, false],
  ]);
});

test('TokenCache drops all tokens of a grant and no others', () => {
  const cache = new TokenCache();
  for (const [key, grant] of [
    ['a', 'g'],
    ['b', 'g'],
    ['c', 'h'],
  ] as const) {
    cache.put(key, found(grant), { era: cache.era, now: 0 });
  }
  cache.drop('g');
  expect(['a', 'b', 'c'].filter((key) => cache.get(key, 1))).toEqual(['c']);
  cache.clear();
  expect(cache.get('c', 1)).toBeUndefined();
});

test('TokenCache does not take in what was looked up before a drop', () => {
  const cache = new TokenCache();
  const { era } = cache;
  cache.drop('g');
  cache.put('a', found('g'), { era, now: 0 });
  expect(cache.get('a', 1)).toBeUndefined();
});

test('TokenCache forgets the oldest when it is full', () => {
  const cache = new TokenCache();
  for (let n = 0; n <= 20_000; n++) {
    cache.put(`k${n}`, found(`g${n}`), { era: cache.era, now: 0 });
  }
  expect(['k0', 'k1', 'k20000'].map((key) => cache.get(key, 1) !== undefined)).toEqual([
    false,
    true,
    true,
  ]);
});
