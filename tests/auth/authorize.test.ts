import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { disableClient } from '../../server/auth/clients.ts';
import { redeemCode } from '../../server/auth/codes.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import {
  CALLBACK,
  newClient,
  newUser,
  type OpenAuth,
  openAuth,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { wordsOf } from '../helpers/forms.ts';
import {
  authorize,
  CHALLENGE,
  cameBack,
  parametersOf,
  signInAs,
  signInProbe,
} from '../helpers/smart.ts';

let auth: OpenAuth;
let service: TestAuth;
let browser: Browser;

/** The pages themselves have their own tests. */
const SCOPE = 'openid fhirUser user/Observation.rs';
const fill: AuthRoute[] = [signInProbe];

beforeAll(async () => {
  auth = await openAuth([authorizeRoutes, fill]);
  ({ service } = auth);
  const scopes =
    'openid fhirUser launch/patient launch/encounter offline_access user/*.rs patient/*.rs system/*.rs';
  await newClient(service, { id: 'app', scopes });
  await newClient(service, { id: 'own', scopes, settings: { trusted: true } });
  await newClient(service, { id: 'backend', grants: ['client_credentials'] });
  await newClient(service, {
    id: 'query',
    redirectUris: ['https://app.example/cb?a=b%20c'],
    scopes,
    settings: { trusted: true },
  });
  await newUser(service, { id: 'ada' });
  await newUser(service, { id: 'pat', fhirUser: 'Patient/p1' });
});
afterAll(() => auth.stop());
beforeEach(() => {
  browser = openBrowser(auth.origin);
  service.pass(120);
});

