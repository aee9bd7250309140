import { loadSql } from '../db/db.ts';
import { type By, byKiln, note } from './audit.ts';
import { type Claims, type Jwk, newSigningKey, type Sign, seal, signer, unseal } from './jose.ts';
import type { AuthRoute } from './route.ts';
import type { AuthService } from './types.ts';

/**
 * The keys that sign id_tokens (RS256; OpenID Connect Core 10.1). A new key is published before it
 * signs, and an old one for a while after: no client sees a signature by a key it cannot know yet.
 */

const ALL = loadSql(import.meta.url, 'keys.sql');
const LOCK = loadSql(import.meta.url, 'key-lock.sql');
const ADD = loadSql(import.meta.url, 'key-add.sql');
const RETIRE = loadSql(import.meta.url, 'keys-retire.sql');
const DROP = loadSql(import.meta.url, 'keys-drop.sql');

/** Clients may keep the key set so long, seconds. */
const JWKS_AGE = 300;
/** A process knows of new keys after so long, seconds. */
const KEPT = 10;
/** From the publication of a key until it signs: every copy of the key set is then renewed. */
const LEAD = 2 * (JWKS_AGE + KEPT);
/** How long a retired key stays published: longer than any id_token is looked at. */
const STAY = 24 * 60 * 60;
const LIFETIME = 90 * 24 * 60 * 60;

interface Ring {
  published: Jwk[];
  sign: Sign;
  until: number;
}

const rings = new WeakMap<AuthService, Promise<Ring>>();
/** Unsealed keys: they do not change, and unsealing is slow on purpose. */
const signers = new WeakMap<AuthService, Map<string, Promise<Sign | undefined>>>();

/** Signs the claims of an id_token, which are the caller's business. */
export async function signIdToken(service: AuthService, claims: Claims): Promise<string> {
  return (await ringOf(service)).sign(claims);
}

/** The public keys (RFC 7517 5). */
export async function jwks(service: AuthService): Promise<{ keys: Jwk[] }> {
  return { keys: (await ringOf(service)).published };
}

/**
 * Makes a new key. The others sign until every client knows it, and stay published for a day; with
 * `compromised` they are gone at once (from other processes after 10 s).
 */
export async function rotateKeys(
  service: AuthService,
  { compromised = false, by }: { compromised?: boolean; by?: By } = {},
): Promise<void> {
  await addKey(service, { always: true, retire: true, compromised, by });
  rings.delete(service);
}

async function ringOf(service: AuthService): Promise<Ring> {
  const known = await rings.get(service)?.catch(() => undefined);
  if (known && known.until > service.now()) return known;
  const ring = readRing(service);
  rings.set(service, ring);
  return ring;
}

interface Key {
  kid: string;
  publicJwk: Jwk;
  /** Sealed, unless there was no secret when it was made. */
  privateJwk: string;
  createdAt: number;
  /** It signs until then; Unix seconds. */
  retiredAt: number;
}

async function readRing(service: AuthService): Promise<Ring> {
  const keys = await readKeys(service);
  const over = seconds(service) - STAY;
  if (keys.some(({ retiredAt }) => retiredAt < over)) {
    await service.db.execute(DROP, ['', over, false]);
  }
  const current = await signingKey(service, keys);
  if (!current) await addKey(service, { always: false, retire: false });
  else if (isDue(service, current.key)) await addKey(service, { always: false, retire: true });
  else return ring(service, keys, current.sign);
  const renewed = await readKeys(service);
  const signing = await signingKey(service, renewed);
  if (!signing) throw new Error('a new signing key cannot be read');
  return ring(service, renewed, signing.sign);
}

function ring(service: AuthService, keys: readonly Key[], sign: Sign): Ring {
  const since = seconds(service) - STAY;
  const published = keys.filter((key) => key.retiredAt > since).map((key) => key.publicJwk);
  return { published, sign, until: service.now() + KEPT * 1000 };
}

