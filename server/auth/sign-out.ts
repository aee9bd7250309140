import { type Form, formOf, queryOf } from './form.ts';
import { isOwnOrigin, pageRoute } from './interaction.ts';
import { LOGOUT_FIELDS, type LogoutRequest, readLogout } from './logout-request.ts';
import { page } from './page.ts';
import { signedOut, signOutForm } from './pages/sign-out.ts';
import { sourceOf } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { endSession, sessionOf } from './sessions.ts';
import type { AuthService, Session } from './types.ts';
import { upstreamSignOut } from './upstream.ts';
import { upstreamSettings } from './upstream-settings.ts';

/** Signing out, by the person or by an app of theirs (OpenID Connect RP-Initiated Logout 1.0). */

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/sign-out', askToSignOut),
  pageRoute('POST', '/auth/sign-out', signOut),
];

/**
 * GET /auth/sign-out: asks first, as a link on any site could lead here; but not where an id_token of
 * ours says that an app of this very user sends them.
 */
async function askToSignOut(service: AuthService, context: AuthContext): Promise<Response> {
  const form = queryOf(context);
  const request = await readLogout(service, form);
  const session = await sessionOf(service, context);
  if (!session || session.user.id === request.userId) {
    return finish(service, context, { session, back: request.back });
  }
  return page(context, {
    title: 'Sign out',
    body: signOutForm(session.user.name, carriedIn(form, request)),
    ...(request.back !== undefined && { formTargets: [sourceOf(request.back)] }),
  });
}

/** POST /auth/sign-out: ends the session and its online access; offline access goes on. */
async function signOut(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await formOf(context);
  // Browsers send no cookies with the form of an app (SameSite): it goes on as a GET.
  if (!isOwnOrigin(service, context)) return context.redirect(asGet(form), 303);
  const { back } = await readLogout(service, form);
  return finish(service, context, { session: await sessionOf(service, context), back });
}

/** What an address can hold; a hint that is longer is no token of ours. */
const LONGEST = 6000;

function asGet(form: Form): string {
  const given = LOGOUT_FIELDS.flatMap((name): [string, string][] => {
    const value = form.get(name);
    return value === undefined || value.length > LONGEST ? [] : [[name, value]];
  });
  return `/auth/sign-out?${new URLSearchParams(given)}`;
}

/** What the form carries along: nothing that would not count. */
function carriedIn(form: Form, { back }: LogoutRequest): [string, string][] {
  if (back === undefined) return [];
  return LOGOUT_FIELDS.flatMap((name): [string, string][] => {
    const value = form.get(name);
    return value === undefined ? [] : [[name, value]];
  });
}

async function finish(
  service: AuthService,
  context: AuthContext,
  { session, back }: { session: Session | undefined; back: string | undefined },
): Promise<Response> {
  const upstream = session ? await upstreamOf(service, session) : undefined;
  await endSession(service, context);
  if (back === undefined) {
    return page(context, { title: 'Signed out', body: signedOut(upstream) });
  }
  context.header('Referrer-Policy', 'no-referrer');
  return context.redirect(back, 303);
}

/** Where somebody who came from the identity provider can sign out there, too. */
async function upstreamOf(
  service: AuthService,
  { methods }: Session,
): Promise<{ name: string; href: string } | undefined> {
  const settings = upstreamSettings(service);
  if (!settings || !methods.includes('idp')) return undefined;
  const href = await upstreamSignOut(service, settings);
  return href === undefined ? undefined : { name: settings.name, href };
}
