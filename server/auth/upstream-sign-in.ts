import { addressOf } from './address.ts';
import { byOf, noteSoon } from './audit.ts';
import { queryOf, required } from './form.ts';
import { pageRoute } from './interaction.ts';
import { allow } from './limits.ts';
import { page } from './page.ts';
import { notSignedIn } from './pages/upstream.ts';
import { pathAfter, purposeOf, signInPath } from './purpose.ts';
import { requestOf } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { newSecret } from './secrets.ts';
import { beginSession } from './sessions.ts';
import { type AuthService, OAuthError, type User } from './types.ts';
import { UpstreamError, upstreamClaims, upstreamRequest } from './upstream.ts';
import { type UpstreamSettings, upstreamSettings } from './upstream-settings.ts';
import { beginJourney, endJourney, type Journey } from './upstream-state.ts';
import { userOfClaims } from './upstream-user.ts';

/** Signing in at the hospital's identity provider. */

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/upstream', goThere),
  pageRoute('GET', '/auth/upstream/callback', comeBack),
];

const perAddress = { most: 120, per: 60 };
/** Seconds by which its clock may differ from ours. */
const TOLERANCE = 60;

/** GET /auth/upstream: to the identity provider, for the same purpose as /auth/sign-in. */
async function goThere(service: AuthService, context: AuthContext): Promise<Response> {
  const settings = await admitted(service, context);
  const query = queryOf(context);
  const { request, next } = await purposeOf(service, context, query);
  const fresh = request?.params.signedInSince !== undefined || query.get('again') === 'yes';
  const state = newSecret();
  const journey: Omit<Journey, 'expected'> = {
    ...{ handle: request?.handle, next },
    freshSince: fresh ? service.now() : undefined,
  };
  try {
    const hint = request?.params.loginHint;
    const { url, expected } = await upstreamRequest(service, settings, { state, fresh, hint });
    await beginJourney(service, context, state, { ...journey, expected });
    return context.redirect(url, 303);
  } catch (error) {
    return failed({ service, context, settings }, journey, error);
  }
}

/** GET /auth/upstream/callback: back from there, with a code for who it is. */
async function comeBack(service: AuthService, context: AuthContext): Promise<Response> {
  const settings = await admitted(service, context);
  const state = required(queryOf(context), 'state');
  const journey = await endJourney(service, context, state);
  if (!journey) throw new OAuthError('invalid_request', GONE);
  const { search } = new URL(context.env.incoming.url ?? '', service.config.origin);
  const visit = { service, context, settings };
  try {
    const { expected } = journey;
    const claims = await upstreamClaims(service, settings, { query: search, state, expected });
    return await signIn(visit, journey, claims);
  } catch (error) {
    return failed(visit, journey, error);
  }
}

const GONE =
  'This way of signing in is over, or was begun in another browser or with cookies switched off. ' +
  'Go back to where you came from and start again.';

async function admitted(service: AuthService, context: AuthContext): Promise<UpstreamSettings> {
  await allow(service, `upstream@${addressOf(service, context)}`, perAddress);
  const settings = upstreamSettings(service);
  if (settings) return settings;
  throw new OAuthError('invalid_request', 'This server knows no other place to sign in at.');
}

interface Visit {
  service: AuthService;
  context: AuthContext;
  settings: UpstreamSettings;
}

type Claims = Readonly<Record<string, unknown>>;

async function signIn(
  { service, context, settings }: Visit,
  journey: Journey,
  claims: Claims,
): Promise<Response> {
  const signedIn = authTime(service, journey, claims);
  if (signedIn === undefined) throw new UpstreamError('refused', 'not signed in anew');
  const account = await userOfClaims(service, settings, claims, byOf(service, context));
  if (!account || account.disabled) throw new UpstreamError('refused', 'disabled');
  if (!mayDoSomething(account.user)) {
    const by = byOf(service, context, { user: account.user });
    noteSoon(service, 'login', { by, outcome: 4, text: 'the user has no role yet' });
    throw withoutRole();
  }
  const { handle, next } = journey;
  const request = handle === undefined ? undefined : await requestOf(service, context, handle);
  const { sid } = claims;
  const upstream = { issuer: settings.issuer, sid: typeof sid === 'string' ? sid : undefined };
  const methods = ['idp', ...textsIn(claims['amr'])];
  await beginSession(service, context, account.user, { methods, upstream, signedIn });
  return context.redirect(pathAfter({ request, next }), 303);
}

/**
 * When they signed in there (unix ms), as far as it is known; undefined where it was to be anew and
 * was not.
 */
function authTime(service: AuthService, journey: Journey, claims: Claims): number | undefined {
  const { auth_time: seconds } = claims;
  const now = service.now();
  const { freshSince } = journey;
  if (freshSince === undefined) {
    return typeof seconds === 'number' ? Math.min(now, seconds * 1000) : now;
  }
  const isFresh = typeof seconds === 'number' && (seconds + TOLERANCE) * 1000 >= freshSince;
  return isFresh ? now : undefined;
}

const textsIn = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.filter((one) => typeof one === 'string' && /^[\w-]{1,20}$/.test(one)).slice(0, 10)
    : [];

const mayDoSomething = ({ roles, fhirUser }: User): boolean =>
  roles.length > 0 || fhirUser !== undefined;

/** They are known from now on, so that an administrator finds them. */
const withoutRole = (): OAuthError =>
  new OAuthError(
    'access_denied',
    'You have no role on this server yet. Ask an administrator of Kiln for one.',
    403,
  );

function failed(
  { service, context, settings }: Visit,
  { handle, next }: Pick<Journey, 'handle' | 'next'>,
  error: unknown,
): Promise<Response> {
  if (!(error instanceof UpstreamError)) throw error;
  const isAway = error.kind === 'away';
  service.log.warn({ part: 'auth', reason: error.kind, error: error.cause }, 'no upstream sign-in');
  const why = isAway ? 'the identity provider cannot be reached' : 'not signed in there';
  const pairs = { issuer: settings.issuer };
  noteSoon(service, 'login', { by: byOf(service, context), outcome: 4, text: why, pairs });
  const { name } = settings;
  return page(context, {
    title: isAway ? `${name} cannot be reached` : `${name} did not sign you in`,
    status: isAway ? 503 : 403,
    body: notSignedIn(name, signInPath({ handle, next })),
  });
}
