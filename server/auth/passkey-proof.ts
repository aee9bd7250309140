import { type Challenge, newChallenge, takeChallenge } from './challenges.ts';
import type { Form } from './form.ts';
import { addressOf, allow } from './limits.ts';
import { findPasskey, passkeysOf, usePasskey } from './passkeys.ts';
import type { AuthContext } from './route.ts';
import type { AuthService, User } from './types.ts';
import { findUser } from './users.ts';
import { claimedId, type Options, readProof, requestOptions } from './webauthn.ts';

/** Asking for a passkey, and what the answer proves. */

/** A ward behind one address. */
const perAddress = { most: 60, per: 60 };

/** What a page needs for its script. */
export interface Asked {
  challenge: string;
  options: Options;
}

export type Ask = Challenge & { purpose: 'second-factor' | 'sign-in' };

/** Alone it has to prove the person too, beside a password the thing is enough. */
const mustVerify = ({ purpose }: Ask): boolean => purpose === 'sign-in';

/** Throws OAuthError 429. */
export async function askForPasskey(
  service: AuthService,
  context: AuthContext,
  ask: Ask,
): Promise<Asked> {
  await allow(service, `passkey@${addressOf(service, context)}`, perAddress);
  const challenge = await newChallenge(service, context, ask);
  const { userId } = ask;
  const known = userId === undefined ? undefined : await passkeysOf(service, userId);
  const asking = { challenge, verified: mustVerify(ask), ...(known && { known }) };
  return { challenge, options: await requestOptions(service, asking) };
}

export interface Proven {
  user: User;
  /** RFC 8176: a key in hardware, or one that its owner's devices share. */
  method: 'hwk' | 'swk';
}

/**
 * Who answered, by the fields `challenge` and `response` of a form. Undefined where it proves nothing;
 * the challenge is used up all the same. Throws OAuthError 429.
 */
export async function provePasskey(
  service: AuthService,
  context: AuthContext,
  ...[form, ask]: [Form, Ask]
): Promise<Proven | undefined> {
  await allow(service, `passkey-answer@${addressOf(service, context)}`, perAddress);
  const challenge = form.get('challenge');
  if (challenge === undefined) return undefined;
  if (!(await takeChallenge(service, context, challenge, ask))) return undefined;
  const answer = answerIn(form);
  const id = claimedId(answer);
  const passkey = id === undefined ? undefined : await findPasskey(service, id);
  if (!passkey || (ask.userId !== undefined && passkey.userId !== ask.userId)) return undefined;
  const given = { answer, challenge, passkey, verified: mustVerify(ask) };
  const proof = await readProof(service, given);
  if (!proof) return undefined;
  if (!(await usePasskey(service, { id: passkey.id, counter: proof.counter }))) return undefined;
  const user = await findUser(service, passkey.userId);
  return user && { user, method: passkey.synced ? 'swk' : 'hwk' };
}

/** What the script of the page put into the field `response`. */
export function answerIn(form: Form): unknown {
  try {
    return JSON.parse(form.get('response') ?? '');
  } catch {
    return undefined;
  }
}
