import { authenticate, type Caller } from './authenticate.ts';
import { ADMIN } from './roles.ts';
import type { AuthContext } from './route.ts';
import { isNarrower, parseScopes } from './scopes.ts';
import { type AuthService, OAuthError } from './types.ts';

export { ADMIN };

/**
 * Who administrates: the access token in `Authorization: Bearer` is of a user or a system with the
 * role Admin, or of the client of KILN_BOOTSTRAP_CLIENT while that is set. As scopes narrow what a role
 * gives, it must be one for everything; and an app that acts for a user must be the hospital's own,
 * since who consents to an app's reading of data does not mean to hand over the keys of the house.
 * @throws OAuthError invalid_token (401), insufficient_scope (403)
 */
export async function requireAdmin(service: AuthService, context: AuthContext): Promise<Caller> {
  const caller = await authenticate(service, context.env.incoming.headers);
  if (!caller) {
    const text = 'Send an access token of an administrator: Authorization: Bearer <token>.';
    throw new OAuthError('invalid_token', text, 401);
  }
  const { user, client } = caller;
  const isFirst = !user && client.id === service.config.bootstrapClient?.id;
  if (!isFirst && !(user ?? client).roles.includes(ADMIN)) throw forbidden(`the role ${ADMIN}`);
  if (user && client.settings.trusted !== true) throw forbidden("an app of the hospital's own");
  const kind = user ? 'user' : 'system';
  const whole = parseScopes(`${kind}/*.cruds`).scopes;
  if (!isNarrower(whole, parseScopes(caller.scope).scopes)) {
    throw forbidden(`the scope ${kind}/*.cruds`);
  }
  return caller;
}

const forbidden = (needed: string): OAuthError =>
  new OAuthError('insufficient_scope', `This needs ${needed}.`, 403);
