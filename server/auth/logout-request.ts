import { findClient } from './clients.ts';
import type { Form } from './form.ts';
import { type Claims, readUnverified, verify } from './jose.ts';
import { jwks } from './keys.ts';
import type { AuthService } from './types.ts';

/** What an app may say when it leads somebody here to sign out (OpenID Connect RP-Initiated Logout 1.0). */

export interface LogoutRequest {
  /** Whose session the app means; known by an id_token of ours only. */
  userId: string | undefined;
  /** Where to go afterwards: an address that the app has registered, with its `state`. */
  back: string | undefined;
}

export const LOGOUT_FIELDS = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'];

/** Whatever does not hold is left out: signing out must not fail for it. */
export async function readLogout(service: AuthService, form: Form): Promise<LogoutRequest> {
  const hint = await readHint(service, form.get('id_token_hint'));
  const named = form.get('client_id');
  const isContradiction = hint !== undefined && named !== undefined && hint.clientId !== named;
  if (isContradiction) return { userId: undefined, back: undefined };
  const clientId = hint?.clientId ?? named;
  const back = clientId === undefined ? undefined : await backOf(service, clientId, form);
  return { userId: hint?.userId, back };
}

async function backOf(
  service: AuthService,
  clientId: string,
  form: Form,
): Promise<string | undefined> {
  const uri = form.get('post_logout_redirect_uri');
  const client = uri === undefined ? undefined : await findClient(service, clientId);
  // Letter by letter, as redirect addresses.
  if (uri === undefined || !client?.settings.postLogoutRedirectUris?.includes(uri))
    return undefined;
  const state = form.get('state');
  if (state === undefined) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}state=${encodeURIComponent(state)}`;
}

/** Seconds: the token may have expired long ago (section 2 there); our keys do not live that long. */
const ANY_AGE = 10 * 365 * 24 * 3600;

/** The user and the client that an id_token of ours names; undefined where it is none. */
async function readHint(
  service: AuthService,
  token: string | undefined,
): Promise<{ userId: string; clientId: string } | undefined> {
  const read = token === undefined ? undefined : readUnverified(token);
  if (token === undefined || !read) return undefined;
  const { sub, aud }: Claims = read.claims;
  const key = (await jwks(service)).keys.find(({ kid }) => kid === read.header['kid']);
  if (!key || typeof sub !== 'string' || typeof aud !== 'string') return undefined;
  const result = await verify(token, key, {
    ...{ algorithms: ['RS256'], issuer: service.config.base, subject: sub, audience: [aud] },
    ...{ required: ['iat', 'exp'], now: service.now(), tolerance: ANY_AGE },
  });
  return 'claims' in result ? { userId: sub, clientId: aud } : undefined;
}
