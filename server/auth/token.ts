import { createHash } from 'node:crypto';
import { authenticateClient } from './client-auth.ts';
import { findClient } from './clients.ts';
import { type Redeemed, redeemCode } from './codes.ts';
import { preflight } from './cors.ts';
import { type Form, formOf, required } from './form.ts';
import { createGrant, revokeGrant } from './grants.ts';
import { idTokenFor } from './id-token.ts';
import { addressOf, allow } from './limits.ts';
import { patientStands } from './patient-stands.ts';
import { type AuthContext, type AuthRoute, answerOAuth } from './route.ts';
import { isNarrowerText, narrow, parseScopes, printScopes } from './scopes.ts';
import { contextMembers } from './token-context.ts';
import { type IssuedTokens, issueTokens, rotateTokens, seeToken } from './tokens.ts';
import { type AuthService, type Client, type Grant, OAuthError } from './types.ts';

/** POST /auth/token: the token endpoint (RFC 6749 3.2, SMART App Launch 2.2, Backend Services). */

type Flow = (service: AuthService, client: Client, form: Form) => Promise<object>;

const flows: ReadonlyMap<string, Flow> = new Map([
  ['authorization_code', byCode],
  ['refresh_token', byRefresh],
  ['client_credentials', bySystem],
]);

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/token', handler: token, origins: 'clients' },
  { method: 'OPTIONS', path: '/auth/token', handler: preflight, origins: 'clients' },
];

/** Per address. An assertion costs a millisecond to check, so they are bounded before that. */
const LIMIT = { most: 3000, per: 60 };
/** Longest that SMART lets access tokens live, seconds: of users, and of backend services. */
const LONGEST = 3600;
const LONGEST_SYSTEM = 300;

async function token(service: AuthService, context: AuthContext): Promise<Response> {
  await allow(service, `token@${addressOf(service, context)}`, LIMIT);
  const form = await formOf(context);
  const type = required(form, 'grant_type');
  const flow = flows.get(type);
  if (!flow) {
    const text = `Only these grant types are known: ${[...flows.keys()].join(', ')}.`;
    throw new OAuthError('unsupported_grant_type', text);
  }
  checkResource(service, form);
  const client = await clientOf(service, context, form);
  if (!client.grants.includes(type)) {
    throw new OAuthError('unauthorized_client', `This client is not registered for ${type}.`);
  }
  return answerOAuth(await flow(service, client, form));
}

/** RFC 8707 2.2: tokens are for the FHIR base and nothing else. */
function checkResource({ config: { base } }: AuthService, form: Form): void {
  const resource = form.get('resource') ?? base;
  if (resource === base || resource === `${base}/`) return;
  throw new OAuthError('invalid_target', 'The resource is not the FHIR base URL of this server.');
}

/**
 * The client that asks. A public client may leave out its id on a refresh, as fhirclient 2.6 does: the
 * token names it, and it has nothing else to prove itself by.
 */
async function clientOf(service: AuthService, context: AuthContext, form: Form): Promise<Client> {
  const refresh =
    form.get('grant_type') === 'refresh_token' ? form.get('refresh_token') : undefined;
  const isNamed =
    context.env.incoming.headers.authorization !== undefined ||
    ['client_id', 'client_secret', 'client_assertion'].some((name) => form.has(name));
  if (isNamed || refresh === undefined) return authenticateClient(service, context, form);
  const seen = await seeToken(service, refresh);
  if (seen?.kind !== 'R') throw deadRefreshToken();
  const client = await findClient(service, seen.grant.clientId);
  if (client?.auth === 'none') return client;
  throw new OAuthError('invalid_client', 'This client has to authenticate.', 401);
}

/** RFC 6749 4.1.3, RFC 7636 4.5: a code for tokens. */
async function byCode(service: AuthService, client: Client, form: Form): Promise<object> {
  const code = required(form, 'code');
  const redirectUri = required(form, 'redirect_uri');
  const verifier = required(form, 'code_verifier');
  const redeemed = await redeemCode(service, code);
  if (!redeemed || !isMeant(redeemed, { client, redirectUri, verifier })) {
    if (redeemed) await revokeGrant(service, redeemed.grant.id);
    throw new OAuthError(
      'invalid_grant',
      'The code has expired, was used, or was issued to another client, redirect_uri or verifier.',
    );
  }
  const { grant, nonce } = redeemed;
  const { scope } = grant;
  const refreshScope = mayRefresh(client, grant) ? scope : undefined;
  const wish = { scope, lifetime: lifetimeOf(service), refreshScope };
  return answerOf(service, { grant, scope, nonce }, await issueTokens(service, grant, wish));
}

