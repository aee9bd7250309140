import { checkPassword } from './check-password.ts';
import { type Form, queryOf } from './form.ts';
import { ownForm, ownPath, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { signInForm } from './pages/sign-in.ts';
import { type AuthRequest, formTargets, requestOf, resumePath } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { beginSession, sessionOf } from './sessions.ts';
import type { AuthService } from './types.ts';
import { upstreamSettings } from './upstream-settings.ts';

/** Where somebody who signed in without a purpose ends up. */
const HOME = '/auth/account';

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/sign-in', askToSignIn),
  pageRoute('POST', '/auth/sign-in', signIn),
];

/** What signing in leads to: an authorization request (`handle`), or a page of ours (`next`). */
export interface Purpose {
  request: AuthRequest | undefined;
  next: string | undefined;
}

/** Throws OAuthError where the request is over or another browser's. */
export async function purposeOf(
  service: AuthService,
  context: AuthContext,
  form: Form,
): Promise<Purpose> {
  const handle = form.get('handle');
  const request = handle === undefined ? undefined : await requestOf(service, context, handle);
  return { request, next: ownPath(service, form.get('next')) };
}

/** Where it goes on once they are signed in. */
export const pathAfter = ({ request, next }: Purpose): string =>
  request ? resumePath(request.handle) : (next ?? HOME);

/** The page to sign in at, for the same purpose. */
export const signInPath = (purpose: Carried, path = '/auth/sign-in'): string => {
  const query = new URLSearchParams(carriedIn(purpose)).toString();
  return query === '' ? path : `${path}?${query}`;
};

interface Carried {
  handle: string | undefined;
  next: string | undefined;
}

const carriedIn = ({ handle, next }: Carried): [string, string][] => [
  ...(handle === undefined ? [] : [['handle', handle] as [string, string]]),
  ...(next === undefined ? [] : [['next', next] as [string, string]]),
];

/** GET /auth/sign-in: the form; who is signed in and comes without a request goes on at once. */
async function askToSignIn(service: AuthService, context: AuthContext): Promise<Response> {
  const purpose = await purposeOf(service, context, queryOf(context));
  if (!purpose.request && (await sessionOf(service, context))) {
    return context.redirect(pathAfter(purpose), 303);
  }
  return show({ service, context }, purpose, { login: purpose.request?.params.loginHint });
}

/** POST /auth/sign-in */
async function signIn(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await ownForm(service, context);
  const purpose = await purposeOf(service, context, form);
  const login = form.get('login');
  const password = form.get('password');
  if (login === undefined || password === undefined) {
    return show({ service, context }, purpose, { login, errors: missing(login, password) });
  }
  const user = await checkPassword(service, context, { login, password });
  if (!user) return show({ service, context }, purpose, { login, errors: [wrong] });
  await beginSession(service, context, user, ['pwd']);
  return context.redirect(pathAfter(purpose), 303);
}

const wrong: FieldError = {
  field: 'login',
  text: 'User name or password is wrong. Check both and try again.',
};

const missing = (login: string | undefined, password: string | undefined): FieldError[] => [
  ...(login === undefined ? [{ field: 'login', text: 'Enter your user name.' }] : []),
  ...(password === undefined ? [{ field: 'password', text: 'Enter your password.' }] : []),
];

interface Shown {
  login?: string | undefined;
  errors?: readonly FieldError[];
}

function show(
  { service, context }: { service: AuthService; context: AuthContext },
  { request, next }: Purpose,
  { login, errors = [] }: Shown,
): Promise<Response> {
  const purpose = { handle: request?.handle, next };
  const name = upstreamSettings(service)?.name;
  const upstream =
    name === undefined ? undefined : { name, href: signInPath(purpose, '/auth/upstream') };
  return page(context, {
    title: 'Sign in',
    status: errors.length > 0 ? 400 : 200,
    body: signInForm({ login, carried: carriedIn(purpose), errors, upstream }),
    errors,
    ...(request && { formTargets: formTargets(request) }),
  });
}
