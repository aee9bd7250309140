import type { Jwk } from './jose.ts';
import { fetchGuarded, OutboundError } from './outbound.ts';
import type { AuthService } from './types.ts';

/**
 * Key sets of clients by their `jwks_uri`. They are kept as long as their Cache-Control says and no
 * longer (SMART App Launch 2.2, "client-confidential-asymmetric"), so a key that was taken out ends
 * at once where nothing is said.
 */

const TIMEOUT_MS = 3000;
const MAX_BYTES = 64 * 1024;
const MAX_KEYS = 100;
/** However long a header allows: a stolen key should not live for a year. Seconds. */
const LONGEST = 3600;
/** Between reloads that only an unknown `kid` asks for: else anybody could have us hammer a host. */
const RELOAD_MS = 60_000;
const MOST_KEPT = 1000;

interface Kept {
  keys: readonly Jwk[];
  until: number;
  /** Not reloaded for an unknown `kid` before. */
  reloadAt: number;
}

interface Sets {
  kept: Map<string, Kept>;
  /** So that many assertions at the same time make one request. */
  underWay: Map<string, Promise<readonly Jwk[]>>;
}

const known = new WeakMap<AuthService, Sets>();

/**
 * The keys at a URL; `kid` is one that has to be among them, else a kept set is loaded once more.
 * @throws OutboundError where they cannot be had
 */
export async function fetchJwks(
  service: AuthService,
  url: string,
  kid: string,
): Promise<readonly Jwk[]> {
  const sets = setsOf(service);
  const kept = sets.kept.get(url);
  const now = service.now();
  if (!kept || kept.until <= now) return load(service, sets, url);
  if (kept.keys.some((key) => key['kid'] === kid) || kept.reloadAt > now) return kept.keys;
  kept.reloadAt = now + RELOAD_MS;
  const keys = await load(service, sets, url);
  const renewed = sets.kept.get(url);
  if (renewed) renewed.reloadAt = kept.reloadAt;
  return keys;
}

function setsOf(service: AuthService): Sets {
  const sets = known.get(service) ?? { kept: new Map(), underWay: new Map() };
  known.set(service, sets);
  return sets;
}

function load(service: AuthService, sets: Sets, url: string): Promise<readonly Jwk[]> {
  const already = sets.underWay.get(url);
  if (already) return already;
  const loading = loadNow(service, sets.kept, url).finally(() => sets.underWay.delete(url));
  sets.underWay.set(url, loading);
  return loading;
}

async function loadNow(
  service: AuthService,
  kept: Map<string, Kept>,
  url: string,
): Promise<readonly Jwk[]> {
  const asked = service.now();
  const limits = { allow: service.config.fetchAllow, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
  const { body, headers } = await fetchGuarded(url, limits);
  const keys = keysIn(body.toString('utf8'));
  const age = maxAge(headers['cache-control'], headers['age']);
  if (kept.size >= MOST_KEPT) kept.clear();
  if (age > 0) kept.set(url, { keys, until: asked + age * 1000, reloadAt: 0 });
  else kept.delete(url);
  return keys;
}

function keysIn(text: string): Jwk[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    throw new OutboundError('answered no JSON');
  }
  const keys = isRecord(set) && Array.isArray(set['keys']) ? (set['keys'] as unknown[]) : undefined;
  if (!keys?.every(isRecord) || keys.length > MAX_KEYS) {
    throw new OutboundError('answered no key set');
  }
  return keys;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Seconds for which an answer may be used again (RFC 9111 5.2.2); 0 where nothing says so. */
export function maxAge(cacheControl: string | undefined, age: string | undefined): number {
  const directives = (cacheControl ?? '').toLowerCase().split(',');
  const names = directives.map((one) => one.trim());
  if (names.some((one) => /^no-(store|cache)\b/.test(one))) return 0;
  const ages = names.flatMap((one) => /^max-age="?(\d{1,10})"?$/.exec(one)?.[1] ?? []);
  const spent = /^\d{1,10}$/.test(age ?? '') ? Number(age) : 0;
  return ages.length === 0 ? 0 : Math.min(LONGEST, ...ages.map((one) => Number(one) - spent));
}
