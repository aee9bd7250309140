import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as discoveryRoutes } from '../../server/auth/discovery.ts';
import { signIdToken } from '../../server/auth/keys.ts';
import { routes as signInRoutes } from '../../server/auth/sign-in.ts';
import { routes as signOutRoutes } from '../../server/auth/sign-out.ts';
import { routes as logoutRoutes } from '../../server/auth/upstream-logout.ts';
import { routes as upstreamRoutes } from '../../server/auth/upstream-sign-in.ts';
import { authService, newClient, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { CLIENT, openThere, signInThere, startIdp } from '../helpers/idp.ts';
import { newPerson, typePassword } from '../helpers/passkeys.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

/** OpenID Connect RP-Initiated Logout 1.0. */

const BACK = 'https://app.example/bye?from=kiln';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  const own = [signInRoutes, signOutRoutes, discoveryRoutes];
  served = await serve(service, ...own, upstreamRoutes, logoutRoutes);
  await newPerson(service, 'ada');
  await newPerson(service, 'bob');
  await newClient(service, { id: 'app', settings: { postLogoutRedirectUris: [BACK] } });
  await newClient(service, { id: 'other' });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  browser = openBrowser(served.origin);
  await typePassword(browser, 'ada');
});

const hint = (changes: Record<string, unknown> = {}): Promise<string> => {
  const now = Math.floor(service.now() / 1000);
  const claims = { iss: service.config.base, sub: 'ada', aud: 'app', iat: now, exp: now + 60 };
  return signIdToken(service, { ...claims, ...changes });
};
const leave = (fields: Record<string, string>, by = browser) =>
  by.get(`/auth/sign-out?${new URLSearchParams(fields)}`);
const isIn = async (by = browser): Promise<boolean> =>
  (await by.get('/auth/sign-in')).status === 303;

describe('an app that signs its user out', () => {
  it('finds the place in openid-configuration', async () => {
    const { text } = await browser.get('/fhir/.well-known/openid-configuration');
    expect(JSON.parse(text)['end_session_endpoint']).toBe(`${served.origin}/auth/sign-out`);
  });

  it('gets them back at its address with its state, at once where it shows an id_token', async () => {
    const fields = { id_token_hint: await hint(), post_logout_redirect_uri: BACK, state: 'a&b=ü' };
    const visit = await leave(fields);
    expect([visit.status, visit.to]).toEqual([303, `${BACK}&state=a%26b%3D%C3%BC`]);
    expect(await isIn()).toBe(false);
  });

  it('may show an id_token that has expired', async () => {
    const now = Math.floor(service.now() / 1000);
    const old = await hint({ iat: now - 90_000, exp: now - 86_400 });
    const visit = await leave({ id_token_hint: old, post_logout_redirect_uri: BACK });
    expect(visit.to).toBe(BACK);
    expect(await isIn()).toBe(false);
  });

  it('has them asked where it shows none, and gets them back afterwards', async () => {
    const fields = { client_id: 'app', post_logout_redirect_uri: BACK, state: 's"><b>' };
    const asked = await leave(fields);
    expect([asked.status, asked.hidden]).toEqual([200, fields]);
    expect(asked.headers.get('content-security-policy')).toContain("'self' https://app.example");
    expect(await isIn()).toBe(true);
    const visit = await browser.post('/auth/sign-out', asked.hidden);
    expect([visit.status, visit.to]).toEqual([303, `${BACK}&state=s%22%3E%3Cb%3E`]);
    expect(await isIn()).toBe(false);
  });

  it.each([
    ['of another user', { sub: 'bob' }],
    ['of another issuer', { iss: 'https://evil.example' }],
  ])('does not sign them out with an id_token %s', async (_case, changes) => {
    const fields = { id_token_hint: await hint(changes), post_logout_redirect_uri: BACK };
    expect((await leave(fields)).status).toBe(200);
    expect(await isIn()).toBe(true);
  });

  it('does not sign them out with an id_token that it changed', async () => {
    const [head = '', body = '', signature = ''] = (await hint({ sub: 'bob' })).split('.');
    const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'ada' };
    const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
    for (const token of [`${head}.${forged}.${signature}`, `${head}.${forged}.`, 'nonsense']) {
      expect((await leave({ id_token_hint: token })).status).toBe(200);
      expect(await isIn()).toBe(true);
    }
  });

  it.each([
    ['that it has not registered', 'app', 'https://app.example/bye'],
    ['that only begins like one', 'app', `${BACK}&more=1`],
    ['of another app', 'other', BACK],
    ['although nobody knows it', 'nobody', BACK],
  ])('gets them back at no address %s', async (_case, clientId, uri) => {
    const hinted = { id_token_hint: await hint({ aud: clientId }), post_logout_redirect_uri: uri };
    const visit = await leave(hinted);
    expect([visit.status, visit.to]).toEqual([200, undefined]);
    expect(visit.text).toContain('You are signed out.');
    const asked = { client_id: clientId, post_logout_redirect_uri: uri };
    expect((await leave(asked)).to).toBeUndefined();
  });

  it('is not believed where it says two things', async () => {
    const fields = { id_token_hint: await hint(), client_id: 'other' };
    expect((await leave({ ...fields, post_logout_redirect_uri: BACK })).status).toBe(200);
    expect(await isIn()).toBe(true);
  });

  it('may use a form, which goes on as a GET', async () => {
    const fields = { id_token_hint: await hint(), post_logout_redirect_uri: BACK };
    const posted = await openBrowser(served.origin).post('/auth/sign-out', fields, {
      ...{ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
    });
    expect(posted.status).toBe(303);
    expect((await browser.get(posted.to ?? '')).to).toBe(BACK);
    expect(await isIn()).toBe(false);
  });
});

describe('who came from the identity provider', () => {
  it('is told where to sign out there, too', async () => {
    const idp = await startIdp(served.origin);
    const upstream = { issuer: idp.issuer, clientId: CLIENT.id, clientSecret: CLIENT.secret };
    const name = 'St. Kiln';
    Object.assign(service.config, { upstream: { ...upstream, name } });
    try {
      idp.accounts.set('carl', { name: 'Carl' });
      const first = await browser.get('/auth/upstream');
      const back = await signInThere(openThere(idp), first.to ?? '', 'carl');
      const path = back.replace(served.origin, '');
      expect((await browser.get(path)).status).toBe(403);
      await open.db.execute({
        text: "update auth_user set roles = '{Nurse}' where subject = 'carl'",
      });
      const second = await browser.get('/auth/upstream');
      const again = await signInThere(openThere(idp), second.to ?? '', 'carl');
      expect((await browser.get(again.replace(served.origin, ''))).status).toBe(303);
      const asked = await browser.get('/auth/sign-out');
      const { text } = await browser.post('/auth/sign-out', asked.hidden);
      expect(text).toContain(`${idp.issuer}/session/end?client_id=kiln`);
      expect(text).toContain('with St. Kiln');
    } finally {
      await idp.stop();
      delete service.config.upstream;
    }
  });
});
