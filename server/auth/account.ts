import { loadSql } from '../db/db.ts';
import { checkPassword } from './check-password.ts';
import { chosenPassword } from './choose-password.ts';
import { type Form, queryOf, required } from './form.ts';
import { revokeGrantsOf } from './grants.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { type AppWithAccess, accountPage } from './pages/account.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { describe, parseScopes } from './scopes.ts';
import { beginSession, endSession, endSessionsOf, sessionOf } from './sessions.ts';
import type { AuthService, Session, User } from './types.ts';
import { findAccount, setPassword } from './users.ts';

/** What people see and change of their own: password, sessions, apps with access. */

const APPS = loadSql(import.meta.url, 'account-apps.sql');

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/account', showAccount),
  pageRoute('POST', '/auth/account/password', signedIn(changePassword)),
  pageRoute('POST', '/auth/account/revoke', signedIn(revokeApp)),
  pageRoute('POST', '/auth/account/sign-out-everywhere', signedIn(signOutEverywhere)),
];

interface Visit {
  service: AuthService;
  context: AuthContext;
  session: Session;
}

const signInFirst = (context: AuthContext): Response =>
  context.redirect(`/auth/sign-in?next=${encodeURIComponent('/auth/account')}`, 303);

/** A form of somebody who is signed in; others are asked to sign in first. */
function signedIn(act: (visit: Visit, form: Form) => Promise<Response>): AuthRoute['handler'] {
  return async (service, context) => {
    const form = await ownForm(service, context);
    const session = await sessionOf(service, context);
    return session ? act({ service, context, session }, form) : signInFirst(context);
  };
}

const said: Readonly<Record<string, string>> = {
  password: 'The password was changed.',
  revoked: 'The app no longer has access.',
};

/** GET /auth/account */
async function showAccount(service: AuthService, context: AuthContext): Promise<Response> {
  const session = await sessionOf(service, context);
  if (!session) return signInFirst(context);
  const done = queryOf(context).get('done') ?? '';
  const text = Object.hasOwn(said, done) ? said[done] : undefined;
  return show({ service, context, session }, { done: text });
}

/** POST /auth/account/password: a guess at the old one counts as an attempt to sign in. */
async function changePassword(visit: Visit, form: Form): Promise<Response> {
  const { service, context, session } = visit;
  const { login, name } = session.user;
  const chosen = chosenPassword(form, [login, name]);
  if (typeof chosen !== 'string') return show(visit, { errors: [chosen] });
  const given = { login: login ?? '', password: form.get('current') ?? '' };
  const user = login === undefined ? undefined : await checkPassword(service, context, given);
  if (user?.id !== session.user.id) return show(visit, { errors: [wrong] });
  await setPassword(service, user.id, chosen, session.id);
  await beginSession(service, context, user, session.methods);
  return context.redirect('/auth/account?done=password', 303);
}

const wrong: FieldError = { field: 'current', text: 'This is not your password until now.' };

/** POST /auth/account/revoke: all that the app has in the user's name, in every process. */
async function revokeApp({ service, context, session }: Visit, form: Form): Promise<Response> {
  const clientId = required(form, 'client');
  await revokeGrantsOf(service, { userId: session.user.id, clientId });
  return context.redirect('/auth/account?done=revoked', 303);
}

/** POST /auth/account/sign-out-everywhere: this browser too. */
async function signOutEverywhere({ service, context, session }: Visit): Promise<Response> {
  await endSessionsOf(service, session.user.id);
  await endSession(service, context);
  return context.redirect('/auth/sign-in', 303);
}

async function show(
  { service, context, session }: Visit,
  { done, errors = [] }: { done?: string | undefined; errors?: readonly FieldError[] },
): Promise<Response> {
  const { user } = session;
  const account = await findAccount(service, user.id);
  const hasPassword = account?.passwordHash !== undefined && user.login !== undefined;
  const apps = await appsOf(service, user);
  return page(context, {
    title: 'Your account',
    status: errors.length > 0 ? 400 : 200,
    body: accountPage({ user, apps, hasPassword, done, errors }),
    errors,
  });
}

type AppRow = readonly [string, string, readonly string[], boolean, number];

/** The apps with tokens that work, or that they could renew. */
export async function appsOf(service: AuthService, user: User): Promise<AppWithAccess[]> {
  const rows = await service.db.steady<AppRow>(APPS, [user.id, service.now() / 1000]);
  return rows.map(([clientId, name, scopes, offline, since]) => ({
    ...{ clientId, name, offline, since: since * 1000 },
    may: wordsOf(scopes.join(' ')),
  }));
}

function wordsOf(scope: string): string[] {
  const { scopes, identity } = parseScopes(scope);
  const who = [...(identity.openid ? ['openid'] : []), ...(identity.fhirUser ? ['fhirUser'] : [])];
  return [...new Set([...scopes, ...who].map(describe))];
}
