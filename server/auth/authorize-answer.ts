import { byOf, type Happened, note, noteSoon } from './audit.ts';
import type { ReturnAddress } from './authorize-check.ts';
import { grantLaunch } from './break-glass-store.ts';
import { findClient } from './clients.ts';
import { issueCode } from './codes.ts';
import { createGrant } from './grants.ts';
import type { HonoContext } from './page.ts';
import { type AuthRequest, takeRequest } from './requests.ts';
import { parseScopes } from './scopes.ts';
import { sessionOf } from './sessions.ts';
import {
  type AuthService,
  type Client,
  type Grant,
  type LaunchContext,
  OAuthError,
  type Session,
} from './types.ts';

/** How an authorization request ends: by redirect, with a code or an error. */

/**
 * The redirect to the app. `iss` tells which server answers (RFC 9207); `state` decodes to what was
 * sent. 303, so that no browser sends a form of ours on (RFC 9700 4.12).
 */
export function redirectBack(
  { config }: AuthService,
  context: HonoContext,
  { redirectUri, state }: ReturnAddress,
  answer: Readonly<Record<string, string>>,
): Response {
  const given = { ...answer, ...(state !== undefined && { state }), iss: config.base };
  const query = Object.entries(given).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  const mark = redirectUri.includes('?') ? '&' : '?';
  context.header('Cache-Control', 'no-store');
  context.header('Referrer-Policy', 'no-referrer');
  return context.redirect(`${redirectUri}${mark}${query.join('&')}`, 303);
}

/** An error by redirect (RFC 6749 4.1.2.1, whose descriptions are ASCII without quotes). */
export function redirectError(
  service: AuthService,
  context: HonoContext,
  to: ReturnAddress,
  { code, message }: Pick<OAuthError, 'code' | 'message'>,
): Response {
  const description = message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return redirectBack(service, context, to, { error: code, error_description: description });
}

/** The address to answer a stored request. */
export const addressOf = ({ params }: AuthRequest): ReturnAddress => ({
  redirectUri: params.redirectUri,
  state: params.state,
});

type Refusal = [AuthRequest, Pick<OAuthError, 'code' | 'message'>];

/** Ends the request with an error. Throws OAuthError where it is over already. */
export async function refuse(
  service: AuthService,
  context: HonoContext,
  ...[request, error]: Refusal
): Promise<Response> {
  await takeRequest(service, request);
  await noteRefused(service, context, request, error);
  return redirectError(service, context, addressOf(request), error);
}

/** What the user refused, or what was refused to the app. */
async function noteRefused(
  service: AuthService,
  context: HonoContext,
  ...[{ clientId, params, step }, { code, message }]: Refusal
): Promise<void> {
  if (!service.store.audit) return;
  const user = (await sessionOf(service, context))?.user;
  const client = await findClient(service, clientId);
  const refused: Happened = {
    ...{ by: byOf(service, context, { user, client }), outcome: 4, text: `${code}: ${message}` },
    ...{ patient: step.context?.patient, pairs: { client: clientId, scope: params.scope } },
  };
  if (user) await note(service, code === 'access_denied' ? 'consent' : 'launch', refused);
  else noteSoon(service, 'launch', refused);
}

export interface Agreement {
  request: AuthRequest;
  client: Client;
  session: Session;
  /** What was agreed to. */
  scope: string;
}

/**
 * Ends the request with a code: a new grant each time, so that two launches of one app never share a
 * context. Throws OAuthError where the request is over already.
 */
export async function grantCode(
  service: AuthService,
  context: HonoContext,
  agreement: Agreement,
): Promise<Response> {
  const { request, client, session } = agreement;
  const scope = possible(agreement);
  await takeRequest(service, request);
  const { redirectUri, challenge, nonce } = request.params;
  let grant: Grant;
  try {
    grant = await grantFor(service, { ...agreement, scope });
  } catch (error) {
    if (error instanceof OAuthError) return refusedLate(service, context, agreement, error);
    throw error;
  }
  const code = await issueCode(service, { grantId: grant.id, redirectUri, challenge, nonce });
  const { patient, purpose } = grant.context;
  await note(service, 'consent', {
    ...{ by: byOf(service, context, { user: session.user, client, grant, purpose }), patient },
    text: client.settings.trusted ? "granted to an app of the hospital's own" : 'the user agreed',
    pairs: { client: client.id, grant: grant.id, scope },
  });
  return redirectBack(service, context, addressOf(request), { code });
}

/** The request is used up, and still there is nothing to give. */
async function refusedLate(
  service: AuthService,
  context: HonoContext,
  ...[{ request }, error]: [Agreement, OAuthError]
): Promise<Response> {
  await noteRefused(service, context, request, error);
  return redirectError(service, context, addressOf(request), error);
}

/** @throws OAuthError access_denied where emergency access is over by now */
async function grantFor(service: AuthService, agreement: Agreement): Promise<Grant> {
  const { request, client, session, scope } = agreement;
  const { glass, context } = request.step;
  const wish = {
    ...{ clientId: client.id, userId: session.user.id, sessionId: session.id, scope },
    context: contextOf(agreement),
  };
  if (context?.purpose === undefined) {
    const { offline } = parseScopes(scope).identity;
    return createGrant(service, { ...wish, offline });
  }
  if (!glass) throw new Error('an emergency that was not written down');
  return grantLaunch(service, { ...glass, ...wish }, wish);
}

/** Without `launch/encounter` where the user said that there is no encounter. */
function possible({ request, scope }: Agreement): string {
  if (request.step.context?.encounter !== undefined) return scope;
  const names = scope.split(' ');
  return names.filter((name) => name !== 'launch/encounter').join(' ');
}

/** The context that goes with the scopes agreed to. */
function contextOf({ request, client, scope }: Agreement): LaunchContext {
  const { needPatientBanner: banner, ...known } = request.step.context ?? {};
  const { patient, encounter } = contextNeeds(scope);
  const isLaunch = request.step.launched === true;
  if (!isLaunch && !patient) delete known.patient;
  if (!isLaunch && !encounter) delete known.encounter;
  if (known.patient === undefined) return known;
  return { ...known, needPatientBanner: banner ?? client.settings.needPatientBanner ?? true };
}

/**
 * What the scopes need in context. A patient scope needs a patient even where the app forgot
 * `launch/patient` (SMART App Launch 2.2, "patient-specific scopes"), and an encounter has one.
 */
export function contextNeeds(scope: string): { patient: boolean; encounter: boolean } {
  const { scopes, launch } = parseScopes(scope);
  const encounter = launch.includes('launch/encounter');
  const ofPatient = scopes.some((one) => one.context === 'patient');
  return { patient: encounter || ofPatient || launch.includes('launch/patient'), encounter };
}
