import { type By, byOf, noteSoon } from './audit.ts';
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
 * What it refuses it notes in the journal.
 *
 * @param also other roles that will do
 * @throws OAuthError invalid_token (401), insufficient_scope (403)
 */
export async function requireAdmin(
  service: AuthService,
  context: AuthContext,
  also: readonly string[] = [],
): Promise<Administrator> {
  const asked: { caller?: Caller | undefined } = {};
  try {
    asked.caller = await authenticate(service, context.env.incoming.headers);
    const caller = checked(service, asked.caller, [ADMIN, ...also]);
    return { ...caller, by: byOf(service, context, caller) };
  } catch (error) {
    if (error instanceof OAuthError) {
      const { method, path } = context.req;
      const text = `${method} ${path.slice(0, 200)} refused: ${error.message}`;
      const by = byOf(service, context, asked.caller);
      noteSoon(service, 'administration', { by, outcome: 4, text });
    }
    throw error;
  }
}

export interface Administrator extends Caller {
  /** For the journal. */
  by: By;
}

function checked(
  service: AuthService,
  caller: Caller | undefined,
  roles: readonly string[],
): Caller {
  if (!caller) {
    const text = 'Send an access token of an administrator: Authorization: Bearer <token>.';
    throw new OAuthError('invalid_token', text, 401);
  }
  const { user, client } = caller;
  const isFirst = !user && client.id === service.config.bootstrapClient?.id;
  const has = (user ?? client).roles.some((role) => roles.includes(role));
  if (!isFirst && !has) throw forbidden(`the role ${roles.join(' or ')}`);
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
