import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as accountRoutes } from '../../server/auth/account.ts';
import { createGrant, revokeGrant } from '../../server/auth/grants.ts';
import { describe as inWords, parseScopes } from '../../server/auth/scopes.ts';
import { routes as signInRoutes } from '../../server/auth/sign-in.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import { setPassword } from '../../server/auth/users.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

const PASSWORD = 'correct horse battery';
const NEW = 'staple of many words';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

beforeAll(async () => {
  open = await openStores();
});
afterAll(() => open.close());
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user, auth_client, auth_attempt cascade' });
  service = authService(open);
  served = await serve(service, signInRoutes, accountRoutes);
  await newUser(service, { id: 'ada' });
  await setPassword(service, 'ada', PASSWORD);
  await newClient(service, { id: 'growth', name: 'Growth <b>chart</b>' });
  await newClient(service, { id: 'sync' });
  browser = openBrowser(served.origin);
  await signIn(browser);
  return () => served.stop();
});

const signIn = async (by: Browser, password = PASSWORD): Promise<number> =>
  (await by.post('/auth/sign-in', { login: 'ada', password })).status;

/** Access of an app in the name of a user: its tokens and the id of the grant. */
async function access(
  clientId: string,
  { scope = 'patient/*.rs', offline = false, userId = 'ada' } = {},
): Promise<{ tokens: string[]; id: string }> {
  const grant = await createGrant(service, { clientId, userId, scope, context: {}, offline });
  const wish = { scope, lifetime: 3600, refreshScope: scope };
  const { access, refresh } = await issueTokens(service, grant, wish);
  return { tokens: [access, refresh ?? ''], id: grant.id };
}
const work = (tokens: string[]): Promise<boolean[]> =>
  Promise.all(tokens.map(async (token) => (await findToken(service, token)) !== undefined));

describe('GET /auth/account', () => {
  it('asks to sign in first', async () => {
    const { status, to } = await openBrowser(served.origin).get('/auth/account');
    expect([status, to]).toEqual([303, '/auth/sign-in?next=%2Fauth%2Faccount']);
  });

  it('lists the apps with access, each once, with what they may do in plain words', async () => {
    await access('growth', { scope: 'launch patient/Observation.rs openid' });
    await access('growth', { scope: 'patient/Observation.rs patient/Condition.r', offline: true });
    await newUser(service, { id: 'bob' });
    await access('sync', { userId: 'bob' });
    const { text } = await browser.get('/auth/account');
    expect(text.match(/Take access away from/g)).toHaveLength(1);
    expect(text).toContain('Growth &lt;b&gt;chart&lt;/b&gt;');
    expect(text).not.toContain('<b>');
    expect(text).toContain('also while you are not signed in');
    const scopes = parseScopes('patient/Observation.rs patient/Condition.r').scopes;
    for (const words of [...scopes.map(inWords), inWords('openid')]) {
      expect(text.split(`<li>${words}</li>`), words).toHaveLength(2);
    }
  });

  it('lists no app whose access has ended', async () => {
    const { id } = await access('growth');
    await revokeGrant(service, id);
    await access('sync');
    service.pass(service.config.refreshToken + 10);
    await signIn(browser);
    expect((await browser.get('/auth/account')).text).toContain('No app has access in your name.');
  });

  it('says only what it knows by name of what was done', async () => {
    expect((await browser.get('/auth/account?done=revoked')).text).toContain(
      'no longer has access',
    );
    const { status, text } = await browser.get('/auth/account?done=constructor');
    expect(status).toBe(200);
    expect(text).not.toContain('role="status"');
  });
});

describe('POST /auth/account/revoke', () => {
  it('ends all that the app had in the name of the user, at once', async () => {
    const [one, two] = [await access('growth'), await access('growth', { offline: true })];
    const other = await access('sync');
    await newUser(service, { id: 'bob' });
    const bobs = await access('growth', { userId: 'bob' });
    const visit = await browser.post('/auth/account/revoke', { client: 'growth' });
    expect([visit.status, visit.to]).toEqual([303, '/auth/account?done=revoked']);
    expect(await work([...one.tokens, ...two.tokens])).toEqual([false, false, false, false]);
    expect(await work([...other.tokens, ...bobs.tokens])).toEqual([true, true, true, true]);
  });

  it.each([
    ['password', {}],
    ['revoke', { client: 'growth' }],
    ['sign-out-everywhere', {}],
  ])('is like %s for own pages only, and for who is signed in', async (path, fields) => {
    const { tokens } = await access('growth', { offline: true });
    const origin = { origin: 'https://evil.example' };
    expect((await browser.post(`/auth/account/${path}`, fields, origin)).status).toBe(403);
    const stranger = await openBrowser(served.origin).post(`/auth/account/${path}`, fields);
    expect(stranger.to).toBe('/auth/sign-in?next=%2Fauth%2Faccount');
    expect((await browser.get('/auth/account')).status).toBe(200);
    expect(await work(tokens)).toEqual([true, true]);
  });
});

describe('POST /auth/account/sign-out-everywhere', () => {
  it('signs out in all browsers', async () => {
    const other = openBrowser(served.origin);
    await signIn(other);
    expect((await other.get('/auth/account')).status).toBe(200);
    expect((await browser.post('/auth/account/sign-out-everywhere', {})).to).toBe('/auth/sign-in');
    expect(browser.cookies.size).toBe(0);
    expect((await other.get('/auth/account')).status).toBe(303);
  });
});

describe('POST /auth/account/password', () => {
  const change = (changes: Record<string, string> = {}, by = browser) =>
    by.post('/auth/account/password', { current: PASSWORD, password: NEW, again: NEW, ...changes });

  it('changes it, signs other browsers out and keeps this one under another cookie', async () => {
    const other = openBrowser(served.origin);
    await signIn(other);
    const before = browser.cookies.get('kiln');
    expect((await change()).to).toBe('/auth/account?done=password');
    expect(browser.cookies.get('kiln')).not.toBe(before);
    expect((await browser.get('/auth/account')).status).toBe(200);
    expect((await other.get('/auth/account')).status).toBe(303);
    expect(await signIn(other, PASSWORD)).toBe(400);
    expect(await signIn(other, NEW)).toBe(303);
  });

  it.each([
    [
      'the old one is wrong',
      { current: 'wrong horse battery' },
      'This is not your password until now',
    ],
    ['the old one is missing', { current: '' }, 'This is not your password until now'],
    ['the new one is short', { password: 'short', again: 'short' }, 'at least 12 characters'],
    ['the two differ', { again: PASSWORD }, 'The two passwords differ'],
  ])('refuses where %s', async (_case, changes, words) => {
    const visit = await change(changes);
    expect(visit.status).toBe(400);
    expect(visit.text).toContain(words);
    expect(visit.text).not.toMatch(/value="[^"]*(horse|staple)/);
    expect(await signIn(openBrowser(served.origin))).toBe(303);
  });

  it('lets nobody guess the old one at an open browser', async () => {
    for (let i = 0; i < 5; i++) expect((await change({ current: `guess ${i}` })).status).toBe(400);
    expect((await change()).status).toBe(429);
  });

  it('is not offered to who has none here', async () => {
    await open.db.execute({ text: 'update auth_user set password_hash = null' });
    expect((await browser.get('/auth/account')).text).not.toContain('Change the password');
    expect((await change()).status).toBe(400);
  });
});
