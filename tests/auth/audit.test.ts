import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRow } from '../../server/audit/audit.ts';
import type { By } from '../../server/auth/audit.ts';
import { endUpstreamSessions } from '../../server/auth/sessions.ts';
import { setPassword } from '../../server/auth/users.ts';
import { callJson, tokenBy } from '../helpers/admin.ts';
import { type Audited, audited, only, pairsOf, said } from '../helpers/audited.ts';
import {
  CALLBACK,
  newClient,
  newConfidential,
  newSession,
  newUser,
  postForm,
  VERIFIER,
} from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { follow, press } from '../helpers/forms.ts';
import type { Answer } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';
import { authorize, cameBack } from '../helpers/smart.ts';

/** What the journal says of real flows over HTTP, and what it must never say. */

const PASSWORD = 'correct horse battery';
const WRONG = 'incorrect horse battery';
const SECRET = 'a-secret-of-the-gateway';
const SCOPE = 'openid fhirUser offline_access launch/patient patient/*.rs';
let server: Secured;
let browser: Browser;
let origin: string;
let admin: string;
let journal: Audited;
const secret = (text: unknown): string => journal.secret(text);
const events = (): Promise<AuditRow[]> => journal.events();

beforeAll(async () => {
  server = await startSecured();
  journal = audited(server);
  for (const one of [PASSWORD, WRONG]) secret(one);
  const { service } = server;
  ({ origin } = service.config);
  await server.seed([{ resourceType: 'Patient', id: 'p1', name: [{ text: 'Name of p1' }] }]);
  browser = openBrowser(origin);
  await newClient(service, { id: 'app', name: 'Chart', scopes: `${SCOPE} launch` });
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newConfidential(service, {
    ...{ id: 'gateway', grants: ['client_credentials'], scopes: 'system/*.rs' },
  });
  await newUser(service, { id: 'ada', name: 'Ada', roles: ['Superuser'] });
  await newUser(service, { id: 'root', name: 'Root', roles: ['Admin'] });
  await setPassword(service, 'ada', PASSWORD);
  // The key that signs id_tokens is made when it is first asked for.
  await browser.get('/auth/jwks');
});
afterAll(() => server.stop());
beforeEach(async () => {
  browser = openBrowser(origin);
  server.service.pass(600);
  const wish = { clientId: 'console', userId: 'root', scope: 'user/*.cruds' };
  admin = secret(await tokenBy(server.service, wish));
  await journal.mark();
});

const keepCookies = (): void => {
  for (const value of browser.cookies.values()) secret(value);
};
async function signIn(at: Visit, password = PASSWORD): Promise<Visit> {
  const fill = { login: 'ada', password };
  const done = await press(browser, at, { press: 'Sign in', fill });
  keepCookies();
  return follow(browser, done);
}
/** A whole launch, up to the redirect to the app. */
async function launch(): Promise<Visit> {
  const patients = await signIn(
    await follow(browser, await authorize(server.service, browser, { scope: SCOPE })),
  );
  secret(new URL(patients.hidden['handle'] ?? '', origin).pathname.slice(1));
  const consent = await follow(browser, await press(browser, patients, { press: 'Name of p1' }));
  return press(browser, consent, { press: 'Allow what is ticked' });
}
const exchange = (code: string, more: Record<string, string> = {}): Promise<Answer> =>
  postForm(`${origin}/auth/token`, {
    ...{ grant_type: 'authorization_code', client_id: 'app', redirect_uri: CALLBACK },
    ...{ code: secret(code), code_verifier: secret(VERIFIER), ...more },
  });
const refresh = (token: string): Promise<Answer> =>
  postForm(`${origin}/auth/token`, {
    ...{ grant_type: 'refresh_token', client_id: 'app', refresh_token: secret(token) },
  });
/** The tokens of an answer, noted as secrets. */
const tokensOf = ({ json }: Answer): { access: string; refresh: string; identity: string } => ({
  identity: secret(json['id_token']),
  access: secret(json['access_token']),
  refresh: secret(json['refresh_token']),
});

