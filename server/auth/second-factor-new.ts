import { deviceOf } from './device.ts';
import { type Form, queryOf } from './form.ts';
import { type HalfSignedIn, halfOf, takeHalf } from './half-signed-in.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { newPasskeyForm } from './pages/passkey.ts';
import { recoveryCodes } from './pages/recovery-codes.ts';
import {
  askForNewPasskey,
  mayHavePasskeys,
  noteCredential,
  registerPasskey,
} from './passkey-register.ts';
import { passkeysOf } from './passkeys.ts';
import { pathAfter, purposeFrom, signInPath } from './purpose.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { FIRST } from './second-factor.ts';
import { beginSession } from './sessions.ts';
import { type AuthService, OAuthError } from './types.ts';

/** The first second factor, for who has to have one and signs in without (KILN_SECOND_FACTOR). */

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', FIRST, ask),
  pageRoute('POST', FIRST, register),
];

/** GET /auth/second-factor/new?step= */
async function ask(service: AuthService, context: AuthContext): Promise<Response> {
  const query = queryOf(context);
  return show(service, context, await newcomer(service, context, query));
}

/** POST /auth/second-factor/new: the passkey is kept, and its owner signed in. */
async function register(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await ownForm(service, context);
  const half = await newcomer(service, context, form);
  const { user } = half;
  const made = await registerPasskey(service, context, form, user);
  if ('text' in made) return show(service, context, half, [made]);
  const purpose = await purposeFrom(service, context, half.purpose);
  await takeHalf(service, half);
  await beginSession(service, context, user, ['pwd', made.synced ? 'swk' : 'hwk', 'mfa']);
  const codes = await newRecoveryCodes(service, user.id);
  await noteCredential(service, context, user, { text: 'recovery codes made' });
  return page(context, {
    title: 'Your recovery codes',
    body: recoveryCodes({ codes, on: pathAfter(purpose) }),
  });
}

/**
 * Who has no passkey yet: who has one proves it, as otherwise the password alone would be enough to
 * make another. Throws OAuthError.
 */
async function newcomer(
  service: AuthService,
  context: AuthContext,
  form: Form,
): Promise<HalfSignedIn> {
  const half = await halfOf(service, context, form.get('step'));
  if (!mayHavePasskeys(service, half.user)) {
    const text = 'Passkeys do not work at the address of this server. Tell its administrators.';
    throw new OAuthError('access_denied', text, 403);
  }
  if ((await passkeysOf(service, half.user.id)).length === 0) return half;
  throw new OAuthError('access_denied', 'You have a passkey already. Sign in again with it.', 403);
}

async function show(
  service: AuthService,
  context: AuthContext,
  ...[half, errors = []]: [HalfSignedIn, (readonly FieldError[])?]
): Promise<Response> {
  const asked = await askForNewPasskey(service, context, half.user);
  const carried = [['step', half.handle]] as const;
  const name = deviceOf(context.env.incoming.headers['user-agent']);
  return page(context, {
    title: 'Add a second factor',
    status: errors.length > 0 ? 400 : 200,
    body: newPasskeyForm({
      ...{ ...asked, action: FIRST, carried, name, errors, first: true },
      back: signInPath(half.purpose),
    }),
    ...{ errors, script: true },
  });
}
