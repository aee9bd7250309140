import { html } from 'hono/html';
import type { Html } from '../page.ts';

/** What is left when the identity provider signed nobody in. */
export const notSignedIn = (name: string, path: string): Html =>
  html`<p role="alert">You are not signed in.</p>
    <p>
      <a href="${path}">Try again, or sign in with a user name of this server</a> if you have one.
      If it goes on, tell those who look after ${name}.
    </p>`;
