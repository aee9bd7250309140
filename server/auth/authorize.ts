import { byOf, noteSoon } from './audit.ts';
import { grantCode, redirectError, refuse } from './authorize-answer.ts';
import { checkRequest, type ReturnAddress } from './authorize-check.ts';
import { type Stage, stageOf } from './authorize-stage.ts';
import { findClient } from './clients.ts';
import { type Form, formOf, queryOf } from './form.ts';
import { pageRoute } from './interaction.ts';
import { awaitsUser, useLaunch } from './launch.ts';
import { addressOf, allow } from './limits.ts';
import { errorPage, type HonoContext } from './page.ts';
import {
  type AuthRequest,
  beginRequest,
  noteStep,
  pathWith,
  requestOf,
  resumePath,
  scopeOf,
  storeRequest,
} from './requests.ts';
import type { AuthRoute } from './route.ts';
import { sessionOf } from './sessions.ts';
import {
  type AuthService,
  type Client,
  type LaunchContext,
  OAuthError,
  type Session,
} from './types.ts';

/** The authorization endpoint (RFC 6749 4.1, SMART App Launch 2.2). */

/** A hospital's clinicians may share one address. */
const RATE = { most: 600, per: 60 };

/** Encoded. Servers and proxies take headers of 8 to 16 kB, and what comes back is in one. */
const LONGEST_STATE = 6000;

/** GET /auth/authorize: a new request by its parameters, or one under way by its handle. */
async function authorize(service: AuthService, context: HonoContext): Promise<Response> {
  const [handle] = sent(context).getAll('handle');
  if (handle !== undefined) {
    return proceed(service, context, await requestOf(service, context, handle));
  }
  await allow(service, `authorize:${addressOf(service, context)}`, RATE);
  return began(service, context, () => queryOf(context), beginHere);
}

async function beginHere(
  service: AuthService,
  context: HonoContext,
  request: Pick<AuthRequest, 'clientId' | 'params'>,
): Promise<Response> {
  return proceed(service, context, await beginRequest(service, context, request));
}

/**
 * POST /auth/authorize: the same parameters in a form of the app's. Browsers send no cookies with it
 * (SameSite), so it is kept and goes on as a GET.
 */
async function authorizeByPost(service: AuthService, context: HonoContext): Promise<Response> {
  await allow(service, `authorize:${addressOf(service, context)}`, RATE);
  const form = await formOf(context);
  return began(
    service,
    context,
    () => form,
    async (_service, _context, request) =>
      context.redirect(resumePath(await storeRequest(service, request)), 303),
  );
}

/** Checks a new request: what is wrong goes to the app, if it is certain who and where that is. */
async function began(
  service: AuthService,
  context: HonoContext,
  read: () => Form,
  goOn: typeof beginHere,
): Promise<Response> {
  const known = await returnAddressOf(service, rawOf(context, read));
  if (typeof known === 'string') {
    noteSoon(service, 'launch', { by: byOf(service, context), outcome: 4, text: known });
    return unknownPage(context, known);
  }
  const { client, address } = known;
  let params: ReturnType<typeof checkRequest>;
  try {
    params = checkRequest(service, client, read());
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const text = `${error.code}: ${error.message}`;
    noteSoon(service, 'launch', { by: byOf(service, context, { client }), outcome: 4, text });
    return redirectError(service, context, address, error);
  }
  return goOn(service, context, { clientId: client.id, params });
}

/** The values of each parameter. A form was read by then and has one of each. */
function rawOf(context: HonoContext, read: () => Form): (name: string) => string[] {
  if (context.req.method === 'POST') {
    const form = read();
    return (name) => [form.get(name) ?? []].flat();
  }
  const query = sent(context);
  return (name) => query.getAll(name).filter((value) => value !== '');
}

/** The query as it was sent, whatever the Host header says. */
const sent = ({ env }: HonoContext): URLSearchParams =>
  new URLSearchParams(/\?(.*)$/s.exec(env.incoming.url ?? '')?.[1]);

interface Known {
  client: Client;
  address: ReturnAddress;
}

/**
 * Who asks and where the answer goes. Unless both are certain, nothing is ever redirected: the text
 * says why (RFC 6749 4.1.2.1, RFC 9700 4.11).
 */
