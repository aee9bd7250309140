import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import { field, hidden } from './field.ts';

type Carried = readonly (readonly [name: string, value: string])[];

export interface PasskeyForm {
  /** `create` a new one, or `get` one to prove itself. */
  way: 'create' | 'get';
  action: string;
  carried: Carried;
  challenge: string;
  /** Of navigator.credentials, as JSON. */
  options: object;
  button: string;
  /** Other fields. */
  fields?: Html;
  /** Without waiting for the button, as whoever opened the page asked for it. */
  atOnce: boolean;
  errors: readonly FieldError[];
}

/** The form that `webauthn.js` fills in; without script it says what is missing. */
export const passkeyForm = (shown: PasskeyForm): Html =>
  html`<form method="post" action="${shown.action}" id="passkey" data-passkey="${shown.way}"
      data-options="${JSON.stringify(shown.options)}"${shown.atOnce && html` data-at-once`}
      ${describedBy(shown.errors)}>
      ${shown.carried.map(([name, value]) => hidden(name, value))}
      ${hidden('challenge', shown.challenge)} ${hidden('response', '')}
      <p class="wrong" role="alert"></p>
      <div data-script hidden>
        ${shown.fields}
        <button type="submit">${shown.button}</button>
      </div>
    </form>
    <noscript><p class="note">Passkeys need JavaScript, which is switched off here.</p></noscript>`;

export interface PasskeySignIn {
  challenge: string;
  options: object;
  carried: Carried;
  /** Where to sign in otherwise. */
  other: string;
  errors: readonly FieldError[];
}

export const passkeySignIn = ({ other, errors, ...asked }: PasskeySignIn): Html =>
  html`<p>Your device or security key asks who you are: no user name or password is needed.</p>
    ${passkeyForm({
      ...{ ...asked, errors, way: 'get', action: '/auth/passkey', button: 'Use a passkey' },
      atOnce: errors.length === 0,
    })}
    <p><a href="${other}">Sign in with a user name instead</a></p>`;

export interface NewPasskeyForm {
  challenge: string;
  options: object;
  action: string;
  carried: Carried;
  /** What it may be called. */
  name: string | undefined;
  errors: readonly FieldError[];
  /** Of somebody who cannot go on without. */
  first: boolean;
  /** Where else to go. */
  back: string;
}

export const newPasskeyForm = ({ name, first, back, errors, ...asked }: NewPasskeyForm): Html =>
  html`<p>
      ${first && html`This server asks for a second factor besides your password.`}
      A passkey is kept by this device, your telephone or a security key, and opened by a finger, your
      face, a PIN or a touch. No other site can ask for it, and nobody can guess it.
    </p>
    ${passkeyForm({
      ...{ ...asked, errors, way: 'create', button: 'Add a passkey', atOnce: false },
      fields: html`${field({
        ...{ name: 'name', label: 'Name of the passkey', value: name, required: true, errors },
        hint: 'To tell it from others, such as "Telephone" or "Blue key".',
      })}`,
    })}
    <p><a href="${back}">Cancel</a></p>`;
