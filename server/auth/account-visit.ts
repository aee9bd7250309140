import { type Form, queryOf } from './form.ts';
import { ownForm } from './interaction.ts';
import { passkeysOf } from './passkeys.ts';
import { signInPath } from './purpose.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { sessionOf } from './sessions.ts';
import type { AuthService, Session } from './types.ts';

/** Who may see and change an account: its owner, and for what signing in hangs on only freshly. */

export interface Visit {
  service: AuthService;
  context: AuthContext;
  session: Session;
}

type Act = (visit: Visit, form: Form) => Promise<Response>;

export const ACCOUNT = '/auth/account';

/** Seconds after signing in for which passwords and passkeys can be changed. */
const FRESH = 15 * 60;

const signInFirst = (context: AuthContext): Response =>
  context.redirect(signInPath({ next: ACCOUNT }), 303);

/** The page to sign in at once more, although somebody is signed in. */
export const AGAIN = signInPath({ next: ACCOUNT, again: 'yes' });

/** A page or a form of somebody who is signed in; others are asked to sign in first. */
export function signedIn(act: Act): AuthRoute['handler'] {
  return async (service, context) => {
    const isForm = context.req.method === 'POST';
    const form = isForm ? await ownForm(service, context) : queryOf(context);
    const session = await sessionOf(service, context);
    return session ? act({ service, context, session }, form) : signInFirst(context);
  };
}

/** The same for what needs a fresh sign-in. */
export const freshly = (act: Act): AuthRoute['handler'] =>
  signedIn(async (visit, form) =>
    (await isFresh(visit)) ? act(visit, form) : visit.context.redirect(AGAIN, 303),
  );

/**
 * Whether it is certain enough that the owner sits there: they signed in a short while ago, and with
 * their second factor, if they have one.
 */
export async function isFresh({ service, session }: Visit): Promise<boolean> {
  if (session.signedIn < service.now() - FRESH * 1000) return false;
  if (session.methods.includes('mfa') || session.methods.includes('idp')) return true;
  return (await passkeysOf(service, session.user.id)).length === 0;
}
