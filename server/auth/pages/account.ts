import { html } from 'hono/html';
import { describedBy, type FieldError, type Html } from '../page.ts';
import type { User } from '../types.ts';
import { field, hidden } from './field.ts';
import { newPassword } from './setup.ts';

/** An app that has access in the name of the user. */
export interface AppWithAccess {
  clientId: string;
  name: string;
  /** In plain words. */
  may: readonly string[];
  /** It has access while the user is not signed in, too. */
  offline: boolean;
  /** Unix milliseconds. */
  since: number;
}

export interface AccountPage {
  user: User;
  apps: readonly AppWithAccess[];
  /** False for those who sign in at the hospital's identity provider only. */
  hasPassword: boolean;
  /** What has just been done. */
  done: string | undefined;
  errors: readonly FieldError[];
}

export function accountPage({ user, apps, hasPassword, done, errors }: AccountPage): Html {
  return html`${done && html`<p class="note" role="status">${done}</p>`}
    <p>You are signed in as ${user.name}${user.login && html` (${user.login})`}.</p>
    <div class="row">
      <form method="post" action="/auth/sign-out">
        <button type="submit" class="second">Sign out</button>
      </form>
      <form method="post" action="/auth/account/sign-out-everywhere">
        <button type="submit" class="second">Sign out in all browsers</button>
      </form>
    </div>
    <h2>Apps with access</h2>
    ${apps.length === 0 ? html`<p>No app has access in your name.</p>` : listOf(apps)}
    ${hasPassword && passwordForm(errors)}`;
}

const listOf = (apps: readonly AppWithAccess[]): Html =>
  html`<ul class="plain">${apps.map(item)}</ul>`;

const item = ({ clientId, name, may, offline, since }: AppWithAccess): Html =>
  html`<li class="card">
    <h3>${name}</h3>
    <p class="hint">
      Since ${new Date(since).toISOString().slice(0, 10)},
      ${offline ? 'also while you are not signed in.' : 'while you are signed in.'}
    </p>
    <p>It may:</p>
    <ul>${may.map((text) => html`<li>${text}</li>`)}</ul>
    <form method="post" action="/auth/account/revoke">
      ${hidden('client', clientId)}
      <button type="submit" class="second">Take access away from ${name}</button>
    </form>
  </li>`;

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
