import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { field, hidden } from './field.ts';

export interface SignInForm {
  login: string | undefined;
  /** What the form carries along: where to go on. */
  carried: readonly (readonly [name: string, value: string])[];
  errors: readonly FieldError[];
  /** Where people of the hospital sign in instead, with the name of the place. */
  upstream: { name: string; href: string } | undefined;
  /** Where people sign in with a passkey instead; undefined where none can work. */
  passkey: string | undefined;
}

export function signInForm({ login, carried, errors, upstream, passkey }: SignInForm): Html {
  return html`${upstream && atUpstream(upstream)}
    <form method="post" action="/auth/sign-in"${describedBy(errors)}>
      ${carried.map(([name, value]) => hidden(name, value))}
      ${field({
        ...{ name: 'login', label: 'User name', value: login, autocomplete: 'username' },
        ...{ required: true, errors },
      })}
      ${field({
        ...{ name: 'password', label: 'Password', type: 'password', required: true, errors },
        autocomplete: 'current-password',
      })}
      <button type="submit">Sign in</button>
    </form>
    ${passkey !== undefined && html`<p class="way"><a class="second" href="${passkey}">Sign in with a passkey</a></p>`}`;
}

const atUpstream = ({ name, href }: { name: string; href: string }): Html =>
  html`<p class="way"><a href="${href}">Sign in with ${name}</a></p>
    <h2>Or with a user name of this server</h2>`;
