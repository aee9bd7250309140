import { byOf, note } from './audit.ts';
import { newChallenge, takeChallenge } from './challenges.ts';
import type { Form } from './form.ts';
import { addressOf, allow } from './limits.ts';
import type { FieldError } from './page.ts';
import { type Asked, answerIn } from './passkey-proof.ts';
import { addPasskey, passkeysOf } from './passkeys.ts';
import type { AuthContext } from './route.ts';
import type { AuthService, User } from './types.ts';
import { creationOptions, type NewPasskey, passkeysWork, readCreation } from './webauthn.ts';

/** Making a passkey: what the browser is asked, and what is kept of its answer. */

const perAddress = { most: 60, per: 60 };
const LONGEST_NAME = 60;

/** Passkeys are for who has a user name here, where this server's address lets them work. */
export const mayHavePasskeys = (service: AuthService, { login }: User): boolean =>
  login !== undefined && passkeysWork(service);

/** Throws OAuthError 429. */
export async function askForNewPasskey(
  service: AuthService,
  context: AuthContext,
  { id, login, name }: User,
): Promise<Asked> {
  await allow(service, `passkey@${addressOf(service, context)}`, perAddress);
  const challenge = await newChallenge(service, context, { purpose: 'register', userId: id });
  const known = await passkeysOf(service, id);
  const user = { id, name, login: login ?? name };
  return { challenge, options: await creationOptions(service, { user, challenge, known }) };
}

/** Keeps the passkey that the fields `name`, `challenge` and `response` of a form are about. */
export async function registerPasskey(
  service: AuthService,
  context: AuthContext,
  ...[form, user]: [Form, User]
): Promise<NewPasskey | FieldError> {
  const name = passkeyName(form);
  if (typeof name !== 'string') return name;
  const challenge = form.get('challenge') ?? '';
  const asked = { purpose: 'register', userId: user.id } as const;
  if (!(await takeChallenge(service, context, challenge, asked))) return late;
  const made = await readCreation(service, { answer: answerIn(form), challenge });
  if (!made) return unfit;
  if (!(await addPasskey(service, user.id, { ...made, name }))) return taken;
  await noteCredential(service, context, user, { text: 'passkey added', passkey: made.id });
  return made;
}

/** Tells the journal what a user changed of how they sign in. */
export function noteCredential(
  service: AuthService,
  context: AuthContext,
  ...[user, { text, passkey }]: [User, { text: string; passkey?: string }]
): Promise<void> {
  const by = byOf(service, context, { user });
  return note(service, 'password', { by, text, pairs: { user: user.id, passkey } });
}

/** The name in a form, or what is wrong with it. */
export function passkeyName(form: Form): string | FieldError {
  const name = (form.get('name') ?? '').trim();
  const isName = name !== '' && name.length <= LONGEST_NAME && !/[\p{Cc}\p{Cs}]/u.test(name);
  return isName ? name : badName;
}

/** Id of the form, for the error summary. */
export const PASSKEY = 'passkey';

const badName: FieldError = {
  field: 'name',
  text: `Enter a name of at most ${LONGEST_NAME} characters.`,
};
const late: FieldError = {
  field: PASSKEY,
  text: 'The answer came too late, or from another browser. Try again.',
};
const unfit: FieldError = {
  field: PASSKEY,
  text: 'The browser did not make a passkey that this server can use. Try again, or another one.',
};
const taken: FieldError = {
  field: PASSKEY,
  text: 'This passkey is registered already, or you have as many as one may have.',
};
