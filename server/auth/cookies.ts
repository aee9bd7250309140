import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import type { AuthContext } from './route.ts';
import type { AuthService } from './types.ts';

/** The two cookies: of the session, and of the authorization request a browser is busy with. */
const suffixes = { session: '', request: '-request' } as const;
export type CookieKind = keyof typeof suffixes;

/** A secret as `newSecret` makes them; anything else was not ours. */
const SECRET = /^[\w-]{43}$/;

/** The secret in a cookie of ours, if the browser sent one. */
export function readCookie(
  service: AuthService,
  context: AuthContext,
  kind: CookieKind,
): string | undefined {
  const value = getCookie(context, nameOf(service, kind));
  return value !== undefined && SECRET.test(value) ? value : undefined;
}

/** Gives the browser a secret to keep until it is closed. */
export function writeCookie(
  service: AuthService,
  context: AuthContext,
  ...[kind, secret]: [CookieKind, string]
): void {
  setCookie(context, nameOf(service, kind), secret, optionsOf(service));
}

/** Makes the browser forget a cookie. */
export function dropCookie(service: AuthService, context: AuthContext, kind: CookieKind): void {
  deleteCookie(context, nameOf(service, kind), optionsOf(service));
}

/**
 * Browsers take `__Host-` and Secure cookies over https only (RFC 6265bis 4.1.3.2), so a server on
 * plain http, which is one on a loopback address, has cookies without.
 */
const nameOf = (service: AuthService, kind: CookieKind): string =>
  `${isSecure(service) ? '__Host-' : ''}kiln${suffixes[kind]}`;

const optionsOf = (service: AuthService): CookieOptions => ({
  path: '/',
  httpOnly: true,
  sameSite: 'Lax',
  secure: isSecure(service),
});

const isSecure = ({ config }: AuthService): boolean => config.origin.startsWith('https:');
