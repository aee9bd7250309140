import { expect } from 'vitest';
import { routes as accountRoutes } from '../../server/auth/account.ts';
import { routes as accountPasskeys } from '../../server/auth/account-passkeys.ts';
import { routes as accountSessions } from '../../server/auth/account-sessions.ts';
import { routes as pages } from '../../server/auth/page.ts';
import { routes as passkeySignIn } from '../../server/auth/passkey-sign-in.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import { routes as secondFactor } from '../../server/auth/second-factor.ts';
import { routes as secondFactorNew } from '../../server/auth/second-factor-new.ts';
import { sessionOf } from '../../server/auth/sessions.ts';
import { routes as setup } from '../../server/auth/setup.ts';
import { routes as signIn } from '../../server/auth/sign-in.ts';
import { setPassword } from '../../server/auth/users.ts';
import { authService, newUser, type Served, serve, type TestAuth } from './auth.ts';
import {
  type Authenticator,
  type Change,
  type CreationOptions,
  newAuthenticator,
  type RequestOptions,
} from './authenticator.ts';
import { type Browser, openBrowser, type Visit } from './browser.ts';
import { type OpenStores, openStores } from './store.ts';

/** A server at http://localhost, where passkeys work, and people who have some. */

export const PASSWORD = 'correct horse battery';

const who: AuthRoute = {
  method: 'GET',
  path: '/test/who',
  handler: async (service, context) => {
    const session = await sessionOf(service, context);
    return context.json({ user: session?.user.id, methods: session?.methods, id: session?.id });
  },
};

/** Browsers reach it as `localhost`: addresses of numbers can have no passkeys. */
export async function serveLocalhost(service: TestAuth): Promise<Served> {
  const served = await serve(
    service,
    ...[pages, signIn, passkeySignIn, secondFactor, secondFactorNew, setup],
    ...[accountRoutes, accountPasskeys, accountSessions, [who]],
  );
  const origin = served.origin.replace('127.0.0.1', 'localhost');
  Object.assign(service.config, { origin, base: `${origin}/fhir` });
  return { ...served, origin };
}

export interface PasskeyServer {
  open: OpenStores;
  service: TestAuth;
  served: Served;
  stop(): Promise<void>;
}

/** All of it on a fresh database. */
export async function openPasskeyServer(): Promise<PasskeyServer> {
  const open = await openStores();
  const service = authService(open);
  const served = await serveLocalhost(service);
  const stop = async (): Promise<void> => {
    await served.stop();
    await open.close();
  };
  return { open, service, served, stop };
}

/** Ada and Bob anew, an hour later, with nothing but their passwords; a browser and a key for them. */
export async function adaAndBob({
  open,
  service,
  served,
}: PasskeyServer): Promise<{ browser: Browser; key: Authenticator }> {
  await open.db.execute({ text: 'truncate auth_user, auth_attempt cascade' });
  service.pass(3700);
  service.config.secondFactor = 'optional';
  await newPerson(service, 'ada');
  await newPerson(service, 'bob');
  return { browser: openBrowser(served.origin), key: newAuthenticator(served.origin) };
}

/** Types the password and goes to the page of the second factor. */
export async function toSecondFactor(by: Browser, login = 'ada'): Promise<string> {
  const { status, to = '' } = await typePassword(by, login);
  expect([status, to]).toEqual([303, expect.stringMatching(/^\/auth\/second-factor\?step=/)]);
  return to;
}

/** A user with the password `PASSWORD`. */
export async function newPerson(service: TestAuth, id: string): Promise<void> {
  await newUser(service, { id });
  await setPassword(service, id, PASSWORD);
}

/** What a page hands to its script. */
export function optionsIn<T = RequestOptions>({ text }: Visit): T {
  const found = /data-options="([^"]*)"/.exec(text)?.[1];
  if (found === undefined) throw new Error(`the page asks for no passkey: ${text.slice(0, 3000)}`);
  return JSON.parse(found.replaceAll('&quot;', '"').replaceAll('&amp;', '&'));
}

/** Types login and password. */
export const typePassword = (browser: Browser, login: string): Promise<Visit> =>
  browser.post('/auth/sign-in', { login, password: PASSWORD });

/** Answers the page at `path` as its script would; what the server says to the form. */
export async function answer(
  browser: Browser,
  path: string,
  ...[key, change]: [Authenticator, Change?]
): Promise<Visit> {
  const asked = await browser.get(path);
  const response = key.get(optionsIn(asked), change);
  return browser.post(path.split('?')[0] ?? '', { ...asked.hidden, response });
}

const NEW = '/auth/account/passkeys/new';

/** Registers a passkey at the account of whoever is signed in. */
export async function register(
  browser: Browser,
  key: Authenticator,
  { name = 'Blue key', change }: { name?: string; change?: Change } = {},
): Promise<Visit> {
  const asked = await browser.get(NEW);
  const response = key.create(optionsIn<CreationOptions>(asked), change);
  return browser.post(NEW, { ...asked.hidden, response, name });
}

/** A browser in which the user signed in with the password and registered a passkey. */
export async function withPasskey(
  served: Served,
  login: string,
  key: Authenticator,
): Promise<{ browser: Browser; codes: string[] }> {
  const browser = openBrowser(served.origin);
  await typePassword(browser, login);
  const { text } = await register(browser, key);
  return { browser, codes: codesIn(text) };
}

export const codesIn = (text: string): string[] =>
  [...text.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code = '']) => code);

/** Who the server says is signed in. */
export const whoIs = async (
  browser: Browser,
): Promise<{ user?: string; methods?: string[]; id?: string }> =>
  JSON.parse((await browser.get('/test/who')).text);
