import { html } from 'hono/html';
import type { Html } from '../page.ts';

export interface RecoveryCodes {
  codes: readonly string[];
  /** Where to go from here. */
  on: string;
}

export const recoveryCodes = ({ codes, on }: RecoveryCodes): Html =>
  html`<p role="status">
      Each of these codes signs you in once, after your password, when your passkey is lost or not at
      hand.
    </p>
    <p class="note">
      They are shown only now, and older ones no longer work. Print them or write them down, and keep
      them away from your passkey.
    </p>
    <ol class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>
    <p class="way"><a href="${on}">I have kept them, go on</a></p>`;
