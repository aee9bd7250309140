import { html } from 'hono/html';
import type { SignedInAt } from '../account-sessions.ts';
import { describedBy, type FieldError, type Html } from '../page.ts';
import type { Passkey } from '../passkeys.ts';
import { field, hidden } from './field.ts';
import { newPassword } from './setup.ts';
import { dayOf, minuteOf } from './when.ts';

/** The parts of the account page about how and where its owner signs in. */

export interface SignInParts {
  /** Minutes east of UTC. */
  zone: number;
  /** Undefined where passkeys cannot be had. */
  passkeys: readonly Passkey[] | undefined;
  codesLeft: number;
  /** False for those who sign in at the hospital's identity provider only. */
  hasPassword: boolean;
  /** Where to sign in again before anything here is changed; undefined where that is not needed. */
  again: string | undefined;
  sessions: readonly SignedInAt[];
  errors: readonly FieldError[];
}

export const signInParts = (parts: SignInParts): Html =>
  html`${parts.again !== undefined && (parts.passkeys || parts.hasPassword) && lock(parts.again)}
    ${parts.passkeys && passkeysPart(parts, parts.passkeys)}
    ${parts.hasPassword && parts.again === undefined && passwordForm(parts.errors)}
    <h2>Where you are signed in</h2>
    <ul class="plain">${parts.sessions.map((session) => sessionItem(session, parts.zone))}</ul>`;

const lock = (again: string): Html =>
  html`<h2>How you sign in</h2>
    <p class="note">
      <a href="${again}">Sign in again</a> to change your password or passkeys: that takes a sign-in
      of the last 15 minutes, with the second factor if you have one.
    </p>`;

function passkeysPart({ zone, again, codesLeft }: SignInParts, passkeys: readonly Passkey[]): Html {
  const mayChange = again === undefined;
  return html`<h2>Passkeys and security keys</h2>
    ${
      passkeys.length === 0
        ? html`<p>
            You have none. A passkey is asked for after your password, and can sign you in without it.
          </p>`
        : html`<ul class="plain">${passkeys.map((one, at) => passkeyItem(one, { at, zone, mayChange }))}</ul>`
    }
    ${mayChange && html`<p class="way"><a href="/auth/account/passkeys/new">Add a passkey</a></p>`}
    ${passkeys.length > 0 && codesPart(codesLeft, mayChange)}`;
}

function passkeyItem(
  { id, name, createdAt, usedAt, synced }: Passkey,
  { at, zone, mayChange }: { at: number; zone: number; mayChange: boolean },
): Html {
  const used = usedAt === undefined ? 'not used yet' : `last used ${minuteOf(usedAt, zone)}`;
  return html`<li class="card">
    <h3>${name}</h3>
    <p class="hint">
      Added ${dayOf(createdAt, zone)}, ${used}.
      ${synced ? 'Your devices may share it.' : 'It stays on one device.'}
    </p>
    ${mayChange && passkeyForms({ id, name, at })}
  </li>`;
}

const passkeyForms = ({ id, name, at }: { id: string; name: string; at: number }): Html =>
  html`<details>
    <summary>Rename or remove<span class="unseen"> ${name}</span></summary>
    <form method="post" action="/auth/account/passkeys/rename">
      ${hidden('id', id)}
      <div class="field">
        <label for="name-${at}">Name</label>
        <input id="name-${at}" name="name" type="text" value="${name}" required maxlength="60"
          autocomplete="off" />
      </div>
      <button type="submit" class="second">Rename</button>
    </form>
    <form method="post" action="/auth/account/passkeys/remove">
      ${hidden('id', id)}
      <button type="submit" class="second">Remove ${name}</button>
    </form>
  </details>`;

const codesPart = (left: number, mayChange: boolean): Html =>
  html`<h3>Recovery codes</h3>
    <p>${left === 0 ? 'None is left.' : `${left} of them can still be used.`}</p>
    ${
      mayChange &&
      html`<form method="post" action="/auth/account/recovery-codes">
        <button type="submit" class="second">Make new recovery codes</button>
      </form>`
    }`;

const passwordForm = (errors: readonly FieldError[]): Html =>
  html`<h2>Change the password</h2>
    <p class="hint">All your other browsers are signed out by it.</p>
    <form method="post" action="/auth/account/password"${describedBy(errors)}>
      ${field({
        ...{ name: 'current', label: 'Password until now', type: 'password', required: true },
        ...{ autocomplete: 'current-password', errors },
      })}
      ${newPassword(errors)}
      <button type="submit">Change the password</button>
    </form>`;

/** In words, the strongest first. */
const WAYS = [
  ['idp', "at the hospital's identity provider"],
  ['otp', 'with a recovery code'],
  ['pwd', 'with a password'],
] as const;

function wayOf(methods: readonly string[]): string {
  const isKey = methods.includes('hwk') || methods.includes('swk');
  const known = WAYS.find(([name]) => methods.includes(name))?.[1];
  if (isKey) return methods.includes('pwd') ? 'with a password and a passkey' : 'with a passkey';
  return known ?? 'in another way';
}

const sessionItem = (session: SignedInAt, zone: number): Html => {
  const { id, device = 'A browser', here, since, seen, methods } = session;
  return html`<li class="card">
    <h3>${device}${here && ' (this one)'}</h3>
    <p class="hint">
      Signed in ${minuteOf(since, zone)} ${wayOf(methods)}, last seen ${minuteOf(seen, zone)}.
    </p>
    ${
      !here &&
      html`<form method="post" action="/auth/account/sessions/end">
        ${hidden('id', id)}
        <button type="submit" class="second">
          Sign out there<span class="unseen">: ${device}, since ${minuteOf(since, zone)}</span>
        </button>
      </form>`
    }
  </li>`;
};
