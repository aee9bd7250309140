import { type AuthService, OAuthError } from './types.ts';

export { addressOf, clientAddress } from './address.ts';

/** So many at once, and as many again in each `per` seconds. */
export interface Limit {
  most: number;
  per: number;
}

/** Keys are chosen by callers, so their number is bounded. */
const KEYS = 20_000;

/** Per key, when its bucket will be full again (unix ms): all that a token bucket has to know. */
type Buckets = Map<string, number>;
const buckets = new WeakMap<AuthService, Buckets>();

/**
 * Takes one from the bucket of `key` (such as `token:<client>@<addressOf>`), or throws OAuthError 429.
 * In memory and so per process: it is there to bound work, and must itself cost none. What decides
 * about passwords is counted in the database (`attempts.ts`).
 */
export async function allow(service: AuthService, key: string, limit: Limit): Promise<void> {
  const { full, next, wait } = lookInto(service, key, limit);
  if (wait > 0) {
    throw new OAuthError('slow_down', 'Too many requests. Wait a little.', 429, wait / 1000);
  }
  full.set(key, next);
}

/** Whether the bucket is empty; takes nothing. */
export const isSpent = (service: AuthService, key: string, limit: Limit): boolean =>
  lookInto(service, key, limit).wait > 0;

interface Look {
  full: Buckets;
  /** When the bucket will be full again after one more. */
  next: number;
  /** Milliseconds until there is one to take. */
  wait: number;
}

function lookInto(service: AuthService, key: string, { most, per }: Limit): Look {
  const now = service.now();
  const full = bucketsOf(service, now);
  const one = (per * 1000) / most;
  const at = full.get(key) ?? 0;
  // Beyond a whole period only where the clock was set back.
  const next = (at > now + per * 1000 ? now : Math.max(at, now)) + one;
  return { full, next, wait: next - now - per * 1000 };
}

function bucketsOf(service: AuthService, now: number): Buckets {
  const known = buckets.get(service);
  if (known && known.size < KEYS) return known;
  const kept: Buckets = new Map();
  for (const [key, at] of known ?? []) if (at > now) kept.set(key, at);
  // Still too many: the oldest half is forgotten, rather than memory used up or all refused.
  const excess = kept.size < KEYS ? 0 : KEYS / 2;
  for (const key of [...kept.keys()].slice(0, excess)) kept.delete(key);
  buckets.set(service, kept);
  return kept;
}