async function returnAddressOf(
  service: AuthService,
  valuesOf: (name: string) => string[],
): Promise<Known | string> {
  const [clients, uris, states] = ['client_id', 'redirect_uri', 'state'].map(valuesOf);
  const client = clients?.length === 1 ? await findClient(service, clients[0] ?? '') : undefined;
  if (!client) return 'The app that sent you here is not registered with this server.';
  const [redirectUri] = uris ?? [];
  if (uris?.length !== 1 || redirectUri === undefined) {
    return 'The app that sent you here did not say where to return to, or said it twice.';
  }
  if (!client.redirectUris.includes(redirectUri)) {
    return 'The app that sent you here wants to return to an address that it has not registered.';
  }
  const state = states?.length === 1 ? states[0] : undefined;
  if (encodeURIComponent(state ?? '').length > LONGEST_STATE) {
    return 'The app that sent you here wants more carried back to it than an address can hold.';
  }
  return { client, address: { redirectUri, state } };
}

const unknownPage = (context: HonoContext, text: string): Promise<Response> =>
  errorPage(context, {
    title: 'This app cannot be connected',
    text: `${text} Nothing was shared with it. Tell the people who run the app.`,
  });

/**
 * Takes the request to its next page, or to its end: sign in, pick the patient, pick the encounter,
 * agree. Each of them comes back here.
 */
export async function proceed(
  service: AuthService,
  context: HonoContext,
  request: AuthRequest,
): Promise<Response> {
  const client = await findClient(service, request.clientId);
  if (!client) return unknownPage(context, 'The app that sent you here is no longer registered.');
  const session = await sessionOf(service, context);
  try {
    await settle(service, request, session);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return refuse(service, context, request, error);
  }
  const stage = stageOf(request, client, session);
  if (stage === 'done' && session) {
    const scope = scopeOf(request);
    return grantCode(service, context, { request, client, session, scope });
  }
  const next = pages[stage === 'done' ? 'sign-in' : stage];
  if (request.params.prompt.includes('none')) return refuse(service, context, request, next);
  return context.redirect(pathWith(next.path, request.handle), 303);
}

/** Uses the launch up, and makes sure that what was picked was picked by who is signed in now. */
async function settle(
  service: AuthService,
  request: AuthRequest,
  session: Session | undefined,
): Promise<void> {
  const { clientId, params, step } = request;
  const { launch } = params;
  if (launch !== undefined && !step.launched) {
    if (!session && (await awaitsUser(service, { launch, clientId }))) return;
    const context = session && (await useLaunch(service, { launch, clientId, session }));
    if (!session || !context) throw noLaunch();
    await noteStep(service, request, { userId: session.user.id, launched: true, context });
  } else if (session && step.userId !== session.user.id) {
    if (step.launched) throw noLaunch();
    await noteStep(service, request, { userId: session.user.id, context: ownContext(session) });
  }
}

/** Patients have nothing to pick: apps they use are about themselves. */
function ownContext({ user }: Session): LaunchContext {
  const [, patient] = /^Patient\/(.+)$/.exec(user.fhirUser ?? '') ?? [];
  return patient === undefined ? {} : { patient };
}

const noLaunch = (): OAuthError =>
  new OAuthError(
    'invalid_request',
    'The launch was used before, is too old, or was made for another app or another session: ' +
      'start the app from the record again.',
  );

type Page = Exclude<Stage, 'done'>;

/** Pages, and what an app is told that allows none (OpenID Connect Core 3.1.2.6). */
const pages: Record<Page, { path: string; code: string; message: string }> = {
  'sign-in': {
    ...{ path: '/auth/sign-in', code: 'login_required', message: 'The user has to sign in.' },
  },
  patient: {
    ...{ path: '/auth/pick-patient', code: 'interaction_required' },
    message: 'A patient has to be picked.',
  },
  encounter: {
    ...{ path: '/auth/pick-encounter', code: 'interaction_required' },
    message: 'An encounter has to be picked.',
  },
  consent: {
    ...{ path: '/auth/consent', code: 'consent_required', message: 'The user has to agree.' },
  },
};

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/authorize', authorize),
  pageRoute('POST', '/auth/authorize', authorizeByPost),
];
