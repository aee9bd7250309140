import { checkPassword } from './check-password.ts';
import { queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { signInForm } from './pages/sign-in.ts';
import { carriedOf, type Purpose, pairsOf, pathAfter, purposeOf, signInPath } from './purpose.ts';
import { formTargets } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { afterPassword } from './second-factor.ts';
import { sessionOf } from './sessions.ts';
import type { AuthService } from './types.ts';
import { upstreamSettings } from './upstream-settings.ts';
import { passkeysWork } from './webauthn.ts';

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/sign-in', askToSignIn),
  pageRoute('POST', '/auth/sign-in', signIn),
];

/**
 * GET /auth/sign-in: the form; who is signed in and comes without a request goes on at once, unless
 * they are to sign in `again`.
 */
async function askToSignIn(service: AuthService, context: AuthContext): Promise<Response> {
  const query = queryOf(context);
  const again = query.get('again') === 'yes';
  const purpose = await purposeOf(service, context, query);
  const session = purpose.request ? undefined : await sessionOf(service, context);
  if (session && !again) return context.redirect(pathAfter(purpose), 303);
  const login = purpose.request?.params.loginHint ?? session?.user.login;
  return show({ service, context }, purpose, { login, again });
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
  return afterPassword(service, context, user, purpose);
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
  /** They are signed in, and have to prove anew who they are. */
  again?: boolean;
  errors?: readonly FieldError[];
}

function show(
  { service, context }: { service: AuthService; context: AuthContext },
  purpose: Purpose,
  { login, again = false, errors = [] }: Shown,
): Promise<Response> {
  const { request } = purpose;
  const carried = carriedOf(purpose);
  const fresh = again ? { ...carried, again: 'yes' as const } : carried;
  const name = upstreamSettings(service)?.name;
  const upstream =
    name === undefined ? undefined : { name, href: signInPath(fresh, '/auth/upstream') };
  const passkey = passkeysWork(service) ? signInPath(carried, '/auth/passkey') : undefined;
  return page(context, {
    title: again ? 'Sign in again' : 'Sign in',
    status: errors.length > 0 ? 400 : 200,
    body: signInForm({ login, carried: pairsOf(carried), errors, upstream, passkey }),
    errors,
    ...(request && { formTargets: formTargets(request) }),
  });
}
