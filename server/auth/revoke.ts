import { byOf } from './audit.ts';
import { authenticateClient } from './client-auth.ts';
import { preflight } from './cors.ts';
import { formOf, required } from './form.ts';
import { addressOf, allow } from './limits.ts';
import { type AuthContext, type AuthRoute, unkept } from './route.ts';
import { revokeToken, seeToken } from './tokens.ts';
import { type AuthService, OAuthError } from './types.ts';

/** POST /auth/revoke: RFC 7009. A client gives up a token of its own. */

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/revoke', handler: revoke, origins: 'clients' },
  { method: 'OPTIONS', path: '/auth/revoke', handler: preflight, origins: 'clients' },
];

const LIMIT = { most: 3000, per: 60 };

async function revoke(service: AuthService, context: AuthContext): Promise<Response> {
  await allow(service, `revoke@${addressOf(service, context)}`, LIMIT);
  const form = await formOf(context);
  const client = await authenticateClient(service, context, form);
  const token = required(form, 'token');
  const seen = await seeToken(service, token);
  if (seen && seen.grant.clientId !== client.id) {
    throw new OAuthError('invalid_grant', 'The token was issued to another client.');
  }
  // 2.2: a token that is not known is as good as revoked.
  const { user, grant } = seen ?? {};
  if (seen) await revokeToken(service, token, byOf(service, context, { user, client, grant }));
  return new Response(null, { status: 200, headers: unkept });
}
