import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { field, hidden } from './field.ts';

export interface SetupForm {
  token: string;
  /** Of the first administrator; undefined for somebody who has both already. */
  own: { login: string | undefined; name: string | undefined } | undefined;
  errors: readonly FieldError[];
}

/** The form behind a one-time link: who you are to be, and your password. */
export function setupForm({ token, own, errors }: SetupForm): Html {
  return html`<form method="post" action="/auth/setup"${describedBy(errors)}>
    ${hidden('token', token)}
    ${own && identity(own, errors)} ${newPassword(errors)}
    <button type="submit">${own ? 'Create the administrator' : 'Set the password'}</button>
  </form>`;
}

type Own = NonNullable<SetupForm['own']>;

const identity = ({ login, name }: Own, errors: readonly FieldError[]): Html =>
  html`${field({
    ...{ name: 'login', label: 'User name', value: login, autocomplete: 'username' },
    ...{ hint: 'What you will type to sign in.', required: true, errors },
  })}
  ${field({
    ...{ name: 'name', label: 'Your name', value: name, autocomplete: 'name' },
    ...{ hint: 'As colleagues know you.', required: true, errors },
  })}`;

/** The two fields for a new password. */
export const newPassword = (errors: readonly FieldError[]): Html =>
  html`${field({
    ...{ name: 'password', label: 'New password', type: 'password', required: true, errors },
    hint: 'At least 12 characters; a few words together do well.',
    autocomplete: 'new-password',
  })}
  ${field({
    ...{ name: 'again', label: 'New password, once more', type: 'password', required: true },
    ...{ autocomplete: 'new-password', errors },
  })}`;
