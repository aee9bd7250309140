import { loadSql } from '../db/db.ts';
import { sessionsOf } from './account-sessions.ts';
import { ACCOUNT, AGAIN, freshly, isFresh, signedIn, type Visit } from './account-visit.ts';
import { byOf, note } from './audit.ts';
import { checkPassword } from './check-password.ts';
import { chosenPassword } from './choose-password.ts';
import { type Form, required } from './form.ts';
import { revokeGrantsOf } from './grants.ts';
import { pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { type AppWithAccess, accountPage } from './pages/account.ts';
import { mayHavePasskeys } from './passkey-register.ts';
import { passkeysOf } from './passkeys.ts';
import { patientById } from './picker-search.ts';
import { recoveryCodesLeft } from './recovery-codes.ts';
import type { AuthRoute } from './route.ts';
import { describe, parseScopes } from './scopes.ts';
import { beginSession, endSession, endSessionsOf } from './sessions.ts';
import { findAccount, setPassword } from './users.ts';

/** What people see and change of their own: password, sessions, apps with access. */

const APPS = loadSql(import.meta.url, 'account-apps.sql');

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', ACCOUNT, signedIn(showAccount)),
  pageRoute('POST', '/auth/account/password', freshly(changePassword)),
  pageRoute('POST', '/auth/account/revoke', signedIn(revokeApp)),
  pageRoute('POST', '/auth/account/sign-out-everywhere', signedIn(signOutEverywhere)),
];

const said: Readonly<Record<string, string>> = {
  password: 'The password was changed.',
  revoked: 'The app no longer has access.',
  passkey: 'The passkey was added.',
  renamed: 'The passkey was renamed.',
  removed: 'The passkey was removed.',
  session: 'That browser is signed out.',
};

/** GET /auth/account */
async function showAccount(visit: Visit, query: Form): Promise<Response> {
  const done = query.get('done') ?? '';
  return show(visit, { done: Object.hasOwn(said, done) ? said[done] : undefined });
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
  const by = byOf(service, context, { user });
  const text = 'password changed by its owner';
  await setPassword(service, user.id, chosen, session.id, { by, why: text });
  await note(service, 'password', { by, text, pairs: { user: user.id } });
  const { methods, signedIn: since } = session;
  await beginSession(service, context, user, { methods, signedIn: since });
  return context.redirect('/auth/account?done=password', 303);
}

const wrong: FieldError = { field: 'current', text: 'This is not your password until now.' };

/** POST /auth/account/revoke: all that the app has in the user's name, in every process. */
async function revokeApp({ service, context, session }: Visit, form: Form): Promise<Response> {
  const clientId = required(form, 'client');
  const by = byOf(service, context, session);
  const why = 'taken away by the user';
  await revokeGrantsOf(service, { userId: session.user.id, clientId }, { by, why });
  return context.redirect('/auth/account?done=revoked', 303);
}

/** POST /auth/account/sign-out-everywhere: this browser too. */
async function signOutEverywhere({ service, context, session }: Visit): Promise<Response> {
  const by = byOf(service, context, session);
  const why = 'signed out in all browsers';
  await endSessionsOf(service, session.user.id, undefined, { by, why });
  await endSession(service, context);
  return context.redirect('/auth/sign-in', 303);
}

async function show(
  visit: Visit,
  { done, errors = [] }: { done?: string | undefined; errors?: readonly FieldError[] },
): Promise<Response> {
  const { service, context, session } = visit;
  const { user } = session;
  const account = await findAccount(service, user.id);
  const body = accountPage({
    ...{ user, done, errors, zone: service.config.zone },
    hasPassword: account?.passwordHash !== undefined && user.login !== undefined,
    again: (await isFresh(visit)) ? undefined : AGAIN,
    passkeys: mayHavePasskeys(service, user) ? await passkeysOf(service, user.id) : undefined,
    codesLeft: await recoveryCodesLeft(service, user.id),
    apps: await appsOf(visit),
    sessions: await sessionsOf(visit),
  });
  const status = errors.length > 0 ? 400 : 200;
  return page(context, { title: 'Your account', status, body, errors });
}

type AppRow = readonly [
  ...[clientId: string, name: string, scopes: readonly string[], offline: boolean],
  ...[renews: boolean, patients: readonly string[], since: number, until: number],
];

/** Patients of an app that are looked up by name. */
const MOST_NAMED = 10;

/** The apps with tokens that work, or that they could renew. */
async function appsOf({ service, session }: Visit): Promise<AppWithAccess[]> {
  const rows = await service.db.steady<AppRow>(APPS, [session.user.id, service.now() / 1000]);
  const apps: AppWithAccess[] = [];
  for (const [clientId, name, scopes, offline, renews, ids, since, until] of rows) {
    const named = ids.slice(0, MOST_NAMED).map((id) => patientById(service, session, id));
    const patients = (await Promise.all(named)).flatMap((found) => found?.name ?? []);
    apps.push({
      ...{ clientId, name, offline, renews, since: since * 1000, until: until * 1000 },
      ...{ patients, others: ids.length - patients.length },
      may: wordsOf(scopes.join(' ')),
    });
  }
  return apps;
}

function wordsOf(scope: string): string[] {
  const { scopes, identity } = parseScopes(scope);
  const who = [...(identity.openid ? ['openid'] : []), ...(identity.fhirUser ? ['fhirUser'] : [])];
  return [...new Set([...scopes, ...who].map(describe))];
}
