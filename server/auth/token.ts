import { createHash } from 'node:crypto';
import { type By, byOf, note, noteSoon } from './audit.ts';
import { authenticateClient } from './client-auth.ts';
import { findClient } from './clients.ts';
import { type Redeemed, redeemCode } from './codes.ts';
import { noteCaller, preflight } from './cors.ts';
import { type Form, formOf, required } from './form.ts';
import { createGrant, revokeGrant } from './grants.ts';
import { idTokenFor } from './id-token.ts';
import { addressOf, allow } from './limits.ts';
import { patientStands } from './patient-stands.ts';
import { type AuthContext, type AuthRoute, answerOAuth } from './route.ts';
import { isNarrowerText, narrow, parseScopes, printScopes } from './scopes.ts';
import { contextMembers } from './token-context.ts';
import { type IssuedTokens, issueTokens, REUSED, rotateTokens, seeToken } from './tokens.ts';
import { type AuthService, type Client, type Grant, OAuthError } from './types.ts';
import { findUser } from './users.ts';

/** POST /auth/token: the token endpoint (RFC 6749 3.2, SMART App Launch 2.2, Backend Services). */

type Flow = (service: AuthService, asked: Asked, form: Form) => Promise<object>;

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

/** Who asks for tokens, and how. */
interface Asked {
  context: AuthContext;
  client: Client;
  type: string;
  by: By;
}

async function token(service: AuthService, context: AuthContext): Promise<Response> {
  const asked: Partial<Asked> = { context };
  try {
    return answerOAuth(await tokensFor(service, asked, context));
  } catch (error) {
    if (error instanceof OAuthError) await noteRefused(service, context, asked, error);
    throw error;
  }
}

/** `asked` is filled in as it becomes known. */
async function tokensFor(
  service: AuthService,
  asked: Partial<Asked>,
  context: AuthContext,
): Promise<object> {
  await allow(service, `token@${addressOf(service, context)}`, LIMIT);
  const form = await formOf(context);
  const type = required(form, 'grant_type');
  const flow = flows.get(type);
  if (!flow) {
    const text = `Only these grant types are known: ${[...flows.keys()].join(', ')}.`;
    throw new OAuthError('unsupported_grant_type', text);
  }
  checkResource(service, form);
  asked.type = type;
  const client = await clientOf(service, context, form);
  asked.client = client;
  if (!client.grants.includes(type)) {
    throw new OAuthError('unauthorized_client', `This client is not registered for ${type}.`);
  }
  return flow(service, { context, client, type, by: byOf(service, context, { client }) }, form);
}

/** What a client that proved itself was refused is written down; of others there may be any number. */
async function noteRefused(
  service: AuthService,
  context: AuthContext,
  ...[{ client, type }, { code, message }]: [Partial<Asked>, OAuthError]
): Promise<void> {
  // What stands in a request that is no proper one may be anything, also a secret.
  const text = code === 'invalid_request' ? code : `${code}: ${message}`;
  const by = byOf(service, context, { client });
  const refused = { by, outcome: 4 as const, text, pairs: { grant_type: type } };
  if (client && client.auth !== 'none') await note(service, 'token', refused);
  else noteSoon(service, 'token', refused);
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
  if (client) noteCaller(context.env.incoming.headers, client);
  if (client?.auth === 'none') return client;
  throw new OAuthError('invalid_client', 'This client has to authenticate.', 401);
}

