import { loadSql } from '../db/db.ts';
import { browserOf, knownBrowser } from './browser.ts';
import type { AuthContext } from './route.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService } from './types.ts';
import { PATIENCE } from './webauthn.ts';

/** What passkeys sign: made here, good once, in the browser it was made for. */

const NEW = loadSql(import.meta.url, 'challenge-new.sql');
const TAKE = loadSql(import.meta.url, 'challenge-take.sql');

export interface Challenge {
  purpose: 'register' | 'second-factor' | 'sign-in';
  /** Of whom it is asked; undefined: of whoever is there. */
  userId: string | undefined;
}

/** A new challenge for this browser, base64url. */
export async function newChallenge(
  service: AuthService,
  context: AuthContext,
  { purpose, userId }: Challenge,
): Promise<string> {
  const challenge = newSecret();
  const now = service.now() / 1000;
  const values = [hashOf(challenge), browserOf(service, context), purpose, userId ?? null];
  await service.db.execute(NEW, [...values, now + PATIENCE / 1000, now]);
  return challenge;
}

/** Uses a challenge up, whatever comes of the answer: of many who try with it one may. */
export async function takeChallenge(
  service: AuthService,
  context: AuthContext,
  ...[challenge, { purpose, userId }]: [string, Challenge]
): Promise<boolean> {
  const browser = knownBrowser(service, context);
  if (browser === undefined) return false;
  const values = [hashOf(challenge), browser, purpose, userId ?? null, service.now() / 1000];
  return (await service.db.tuples(TAKE, values)).length === 1;
}
