import { loadSql } from '../db/db.ts';
import { signIdToken } from './keys.ts';
import { parseScopes } from './scopes.ts';
import { fhirUserClaim } from './token-context.ts';
import type { AuthService, Grant } from './types.ts';
import { findUser } from './users.ts';

const SIGNED_IN = loadSql(import.meta.url, 'signed-in.sql');

export interface IdTokenWish {
  grant: Grant;
  /** Granted now; it may be narrower than that of the grant. */
  scope: string;
  /** Of the authorization request; not repeated after a refresh (OpenID Connect Core 12.2). */
  nonce?: string | undefined;
}

/** The id_token where `openid` was granted (OpenID Connect Core 2; SMART: fhirUser). */
export async function idTokenFor(
  service: AuthService,
  { grant, scope, nonce }: IdTokenWish,
): Promise<string | undefined> {
  if (grant.userId === undefined || !parseScopes(scope).identity.openid) return undefined;
  const user = await findUser(service, grant.userId);
  const now = Math.floor(service.now() / 1000);
  const claims = {
    iss: service.config.base,
    sub: grant.userId,
    aud: grant.clientId,
    iat: now,
    exp: now + service.config.accessToken,
    ...(await signedIn(service, grant)),
    nonce,
    fhirUser: fhirUserClaim(service, scope, user?.fhirUser),
  };
  const given = Object.entries(claims).filter(([, value]) => value !== undefined);
  return signIdToken(service, Object.fromEntries(given));
}

/** When (Unix seconds) and how (RFC 8176) the user proved who they are. */
async function signedIn(
  { db }: AuthService,
  { sessionId }: Grant,
): Promise<{ auth_time?: number; amr?: readonly string[] }> {
  if (sessionId === undefined) return {};
  const [row] = await db.tuples<[number, readonly string[]]>(SIGNED_IN, [sessionId]);
  return row ? { auth_time: Math.floor(row[0]), amr: row[1] } : {};
}
