import { timingSafeEqual } from 'node:crypto';
import { beginAttempt, succeedAttempt } from './attempts.ts';
import { verifyPassword } from './passwords.ts';
import { hashOf } from './secrets.ts';
import type { AuthService, Client } from './types.ts';

/** What the table keeps of a secret of `newSecret`. Those chosen by people go to `hashPassword`. */
export const hashClientSecret = (secret: string): string => hashOf(secret).toString('base64url');

export interface Proof {
  client: Client;
  secret: string;
  /** As `addressOf` gives it. */
  address: string;
}

/**
 * Whether the secret is the client's. One that a person chose might be guessed: failures make the
 * next attempt from that address wait (OAuthError 429).
 */
export async function isClientSecret(service: AuthService, proof: Proof): Promise<boolean> {
  const { secretHash } = proof.client;
  if (secretHash === undefined) return false;
  if (secretHash.startsWith('$argon2')) return isChosenSecret(service, proof, secretHash);
  const kept = Buffer.from(secretHash, 'base64url');
  const given = hashOf(proof.secret);
  return kept.length === given.length && timingSafeEqual(kept, given);
}

/** A secret that was right is not hashed slowly, nor counted as an attempt, each time. */
const REMEMBER_MS = 5 * 60_000;
const MOST_REMEMBERED = 1000;
const remembered = new WeakMap<
  AuthService,
  Map<string, { right: Promise<boolean>; until: number }>
>();

function isChosenSecret(service: AuthService, proof: Proof, secretHash: string): Promise<boolean> {
  const cache = remembered.get(service) ?? new Map();
  remembered.set(service, cache);
  const key = `${secretHash} ${hashClientSecret(proof.secret)}`;
  const known = cache.get(key);
  if (known && known.until > service.now()) return known.right;
  const right = tryChosenSecret(service, proof, secretHash);
  if (cache.size >= MOST_REMEMBERED) cache.clear();
  cache.set(key, { right, until: service.now() + REMEMBER_MS });
  const forget = (): boolean => cache.delete(key);
  right.then((isRight) => isRight || forget(), forget);
  return right;
}

async function tryChosenSecret(
  service: AuthService,
  { client, secret, address }: Proof,
  secretHash: string,
): Promise<boolean> {
  const trial = { login: `client:${client.id}`, address };
  await beginAttempt(service, trial);
  const right = await verifyPassword(secretHash, secret);
  if (right) await succeedAttempt(service, trial);
  return right;
}
