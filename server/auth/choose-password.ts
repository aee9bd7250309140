import type { Form } from './form.ts';
import type { FieldError } from './page.ts';
import { passwordFault } from './passwords.ts';

/**
 * The new password of a form with the fields of `newPassword`, or what is wrong with it.
 *
 * @param own words that it must not be made of
 */
export function chosenPassword(
  form: Form,
  own: readonly (string | undefined)[],
): string | FieldError {
  const password = form.get('password') ?? '';
  const words = own.filter((word) => word !== undefined);
  const text = passwordFault(password, words);
  if (text !== undefined) return { field: 'password', text };
  if (form.get('again') === password) return password;
  return { field: 'again', text: 'The two passwords differ. Type the same one twice.' };
}
