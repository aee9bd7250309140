import { readCookie, writeCookie } from './cookies.ts';
import type { AuthContext } from './route.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService } from './types.ts';

/**
 * Which browser something was begun in, as the hash of a cookie that all its requests share: a handle
 * alone, which may have been planted, is not enough to go on.
 */

/** Of this browser, which gets the cookie if it has none. */
export function browserOf(service: AuthService, context: AuthContext): Buffer {
  const known = readCookie(service, context, 'request');
  const secret = known ?? newSecret();
  if (known === undefined) writeCookie(service, context, 'request', secret);
  return hashOf(secret);
}

/** Of this browser; undefined where nothing was begun in it. */
export function knownBrowser(service: AuthService, context: AuthContext): Buffer | undefined {
  const known = readCookie(service, context, 'request');
  return known === undefined ? undefined : hashOf(known);
}
