import { type By, byOf, noteSoon } from './audit.ts';
import { bearerOf } from './authenticate.ts';
import { authenticateClient } from './client-auth.ts';
import { findClient } from './clients.ts';
import { preflight } from './cors.ts';
import { type Form, formOf, required } from './form.ts';
import { addressOf, allow } from './limits.ts';
import { type AuthContext, type AuthRoute, answerOAuth } from './route.ts';
import { contextMembers, fhirUserClaim } from './token-context.ts';
import { findToken, isUsable, type SeenToken, seeToken } from './tokens.ts';
import { type AuthService, OAuthError } from './types.ts';

/** POST /auth/introspect: RFC 7662 with the additions of SMART App Launch 2.2. */

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/introspect', handler: introspect, origins: 'clients' },
  { method: 'OPTIONS', path: '/auth/introspect', handler: preflight, origins: 'clients' },
];

const LIMIT = { most: 3000, per: 60 };

/** RFC 7662 2.2: nothing else is said of a token that cannot be used, nor why. */
const inactive = { active: false };

async function introspect(service: AuthService, context: AuthContext): Promise<Response> {
  await allow(service, `introspect@${addressOf(service, context)}`, LIMIT);
  const form = await formOf(context);
  const asker = await askerOf(service, context, form);
  const seen = await seeToken(service, required(form, 'token'));
  const open = seen && isUsable(seen) && mayLook(asker, seen);
  const { id, clientId, userId } = (open && seen.grant) || {};
  const pairs = { active: String(open === true), grant: id, client: clientId, user: userId };
  noteSoon(service, 'introspect', { by: asker.by, pairs });
  return answerOAuth(open ? activeOf(service, seen) : inactive);
}

interface Asker {
  clientId: string;
  /** A resource server or a system: it may ask about the access tokens of all clients. */
  isSystem: boolean;
  by: By;
}

/**
 * A confidential client that authenticates, or who holds an access token. Others are refused: who
 * may ask without any proof may try tokens (RFC 7662 4).
 */
async function askerOf(service: AuthService, context: AuthContext, form: Form): Promise<Asker> {
  const bearer = bearerOf(context.env.incoming.headers);
  if (bearer !== undefined) {
    const found = await findToken(service, bearer);
    if (found?.kind !== 'A') throw new OAuthError('invalid_token', 'The token is not valid.', 401);
    const { grant, user } = found;
    const client = await findClient(service, grant.clientId);
    const by = byOf(service, context, { user, client, grant });
    return { clientId: grant.clientId, isSystem: grant.userId === undefined, by };
  }
  const client = await authenticateClient(service, context, form);
  const by = byOf(service, context, { client });
  if (client.auth !== 'none') return { clientId: client.id, isSystem: true, by };
  const text = 'A public client introspects with an access token of its own as Bearer.';
  throw new OAuthError('invalid_client', text, 401);
}

const mayLook = ({ clientId, isSystem }: Asker, { kind, grant }: SeenToken): boolean =>
  grant.clientId === clientId || (isSystem && kind === 'A');

function activeOf(service: AuthService, seen: SeenToken): object {
  const { grant, scope, kind, user } = seen;
  return {
    active: true,
    scope,
    client_id: grant.clientId,
    exp: Math.floor(seen.expiresAt / 1000),
    iat: Math.floor(seen.issuedAt / 1000),
    iss: service.config.base,
    sub: grant.userId ?? grant.clientId,
    token_type: kind === 'A' ? 'Bearer' : undefined,
    fhirUser: fhirUserClaim(service, scope, user?.fhirUser),
    purpose: grant.context.purpose,
    ...contextMembers(service, grant),
  };
}
