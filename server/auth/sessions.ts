import { loadSql } from '../db/db.ts';
import { dropCookie, readCookie, writeCookie } from './cookies.ts';
import { revokeGrantsOf } from './grants.ts';
import type { AuthContext } from './route.ts';
import { hashOf, newSecret } from './secrets.ts';
import { type AuthService, OAuthError, type Session, type User } from './types.ts';
import { type UserRow, userOf } from './user-row.ts';

const begin = loadSql(import.meta.url, 'session-begin.sql');
const renew = loadSql(import.meta.url, 'session-renew.sql');
const find = loadSql(import.meta.url, 'session-find.sql');
const seen = loadSql(import.meta.url, 'session-seen.sql');
const end = loadSql(import.meta.url, 'session-end.sql');
const endAll = loadSql(import.meta.url, 'session-end-all.sql');
const endUpstream = loadSql(import.meta.url, 'session-end-upstream.sql');
const sweep = loadSql(import.meta.url, 'session-sweep.sql');

/** Seconds without a request after which the browser has to sign in again. */
const IDLE = 30 * 60;
/** Seconds: being seen is not written down more often. */
const SEEN = 60;
/** Days that ended sessions are kept, unless a grant that lives on came from them. */
const KEPT = 30;

/** The session at the hospital's identity provider that this one came from. */
export interface UpstreamSession {
  issuer: string;
  sid: string | undefined;
}

/** How somebody proved who they are: `pwd`, `hwk`, `idp`. */
export interface Proof {
  methods: readonly string[];
  upstream?: UpstreamSession;
  /** When, where that was not now (unix ms). */
  signedIn?: number;
}

/**
 * Signs the user in at this browser. The cookie is a new one each time, so that one planted there
 * before is worth nothing; when the same user proves again who they are, the session goes on under
 * it, and their apps with it; a session of somebody else ends. Throws OAuthError 403 where the user
 * has just been disabled.
 */
export async function beginSession(
  service: AuthService,
  context: AuthContext,
  ...[user, proof]: [User, readonly string[] | Proof]
): Promise<Session> {
  const {
    methods,
    upstream,
    signedIn = service.now(),
  }: Proof = 'methods' in proof ? proof : { methods: proof };
  const secret = newSecret();
  const cookie = readCookie(service, context, 'session');
  const seconds = service.now() / 1000;
  const common = [hashOf(secret), user.id, methods, seconds, seconds + service.config.session];
  const origin = [upstream?.issuer ?? null, upstream?.sid ?? null, signedIn / 1000];
  const id =
    (cookie &&
      (await idOf(service, renew, [...common, ...origin, hashOf(cookie), idle(service)]))) ??
    (await idOf(service, begin, [...common, ...origin, crypto.randomUUID()]));
  if (cookie) await endCookie(service, cookie);
  if (id === undefined) throw new OAuthError('access_denied', 'This user is disabled.', 403);
  writeCookie(service, context, 'session', secret);
  return { id, user, methods, signedIn };
}

/** The session of the browser, while it lasts and its user is not disabled. */
export async function sessionOf(
  service: AuthService,
  context: AuthContext,
): Promise<Session | undefined> {
  const cookie = readCookie(service, context, 'session');
  if (cookie === undefined) return undefined;
  const hash = hashOf(cookie);
  const now = service.now() / 1000;
  const [row] = await service.db.steady<SessionRow>(find, [hash, now, idle(service)]);
  if (row === undefined) return undefined;
  const [id, methods, signedIn, seenAt, ...user] = row;
  if (now - seenAt >= SEEN) await service.db.execute(seen, [hash, now]);
  return { id, methods, signedIn: Math.round(signedIn * 1000), user: userOf(user) };
}

/** Signs out: ends the browser's session and the online access that came from it. */
export async function endSession(service: AuthService, context: AuthContext): Promise<void> {
  const cookie = readCookie(service, context, 'session');
  dropCookie(service, context, 'session');
  if (cookie !== undefined) await endCookie(service, cookie);
}

/** Ends the user's sessions in all browsers, but for the one with the id `except`. */
export async function endSessionsOf(
  service: AuthService,
  userId: string,
  except?: string,
): Promise<void> {
  const now = service.now() / 1000;
  await finish(service, await ids(service, endAll, [userId, now, except ?? null]));
}

/**
 * Ends sessions as the identity provider asks for (OpenID Connect Back-Channel Logout 1.0, 2.6): one
 * of its own sessions, or all of a subject where `sid` is missing.
 */
export async function endUpstreamSessions(
  service: AuthService,
  { issuer, sid, subject }: { issuer: string; sid?: string; subject?: string },
): Promise<void> {
  const now = service.now() / 1000;
  const values = [issuer, sid ?? null, subject ?? null, now];
  await finish(service, await ids(service, endUpstream, values));
}

/** Removes what ended long ago. To be called now and then. */
export async function sweepSessions(service: AuthService): Promise<void> {
  await service.db.execute(sweep, [service.now() / 1000, KEPT]);
}

type SessionRow = readonly [string, readonly string[], number, number, ...UserRow];

const idle = ({ config }: AuthService): number => Math.min(IDLE, config.session);

async function ids(
  service: AuthService,
  statement: typeof begin,
  values: readonly unknown[],
): Promise<string[]> {
  return (await service.db.steady<[string]>(statement, values)).map(([id]) => id);
}

const idOf = async (...question: Parameters<typeof ids>): Promise<string | undefined> =>
  (await ids(...question))[0];

const endCookie = async (service: AuthService, cookie: string): Promise<void> =>
  finish(service, await ids(service, end, [hashOf(cookie), service.now() / 1000]));

/** What `online_access` granted dies with its session (SMART App Launch 2.2, "Scopes"). */
async function finish(service: AuthService, ended: readonly string[]): Promise<void> {
  for (const sessionId of ended) await revokeGrantsOf(service, { sessionId, onlineOnly: true });
}
