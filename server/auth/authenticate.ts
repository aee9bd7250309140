import type { IncomingHttpHeaders } from 'node:http';
import { findClient, keptClient } from './clients.ts';
import { noteCaller } from './cors.ts';
import type { FoundToken } from './token-cache.ts';
import { findToken, keptToken } from './tokens.ts';
import { type AuthService, type Client, type Grant, OAuthError, type User } from './types.ts';

/** Who calls the FHIR interface. */
export interface Caller {
  grant: Grant;
  /** That of the token: it may be narrower than that of the grant. */
  scope: string;
  client: Client;
  /** Undefined for systems. */
  user: User | undefined;
  /** Purpose of use, where one was stated: `BTG` to break the glass. */
  purpose?: string | undefined;
  /** Unix milliseconds. */
  expiresAt: number;
}

/**
 * Who calls, by the access token in `Authorization: Bearer`; tokens elsewhere (query, form, cookie)
 * are not looked for (RFC 6750 2.2 and 2.3 are not offered). Undefined without that header. Throws
 * OAuthError invalid_token, 401, for what is no access token that can be used now.
 */
export async function authenticate(
  service: AuthService,
  headers: IncomingHttpHeaders,
): Promise<Caller | undefined> {
  if (headers.authorization === undefined) return undefined;
  const token = bearerOf(headers);
  if (token === undefined) {
    throw invalid('Authenticate with an access token: Authorization: Bearer <token>.');
  }
  const found = await findToken(service, token);
  if (found?.kind !== 'A') throw invalid('The access token has expired, was revoked or is none.');
  const client = await findClient(service, found.grant.clientId);
  if (!client) throw invalid('The client of this access token is disabled.');
  return callerBy(headers, found, client);
}

/** What `authenticate` would give without waiting; undefined where it would have to look, or throws. */
export function keptCaller(service: AuthService, headers: IncomingHttpHeaders): Caller | undefined {
  const token = bearerOf(headers);
  const found = token === undefined ? undefined : keptToken(service, token);
  if (found?.kind !== 'A') return undefined;
  const client = keptClient(service, found.grant.clientId)?.client;
  return client && callerBy(headers, found, client);
}

function callerBy(headers: IncomingHttpHeaders, found: FoundToken, client: Client): Caller {
  noteCaller(headers, client);
  const { grant, scope, user, expiresAt } = found;
  const { purpose } = grant.context;
  return { grant, scope, client, user, purpose, expiresAt };
}

const invalid = (text: string): OAuthError => new OAuthError('invalid_token', text, 401);

/** The token of `Authorization: Bearer` (RFC 6750 2.1; the scheme in any case, RFC 9110 11.1). */
export function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];
}