interface Redeeming {
  client: Client;
  redirectUri: string;
  verifier: string;
}

const isMeant = (
  { grant, challenge, ...bound }: Redeemed,
  { client, redirectUri, verifier }: Redeeming,
): boolean =>
  grant.clientId === client.id &&
  bound.redirectUri === redirectUri &&
  VERIFIER.test(verifier) &&
  createHash('sha256').update(verifier).digest('base64url') === challenge;

/** RFC 7636 4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/;

/** SMART: `offline_access` and `online_access` ask for a refresh token. */
function mayRefresh({ grants }: Client, { scope }: Grant): boolean {
  const { offline, online } = parseScopes(scope).identity;
  return (offline || online) && grants.includes('refresh_token');
}

const lifetimeOf = ({ config }: AuthService): number => Math.min(config.accessToken, LONGEST);

/** RFC 6749 6: the refresh token is exchanged too, and keeps its scope. */
async function byRefresh(service: AuthService, client: Client, form: Form): Promise<object> {
  const token = required(form, 'refresh_token');
  const seen = await seeToken(service, token);
  if (seen?.kind !== 'R' || seen.grant.clientId !== client.id) throw deadRefreshToken();
  const { grant } = seen;
  if (seen.used) await revokeGrant(service, grant.id);
  if (seen.used || !seen.alive) throw deadRefreshToken();
  const scope = scopeOfRefresh(form.get('scope'), seen.scope);
  if (!(await patientStands(service, grant))) {
    throw new OAuthError('invalid_grant', 'The patient was deleted or merged. Launch again.');
  }
  const wish = { scope, lifetime: lifetimeOf(service), refreshScope: seen.scope };
  const issued = await rotateTokens(service, { token, grant }, wish);
  if (!issued) throw deadRefreshToken();
  return answerOf(service, { grant, scope }, issued);
}

const deadRefreshToken = (): OAuthError =>
  new OAuthError(
    'invalid_grant',
    'The refresh token has expired, was used or revoked, or was issued to another client.',
  );

/** The same scope, or what is asked for of it. Throws invalid_scope where that is more. */
function scopeOfRefresh(asked: string | undefined, granted: string): string {
  if (asked === undefined) return granted;
  const scope = printScopes(parseScopes(asked));
  if (scope !== '' && isNarrowerText(asked, granted)) return scope;
  throw new OAuthError('invalid_scope', 'A refresh cannot ask for more than was granted.');
}

/** Backend Services: what is asked for and registered; all that is registered where nothing is. */
async function bySystem(service: AuthService, client: Client, form: Form): Promise<object> {
  if (client.auth === 'none') {
    throw new OAuthError('unauthorized_client', 'A public client cannot act by itself.');
  }
  const asked = systemScopes(form.get('scope') ?? client.scopes);
  const scopes = narrow(asked, systemScopes(client.scopes));
  if (scopes.length === 0) {
    throw new OAuthError('invalid_scope', 'None of these scopes is registered for this client.');
  }
  const scope = scopes.map(({ text }) => text).join(' ');
  const grant = await createGrant(service, {
    ...{ clientId: client.id, scope, context: {}, offline: false },
  });
  const lifetime = Math.min(service.config.systemToken, LONGEST_SYSTEM);
  return answerOf(
    service,
    { grant, scope },
    await issueTokens(service, grant, { scope, lifetime }),
  );
}

const systemScopes = (text: string): ReturnType<typeof parseScopes>['scopes'] =>
  parseScopes(text).scopes.filter(({ context }) => context === 'system');

interface Given {
  grant: Grant;
  scope: string;
  nonce?: string | undefined;
}

/** RFC 6749 5.1 with the context of the launch beside the token. */
async function answerOf(
  service: AuthService,
  given: Given,
  { access, refresh, expiresIn }: IssuedTokens,
): Promise<object> {
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scope: given.scope,
    refresh_token: refresh,
    id_token: await idTokenFor(service, given),
    ...contextMembers(service, given.grant),
  };
}
