import { html } from 'hono/html';
import type { Html } from '../page.ts';
import { hidden } from './field.ts';

/** @param carried what an app said when it led here */
export const signOutForm = (name: string, carried: readonly [string, string][]): Html =>
  html`<p>You are signed in as ${name}.</p>
    <p class="hint">Apps keep the access that you allowed them beyond your session.</p>
    <form method="post" action="/auth/sign-out">
      ${carried.map(([field, value]) => hidden(field, value))}
      <button type="submit">Sign out</button>
    </form>`;

/** @param upstream where they may still be signed in */
export const signedOut = (upstream?: { name: string; href: string }): Html =>
  html`<p role="status">You are signed out.</p>
    ${
      upstream &&
      html`<p class="note">
        You may still be signed in with ${upstream.name}, on this computer too:
        <a href="${upstream.href}">sign out there</a>, unless it is yours alone.
      </p>`
    }
    <p><a href="/auth/sign-in">Sign in again</a></p>`;
