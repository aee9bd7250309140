import { loadSql } from '../db/db.ts';
import { browserOf, knownBrowser } from './browser.ts';
import type { Carried } from './purpose.ts';
import type { AuthContext } from './route.ts';
import { hashOf, newSecret } from './secrets.ts';
import { type AuthService, OAuthError, type User } from './types.ts';
import { type UserRow, userOf } from './user-row.ts';

/**
 * Who has given the right password and owes the second factor: no session, so that nothing takes them
 * for signed in. A handle and a cookie of the browser are both needed to go on.
 */

const BEGIN = loadSql(import.meta.url, 'sign-in-begin.sql');
const FIND = loadSql(import.meta.url, 'sign-in-find.sql');
const TAKE = loadSql(import.meta.url, 'sign-in-take.sql');

/** Seconds to look for the security key. */
const LIFETIME = 10 * 60;

export interface HalfSignedIn {
  handle: string;
  user: User;
  purpose: Carried;
}

/** Keeps for this browser that the user gave the right password; the handle to go on with. */
export async function beginHalf(
  service: AuthService,
  context: AuthContext,
  { user, purpose }: Omit<HalfSignedIn, 'handle'>,
): Promise<string> {
  const handle = newSecret();
  const now = service.now() / 1000;
  const values = [hashOf(handle), browserOf(service, context), user.id, JSON.stringify(purpose)];
  await service.db.execute(BEGIN, [...values, now + LIFETIME, now]);
  return handle;
}

/** Throws OAuthError where it is over, or was another browser's. */
export async function halfOf(
  service: AuthService,
  context: AuthContext,
  handle: string | undefined,
): Promise<HalfSignedIn> {
  const browser = knownBrowser(service, context);
  if (handle === undefined || browser === undefined) throw over();
  const values = [hashOf(handle), browser, service.now() / 1000];
  const [row] = await service.db.tuples<[Carried, ...UserRow]>(FIND, values);
  if (!row) throw over();
  const [purpose, ...user] = row;
  return { handle, user: userOf(user), purpose };
}

/** Ends it, which can be done once: throws OAuthError where it is over. */
export async function takeHalf(service: AuthService, { handle }: HalfSignedIn): Promise<void> {
  const taken = await service.db.tuples(TAKE, [hashOf(handle), service.now() / 1000]);
  if (taken.length !== 1) throw over();
}

const over = (): OAuthError =>
  new OAuthError(
    'invalid_request',
    'This sign-in is over, or was begun in another browser or with cookies switched off. ' +
      'Sign in again with your user name and password.',
  );
