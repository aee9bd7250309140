import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { field, hidden } from './field.ts';
import { passkeyForm } from './passkey.ts';

/** Name and id of the field for a recovery code. */
export const CODE = 'code';

export interface SecondFactor {
  /** The handle of the sign-in. */
  step: string;
  name: string;
  /** Undefined where passkeys cannot work. */
  asked: { challenge: string; options: object } | undefined;
  /** Where to sign in otherwise. */
  back: string;
  errors: readonly FieldError[];
}

export function secondFactorForms({ step, name, asked, back, errors }: SecondFactor): Html {
  const carried = [['step', step]] as const;
  return html`<p>The password was right, ${name}. Now show that it is you.</p>
    ${
      asked &&
      passkeyForm({
        ...{ ...asked, carried, errors, way: 'get', action: '/auth/second-factor' },
        ...{ button: 'Use your passkey or security key', atOnce: errors.length === 0 },
      })
    }
    <h2>${asked ? 'Without your passkey' : 'With a recovery code'}</h2>
    <form method="post" action="/auth/second-factor"${describedBy(errors)}>
      ${hidden('step', step)}
      ${field({
        ...{ name: CODE, label: 'Recovery code', required: true, errors },
        hint: 'One of the ten that you were given; each works once. Lost too? Ask an administrator.',
      })}
      <button type="submit" class="second">Use the recovery code</button>
    </form>
    <p><a href="${back}">Cancel</a></p>`;
}
