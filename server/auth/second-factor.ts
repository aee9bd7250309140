import { byOf, noteSoon } from './audit.ts';
import { type Form, queryOf } from './form.ts';
import { beginHalf, type HalfSignedIn, halfOf, takeHalf } from './half-signed-in.ts';
import { ownForm, pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { CODE, secondFactorForms } from './pages/second-factor.ts';
import { askForPasskey, provePasskey } from './passkey-proof.ts';
import { PASSKEY } from './passkey-register.ts';
import { passkeysOf } from './passkeys.ts';
import { carriedOf, type Purpose, pathAfter, purposeFrom, signInPath } from './purpose.ts';
import { useRecoveryCode } from './recovery-codes.ts';
import { formTargets } from './requests.ts';
import type { AuthContext, AuthRoute } from './route.ts';
import { beginSession } from './sessions.ts';
import type { AuthService, User } from './types.ts';
import { passkeysWork } from './webauthn.ts';

/** The second factor after the password: a passkey, or a recovery code in its place. */

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', '/auth/second-factor', ask),
  pageRoute('POST', '/auth/second-factor', check),
];

/** Whether nobody may go on with a password alone. */
export const isRequired = ({ config }: AuthService): boolean => config.secondFactor === 'required';

/** Where who has no second factor makes one. */
export const FIRST = '/auth/second-factor/new';

/**
 * The answer to the right password: signed in and on to the purpose, or to the page of the second
 * factor where the user has one or has to have one.
 */
export async function afterPassword(
  service: AuthService,
  context: AuthContext,
  ...[user, purpose]: [User, Purpose]
): Promise<Response> {
  const known = await passkeysOf(service, user.id);
  if (known.length === 0 && !isRequired(service)) {
    await beginSession(service, context, user, ['pwd']);
    return context.redirect(pathAfter(purpose), 303);
  }
  const handle = await beginHalf(service, context, { user, purpose: carriedOf(purpose) });
  const path = known.length === 0 ? FIRST : '/auth/second-factor';
  return context.redirect(`${path}?step=${handle}`, 303);
}

interface Visit {
  service: AuthService;
  context: AuthContext;
  half: HalfSignedIn;
}

/** GET /auth/second-factor?step= */
async function ask(service: AuthService, context: AuthContext): Promise<Response> {
  const half = await halfOf(service, context, queryOf(context).get('step'));
  return show({ service, context, half });
}

/** POST /auth/second-factor: with `response` of a passkey, or with a recovery `code`. */
async function check(service: AuthService, context: AuthContext): Promise<Response> {
  const form = await ownForm(service, context);
  const half = await halfOf(service, context, form.get('step'));
  const visit = { service, context, half };
  const proof = form.has('response') ? await byPasskey(visit, form) : await byCode(visit, form);
  if (typeof proof !== 'string') {
    service.log.warn({ part: 'auth', reason: 'second factor' }, 'sign-in refused');
    const by = byOf(service, context, { user: half.user });
    noteSoon(service, 'login', { by, outcome: 4, text: 'second factor refused' });
    return show(visit, [proof]);
  }
  const purpose = await purposeFrom(service, context, half.purpose);
  await takeHalf(service, half);
  await beginSession(service, context, half.user, ['pwd', proof, 'mfa']);
  return context.redirect(pathAfter(purpose), 303);
}

/** How it was proven (RFC 8176), or what to say. */
async function byPasskey(
  { service, context, half }: Visit,
  form: Form,
): Promise<string | FieldError> {
  const asked = { purpose: 'second-factor', userId: half.user.id } as const;
  return (await provePasskey(service, context, form, asked))?.method ?? wrongPasskey;
}

async function byCode({ service, context, half }: Visit, form: Form): Promise<string | FieldError> {
  const code = form.get(CODE);
  if (code === undefined) return noCode;
  const left = await useRecoveryCode(service, context, half.user.id, code);
  return left === undefined ? wrongCode : 'otp';
}

const wrongPasskey: FieldError = {
  field: PASSKEY,
  text: 'This is not one of your passkeys, or the answer came too late. Try again.',
};
const noCode: FieldError = {
  field: CODE,
  text: 'Use your passkey, or enter one of your recovery codes.',
};
const wrongCode: FieldError = {
  field: CODE,
  text: 'This is none of your recovery codes, or it was used before.',
};

async function show(
  { service, context, half }: Visit,
  errors: readonly FieldError[] = [],
): Promise<Response> {
  const { user, handle } = half;
  const asked = passkeysWork(service)
    ? await askForPasskey(service, context, { purpose: 'second-factor', userId: user.id })
    : undefined;
  const { request } = await purposeFrom(service, context, half.purpose);
  return page(context, {
    title: 'Second factor',
    status: errors.length > 0 ? 400 : 200,
    body: secondFactorForms({
      ...{ step: handle, name: user.name, asked, errors },
      back: signInPath(half.purpose),
    }),
    ...{ errors, script: asked !== undefined },
    ...(request && { formTargets: formTargets(request) }),
  });
}
