import { byOf, noteSoon } from './audit.ts';
import { queryOf } from './form.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { passkeySignIn } from './pages/passkey.ts';
import { type Ask, askForPasskey, provePasskey } from './passkey-proof.ts';
import { PASSKEY } from './passkey-register.ts';
import { carriedOf, type Purpose, pairsOf, pathAfter, purposeOf, signInPath } from './purpose.ts';
import { formTargets } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { beginSession } from './sessions.ts';
import type { AuthService } from './types.ts';
import { passkeysWork } from './webauthn.ts';

/** Signing in by a passkey alone: it knows whose it is, and proves the person as well as the thing. */

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/passkey', ask),
  pageRoute('POST', '/auth/passkey', signIn),
];

const anybody: Ask = { purpose: 'sign-in', userId: undefined };

/** GET /auth/passkey, for the same purpose as /auth/sign-in. */
async function ask(service: AuthService, context: AuthContext): Promise<Response> {
  const purpose = await purposeOf(service, context, queryOf(context));
  if (!passkeysWork(service)) return context.redirect(signInPath(carriedOf(purpose)), 303);
  return show(service, context, purpose);
}

/** POST /auth/passkey */
async function signIn(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await ownForm(service, context);
  const purpose = await purposeOf(service, context, form);
  const proven = await provePasskey(service, context, form, anybody);
  if (!proven) {
    service.log.warn({ part: 'auth', reason: 'passkey' }, 'sign-in refused');
    const by = byOf(service, context);
    noteSoon(service, 'login', { by, outcome: 4, text: 'passkey refused' });
    return show(service, context, purpose, [refused]);
  }
  await beginSession(service, context, proven.user, [proven.method, 'mfa']);
  return context.redirect(pathAfter(purpose), 303);
}

const refused: FieldError = {
  field: PASSKEY,
  text:
    'This passkey did not sign you in. Perhaps it was removed, or the answer came too late. ' +
    'Try again, or sign in with your password.',
};

async function show(
  service: AuthService,
  context: AuthContext,
  ...[purpose, errors = []]: [Purpose, (readonly FieldError[])?]
): Promise<Response> {
  const asked = await askForPasskey(service, context, anybody);
  const carried = pairsOf(carriedOf(purpose));
  const other = signInPath(carriedOf(purpose));
  return page(context, {
    title: 'Sign in with a passkey',
    status: errors.length > 0 ? 400 : 200,
    body: passkeySignIn({ ...asked, carried, other, errors }),
    ...{ errors, script: true },
    ...(purpose.request && { formTargets: formTargets(purpose.request) }),
  });
}
