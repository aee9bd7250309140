import { addressOf } from './address.ts';
import { beginAttempt, succeedAttempt } from './attempts.ts';
import { byOf, noteSoon } from './audit.ts';
import { allow } from './limits.ts';
import { verifyPassword } from './passwords.ts';
import type { AuthContext } from './route.ts';
import { type AuthService, OAuthError, type User } from './types.ts';
import { type Account, findByLogin, normalLogin } from './users.ts';

/** A ward behind one address at the change of shifts; more guesses than that are no ward. */
const perAddress = { most: 60, per: 60 };

/**
 * The user with this login and password, or undefined: what of both was wrong, whether the login
 * exists or is disabled, shows neither in the answer nor in its time. Throws OAuthError 429 where the
 * login or the address has to wait.
 */
export async function checkPassword(
  service: AuthService,
  context: AuthContext,
  given: { login: string; password: string },
): Promise<User | undefined> {
  const address = addressOf(service, context);
  const trial = { login: normalLogin(given.login), address };
  try {
    await allow(service, `sign-in@${address}`, perAddress);
    await beginAttempt(service, trial);
  } catch (error) {
    if (error instanceof OAuthError) await noteLockOut(service, context, trial.login);
    throw error;
  }
  const account = await findByLogin(service, trial.login);
  const right = await verifyPassword(account?.passwordHash, given.password);
  if (!account || !right || account.disabled) {
    service.log.warn({ part: 'auth', reason: 'wrong password' }, 'sign-in refused');
    noteFailure(service, context, account);
    return undefined;
  }
  await succeedAttempt(service, trial);
  return account.user;
}

/** Whom it was tried for is noted only where there is such a user: others type passwords there. */
function noteFailure(
  service: AuthService,
  context: AuthContext,
  account: Account | undefined,
): void {
  const text = account?.disabled ? 'the user is disabled' : 'user name or password is wrong';
  const pairs = { user: account?.user.id };
  noteSoon(service, 'login', { by: byOf(service, context), outcome: 4, text, pairs });
}

async function noteLockOut(
  service: AuthService,
  context: AuthContext,
  login: string,
): Promise<void> {
  const account = service.store.audit && (await findByLogin(service, login));
  const pairs = { user: account?.user.id };
  const text = 'locked out for a while: too many attempts';
  noteSoon(service, 'login', { by: byOf(service, context), outcome: 4, text, pairs });
}
