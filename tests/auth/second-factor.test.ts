import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { invitationLink } from '../../server/auth/links.ts';

import type { Served, TestAuth } from '../helpers/auth.ts';
import type { Authenticator } from '../helpers/authenticator.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import {
  adaAndBob,
  answer,
  codesIn,
  openPasskeyServer,
  optionsIn,
  PASSWORD,
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

describe('the second factor', () => {
  it('leads on to where the sign-in was for', async () => {
    await withPasskey(served, 'ada', key);
    const fields = { login: 'ada', password: PASSWORD, next: '/auth/launch' };
    const { to = '' } = await browser.post('/auth/sign-in', fields);
    expect((await answer(browser, to, key)).to).toBe('/auth/launch');
  });

  it('ends a sign-in once, belongs to one browser and to ten minutes', async () => {
    const { codes } = await withPasskey(served, 'ada', key);
    const to = await toSecondFactor(browser);
    const step = new URL(to, served.origin).searchParams.get('step') ?? '';
    const thief = openBrowser(served.origin);
    await thief.get('/auth/passkey');
    expect((await thief.get(to)).status).toBe(400);
    expect((await thief.post('/auth/second-factor', { step, code: codes[0] ?? '' })).status).toBe(
      400,
    );
    const tries = codes.map((code) => browser.post('/auth/second-factor', { step, code }));
    const done = (await Promise.all(tries)).filter(({ status }) => status === 303);
    expect(done).toHaveLength(1);

    const late = await toSecondFactor(thief);
    service.pass(601);
    expect((await thief.get(late)).status).toBe(400);
  });

  it('may be a recovery code, each once, however it is typed', async () => {
    const { codes } = await withPasskey(served, 'ada', key);
    const [code = ''] = codes;
    const use = async (by: Browser, text: string): Promise<number> => {
      const to = await toSecondFactor(by);
      const step = new URL(to, served.origin).searchParams.get('step') ?? '';
      return (await by.post('/auth/second-factor', { step, code: text })).status;
    };
    expect(await use(browser, 'none of them')).toBe(400);
    expect(await use(browser, ` ${code.toUpperCase().replaceAll('-', ' ')} `)).toBe(303);
    expect(await whoIs(browser)).toMatchObject({ user: 'ada', methods: ['pwd', 'otp', 'mfa'] });
    expect(await use(openBrowser(served.origin), code)).toBe(400);
    const many = Array.from({ length: 20 }, () => openBrowser(served.origin));
    const steps: string[] = [];
    for (const one of many) {
      service.pass(10);
      steps.push(new URL(await toSecondFactor(one), served.origin).searchParams.get('step') ?? '');
    }
    const tries = many.map((one, at) =>
      one.post('/auth/second-factor', { step: steps[at] ?? '', code: codes[1] ?? '' }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 303)).toHaveLength(1);
    expect((await browser.get('/auth/account')).text).toContain('8 of them can still be used.');
  });

  it('lets guesses of codes wait', async () => {
    await withPasskey(served, 'ada', key);
    const to = await toSecondFactor(browser);
    const step = new URL(to, served.origin).searchParams.get('step') ?? '';
    const guess = async (): Promise<number> =>
      (await browser.post('/auth/second-factor', { step, code: 'aaaa-bbbb' })).status;
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push(await guess());
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
  });

  it('needs forms of own pages', async () => {
    await withPasskey(served, 'ada', key);
    const evil = { origin: 'https://evil.example' };
    for (const path of ['/auth/passkey', '/auth/second-factor', '/auth/second-factor/new']) {
      expect((await browser.post(path, {}, evil)).status, path).toBe(403);
    }
  });
});

describe('where a second factor is required', () => {
  beforeEach(() => {
    service.config.secondFactor = 'required';
  });

  it('who has none makes one before anything else', async () => {
    const { to = '' } = await typePassword(browser, 'ada');
    expect(to).toMatch(/^\/auth\/second-factor\/new\?step=/);
    expect(await whoIs(browser)).toEqual({});
    const asked = await browser.get(to);
    const response = key.create(optionsIn(asked));
    const form = { ...asked.hidden, response, name: 'Blue key' };
    const visit = await browser.post('/auth/second-factor/new', form);
    expect([visit.status, codesIn(visit.text).length]).toEqual([200, 10]);
    expect(visit.text).toContain('href="/auth/account"');
    expect(await whoIs(browser)).toMatchObject({ user: 'ada', methods: ['pwd', 'hwk', 'mfa'] });
    expect((await browser.post('/auth/second-factor/new', form)).status).toBe(400);
  });

  it('the password alone makes no second one', async () => {
    await typePassword(browser, 'ada');
    const { to: early = '' } = await typePassword(browser, 'ada');
    await (async () => {
      const other = openBrowser(served.origin);
      const asked = await other.get((await typePassword(other, 'ada')).to ?? '');
      const form = { ...asked.hidden, response: key.create(optionsIn(asked)), name: 'Blue key' };
      await other.post('/auth/second-factor/new', form);
    })();
    expect((await browser.get(early)).status).toBe(403);
    const to = (await toSecondFactor(browser)).replace('second-factor', 'second-factor/new');
    expect((await browser.get(to)).status).toBe(403);
  });

  it('the last passkey stays', async () => {
    service.config.secondFactor = 'optional';
    const { browser: at } = await withPasskey(served, 'ada', key);
    await register(at, key, { name: 'Second' });
    service.config.secondFactor = 'required';
    const [one = '', two = ''] = key.ids();
    expect((await at.post('/auth/account/passkeys/remove', { id: one })).status).toBe(303);
    expect((await at.post('/auth/account/passkeys/remove', { id: two })).status).toBe(400);
    expect((await at.get('/auth/account')).text).toContain('<h3>Second</h3>');
  });
});

describe('an invitation', () => {
  it('begins anew: passkeys and recovery codes of before are worth nothing', async () => {
    const { codes } = await withPasskey(served, 'ada', key);
    const link = await invitationLink(service, 'ada');
    const token = new URL(link ?? '').searchParams.get('token') ?? '';
    expect((await answer(openBrowser(served.origin), '/auth/passkey', key)).status).toBe(303);
    const chosen = { token, password: 'many other words', again: 'many other words' };
    expect((await browser.post('/auth/setup', chosen)).to).toBe('/auth/account');
    expect((await answer(openBrowser(served.origin), '/auth/passkey', key)).status).toBe(400);
    const left = await open.db.query({ text: 'select 1 from auth_recovery_code' });
    expect([codes.length, left.length]).toEqual([10, 0]);
  });

  it('leads to a second factor where one is required', async () => {
    service.config.secondFactor = 'required';
    const link = await invitationLink(service, 'ada');
    const token = new URL(link ?? '').searchParams.get('token') ?? '';
    const chosen = { token, password: 'many other words', again: 'many other words' };
    const { to } = await browser.post('/auth/setup', chosen);
    expect(to).toMatch(/^\/auth\/second-factor\/new\?step=/);
    expect(await whoIs(browser)).toEqual({});
  });
});
