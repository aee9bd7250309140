import { addressOf } from './address.ts';
import { beginAttempt, succeedAttempt } from './attempts.ts';
import { allow } from './limits.ts';
import { verifyPassword } from './passwords.ts';
import type { AuthContext } from './route.ts';
import type { AuthService, User } from './types.ts';
import { findByLogin, normalLogin } from './users.ts';

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
  await allow(service, `sign-in@${address}`, perAddress);
  await beginAttempt(service, trial);
  const account = await findByLogin(service, trial.login);
  const right = await verifyPassword(account?.passwordHash, given.password);
  if (!account || !right || account.disabled) {
    service.log.warn({ part: 'auth', reason: 'wrong password' }, 'sign-in refused');
    return undefined;
  }
  await succeedAttempt(service, trial);
  return account.user;
}