describe('authorize', () => {
  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['no client', { client_id: undefined }],
    ['a client with a NUL', { client_id: 'app\0' }],
    ['another redirect URI', { redirect_uri: 'https://evil.example/callback' }],
    ['a longer redirect URI', { redirect_uri: `${CALLBACK}/more` }],
    ['a redirect URI with a query', { redirect_uri: `${CALLBACK}?x=1` }],
    ['a redirect URI in another case', { redirect_uri: CALLBACK.replace('app', 'APP') }],
    ['no redirect URI', { redirect_uri: undefined }],
    ['a state too long to go back', { state: 'ü'.repeat(1001) }],
  ])('shows a page and redirects nowhere for %s', async (_name, changes) => {
    const byGet = await authorize(service, browser, changes);
    const byPost = await browser.post('/auth/authorize', parametersOf(service, changes));
    for (const { status, to, text } of [byGet, byPost]) {
      expect([status, to]).toEqual([400, undefined]);
      expect(wordsOf(text)).toMatch(/^This .* - Kiln Kiln This|NUL/);
      expect(text).not.toContain('evil.example');
    }
  });

  const base = () => service.config.base;
  it.each<[string, Record<string, string | (() => string) | undefined>, string, RegExp]>([
    ['no aud', { aud: undefined }, 'invalid_request', /aud is missing/],
    ['an empty aud', { aud: '' }, 'invalid_request', /aud is missing/],
    [
      'aud of another server',
      { aud: 'https://evil.example/fhir' },
      'invalid_request',
      /not the FHIR base/,
    ],
    ['aud in another case', { aud: () => base().toUpperCase() }, 'invalid_request', /not the FHIR/],
    [
      'aud at another port',
      { aud: () => base().replace(/:\d+/, ':1') },
      'invalid_request',
      /not the/,
    ],
    ['aud of a path below', { aud: () => `${base()}/Patient` }, 'invalid_request', /not the FHIR/],
    ['aud of the server alone', { aud: () => auth.origin }, 'invalid_request', /not the FHIR/],
    ['aud with two slashes', { aud: () => `${base()}//` }, 'invalid_request', /not the FHIR/],
    [
      'another resource beside aud',
      { resource: 'https://evil.example' },
      'invalid_request',
      /not the/,
    ],
    ['no response_type', { response_type: undefined }, 'invalid_request', /response_type/],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type', /code/],
    [
      'response_type code id_token',
      { response_type: 'code id_token' },
      'unsupported_response_type',
      /./,
    ],
    ['no code_challenge', { code_challenge: undefined }, 'invalid_request', /PKCE/],
    ['no challenge method', { code_challenge_method: undefined }, 'invalid_request', /S256/],
    ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request', /S256/],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request', /43 characters/],
    ['response_mode form_post', { response_mode: 'form_post' }, 'invalid_request', /response_mode/],
    ['response_mode fragment', { response_mode: 'fragment' }, 'invalid_request', /response_mode/],
    ['a request object', { request: 'eyJ' }, 'request_not_supported', /request/],
    ['request_uri', { request_uri: 'https://evil.example/r' }, 'request_uri_not_supported', /./],
    ['registration', { registration: '{}' }, 'registration_not_supported', /./],
    ['no scope', { scope: undefined }, 'invalid_scope', /missing/],
    ['only scopes that are none', { scope: 'patient/*.sr foo' }, 'invalid_scope', /None/],
    ['only system scopes', { scope: 'system/*.rs' }, 'invalid_scope', /None/],
    ['only scopes of no type', { scope: 'user/Foo.rs' }, 'invalid_scope', /None/],
    ['scopes beyond the client', { scope: 'user/Patient.d' }, 'invalid_scope', /None/],
    ['launch without a launch', { scope: 'launch' }, 'invalid_scope', /None/],
    ['max_age in words', { max_age: 'ten' }, 'invalid_request', /max_age/],
    ['a prompt that is none', { prompt: 'create' }, 'invalid_request', /prompt/],
    ['prompt none with login', { prompt: 'none login' }, 'invalid_request', /prompt=none/],
    ['prompt none with nobody there', { prompt: 'none' }, 'login_required', /sign in/],
  ])('sends the app an error for %s', async (_name, given, error, why) => {
    const changes = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        typeof value === 'function' ? value() : value,
      ]),
    );
    const byGet = await authorize(service, browser, { scope: SCOPE, ...changes });
    expect(byGet.status).toBe(303);
    expect(cameBack(byGet)).toMatchObject({ error, state: 's', iss: base() });
    expect(cameBack(byGet)?.['error_description']).toMatch(why);
    expect(cameBack(byGet)).not.toHaveProperty('code');
    const byPost = await browser.post(
      '/auth/authorize',
      parametersOf(service, { scope: SCOPE, ...changes }),
    );
    const answer = byPost.to?.startsWith('/auth/authorize?')
      ? await browser.get(byPost.to)
      : byPost;
    expect(cameBack(answer)).toEqual(cameBack(byGet));
  });

  it('sends the error of a client that may not use the flow to its redirect URI', async () => {
    const { to } = await authorize(service, browser, { client_id: 'backend' });
    expect(to).toContain(`${CALLBACK}?error=unauthorized_client`);
  });

  it.each(['scope', 'aud', 'code_challenge', 'state', 'launch', 'client_secret'])(
    'refuses %s given twice',
    async (name) => {
      const query = new URLSearchParams(parametersOf(service));
      query.append(name, query.get(name) ?? 'x');
      query.append(name, query.get(name) ?? 'x');
      const answer = await browser.get(`/auth/authorize?${query}`);
      const state = name === 'state' ? {} : { state: 's' };
      expect(cameBack(answer)).toEqual({
        error: 'invalid_request',
        error_description: expect.stringMatching(/twice/),
        iss: base(),
        ...state,
      });
      const posted = await browser.post('/auth/authorize', [...query]);
      expect([posted.status, posted.to]).toEqual([400, undefined]);
    },
  );

  it.each(['client_id', 'redirect_uri'])(
    'redirects nowhere where %s stands twice',
    async (name) => {
      const query = new URLSearchParams(parametersOf(service));
      query.append(name, query.get(name) ?? '');
      const { status, to } = await browser.get(`/auth/authorize?${query}`);
      expect([status, to]).toEqual([400, undefined]);
    },
  );

  it.each([
    ['GET', 'plain'],
    ['GET', ' +%20%2B&=#?;/\\"\'<>'],
    ['GET', 'größe 漢字 \u{1f525}'],
    ['GET', 'x'.repeat(4000)],
    ['POST', ' +%20%2B&=#?;/\\"\'<>\r\nSet-Cookie: a=b'],
    ['POST', 'x'.repeat(6000)],
  ])('gives the state of a %s back byte for byte: %j', async (method, state) => {
    const changes = { prompt: 'none', scope: SCOPE, state };
    const first =
      method === 'GET'
        ? await authorize(service, browser, changes)
        : await browser.post('/auth/authorize', parametersOf(service, changes));
    const last = first.to?.startsWith('/') ? await browser.get(first.to) : first;
    const [, raw = ''] = /[?&]state=([^&]*)/.exec(last.to ?? '') ?? [];
    expect(decodeURIComponent(raw)).toBe(state);
    expect(cameBack(last)?.['state']).toBe(state);
    expect(last.set.join()).not.toContain('a=b');
  });

  it('gives no state back where none was sent', async () => {
    const answer = await authorize(service, browser, { prompt: 'none', state: undefined });
    expect(cameBack(answer)).not.toHaveProperty('state');
  });

  it.each([
    ['as it is', (text: string) => ({ aud: text })],
    ['with a slash', (text: string) => ({ aud: `${text}/` })],
    ['as resource', (text: string) => ({ aud: undefined, resource: text })],
    ['as both', (text: string) => ({ resource: text })],
  ])('takes the FHIR base %s', async (_name, changes) => {
    const { to } = await authorize(service, browser, changes(base()));
    expect(to).toMatch(/^\/auth\/sign-in\?handle=/);
  });

  it('gives a trusted app its code at once, with state and iss', async () => {
    await signInAs(browser, 'ada');
    const changes = { client_id: 'own', scope: SCOPE, nonce: 'n' };
    const answer = await authorize(service, browser, changes);
    const { code = '', ...rest } = cameBack(answer) ?? {};
    expect(rest).toEqual({ state: 's', iss: base() });
    expect(await redeemCode(service, code)).toMatchObject({
      ...{ redirectUri: CALLBACK, challenge: CHALLENGE, nonce: 'n' },
      grant: { clientId: 'own', userId: 'ada', scope: SCOPE, context: {}, offline: false },
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('keeps the query of a registered redirect URI as it is', async () => {
    await signInAs(browser, 'ada');
    const uri = 'https://app.example/cb?a=b%20c';
    const changes = { client_id: 'query', redirect_uri: uri, scope: SCOPE };
    const { to } = await authorize(service, browser, changes);
    expect(to).toMatch(/^https:\/\/app\.example\/cb\?a=b%20c&code=[\w-]{43}&state=s&iss=http/);
  });

  it('gives what is left of the scopes: those that it knows and the client may have', async () => {
    await signInAs(browser, 'ada');
    const scope =
      'user/Observation.rs user/Observation.cud user/Foo.rs system/*.rs foo launch/device ' +
      'online_access openid user/Patient.read user/Condition.rs?category:in=x';
    const answer = await authorize(service, browser, { client_id: 'own', scope });
    const redeemed = await redeemCode(service, cameBack(answer)?.['code'] ?? '');
    expect(redeemed?.grant.scope).toBe('openid user/Observation.rs user/Patient.read');
  });

  it('has a patient in context for patient scopes even without launch/patient', async () => {
    await signInAs(browser, 'ada');
    const answer = await authorize(service, browser, { client_id: 'own', scope: 'patient/*.rs' });
    expect(answer.to).toMatch(/^\/auth\/pick-patient\?handle=/);
  });

  it('takes patients themselves for the patient in context', async () => {
    await signInAs(browser, 'pat');
    const answer = await authorize(service, browser, { client_id: 'own', scope: 'patient/*.rs' });
    const redeemed = await redeemCode(service, cameBack(answer)?.['code'] ?? '');
    expect(redeemed?.grant.context).toEqual({ patient: 'p1', needPatientBanner: true });
  });

  it('asks for consent, and prompt=none is told so', async () => {
    await signInAs(browser, 'ada');
    const asked = await authorize(service, browser, { scope: SCOPE });
    expect(asked.to).toMatch(/^\/auth\/consent\?handle=/);
    const none = await authorize(service, browser, { scope: SCOPE, prompt: 'none' });
    expect(cameBack(none)).toMatchObject({ error: 'consent_required' });
    const picked = await authorize(service, browser, { prompt: 'none' });
    expect(cameBack(picked)).toMatchObject({ error: 'interaction_required' });
    const own = { client_id: 'own', scope: SCOPE };
    expect(cameBack(await authorize(service, browser, { ...own, prompt: 'none' }))).toHaveProperty(
      'code',
    );
    const again = await authorize(service, browser, { ...own, prompt: 'consent' });
    expect(again.to).toMatch(/^\/auth\/consent\?handle=/);
  });

  it.each([
    ['prompt=login', { prompt: 'login' }],
    ['prompt=select_account', { prompt: 'select_account' }],
    ['a max_age that has passed', { max_age: '60' }],
    ['max_age=0', { max_age: '0' }],
  ])('lets the user sign in again for %s, and once only', async (_name, changes) => {
    await signInAs(browser, 'ada');
    service.pass(61);
    const own = { client_id: 'own', scope: SCOPE, ...changes };
    const asked = await authorize(service, browser, own);
    expect(asked.to).toMatch(/^\/auth\/sign-in\?handle=/);
    service.pass(100);
    await signInAs(browser, 'ada');
    const resumed = await browser.get(asked.to?.replace('sign-in', 'authorize') ?? '');
    expect(cameBack(resumed)).toHaveProperty('code');
  });

  it('takes a session that is young enough for max_age', async () => {
    await signInAs(browser, 'ada');
    service.pass(50);
    const own = { client_id: 'own', scope: SCOPE, max_age: '60' };
    expect(cameBack(await authorize(service, browser, own))).toHaveProperty('code');
  });

  it('takes up a request only in the browser that began it', async () => {
    const begun = await authorize(service, browser, { client_id: 'own', scope: SCOPE });
    const resume = begun.to?.replace('sign-in', 'authorize') ?? '';
    const thief = openBrowser(auth.origin);
    await signInAs(thief, 'ada');
    expect((await thief.get(resume)).status).toBe(400);
    await authorize(service, thief, { scope: SCOPE });
    expect((await thief.get(resume)).status).toBe(400);
    await signInAs(browser, 'ada');
    expect(cameBack(await browser.get(resume))).toHaveProperty('code');
    expect((await browser.get(resume)).status).toBe(400);
  });

  it('goes on from a POST as a GET, in the first browser that comes with the handle', async () => {
    const cookieless = openBrowser(auth.origin);
    const fields = parametersOf(service, { client_id: 'own', scope: SCOPE });
    const posted = await cookieless.post('/auth/authorize', fields, {
      origin: 'https://app.example',
    });
    expect([posted.status, posted.set]).toEqual([303, []]);
    await signInAs(browser, 'ada');
    const other = openBrowser(auth.origin);
    const to = posted.to ?? '';
    expect((await browser.get(`${to}x`)).status).toBe(400);
    expect((await other.get(to)).to).toMatch(/^\/auth\/sign-in/);
    expect((await browser.get(to)).status).toBe(400);
  });

  it('gives a request that came by POST to one of the browsers that show it at once', async () => {
    const { to = '' } = await browser.post('/auth/authorize', parametersOf(service));
    const browsers = Array.from({ length: 20 }, () => openBrowser(auth.origin));
    await Promise.all(browsers.map((one) => one.get('/auth/authorize')));
    const all = await Promise.all(browsers.map((one) => one.get(to)));
    expect(all.filter(({ status }) => status === 303)).toHaveLength(1);
    const again = await Promise.all(browsers.map((one) => one.get(to)));
    expect(again.filter(({ status }) => status === 303)).toHaveLength(1);
  });

  it('ends a request after half an hour, and with its client', async () => {
    const begun = await authorize(service, browser, { client_id: 'own', scope: SCOPE });
    const resume = begun.to?.replace('sign-in', 'authorize') ?? '';
    service.pass(29 * 60);
    expect((await browser.get(resume)).to).toMatch(/^\/auth\/sign-in/);
    service.pass(2 * 60);
    expect((await browser.get(resume)).status).toBe(400);
    await newClient(service, { id: 'gone', scopes: SCOPE });
    const second = await authorize(service, browser, { client_id: 'gone', scope: SCOPE });
    await disableClient(service, 'gone');
    const late = await browser.get(second.to?.replace('sign-in', 'authorize') ?? '');
    expect([late.status, late.to]).toEqual([400, undefined]);
  });

  it('gives one code for a request however often it is resumed at once', async () => {
    const changes = { client_id: 'own', scope: SCOPE };
    const begun = await authorize(service, browser, changes);
    const resume = begun.to?.replace('sign-in', 'authorize') ?? '';
    await signInAs(browser, 'ada');
    const all = await Promise.all(Array.from({ length: 20 }, () => browser.get(resume)));
    expect(all.filter((one) => cameBack(one)?.['code'] !== undefined)).toHaveLength(1);
    expect(all.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it('binds requests by a cookie that scripts and other sites do not get', async () => {
    const { set } = await authorize(service, browser, { scope: SCOPE });
    expect(set).toEqual([
      expect.stringMatching(/^kiln-request=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect((await authorize(service, browser, { scope: SCOPE })).set).toEqual([]);
  });

  it('writes nothing of a request into the log', async () => {
    const state = 'secret-state-of-the-app';
    await authorize(service, browser, { state, scope: SCOPE });
    expect(service.lines.join('\n')).not.toContain(state);
  });
});
