import { loadSql } from '../db/db.ts';
import { scopeForOne } from './break-glass-scope.ts';
import type { Glass } from './break-glass-store.ts';
import { browserOf, knownBrowser } from './browser.ts';
import type { HonoContext } from './page.ts';
import { hashOf, newSecret } from './secrets.ts';
import { type AuthService, type LaunchContext, OAuthError } from './types.ts';

/**
 * Authorization requests under way. The browser carries a handle in its address and a cookie that
 * all its requests share; both are needed, so that nobody can be led into another's request.
 */

/** What the app asked for, checked already. */
export interface AuthorizeParams {
  redirectUri: string;
  /** Cut down to what the app may have. */
  scope: string;
  state?: string;
  /** S256. */
  challenge: string;
  nonce?: string;
  launch?: string;
  /** OpenID Connect Core 3.1.2.1. */
  prompt: string[];
  /** Who signed in before (Unix milliseconds) has to do so again: `max_age`, `prompt=login`. */
  signedInSince?: number;
  loginHint?: string;
}

/** What the pages have found out so far, about one user. */
export interface Step {
  userId?: string;
  /** The launch was used for this request; `context` came with it. */
  launched?: boolean;
  context?: LaunchContext;
  /** The user said that there is no encounter. */
  withoutEncounter?: boolean;
  /** The glass was broken; once confirmed, `context` says for whom. */
  glass?: Glass;
}

/** Of this browser: it comes from `beginRequest` and `requestOf` only. */
export interface AuthRequest {
  handle: string;
  clientId: string;
  params: AuthorizeParams;
  step: Step;
}

/** What the app gets at most: in an emergency only what is about the one patient. */
export const scopeOf = ({ params, step }: Pick<AuthRequest, 'params' | 'step'>): string =>
  step.context?.purpose === 'BTG' ? scopeForOne(params.scope) : params.scope;

/** Seconds from the first page to the last. */
const LIFETIME = 30 * 60;

const insertSql = loadSql(import.meta.url, 'insert-request.sql');
const findSql = loadSql(import.meta.url, 'find-request.sql');
const bindSql = loadSql(import.meta.url, 'bind-request.sql');
const stepSql = loadSql(import.meta.url, 'step-request.sql');
const takeSql = loadSql(import.meta.url, 'take-request.sql');

/** What came by POST belongs to no browser yet: its cookies did not come along. */
const NOBODY = Buffer.alloc(0);

type NewRequest = Pick<AuthRequest, 'clientId' | 'params'>;

/** Keeps a request for this browser, which gets the cookie if it has none. */
export async function beginRequest(
  service: AuthService,
  context: HonoContext,
  { clientId, params }: NewRequest,
): Promise<AuthRequest> {
  const handle = await insert(service, { clientId, params }, browserOf(service, context));
  return { handle, clientId, params, step: {} };
}

/** Keeps a request for whichever browser shows its handle first. */
export const storeRequest = (service: AuthService, request: NewRequest): Promise<string> =>
  insert(service, request, NOBODY);

async function insert(
  service: AuthService,
  { clientId, params }: NewRequest,
  browser: Buffer,
): Promise<string> {
  const handle = newSecret();
  const now = service.now() / 1000;
  const values = [hashOf(handle), browser, clientId, JSON.stringify(params), now + LIFETIME, now];
  await service.db.execute(insertSql, values);
  return handle;
}

type Found = [clientId: string, params: AuthorizeParams, step: Step, browser: Buffer];

/**
 * The request of this browser under the handle.
 * @throws OAuthError where there is none: never was, is over, or belongs to another browser
 */
export async function requestOf(
  service: AuthService,
  context: HonoContext,
  handle: string | undefined,
): Promise<AuthRequest> {
  const key = hashOf(handle ?? '');
  const [row] = await service.db.tuples<Found>(findSql, [key, service.now() / 1000]);
  if (handle === undefined || !row) throw over();
  const [clientId, params, step, browser] = row;
  const isOurs = browser.equals(NOBODY)
    ? (await service.db.execute(bindSql, [key, browserOf(service, context)])) === 1
    : browser.equals(knownBrowser(service, context) ?? NOBODY);
  if (!isOurs) throw over();
  return { handle, clientId, params, step };
}

const over = (): OAuthError =>
  new OAuthError(
    'invalid_request',
    'This request is over, or was begun in another browser or with cookies switched off. ' +
      'Go back to the app and start again from there.',
  );

/** Notes what was found out; the request given carries it from now on. */
export async function noteStep(
  service: AuthService,
  request: AuthRequest,
  step: Step,
): Promise<void> {
  request.step = step;
  await service.db.execute(stepSql, [hashOf(request.handle), JSON.stringify(step)]);
}

/**
 * Ends the request, which can be done once: of those who try together one goes on.
 * @throws OAuthError where it is over
 */
export async function takeRequest(service: AuthService, { handle }: AuthRequest): Promise<void> {
  const taken = await service.db.execute(takeSql, [hashOf(handle), service.now() / 1000]);
  if (taken !== 1) throw over();
}

/** Where the request goes on: after signing in, after each page. */
export const resumePath = (handle: string): string => pathWith('/auth/authorize', handle);

/** A page of the request. */
export const pathWith = (path: string, handle: string): string => `${path}?handle=${handle}`;

/**
 * What the pages of a request need in CSP form-action beside this server: browsers check the
 * redirect that follows a form, too.
 */
export function formTargets({ params }: Pick<AuthRequest, 'params'>): string[] {
  return [sourceOf(params.redirectUri)];
}

/** A CSP source for a URI: its origin, or the scheme of an app's own (`org.example.app:`). */
export function sourceOf(uri: string): string {
  const { origin, protocol } = new URL(uri);
  return origin === 'null' ? protocol : origin;
}
