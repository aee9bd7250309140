import { loadSql } from '../db/db.ts';
import { type By, byKiln, byOf, note, noteSoon } from './audit.ts';
import { dropCookie, readCookie, writeCookie } from './cookies.ts';
import { deviceOf } from './device.ts';
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
  const device = deviceOf(context.env.incoming.headers['user-agent']) ?? null;
  const origin = [upstream?.issuer ?? null, upstream?.sid ?? null, signedIn / 1000, device];
  const renewed =
    cookie &&
    (await idOf(service, renew, [...common, ...origin, hashOf(cookie), idleSeconds(service)]));
  const id = renewed ?? (await idOf(service, begin, [...common, ...origin, crypto.randomUUID()]));
  const by = byOf(service, context, { user });
  if (cookie) await endCookie(service, cookie, { by, why: 'another session began in the browser' });
  if (id === undefined) {
    noteSoon(service, 'login', { by, outcome: 4, text: 'the user is disabled' });
    throw new OAuthError('access_denied', 'This user is disabled.', 403);
  }
  writeCookie(service, context, 'session', secret);
  const text = renewed ? 'the session was renewed' : 'signed in';
  const pairs = { session: id, methods: methods.join(' '), issuer: upstream?.issuer };
  await note(service, 'login', { by, text, pairs });
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
  const [row] = await service.db.steady<SessionRow>(find, [hash, now, idleSeconds(service)]);
  if (row === undefined) return undefined;
  const [id, methods, signedIn, seenAt, ...user] = row;
  if (now - seenAt >= SEEN) await service.db.execute(seen, [hash, now]);
  const known = userOf(user);
  const { agent } = byOf(service, context, { user: known });
  return { id, methods, signedIn: Math.round(signedIn * 1000), user: known, agent };
}

/** Signs out: ends the browser's session and the online access that came from it. */
export async function endSession(service: AuthService, context: AuthContext): Promise<void> {
  const cookie = readCookie(service, context, 'session');
  dropCookie(service, context, 'session');
  const by = byOf(service, context);
  if (cookie !== undefined) await endCookie(service, cookie, { by, why: 'signed out' });
}

/** By whom and why sessions end. Who is `anonymous` there is the user whose session it was. */
export interface Ending {
  by: By;
  why: string;
}

const unsaid: Ending = { by: byKiln, why: 'all sessions of the user were ended' };

/** Ends the user's sessions in all browsers, but for the one with the id `except`. */
export async function endSessionsOf(
  service: AuthService,
  userId: string,
  ...[except, ending = unsaid]: [except?: string | undefined, ending?: Ending]
): Promise<void> {
  const now = service.now() / 1000;
  const ended = await service.db.steady<EndedRow>(endAll, [userId, now, except ?? null]);
  await finish(service, ended, ending);
}

/**
 * Ends sessions as the identity provider asks for (OpenID Connect Back-Channel Logout 1.0, 2.6): one
 * of its own sessions, or all of a subject where `sid` is missing.
 */
export async function endUpstreamSessions(
  service: AuthService,
  {
    issuer,
    sid,
    subject,
    by = byKiln,
  }: { issuer: string; sid?: string; subject?: string; by?: By },
): Promise<void> {
  const now = service.now() / 1000;
  const values = [issuer, sid ?? null, subject ?? null, now];
  const ended = await service.db.steady<EndedRow>(endUpstream, values);
  await finish(service, ended, { by, why: 'back-channel logout of the identity provider' });
}

/** Removes what ended long ago. To be called now and then. */
export async function sweepSessions(service: AuthService): Promise<void> {
  await service.db.execute(sweep, [service.now() / 1000, KEPT]);
}

type SessionRow = readonly [string, readonly string[], number, number, ...UserRow];

/** Seconds without a request after which a session is over. */
export const idleSeconds = ({ config }: AuthService): number => Math.min(IDLE, config.session);

async function ids(
  service: AuthService,
  statement: typeof begin,
  values: readonly unknown[],
): Promise<string[]> {
  return (await service.db.steady<[string]>(statement, values)).map(([id]) => id);
}

const idOf = async (...question: Parameters<typeof ids>): Promise<string | undefined> =>
  (await ids(...question))[0];

type EndedRow = readonly [id: string, userId: string, name: string, fhirUser: string | null];

async function endCookie(service: AuthService, cookie: string, ending: Ending): Promise<void> {
  const values = [hashOf(cookie), service.now() / 1000];
  await finish(service, await service.db.steady<EndedRow>(end, values), ending);
}

/** What `online_access` granted dies with its session (SMART App Launch 2.2, "Scopes"). */
async function finish(
  service: AuthService,
  ended: readonly EndedRow[],
  { by, why }: Ending,
): Promise<void> {
  for (const [sessionId, userId, name, fhirUser] of ended) {
    const user = { id: userId, name, ...(fhirUser !== null && { fhirUser }) };
    const own =
      by.agent.kind === 'anonymous' ? { ...by.agent, kind: 'user' as const, user } : by.agent;
    const cause = { by: { ...by, agent: own }, why: `its session ended: ${why}` };
    await revokeGrantsOf(service, { sessionId, onlineOnly: true }, cause);
    const pairs = { session: sessionId, user: userId };
    await note(service, 'logout', { by: cause.by, text: why, pairs });
  }
}
