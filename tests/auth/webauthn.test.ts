import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { disableUser } from '../../server/auth/users.ts';
import type { Served, TestAuth } from '../helpers/auth.ts';
import { type Authenticator, type Change, newAuthenticator } from '../helpers/authenticator.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import {
  adaAndBob,
  answer,
  codesIn,
  openPasskeyServer,
  optionsIn,
  type PasskeyServer,
  register,
  toSecondFactor,
  typePassword,
  whoIs,
  withPasskey,
} from '../helpers/passkeys.ts';
import type { OpenStores } from '../helpers/store.ts';

let server: PasskeyServer;
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;
let key: Authenticator;

beforeAll(async () => {
  server = await openPasskeyServer();
  ({ open, service, served } = server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  ({ browser, key } = await adaAndBob(server));
});

describe('a passkey', () => {
  it('is registered at the account, with ten recovery codes that are shown once', async () => {
    const { browser: at, codes } = await withPasskey(served, 'ada', key);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/);
    const { text } = await at.get('/auth/account');
    expect(text).toContain('<h3>Blue key</h3>');
    expect(text).toContain('not used yet');
    expect(text).toContain('10 of them can still be used.');
    expect(codesIn(text)).toEqual([]);
    expect(await whoIs(at)).toMatchObject({ methods: ['pwd', 'hwk', 'mfa'] });
    const stored = await open.db.query({ text: 'select hash::text from auth_recovery_code' });
    for (const code of codes) expect(JSON.stringify(stored)).not.toContain(code);
  });

  it('is asked for after the password, which alone signs nobody in', async () => {
    await withPasskey(served, 'ada', key);
    const to = await toSecondFactor(browser);
    expect(browser.cookies.has('kiln')).toBe(false);
    expect(await whoIs(browser)).toEqual({});
    expect((await browser.get('/auth/account')).status).toBe(303);
    const visit = await answer(browser, to, key, { verified: false });
    expect([visit.status, visit.to]).toEqual([303, '/auth/account']);
    expect(await whoIs(browser)).toMatchObject({ user: 'ada', methods: ['pwd', 'hwk', 'mfa'] });
    expect((await browser.get('/auth/account')).text).toContain('last used');
  });

  it('signs in by itself, as it proves the person too', async () => {
    await withPasskey(served, 'ada', key);
    const visit = await answer(browser, '/auth/passkey?next=/auth/launch', key);
    expect([visit.status, visit.to]).toEqual([303, '/auth/launch']);
    expect(await whoIs(browser)).toMatchObject({ user: 'ada', methods: ['hwk', 'mfa'] });
  });

  it('that may be on several devices counts as software', async () => {
    const synced = newAuthenticator(served.origin, { counts: false, synced: true });
    await withPasskey(served, 'ada', synced);
    for (const _time of [1, 2]) {
      expect((await answer(browser, '/auth/passkey', synced)).status).toBe(303);
    }
    expect(await whoIs(browser)).toMatchObject({ methods: ['swk', 'mfa'] });
  });

  it('alone is not enough where it did not prove the person', async () => {
    await withPasskey(served, 'ada', key);
    expect((await answer(browser, '/auth/passkey', key, { verified: false })).status).toBe(400);
    expect(await whoIs(browser)).toEqual({});
  });

  const unfit: [string, Change][] = [
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://localhost:1' }],
    ['a frame of another site', { crossOrigin: true }],
    ['another challenge', { challenge: 'A'.repeat(43) }],
    ['another site', { rpId: 'evil.example' }],
    ['a registration', { type: 'webauthn.create' }],
    ['another key', { forged: true }],
    ['nobody there', { present: false }],
    ['another user', { userHandle: 'AAAA' }],
    ['a counter that went back', { counter: 1 }],
  ];
  it.each(unfit)('is refused with the answer of %s', async (_case, change) => {
    await withPasskey(served, 'ada', key);
    expect((await answer(browser, '/auth/passkey', key)).status).toBe(303);
    const other = openBrowser(served.origin);
    expect((await answer(other, '/auth/passkey', key, change)).status).toBe(400);
    const to = await toSecondFactor(other);
    const visit = await answer(other, to, key, change);
    expect([visit.status, visit.text]).toEqual([400, expect.stringContaining('role="alert"')]);
    expect(await whoIs(other)).toEqual({});
    // None of it harms the passkey.
    expect((await answer(other, to, key)).status).toBe(303);
  });

  it.each(unfit.filter(([, change]) => !('forged' in change || 'userHandle' in change)))(
    'is not registered by the answer of %s',
    async (_case, { type, counter: _counter, ...change }) => {
      await typePassword(browser, 'ada');
      const wrong = { ...change, ...(type && { type: 'webauthn.get' }) };
      if (Object.keys(wrong).length === 0) return;
      const visit = await register(browser, key, { change: wrong });
      expect([visit.status, visit.text]).toEqual([400, expect.stringContaining('role="alert"')]);
      expect((await browser.get('/auth/account')).text).toContain('You have none.');
    },
  );

  it('is registered whatever its maker attests, as none of it is looked at', async () => {
    await typePassword(browser, 'ada');
    const attStmt = new Map<unknown, unknown>([
      ['alg', -7],
      ['sig', Buffer.from('none')],
      ['x5c', [Buffer.from('no certificate')]],
    ]);
    expect((await register(browser, key, { change: { fmt: 'packed', attStmt } })).status).toBe(200);
    expect((await answer(openBrowser(served.origin), '/auth/passkey', key)).status).toBe(303);
  });

  it('of another user is no second factor', async () => {
    const bobs = newAuthenticator(served.origin);
    await withPasskey(served, 'ada', key);
    await withPasskey(served, 'bob', bobs);
    const to = await toSecondFactor(browser);
    const visit = await answer(browser, to, bobs, { id: bobs.ids()[0] ?? '' });
    expect(visit.status).toBe(400);
    expect(await whoIs(browser)).toEqual({});
  });

  it('cannot be registered twice, nor for a second user', async () => {
    await withPasskey(served, 'ada', key);
    const asked = await (async () => {
      await typePassword(browser, 'bob');
      return browser.get('/auth/account/passkeys/new');
    })();
    const options = optionsIn<{ challenge: string; rp: { id: string }; user: { id: string } }>(
      asked,
    );
    const stolen = JSON.parse(key.create(options));
    expect(stolen.id).toBeTruthy();
    const form = { ...asked.hidden, name: 'one', response: JSON.stringify(stolen) };
    expect((await browser.post('/auth/account/passkeys/new', form)).status).toBe(200);
    const again = await browser.get('/auth/account/passkeys/new');
    const challenge = optionsIn<{ challenge: string }>(again).challenge;
    const client = { type: 'webauthn.create', challenge, origin: served.origin };
    stolen.response.clientDataJSON = Buffer.from(JSON.stringify(client)).toString('base64url');
    const repeated = { ...again.hidden, name: 'two', response: JSON.stringify(stolen) };
    const visit = await browser.post('/auth/account/passkeys/new', repeated);
    expect([visit.status, visit.text]).toEqual([
      400,
      expect.stringContaining('registered already'),
    ]);
  });

  it('that was removed is worth nothing', async () => {
    const { browser: at } = await withPasskey(served, 'ada', key);
    const asked = await browser.get('/auth/passkey');
    const removed = await at.post('/auth/account/passkeys/remove', { id: key.ids()[0] ?? '' });
    expect(removed.to).toBe('/auth/account?done=removed');
    const response = key.get(optionsIn(asked));
    const visit = await browser.post('/auth/passkey', { ...asked.hidden, response });
    expect(visit.status).toBe(400);
    expect((await typePassword(browser, 'ada')).to).toBe('/auth/account');
    const codes = await open.db.query({ text: 'select 1 from auth_recovery_code' });
    expect(codes).toHaveLength(0);
  });

  it('of a disabled user signs nobody in, half way through either', async () => {
    await withPasskey(served, 'ada', key);
    const to = await toSecondFactor(browser);
    const asked = await browser.get('/auth/passkey');
    await disableUser(service, 'ada');
    expect((await browser.get(to)).status).toBe(400);
    const response = key.get(optionsIn(asked));
    expect((await browser.post('/auth/passkey', { ...asked.hidden, response })).status).toBe(400);
    expect(await whoIs(browser)).toEqual({});
  });

  it('is renamed and removed by its owner only', async () => {
    const { browser: at } = await withPasskey(served, 'ada', key);
    const id = key.ids()[0] ?? '';
    await typePassword(browser, 'bob');
    for (const path of ['rename', 'remove']) {
      const visit = await browser.post(`/auth/account/passkeys/${path}`, { id, name: 'mine' });
      expect(visit.status, path).toBe(400);
    }
    expect((await at.get('/auth/account')).text).toContain('<h3>Blue key</h3>');
    const renamed = await at.post('/auth/account/passkeys/rename', { id, name: '<b>Red</b> key' });
    expect(renamed.to).toBe('/auth/account?done=renamed');
    expect((await at.get('/auth/account')).text).toContain('<h3>&lt;b&gt;Red&lt;/b&gt; key</h3>');
  });
});

describe('a page that asks for a passkey', () => {
  it('has one script, of its own server, and nothing inline', async () => {
    const { text, headers } = await browser.get('/auth/passkey');
    const [, script = ''] = /<script src="([^"]+)" defer><\/script>/.exec(text) ?? [];
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).not.toMatch(/\son\w+="/);
    const policy = headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'; require-trusted-types-for 'script'");
    const file = await browser.get(script);
    expect([file.status, file.headers.get('content-type')]).toEqual([
      ...[200, 'text/javascript; charset=utf-8'],
    ]);
    const signIn = await browser.get('/auth/sign-in');
    expect(signIn.text).toContain('href="/auth/passkey"');
    expect(signIn.headers.get('content-security-policy')).not.toContain('script-src');
  });

  it('is offered only where passkeys work', async () => {
    const { origin } = service.config;
    service.config.origin = 'https://192.0.2.1';
    try {
      expect((await browser.get('/auth/sign-in')).text).not.toContain('passkey');
      expect((await browser.get('/auth/passkey?next=/auth/launch')).to).toBe(
        '/auth/sign-in?next=%2Fauth%2Flaunch',
      );
    } finally {
      service.config.origin = origin;
    }
  });
});
