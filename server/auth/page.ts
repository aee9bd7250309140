import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html } from 'hono/html';
import type { AuthContext, AuthRoute } from './route.ts';
import type { AuthService } from './types.ts';

/** The layout that all pages share: server-rendered, one stylesheet, no script but for passkeys. */

export type HonoContext = AuthContext;

/** Escaped text, as the `html` tag of hono makes it. */
export type Html = ReturnType<typeof html>;

/** What is wrong with a field; `field` is the id of its element. */
export interface FieldError {
  field: string;
  text: string;
}

export interface Page {
  /** The one h1, and the title of the window. */
  title: string;
  body: Html;
  status?: 200 | 400 | 401 | 403 | 404 | 429 | 503;
  /** Shown above the body as a summary with links to the fields (WCAG 3.3.1). */
  errors?: readonly FieldError[];
  /** Where, besides this server, a form's answer may lead: sources of CSP form-action. */
  formTargets?: readonly string[];
  /** Seconds, with status 429. */
  retryAfter?: number;
  /** It asks for a passkey, which only a script can (`pages/webauthn.js`). */
  script?: boolean;
}

const CSS = readFileSync(new URL('./pages/kiln.css', import.meta.url), 'utf8');
/** Another address after each change, as browsers keep it for a while. */
const STYLESHEET = `/auth/kiln.css?${createHash('sha256').update(CSS).digest('hex').slice(0, 8)}`;

const SCRIPT = readFileSync(new URL('./pages/webauthn.js', import.meta.url), 'utf8');
const SCRIPT_ADDRESS = `/auth/webauthn.js?${createHash('sha256').update(SCRIPT).digest('hex').slice(0, 8)}`;
/** One file of ours; nothing in the page itself runs, nor can text become script. */
const SCRIPT_POLICY =
  "; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

const SECURITY = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/**
 * The referrer policy is `same-origin`: under `no-referrer` browsers send `Origin: null` with forms
 * (Fetch, "append a request Origin header"), and then nothing tells ours from forged ones. Other
 * sites learn as little under either.
 */
function headersOf(page: Page): Record<string, string> {
  const action = ["'self'", ...(page.formTargets ?? [])].join(' ');
  const csp =
    `default-src 'none'; style-src 'self'; img-src 'self' data:; form-action ${action}; ` +
    `frame-ancestors 'none'; base-uri 'none'${page.script ? SCRIPT_POLICY : ''}`;
  return {
    ...SECURITY,
    'Content-Security-Policy': csp,
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
    'X-Frame-Options': 'DENY',
    ...(page.retryAfter === undefined ? {} : { 'Retry-After': String(page.retryAfter) }),
  };
}

const ERRORS = 'errors';

const summary = (errors: readonly FieldError[]): Html | '' =>
  errors.length === 0
    ? ''
    : html`<div class="errors" role="alert" id="${ERRORS}">
        <h2>Please check</h2>
        <ul>
          ${errors.map(({ field, text }) => html`<li><a href="#${field}">${text}</a></li>`)}
        </ul>
      </div>`;

/** For a form below the summary: ` aria-describedby="errors"` where there is one. */
export const describedBy = (errors: readonly FieldError[] = []): Html =>
  errors.length === 0 ? html`` : html` aria-describedby="${ERRORS}"`;

/** A page of Kiln's. Cookies set on the context go with it. */
export async function page(context: HonoContext, shown: Page): Promise<Response> {
  const { title, body, errors = [] } = shown;
  const text = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${errors.length > 0 ? 'Error: ' : ''}${title} - Kiln</title>
        <link rel="stylesheet" href="${STYLESHEET}" />
        <link rel="icon" href="data:," />
        ${shown.script && html`<script src="${SCRIPT_ADDRESS}" defer></script>`}
      </head>
      <body>
        <header><p class="brand">Kiln</p></header>
        <main>
          <h1>${title}</h1>
          ${summary(errors)} ${body}
        </main>
      </body>
    </html>`;
  return context.html(text, shown.status ?? 200, headersOf(shown));
}

export interface Trouble {
  title: string;
  /** What went wrong and what the person can do. */
  text: string;
  status?: NonNullable<Page['status']>;
  retryAfter?: number;
}

/** A page that ends the way here: no form, no redirect. Status 400 unless said otherwise. */
export function errorPage(context: HonoContext, trouble: Trouble): Promise<Response> {
  const { text, ...rest } = { status: 400 as const, ...trouble };
  return page(context, { ...rest, body: html`<p role="alert">${text}</p>` });
}

/** GET /auth/kiln.css */
export async function stylesheet(_service: AuthService, context: HonoContext): Promise<Response> {
  return file(context, CSS, 'text/css');
}

/** GET /auth/webauthn.js */
async function script(_service: AuthService, context: HonoContext): Promise<Response> {
  return file(context, SCRIPT, 'text/javascript');
}

const file = (context: HonoContext, text: string, type: string): Response =>
  context.body(text, 200, {
    ...SECURITY,
    'Content-Type': `${type}; charset=utf-8`,
    'Cache-Control': 'public, max-age=3600',
  });

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/auth/kiln.css', handler: stylesheet },
  { method: 'GET', path: '/auth/webauthn.js', handler: script },
];
