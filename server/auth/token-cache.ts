import type { Db } from '../db/db.ts';
import type { AuthService, Grant, User } from './types.ts';

/** A token that can be used. */
export interface FoundToken {
  /** A: access, R: refresh. */
  kind: 'A' | 'R';
  grant: Grant;
  /** Whose data it opens; undefined for systems. */
  user: User | undefined;
  /** That of the grant, or narrower. */
  scope: string;
  /** Unix milliseconds. */
  issuedAt: number;
  expiresAt: number;
}

/** Longest that a revocation can take to be seen where no NOTIFY comes through. */
const KEEP_MS = 10_000;
const MOST = 20_000;

interface Entry {
  found: FoundToken;
  until: number;
}

/**
 * Access tokens by their hashes. A token that was being looked up while its grant was revoked must
 * not come in afterwards: `put` takes the `era` in which the look-up began, and drops begin a new one.
 */
export class TokenCache {
  #entries = new Map<string, Entry>();
  #byGrant = new Map<string, Set<string>>();
  #era = 0;

  get era(): number {
    return this.#era;
  }

  get(key: string, now: number): FoundToken | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.until > now) return entry?.found;
    this.#remove(key, entry);
    return undefined;
  }

  put(key: string, found: FoundToken, { era, now }: { era: number; now: number }): void {
    if (era !== this.#era) return;
    const [oldest] = this.#entries;
    if (oldest && this.#entries.size >= MOST) this.#remove(...oldest);
    this.#entries.set(key, { found, until: Math.min(now + KEEP_MS, found.expiresAt) });
    const keys = this.#byGrant.get(found.grant.id);
    if (keys) keys.add(key);
    else this.#byGrant.set(found.grant.id, new Set([key]));
  }

  /** Forgets the tokens of a grant. */
  drop(grantId: string): void {
    this.#era++;
    for (const key of this.#byGrant.get(grantId) ?? []) this.#entries.delete(key);
    this.#byGrant.delete(grantId);
  }

  clear(): void {
    this.#era++;
    this.#entries.clear();
    this.#byGrant.clear();
  }

  #remove(key: string, { found }: Entry): void {
    this.#entries.delete(key);
    const keys = this.#byGrant.get(found.grant.id);
    keys?.delete(key);
    if (keys?.size === 0) this.#byGrant.delete(found.grant.id);
  }
}

/** By database connection, of which a process has one. */
const caches = new WeakMap<Db, TokenCache>();

/** The cache of this process; from its first use on it hears what other processes revoke. */
export function tokenCache({ db }: AuthService): TokenCache {
  let cache = caches.get(db);
  if (!cache) {
    const fresh = new TokenCache();
    const hear = (grantId: string): void => (grantId === '' ? fresh.clear() : fresh.drop(grantId));
    db.listen('kiln_tokens', hear, () => fresh.clear());
    caches.set(db, fresh);
    cache = fresh;
  }
  return cache;
}
