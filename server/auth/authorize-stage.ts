import { contextNeeds, refuse } from './authorize-answer.ts';
import { findClient } from './clients.ts';
import type { Form } from './form.ts';
import type { HonoContext } from './page.ts';
import { type AuthRequest, requestOf, resumePath, scopeOf } from './requests.ts';
import { sessionOf } from './sessions.ts';
import type { AuthService, Client, Session } from './types.ts';

/** How far an authorization request has come. */

export type Stage = 'sign-in' | 'patient' | 'encounter' | 'consent' | 'done';

/** Whose turn it is, by what is known so far. */
export function stageOf(
  { params, step }: AuthRequest,
  client: Client,
  session: Session | undefined,
): Stage {
  if (!session || session.signedIn < (params.signedInSince ?? 0)) return 'sign-in';
  const needs = contextNeeds(scopeOf({ params, step }));
  const { patient, encounter } = step.context ?? {};
  if (needs.patient && patient === undefined) return 'patient';
  if (needs.encounter && encounter === undefined && !step.withoutEncounter) return 'encounter';
  const asks = client.settings.trusted !== true || params.prompt.includes('consent');
  return asks ? 'consent' : 'done';
}

/** A request at one of its pages, with who is there. */
export interface Visit {
  request: AuthRequest;
  client: Client;
  session: Session;
}

/**
 * The request that a page was opened for. Where it is not this page's turn (another user signed in
 * meanwhile, the session is over), the answer is to go where the request stands.
 * @throws OAuthError where the request is over or another browser's
 */
export async function visit(
  service: AuthService,
  context: HonoContext,
  ...[form, stages]: [Form, readonly Stage[]]
): Promise<Visit | Response> {
  const request = await requestOf(service, context, form.get('handle'));
  const client = await findClient(service, request.clientId);
  const session = await sessionOf(service, context);
  const isSame = session !== undefined && session.user.id === request.step.userId;
  if (client && isSame && stages.includes(stageOf(request, client, session))) {
    return { request, client, session };
  }
  return context.redirect(resumePath(request.handle), 303);
}

/** The answer where the person does not want to go on (RFC 6749 4.1.2.1). */
export const refuseAccess = (
  service: AuthService,
  context: HonoContext,
  request: AuthRequest,
): Promise<Response> =>
  refuse(service, context, request, {
    ...{ code: 'access_denied', message: 'The user did not agree.' },
  });
