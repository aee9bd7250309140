import { ACCOUNT, freshly, type Visit } from './account-visit.ts';
import { deviceOf } from './device.ts';
import { type Form, required } from './form.ts';
import { pageRoute } from './interaction.ts';
import { type FieldError, page } from './page.ts';
import { newPasskeyForm } from './pages/passkey.ts';
import { recoveryCodes } from './pages/recovery-codes.ts';
import {
  askForNewPasskey,
  mayHavePasskeys,
  noteCredential,
  passkeyName,
  registerPasskey,
} from './passkey-register.ts';
import { passkeysOf, removePasskey, renamePasskey } from './passkeys.ts';
import { dropRecoveryCodes, newRecoveryCodes, recoveryCodesLeft } from './recovery-codes.ts';
import type { AuthRoute } from './route.ts';
import { isRequired } from './second-factor.ts';
import { beginSession } from './sessions.ts';
import { OAuthError } from './types.ts';

/** Passkeys and recovery codes of one's own account. */

const NEW = '/auth/account/passkeys/new';

export const routes: readonly AuthRoute[] = [
  pageRoute('GET', NEW, freshly(ask)),
  pageRoute('POST', NEW, freshly(add)),
  pageRoute('POST', '/auth/account/passkeys/rename', freshly(rename)),
  pageRoute('POST', '/auth/account/passkeys/remove', freshly(remove)),
  pageRoute('POST', '/auth/account/recovery-codes', freshly(replaceCodes)),
];

/** GET /auth/account/passkeys/new */
async function ask(visit: Visit): Promise<Response> {
  return show(visit);
}

/**
 * POST /auth/account/passkeys/new: the first one comes with recovery codes, and the session counts as
 * one with a second factor from now on.
 */
async function add(visit: Visit, form: Form): Promise<Response> {
  const { service, context, session } = visit;
  const { user, methods, signedIn } = session;
  mustBeAllowed(visit);
  const made = await registerPasskey(service, context, form, user);
  if ('text' in made) return show(visit, [made]);
  const all = new Set([...methods, made.synced ? 'swk' : 'hwk', 'mfa']);
  await beginSession(service, context, user, { methods: [...all], signedIn });
  if ((await recoveryCodesLeft(service, user.id)) > 0) {
    return context.redirect(`${ACCOUNT}?done=passkey`, 303);
  }
  return showCodes(visit);
}

/** POST /auth/account/passkeys/rename */
async function rename({ service, context, session }: Visit, form: Form): Promise<Response> {
  const name = passkeyName(form);
  if (typeof name !== 'string') throw new OAuthError('invalid_request', name.text);
  const own = { id: required(form, 'id'), userId: session.user.id };
  if (!(await renamePasskey(service, own, name))) throw gone();
  const text = 'passkey renamed';
  await noteCredential(service, context, session.user, { text, passkey: own.id });
  return context.redirect(`${ACCOUNT}?done=renamed`, 303);
}

/** POST /auth/account/passkeys/remove */
async function remove({ service, context, session }: Visit, form: Form): Promise<Response> {
  const own = { id: required(form, 'id'), userId: session.user.id };
  const even = isRequired(service) ? 'not the last' : 'the last';
  if (!(await removePasskey(service, own, { even }))) throw gone();
  await dropRecoveryCodes(service, own.userId);
  const text = 'passkey removed';
  await noteCredential(service, context, session.user, { text, passkey: own.id });
  return context.redirect(`${ACCOUNT}?done=removed`, 303);
}

/** POST /auth/account/recovery-codes: those there were end. */
async function replaceCodes(visit: Visit): Promise<Response> {
  const { service, session } = visit;
  if ((await passkeysOf(service, session.user.id)).length === 0) throw gone();
  return showCodes(visit);
}

const gone = (): OAuthError =>
  new OAuthError(
    'invalid_request',
    'You have no such passkey, or it is your last one, which you need to sign in here. ' +
      'Look at your account again.',
  );

function mustBeAllowed({ service, session }: Visit): void {
  if (mayHavePasskeys(service, session.user)) return;
  throw new OAuthError(
    'access_denied',
    'Passkeys are for users with a user name of this server, where its address lets them work.',
    403,
  );
}

async function show(visit: Visit, errors: readonly FieldError[] = []): Promise<Response> {
  const { service, context, session } = visit;
  mustBeAllowed(visit);
  const asked = await askForNewPasskey(service, context, session.user);
  const name = deviceOf(context.env.incoming.headers['user-agent']);
  return page(context, {
    title: 'Add a passkey',
    status: errors.length > 0 ? 400 : 200,
    body: newPasskeyForm({
      ...{ ...asked, action: NEW, carried: [], name, errors, first: false, back: ACCOUNT },
    }),
    ...{ errors, script: true },
  });
}

async function showCodes({ service, context, session }: Visit): Promise<Response> {
  const codes = await newRecoveryCodes(service, session.user.id);
  await noteCredential(service, context, session.user, { text: 'recovery codes made' });
  return page(context, {
    title: 'Your recovery codes',
    body: recoveryCodes({ codes, on: ACCOUNT }),
  });
}
