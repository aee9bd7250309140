import { html } from 'hono/html';
import type { Html } from '../page.ts';
import type { User } from '../types.ts';
import { type SignInParts, signInParts } from './account-sign-in.ts';
import { hidden } from './field.ts';
import { dayOf, minuteOf } from './when.ts';

/** An app that has access in the name of the user. */
export interface AppWithAccess {
  clientId: string;
  name: string;
  /** In plain words. */
  may: readonly string[];
  /** It has access while the user is not signed in, too. */
  offline: boolean;
  /** It renews its access by itself before `until`. */
  renews: boolean;
  /** Names of the patients whose records it was opened for, as far as the user may see them. */
  patients: readonly string[];
  /** How many other patients it was opened for. */
  others: number;
  /** Unix milliseconds. */
  since: number;
  until: number;
}

export interface AccountPage extends SignInParts {
  user: User;
  apps: readonly AppWithAccess[];
  /** What has just been done. */
  done: string | undefined;
}

export function accountPage({ user, apps, done, ...parts }: AccountPage): Html {
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
    ${user.roles.includes('Admin') && administration}
    <h2>Apps with access</h2>
    ${apps.length === 0 ? html`<p>No app has access in your name.</p>` : listOf(apps, parts.zone)}
    ${signInParts(parts)}`;
}

const administration = html`<h2>Administration</h2>
  <p><a href="/auth/systems">Systems and apps</a>: register them, disable them, give them secrets.</p>`;

const listOf = (apps: readonly AppWithAccess[], zone: number): Html =>
  html`<ul class="plain">${apps.map((app) => item(app, zone))}</ul>`;

const item = (app: AppWithAccess, zone: number): Html => {
  const { clientId, name, may, offline, renews, since, until } = app;
  return html`<li class="card">
    <h3>${name}</h3>
    <p class="hint">
      Since ${dayOf(since, zone)},
      ${offline ? 'also while you are not signed in.' : 'while you are signed in.'}
      Until ${minuteOf(until, zone)}${renews && ', and longer each time it is used before'}.
    </p>
    ${whose(app)}
    <p>It may:</p>
    <ul>${may.map((text) => html`<li>${text}</li>`)}</ul>
    <form method="post" action="/auth/account/revoke">
      ${hidden('client', clientId)}
      <button type="submit" class="second">Take access away from ${name}</button>
    </form>
  </li>`;
};

function whose({ patients, others }: AppWithAccess): Html | undefined {
  const rest = others === 1 ? 'another patient' : `${others} other patients`;
  const names = [...patients, ...(others > 0 ? [rest] : [])];
  if (names.length === 0) return undefined;
  return html`<p>Opened for: ${names.join(', ')}.</p>`;
}
