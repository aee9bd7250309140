import { randomUUID } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { type By, byKiln, note } from './audit.ts';
import { tokenCache } from './token-cache.ts';
import type { AuthService, Grant, LaunchContext } from './types.ts';

/** Grants: what was given to an app by a user, or to a system. Tokens and codes hang on them. */

const CREATE = loadSql(import.meta.url, 'create-grant.sql');
const REVOKE = loadSql(import.meta.url, 'revoke-grants.sql');
const FORGET = loadSql(import.meta.url, 'forget-tokens.sql');
const SWEEP = ['sweep-tokens.sql', 'sweep-codes.sql', 'sweep-grants.sql'].map((file) =>
  loadSql(import.meta.url, file),
);

export interface NewGrant {
  clientId: string;
  /** Absent for systems. */
  userId?: string | undefined;
  /** The session in which the user agreed; the grant ends with it unless it is offline. */
  sessionId?: string | undefined;
  scope: string;
  context: LaunchContext;
  offline: boolean;
}

/** Every launch makes a grant of its own, so that two never share a context. */
export async function createGrant(service: AuthService, grant: NewGrant): Promise<Grant> {
  const { clientId, userId, sessionId, scope, context, offline } = grant;
  const id = randomUUID();
  await service.db.execute(CREATE, [
    ...[id, clientId, userId ?? null, sessionId ?? null],
    ...[scope, context, offline, service.now() / 1000],
  ]);
  return { id, clientId, userId, sessionId, scope, context, offline };
}

/** By whom and why something ends. */
export interface Cause {
  by: By;
  why: string;
}

/** Where nobody says more. */
const unsaid: Cause = { by: byKiln, why: 'it ended' };

/** Ends a grant and with it all of its codes and tokens, in every process. */
export async function revokeGrant(
  service: AuthService,
  id: string,
  cause: Cause = unsaid,
): Promise<void> {
  await revoke(service, { id }, cause);
}

/** Whose grants; all that is given must hold. */
export interface GrantsOf {
  sessionId?: string;
  userId?: string;
  clientId?: string;
  /** Leaves those that outlive the session (`offline_access`). */
  onlineOnly?: boolean;
}

/**
 * Ends the grants of a session, a user, a client, or of a user with a client.
 * @returns how many
 */
export async function revokeGrantsOf(
  service: AuthService,
  of: GrantsOf,
  cause: Cause = unsaid,
): Promise<number> {
  if (!of.sessionId && !of.userId && !of.clientId) throw new Error('whose grants?');
  return revoke(service, of, cause);
}

type Gone = readonly [id: string, client: string, user: string | null, patient: string | null];

async function revoke(
  service: AuthService,
  of: GrantsOf & { id?: string },
  cause: Cause,
): Promise<number> {
  const { id, sessionId, userId, clientId, onlineOnly = false } = of;
  const gone = await service.db.tuples<Gone>(REVOKE, [
    service.now() / 1000,
    ...[id ?? null, sessionId ?? null, userId ?? null, clientId ?? null, onlineOnly],
  ]);
  const cache = tokenCache(service);
  for (const [grantId] of gone) cache.drop(grantId);
  if (gone.length > 0) await noteRevoked(service, gone, cause);
  return gone.length;
}

/** So many are named; of the others their number is noted. */
const MOST_NAMED = 20;

/** One event, whatever the number of grants; about the patient where it is one. */
function noteRevoked(
  service: AuthService,
  gone: readonly Gone[],
  { by, why }: Cause,
): Promise<void> {
  const same = (column: 1 | 2 | 3): string | undefined => {
    const values = new Set(gone.map((row) => row[column]));
    return values.size === 1 ? (gone[0]?.[column] ?? undefined) : undefined;
  };
  const grants = gone.slice(0, MOST_NAMED).map(([grantId]) => grantId);
  return note(service, 'revoke', {
    ...{ by, text: why, patient: same(3), count: gone.length - 1 },
    pairs: { grant: grants.join(' '), client: same(1), user: same(2) },
  });
}

/**
 * Makes every process look all tokens up again: for when a user or a client was disabled or changed
 * in a way that bears on what their tokens may do.
 */
export async function forgetTokens(service: AuthService): Promise<void> {
  await service.db.execute(FORGET);
  tokenCache(service).clear();
}

/** Removes tokens, codes and grants that ended more than a day ago. To be called now and then. */
export async function sweepGrants({ db, now }: AuthService): Promise<void> {
  for (const statement of SWEEP) await db.execute(statement, [now() / 1000]);
}