describe('signing in', () => {
  it('is noted, and signing out', async () => {
    await signIn(await browser.get('/auth/sign-in'));
    await press(browser, await browser.get('/auth/sign-out'), { press: 'Sign out' });
    const all = await events();
    expect(said(all)).toEqual(['login 0 signed in', 'logout 0 signed out']);
    for (const { agent } of all) {
      expect(agent).toEqual({
        ...{ kind: 'user', address: '127.0.0.1' },
        user: { id: 'ada', name: 'Ada', fhirUser: 'Practitioner/ada' },
      });
    }
    expect(pairsOf(all[0])).toMatchObject({ methods: 'pwd', session: expect.any(String) });
    expect(pairsOf(all[1])).toEqual({ session: pairsOf(all[0])['session'], user: 'ada' });
  });

  it('is noted where it fails, for whom only where there is such a user', async () => {
    await signIn(await browser.get('/auth/sign-in'), WRONG);
    const fill = { login: secret('my password by mistake'), password: WRONG };
    await press(browser, await browser.get('/auth/sign-in'), { press: 'Sign in', fill });
    const all = await events();
    expect(said(all)).toEqual(Array(2).fill('login 4 user name or password is wrong'));
    expect(all.map(pairsOf)).toEqual([{ user: 'ada' }, {}]);
    expect(all[0]?.agent).toEqual({ kind: 'anonymous', address: '127.0.0.1' });
  });

  it('is noted where the password is changed, and all browsers are signed out', async () => {
    await newUser(server.service, { id: 'dora', name: 'Dora', roles: [] });
    await setPassword(server.service, 'dora', PASSWORD);
    const fill = { login: 'dora', password: PASSWORD };
    const next = await browser.get('/auth/sign-in');
    await press(browser, next, { press: 'Sign in', fill });
    const chosen = secret('another good and long one');
    await press(browser, await browser.get('/auth/account'), {
      ...{ press: 'Change the password' },
      fill: { current: PASSWORD, password: chosen, again: chosen },
    });
    await press(browser, await browser.get('/auth/account'), { press: 'Sign out in all browsers' });
    const all = (await events()).filter(({ agent }) => agent.user?.id === 'dora');
    expect(said(all)).toEqual([
      ...['login 0 signed in', 'password 0 password changed by its owner'],
      ...['login 0 the session was renewed', 'logout 0 signed out in all browsers'],
    ]);
  });

  it('is noted where the identity provider ends it', async () => {
    const by: By = {
      agent: { kind: 'client', client: { id: 'https://idp.example', name: 'IdP' } },
    };
    const id = await newSession(server.service, 'ada');
    const issuer = 'https://idp.example';
    await server.service.db.execute(
      { text: 'update auth_session set issuer = $2, idp_session = $3 where id = $1' },
      [id, issuer, 'sid-1'],
    );
    await endUpstreamSessions(server.service, { issuer, sid: 'sid-1', by });
    const [ended] = only(await events(), 'logout');
    expect(ended?.detail?.text).toBe('back-channel logout of the identity provider');
    expect(ended?.agent.client?.id).toBe(issuer);
    expect(pairsOf(ended)).toEqual({ session: id, user: 'ada' });
  });

  it('is noted where it is locked out for a while', async () => {
    for (let i = 0; i < 7; i++) await signIn(await browser.get('/auth/sign-in'), WRONG);
    expect(said(await events())).toContain('login 4 locked out for a while: too many attempts');
  });

  it('is noted with an invitation, and the password', async () => {
    const made = await callJson(`${origin}/admin/users`, {
      ...{ method: 'POST', token: admin },
      body: { login: 'eve', name: 'Eve', roles: ['Nurse'] },
    });
    const link = new URL(String(made.json['invitation']));
    secret(link.searchParams.get('token'));
    const form = await browser.get(`${link.pathname}${link.search}`);
    const fill = { password: secret('a new and long one'), again: 'a new and long one' };
    await press(browser, form, { press: 'Set the password', fill });
    await browser.post('/auth/setup', { token: link.searchParams.get('token') ?? '', ...fill });
    keepCookies();
    const all = await events();
    expect(said(all)).toEqual([
      'administration 0 user created',
      'password 0 password set with a one-time link',
      'login 0 signed in',
      'login 4 a one-time link was used before, is too old or none',
    ]);
    expect(all[0]?.agent.user?.id).toBe('root');
    expect(pairsOf(all[0])).toMatchObject({ login: 'eve', roles: '["Nurse"]' });
    expect(all[1]?.agent.user?.name).toBe('Eve');
  });
});

