import { ownForm, pageRoute } from './interaction.ts';
import { page } from './page.ts';
import { signedOut, signOutForm } from './pages/sign-in.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { endSession, sessionOf } from './sessions.ts';
import type { AuthService } from './types.ts';

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/sign-out', askToSignOut),
  pageRoute('POST', '/auth/sign-out', signOut),
];

/** GET /auth/sign-out: only asks, as a link on any site could lead here. */
async function askToSignOut(service: AuthService, context: AuthContext): Promise<Response> {
  const session = await sessionOf(service, context);
  const body = session ? signOutForm(session.user.name) : signedOut();
  return page(context, { title: 'Sign out', body });
}

/** POST /auth/sign-out: ends the session and its online access; offline access goes on. */
async function signOut(service: AuthService, context: AuthContext): Promise<Response> {
  await ownForm(service, context);
  await endSession(service, context);
  return page(context, { title: 'Signed out', body: signedOut() });
}