/**
 * The oldest key that is not retired and that this process can read. Another secret, or none, leaves
 * the keys of other processes alone and makes one of its own.
 */
async function signingKey(
  service: AuthService,
  keys: readonly Key[],
): Promise<{ key: Key; sign: Sign } | undefined> {
  for (const key of keys.filter(({ retiredAt }) => retiredAt > seconds(service))) {
    const sign = await signerOf(service, key);
    if (sign) return { key, sign };
  }
  return undefined;
}

/** Old, or kept in clear from a time without a secret; and not to be replaced already. */
function isDue(service: AuthService, { createdAt, ...key }: Key): boolean {
  if (key.retiredAt < Number.POSITIVE_INFINITY) return false;
  const clear = service.config.secret !== undefined && !isSealed(key.privateJwk);
  return clear || createdAt <= seconds(service) - LIFETIME;
}

const isSealed = (privateJwk: string): boolean => !privateJwk.startsWith('{');

function signerOf(service: AuthService, key: Key): Promise<Sign | undefined> {
  const known = signers.get(service) ?? new Map<string, Promise<Sign | undefined>>();
  signers.set(service, known);
  const made = known.get(key.kid) ?? openSigner(service, key);
  known.set(key.kid, made);
  return made;
}

async function openSigner({ config }: AuthService, key: Key): Promise<Sign | undefined> {
  const { secret } = config;
  const sealed = isSealed(key.privateJwk);
  const text = sealed ? secret && (await unseal(key.privateJwk, secret)) : key.privateJwk;
  return text ? signer(JSON.parse(text) as Jwk, key.kid) : undefined;
}

interface Adding {
  /** Else only if it is still wanted once no other process makes keys. */
  always: boolean;
  /** Whether the other keys are to end. */
  retire: boolean;
  compromised?: boolean;
  /** Absent: it was due. */
  by?: By | undefined;
}

async function addKey(service: AuthService, how: Adding): Promise<void> {
  const { kid, publicJwk, privateJwk } = await newSigningKey();
  const { secret } = service.config;
  const text = JSON.stringify(privateJwk);
  const kept = secret === undefined ? text : await seal(text, secret);
  const now = seconds(service);
  await service.db.transaction(async (tx) => {
    await tx.tuples(LOCK);
    const keys = (await tx.tuples<Row>(ALL)).map(keyOf);
    if (!how.always && !(await isWanted(service, keys))) return;
    await tx.execute(ADD, [kid, JSON.stringify(publicJwk), kept, now]);
    if (how.retire) await tx.execute(RETIRE, [kid, now + LEAD]);
    await tx.execute(DROP, [kid, now - STAY, how.compromised === true]);
    const text = how.compromised ? 'signing keys replaced at once' : 'signing key added';
    const event = { by: how.by ?? byKiln, text, pairs: { key: kid } };
    await note(service, 'administration', event, tx.tuples);
  });
}

async function isWanted(service: AuthService, keys: readonly Key[]): Promise<boolean> {
  const current = await signingKey(service, keys);
  return !current || isDue(service, current.key);
}

const seconds = (service: AuthService): number => service.now() / 1000;

type Row = [
  ...[kid: string, publicJwk: Jwk, privateJwk: string],
  ...[createdAt: number, retiredAt: number | null],
];

const readKeys = async ({ db }: AuthService): Promise<Key[]> =>
  (await db.tuples<Row>(ALL)).map(keyOf);

const keyOf = ([kid, publicJwk, privateJwk, createdAt, retiredAt]: Row): Key => {
  return { kid, publicJwk, privateJwk, createdAt, retiredAt: retiredAt ?? Infinity };
};

/** The key set, for everybody (SMART App Launch 2.2, "conformance", `jwks_uri`). */
async function answerJwks(service: AuthService): Promise<Response> {
  return new Response(JSON.stringify(await jwks(service)), {
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': `public, max-age=${JWKS_AGE}`,
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/auth/jwks', handler: answerJwks, origins: 'any' },
];