describe('a launch', () => {
  it('is noted from signing in to the tokens', async () => {
    const { access } = tokensOf(await exchange(cameBack(await launch())?.['code'] ?? ''));
    expect(access).not.toBe('');
    const all = (await events()).filter(({ kind }) => kind !== 'search');
    expect(said(all)).toEqual(['login 0 signed in', 'consent 0 the user agreed', 'token 0']);
    const [, agreed, issued] = all;
    expect(agreed?.about).toMatchObject({ type: 'Patient', id: 'p1' });
    expect(issued?.about).toMatchObject({ type: 'Patient', id: 'p1' });
    expect(issued?.agent).toMatchObject({
      kind: 'user',
      user: { id: 'ada' },
      client: { id: 'app' },
    });
    const { grant } = pairsOf(agreed);
    expect(issued?.agent.grant).toBe(grant);
    expect(pairsOf(issued)).toEqual({
      ...{ grant_type: 'authorization_code', client: 'app', user: 'ada', grant },
      scope: expect.stringContaining('patient/*.rs'),
    });
  });

  it('is noted where the user picks a patient: what they saw', async () => {
    await launch();
    const searches = only(await events(), 'search');
    expect(searches.length).toBeGreaterThan(0);
    for (const { agent } of searches) expect(agent.user?.id).toBe('ada');
  });

  it('is noted where it is refused, and where the user does not agree', async () => {
    await authorize(server.service, browser, { scope: SCOPE, aud: 'https://evil.example' });
    await authorize(server.service, browser, { client_id: 'nobody' });
    const patients = await signIn(
      await follow(browser, await authorize(server.service, browser, { scope: SCOPE })),
    );
    await press(browser, patients, { press: 'Cancel' });
    const all = (await events()).filter(({ kind }) => kind !== 'search' && kind !== 'login');
    expect(said(all).sort()).toEqual([
      'consent 4 access_denied: The user did not agree.',
      'launch 4 The app that sent you here is not registered with this server.',
      'launch 4 invalid_request: aud is not the FHIR base URL of this server.',
    ]);
    const denied = all.find(({ kind }) => kind === 'consent');
    expect(denied?.agent).toMatchObject({ user: { id: 'ada' }, client: { id: 'app' } });
  });

  it('is noted where it begins at a record', async () => {
    await signIn(await browser.get('/auth/sign-in?next=/auth/launch'));
    const apps = await browser.post('/auth/launch', { patient: 'p1', client_id: 'app' });
    secret(new URL(apps.to ?? '').searchParams.get('launch'));
    const [started] = only(await events(), 'launch');
    expect(started).toMatchObject({
      outcome: 0,
      about: { id: 'p1' },
      agent: { user: { id: 'ada' } },
    });
    expect(pairsOf(started)).toEqual({ client: 'app' });
  });
});

