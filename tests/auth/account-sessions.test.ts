import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGrant } from '../../server/auth/grants.ts';
import { shipRoles } from '../../server/auth/role-store.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import { newClient, newUser, type Served, type TestAuth } from '../helpers/auth.ts';
import { newAuthenticator } from '../helpers/authenticator.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import {
  answer,
  newPerson,
  openPasskeyServer,
  PASSWORD,
  type PasskeyServer,
  register,
  typePassword,
  whoIs,
} from '../helpers/passkeys.ts';
import { actor, type OpenStores, put } from '../helpers/store.ts';

let server: PasskeyServer;
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

beforeAll(async () => {
  server = await openPasskeyServer();
  ({ open, service, served } = server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user, auth_client, auth_attempt cascade' });
  service.pass(3700);
  await newPerson(service, 'ada');
  browser = openBrowser(served.origin);
  await typePassword(browser, 'ada');
});

/** The ids of the sessions that can be ended. */
const others = (text: string): string[] =>
  [...text.matchAll(/sessions\/end">\s*<input type="hidden" name="id" value="([^"]+)"/g)].map(
    ([, id = '']) => id,
  );

describe('the sessions of an account', () => {
  it('are listed by browser and system, and ended one by one', async () => {
    const phone = openBrowser(served.origin);
    const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18 Safari/604';
    const fields = { login: 'ada', password: PASSWORD };
    await phone.post('/auth/sign-in', fields, { 'user-agent': agent });
    const third = openBrowser(served.origin);
    await typePassword(third, 'ada');
    const { text } = await browser.get('/auth/account');
    expect(text).toContain('<h3>Safari on iPhone</h3>');
    expect(text).toContain('(this one)');
    expect(others(text)).toHaveLength(2);
    const { id = '' } = await whoIs(phone);
    const visit = await browser.post('/auth/account/sessions/end', { id });
    expect(visit.to).toBe('/auth/account?done=session');
    expect(await whoIs(phone)).toEqual({});
    expect(await whoIs(third)).toMatchObject({ user: 'ada' });
  });

  it('end with the online access that came from them', async () => {
    const other = openBrowser(served.origin);
    await typePassword(other, 'ada');
    const { id: sessionId = '' } = await whoIs(other);
    await newClient(service, { id: 'app' });
    const scope = 'patient/*.rs';
    const tokens: string[] = [];
    for (const offline of [false, true]) {
      const wish = { clientId: 'app', userId: 'ada', sessionId, scope, context: {}, offline };
      const grant = await createGrant(service, wish);
      tokens.push((await issueTokens(service, grant, { scope, lifetime: 3600 })).access);
    }
    await browser.post('/auth/account/sessions/end', { id: sessionId });
    const found = await Promise.all(tokens.map((token) => findToken(service, token)));
    expect(found.map((one) => one !== undefined)).toEqual([false, true]);
  });

  it.each(['of another user', 'of nobody'])('leave one %s alone', async (whose) => {
    await newPerson(service, 'bob');
    const bob = openBrowser(served.origin);
    await typePassword(bob, 'bob');
    const { id = '' } = await whoIs(bob);
    const given = whose === 'of nobody' ? "x' or true" : id;
    expect((await browser.post('/auth/account/sessions/end', { id: given })).status).toBe(303);
    expect(await whoIs(bob)).toMatchObject({ user: 'bob' });
    expect(await whoIs(browser)).toMatchObject({ user: 'ada' });
  });
});

describe('how somebody signs in', () => {
  const changes: [string, Record<string, string>][] = [
    ['password', { current: PASSWORD, password: 'many other words', again: 'many other words' }],
    ['passkeys/new', { name: 'key', challenge: 'x', response: '{}' }],
    ['passkeys/rename', { id: 'x', name: 'key' }],
    ['passkeys/remove', { id: 'x' }],
    ['recovery-codes', {}],
  ];
  it.each(changes)('is changed (%s) only shortly after signing in', async (path, fields) => {
    service.pass(15 * 60 + 1);
    const visit = await browser.post(`/auth/account/${path}`, fields);
    const again = '/auth/sign-in?next=%2Fauth%2Faccount&again=yes';
    expect([visit.status, visit.to]).toEqual([303, again]);
    const { text } = await browser.get('/auth/account');
    expect(text).toContain('Sign in again');
    expect(text).not.toMatch(/Change the password|passkeys\/new/);
    const asked = await browser.get(again);
    expect([asked.status, asked.text]).toEqual([200, expect.stringContaining('value="ada"')]);
    await browser.post('/auth/sign-in', { ...asked.hidden, login: 'ada', password: PASSWORD });
    expect((await browser.get('/auth/account')).text).toContain('Change the password');
  });

  it('is not changed without the second factor of who has one', async () => {
    const other = openBrowser(served.origin);
    await typePassword(other, 'ada');
    const key = newAuthenticator(served.origin);
    await register(browser, key);
    const id = key.ids()[0] ?? '';
    const visit = await other.post('/auth/account/passkeys/remove', { id });
    expect(visit.to).toBe('/auth/sign-in?next=%2Fauth%2Faccount&again=yes');
    const { to = '' } = await typePassword(other, 'ada');
    await answer(other, to, key);
    expect((await other.post('/auth/account/passkeys/remove', { id })).to).toBe(
      '/auth/account?done=removed',
    );
  });
});

describe('an app of an account', () => {
  it('is shown with its patients, as far as the user may see them, and its end', async () => {
    const name = (family: string) => [{ given: ['Ana'], family }];
    await shipRoles(service, SHIPPED);
    const patient = (id: string, family: string) =>
      put({ resourceType: 'Patient', id, name: name(family) });
    const patients = [patient('own', 'Silva'), patient('hidden', 'Hidden')];
    await open.stores[0].commit(actor, patients);
    await newUser(service, { id: 'ada', fhirUser: 'Patient/own', roles: ['Patient'] });
    await newClient(service, { id: 'app', name: 'Growth' });
    const scope = 'patient/*.rs offline_access';
    for (const patient of ['own', 'hidden', 'gone']) {
      const wish = { clientId: 'app', userId: 'ada', scope, context: { patient }, offline: true };
      const grant = await createGrant(service, wish);
      await issueTokens(service, grant, { scope, lifetime: 3600, refreshScope: scope });
    }
    const { text } = await browser.get('/auth/account');
    expect(text).toContain('Opened for: Ana Silva, 2 other patients.');
    expect(text).not.toContain('Hidden');
    const end = new Date(service.now() + service.config.refreshToken * 1000).toISOString();
    expect(text).toContain(`Until ${end.slice(0, 10)} `);
    expect(text).toContain('longer each time');
  });
});
