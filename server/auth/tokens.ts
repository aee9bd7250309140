import { loadSql } from '../db/db.ts';
import { type By, byKiln, note } from './audit.ts';
import { type GrantRow, grantOf } from './grant-row.ts';
import { revokeGrant } from './grants.ts';
import { hashKey, hashOf, newSecret } from './secrets.ts';
import { type FoundToken, tokenCache } from './token-cache.ts';
import type { AuthService, Grant } from './types.ts';
import { type UserRow, userOf } from './user-row.ts';

export type { FoundToken } from './token-cache.ts';

/** Access and refresh tokens: opaque, at rest as hashes only. */

const FIND = loadSql(import.meta.url, 'find-token.sql');
const ISSUE = loadSql(import.meta.url, 'issue-tokens.sql');
const ROTATE = loadSql(import.meta.url, 'rotate-tokens.sql');
const REVOKE = loadSql(import.meta.url, 'revoke-token.sql');

export interface TokenWish {
  scope: string;
  /** Seconds that the access token lives. */
  lifetime: number;
  /** Absent: no refresh token. */
  refreshScope?: string | undefined;
}

export interface IssuedTokens {
  access: string;
  refresh: string | undefined;
  /** Seconds that the access token lives. */
  expiresIn: number;
}

/** New tokens of a grant. */
export async function issueTokens(
  service: AuthService,
  grant: Grant,
  wish: TokenWish,
): Promise<IssuedTokens> {
  const { issued, values } = mint(service, grant, wish);
  await service.db.execute(ISSUE, values);
  return issued;
}

/**
 * Uses a refresh token up and issues others in its place, in one step. Undefined where it could not
 * be used: two that try are two that hold it, so the grant ends (RFC 9700 4.14.2).
 */
export async function rotateTokens(
  service: AuthService,
  { token, grant, by = byKiln }: { token: string; grant: Grant; by?: By },
  wish: TokenWish,
): Promise<IssuedTokens | undefined> {
  const { issued, values } = mint(service, grant, wish);
  const count = await service.db.execute(ROTATE, [...values, hashOf(token)]);
  if (count > 0) return issued;
  await revokeGrant(service, grant.id, { by, why: REUSED });
  return undefined;
}

/** Why a grant ended, in the journal. */
export const REUSED = 'a refresh token was used again';

function mint(
  service: AuthService,
  grant: Grant,
  { scope, lifetime, refreshScope }: TokenWish,
): { issued: IssuedTokens; values: unknown[] } {
  const now = service.now() / 1000;
  const access = newSecret();
  const rows: [Buffer, string, string, number][] = [[hashOf(access), 'A', scope, now + lifetime]];
  const refresh = refreshScope === undefined ? undefined : newSecret();
  if (refresh !== undefined && refreshScope !== undefined) {
    rows.push([hashOf(refresh), 'R', refreshScope, now + service.config.refreshToken]);
  }
  const column = (index: number): unknown[] => rows.map((row) => row[index]);
  return {
    issued: { access, refresh, expiresIn: lifetime },
    values: [grant.id, now, column(0), column(1), column(2), column(3)],
  };
}

/** As `newSecret` makes them: what looks different needs no look. */
const TOKEN = /^[\w-]{43}$/;

/** A refresh token with what became of it. */
export interface SeenToken extends FoundToken {
  /** A refresh token that was exchanged already. */
  used: boolean;
  /** Neither it nor what it rests on has ended or been revoked. */
  alive: boolean;
}

/**
 * The token if it can be used now, else undefined. Access tokens are cached for at most ten seconds;
 * what is revoked meanwhile, in whichever process, is dropped at once.
 */
export async function findToken(
  service: AuthService,
  token: string,
): Promise<FoundToken | undefined> {
  if (!TOKEN.test(token)) return undefined;
  const key = hashKey(token);
  const cache = tokenCache(service);
  const now = service.now();
  const cached = cache.get(key, now);
  if (cached) return cached;
  const { era } = cache;
  const seen = await look(service, hashOf(token));
  if (!seen || !isUsable(seen)) return undefined;
  const { used: _, alive: __, ...found } = seen;
  if (found.kind === 'A') cache.put(key, found, { era, now });
  return found;
}

/** What `findToken` would give without waiting; undefined where it would have to look. */
export const keptToken = (service: AuthService, token: string): FoundToken | undefined =>
  TOKEN.test(token) ? tokenCache(service).get(hashKey(token), service.now()) : undefined;

/** As `findToken`, past the cache, and with the ones that can no longer be used. */
export async function seeToken(
  service: AuthService,
  token: string,
): Promise<SeenToken | undefined> {
  return TOKEN.test(token) ? look(service, hashOf(token)) : undefined;
}

export const isUsable = ({ alive, used }: SeenToken): boolean => alive && !used;

type Row = readonly [
  kind: 'A' | 'R',
  scope: string,
  issued: number,
  expires: number,
  used: boolean,
  alive: boolean,
  ...columns: unknown[],
];

/** Where the columns of the grant and of the user begin in `find-token.sql`. */
const GRANT = 6;
const USER = 14;

async function look(service: AuthService, hash: Buffer): Promise<SeenToken | undefined> {
  const now = service.now();
  const [row] = await service.db.fast<Row>(FIND, [hash, now / 1000]);
  if (!row) return undefined;
  const [kind, scope, issued, expires, used, alive] = row;
  const grant = grantOf(row.slice(GRANT, USER) as unknown as GrantRow);
  const user = row.slice(USER) as unknown as UserRow;
  return {
    ...{ kind, scope, used, grant },
    user: grant.userId === undefined ? undefined : userOf(user),
    issuedAt: issued * 1000,
    expiresAt: Math.min(expires * 1000, grant.expiresAt ?? Infinity),
    alive: alive && expires * 1000 > now,
  };
}

/** Ends one token, in every process; of a refresh token the whole grant (RFC 7009 2.1). */
export async function revokeToken(
  service: AuthService,
  token: string,
  by: By = byKiln,
): Promise<void> {
  const seen = await seeToken(service, token);
  if (!seen) return;
  const { id, clientId, userId, context } = seen.grant;
  const why = `the app gave up its ${seen.kind === 'R' ? 'refresh' : 'access'} token`;
  if (seen.kind === 'R') return revokeGrant(service, id, { by, why });
  const ended = await service.db.tuples(REVOKE, [hashOf(token), service.now() / 1000]);
  tokenCache(service).drop(id);
  if (ended.length === 0) return;
  const pairs = { grant: id, client: clientId, user: userId };
  await note(service, 'revoke', { by, text: why, patient: context.patient, pairs });
}