/** RFC 6749 4.1.3, RFC 7636 4.5: a code for tokens. */
async function byCode(service: AuthService, asked: Asked, form: Form): Promise<object> {
  const { client, by } = asked;
  const code = required(form, 'code');
  const redirectUri = required(form, 'redirect_uri');
  const verifier = required(form, 'code_verifier');
  const redeemed = await redeemCode(service, code, by);
  if (!redeemed || !isMeant(redeemed, { client, redirectUri, verifier })) {
    const why = 'its code came from another client, redirect_uri or verifier';
    if (redeemed) await revokeGrant(service, redeemed.grant.id, { by, why });
    throw new OAuthError(
      'invalid_grant',
      'The code has expired, was used, or was issued to another client, redirect_uri or verifier.',
    );
  }
  const { grant, nonce } = redeemed;
  const { scope } = grant;
  const refreshScope = mayRefresh(client, grant) ? scope : undefined;
  const wish = { scope, lifetime: lifetimeOf(service, grant), refreshScope };
  const issued = await issueTokens(service, grant, wish);
  return answerOf(service, { ...asked, grant, scope, nonce }, issued);
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
function mayRefresh({ grants }: Client, { scope, expiresAt }: Grant): boolean {
  if (expiresAt !== undefined) return false;
  const { offline, online } = parseScopes(scope).identity;
  return (offline || online) && grants.includes('refresh_token');
}

/** Seconds; no token outlasts its grant. */
function lifetimeOf({ config, now }: AuthService, { expiresAt = Infinity }: Grant): number {
  const left = Math.floor((expiresAt - now()) / 1000);
  return Math.max(0, Math.min(config.accessToken, LONGEST, left));
}

/** RFC 6749 6: the refresh token is exchanged too, and keeps its scope. */
async function byRefresh(service: AuthService, asked: Asked, form: Form): Promise<object> {
  const { client, by } = asked;
  const token = required(form, 'refresh_token');
  const seen = await seeToken(service, token);
  if (seen?.kind !== 'R' || seen.grant.clientId !== client.id) throw deadRefreshToken();
  const { grant } = seen;
  if (seen.used) await revokeGrant(service, grant.id, { by, why: REUSED });
  if (seen.used || !seen.alive) throw deadRefreshToken();
  const scope = scopeOfRefresh(form.get('scope'), seen.scope);
  if (!(await patientStands(service, grant))) {
    throw new OAuthError('invalid_grant', 'The patient was deleted or merged. Launch again.');
  }
  const wish = { scope, lifetime: lifetimeOf(service, grant), refreshScope: seen.scope };
  const issued = await rotateTokens(service, { token, grant, by }, wish);
  if (!issued) throw deadRefreshToken();
  return answerOf(service, { ...asked, grant, scope }, issued);
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
async function bySystem(service: AuthService, asked: Asked, form: Form): Promise<object> {
  const { client } = asked;
  if (client.auth === 'none') {
    throw new OAuthError('unauthorized_client', 'A public client cannot act by itself.');
  }
  const wanted = systemScopes(form.get('scope') ?? client.scopes);
  const scopes = narrow(wanted, systemScopes(client.scopes));
  if (scopes.length === 0) {
    throw new OAuthError('invalid_scope', 'None of these scopes is registered for this client.');
  }
  const scope = scopes.map(({ text }) => text).join(' ');
  const grant = await createGrant(service, {
    ...{ clientId: client.id, scope, context: {}, offline: false },
  });
  const lifetime = Math.min(service.config.systemToken, LONGEST_SYSTEM);
  const issued = await issueTokens(service, grant, { scope, lifetime });
  return answerOf(service, { ...asked, grant, scope }, issued);
}

const systemScopes = (text: string): ReturnType<typeof parseScopes>['scopes'] =>
  parseScopes(text).scopes.filter(({ context }) => context === 'system');

interface Given extends Asked {
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
  const idToken = await idTokenFor(service, given);
  await noteIssued(service, given);
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scope: given.scope,
    refresh_token: refresh,
    id_token: idToken,
    ...contextMembers(service, given.grant),
  };
}

async function noteIssued(
  service: AuthService,
  { context, client, type, grant, scope }: Given,
): Promise<void> {
  if (!service.store.audit) return;
  const { id, userId } = grant;
  const { patient, purpose } = grant.context;
  const user = userId === undefined ? undefined : await findUser(service, userId);
  await note(service, 'token', {
    ...{ by: byOf(service, context, { user, client, grant, purpose }), patient },
    pairs: { grant_type: type, client: client.id, user: userId, grant: id, scope },
  });
}