describe('tokens', () => {
  it('are noted by refresh, and what ends where one is used again', async () => {
    const first = tokensOf(await exchange(cameBack(await launch())?.['code'] ?? ''));
    const second = tokensOf(await refresh(first.refresh));
    expect((await refresh(first.refresh)).status).toBe(400);
    expect((await refresh(second.refresh)).status).toBe(400);
    const all = (await events()).filter(({ kind }) => kind === 'token' || kind === 'revoke');
    const refused =
      'token 4 invalid_grant: The refresh token has expired, was used or revoked, or was issued to another client.';
    expect(said(all)).toEqual([
      ...['token 0', 'token 0', 'revoke 0 a refresh token was used again', refused, refused],
    ]);
    const [, renewed, revoked] = all;
    expect(pairsOf(renewed)).toMatchObject({ grant_type: 'refresh_token', user: 'ada' });
    expect(pairsOf(revoked)).toEqual({
      grant: pairsOf(renewed)['grant'],
      client: 'app',
      user: 'ada',
    });
    expect(revoked?.about).toMatchObject({ type: 'Patient', id: 'p1' });
  });

  it('end where a code is used again, or by another client', async () => {
    const code = cameBack(await launch())?.['code'] ?? '';
    tokensOf(await exchange(code));
    await exchange(code);
    browser = openBrowser(origin);
    const other = cameBack(await launch())?.['code'] ?? '';
    await exchange(other, { redirect_uri: 'https://other.example/' });
    const all = only(await events(), 'revoke');
    expect(said(all)).toEqual([
      'revoke 0 a code was used again',
      'revoke 0 its code came from another client, redirect_uri or verifier',
    ]);
    expect(only(await events(), 'token').map(({ outcome }) => outcome)).toEqual([0, 4, 4]);
  });

  it('of systems are noted, and clients that do not prove themselves', async () => {
    const wish = { grant_type: 'client_credentials' };
    tokensOf(await postForm(`${origin}/auth/token`, wish, { basic: 'gateway:secret' }));
    await postForm(`${origin}/auth/token`, wish, { basic: `gateway:${secret(SECRET)}` });
    await postForm(`${origin}/auth/token`, { client_secret: secret('x'.repeat(40)) });
    await postForm(
      `${origin}/auth/token`,
      { ...wish, scope: 'system/*.cruds?x=y' },
      { basic: 'gateway:secret' },
    );
    const all = await events();
    expect(said(all)).toEqual([
      'token 0',
      'token 4 invalid_client: The client is unknown or disabled, or did not prove itself as it is registered to.',
      'token 4 invalid_request',
      'token 4 invalid_scope: None of these scopes is registered for this client.',
    ]);
    expect(all[0]?.agent).toMatchObject({ kind: 'client', client: { id: 'gateway' } });
    expect(pairsOf(all[0])).toMatchObject({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
    });
    expect(all[1]?.agent).toEqual({ kind: 'anonymous', address: '127.0.0.1' });
    expect(all[3]?.agent.client?.id).toBe('gateway');
  });

  it('are noted where they are looked at and given up', async () => {
    const { access } = tokensOf(await exchange(cameBack(await launch())?.['code'] ?? ''));
    const basic = { basic: 'gateway:secret' };
    await postForm(`${origin}/auth/introspect`, { token: access }, basic);
    await postForm(`${origin}/auth/revoke`, { token: access, client_id: 'app' });
    await postForm(`${origin}/auth/introspect`, { token: access }, basic);
    const all = (await events()).filter(({ kind }) => kind === 'introspect' || kind === 'revoke');
    expect(all.map(({ kind }) => kind)).toEqual(['introspect', 'revoke', 'introspect']);
    const [looked, revoked, dead] = all;
    expect(looked?.agent.client?.id).toBe('gateway');
    expect(pairsOf(looked)).toMatchObject({ active: 'true', client: 'app', user: 'ada' });
    expect(revoked?.agent).toMatchObject({ client: { id: 'app' }, user: { id: 'ada' } });
    expect(revoked?.detail?.text).toBe('the app gave up its access token');
    expect(pairsOf(dead)).toEqual({ active: 'false' });
  });

  it('end by the user at the account page', async () => {
    tokensOf(await exchange(cameBack(await launch())?.['code'] ?? ''));
    const account = await browser.get('/auth/account');
    await press(browser, account, { press: 'Take access away' });
    const [revoked] = only(await events(), 'revoke');
    expect(revoked?.agent.user?.id).toBe('ada');
    expect(pairsOf(revoked)).toMatchObject({ client: 'app', user: 'ada' });
  });
});

it('holds no secret in any column', () => journal.expectNoSecret());
