import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { usePasskey } from '../../server/auth/passkeys.ts';

import type { Served, TestAuth } from '../helpers/auth.ts';
import { type Authenticator, newAuthenticator } from '../helpers/authenticator.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import {
  adaAndBob,
  answer,
  openPasskeyServer,
  optionsIn,
  type PasskeyServer,
  toSecondFactor,
  typePassword,
  withPasskey,
} from '../helpers/passkeys.ts';

let server: PasskeyServer;
let service: TestAuth;
let served: Served;
let browser: Browser;
let key: Authenticator;

beforeAll(async () => {
  server = await openPasskeyServer();
  ({ service, served } = server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  ({ browser, key } = await adaAndBob(server));
});

describe('a challenge', () => {
  it('is good once, however many try with it at the same time', async () => {
    const synced = newAuthenticator(served.origin, { counts: false, synced: true });
    await withPasskey(served, 'ada', synced);
    const asked = await browser.get('/auth/passkey');
    const response = synced.get(optionsIn(asked));
    const tries = Array.from({ length: 20 }, () =>
      browser.post('/auth/passkey', { ...asked.hidden, response }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array(19).fill(400)]);
    expect((await browser.post('/auth/passkey', { ...asked.hidden, response })).status).toBe(400);
  });

  it('is used up by an answer that does not fit', async () => {
    await withPasskey(served, 'ada', key);
    const asked = await browser.get('/auth/passkey');
    const forged = key.get(optionsIn(asked), { forged: true });
    expect(
      (await browser.post('/auth/passkey', { ...asked.hidden, response: forged })).status,
    ).toBe(400);
    const response = key.get(optionsIn(asked));
    expect((await browser.post('/auth/passkey', { ...asked.hidden, response })).status).toBe(400);
  });

  it('belongs to one browser, one purpose and five minutes', async () => {
    await withPasskey(served, 'ada', key);
    const post = async (by: Browser, asked: { hidden: Record<string, string>; text: string }) =>
      (
        await by.post('/auth/passkey', {
          ...asked.hidden,
          response: key.get(optionsIn(asked as never)),
        })
      ).status;
    const thief = openBrowser(served.origin);
    await thief.get('/auth/passkey');
    expect(await post(thief, await browser.get('/auth/passkey'))).toBe(400);
    const late = await browser.get('/auth/passkey');
    service.pass(301);
    expect(await post(browser, late)).toBe(400);
    const other = await browser.get(await toSecondFactor(browser));
    expect(await post(browser, other)).toBe(400);
    expect(await post(browser, await browser.get('/auth/passkey'))).toBe(303);
  });

  it('of one page is nothing to another that asks the same user', async () => {
    await withPasskey(served, 'ada', key);
    await answer(browser, '/auth/passkey', key);
    const other = optionsIn(await browser.get('/auth/account/passkeys/new'));
    const to = await toSecondFactor(browser);
    const { hidden } = await browser.get(to);
    const response = key.get({ challenge: other.challenge, rpId: 'localhost' });
    const form = { ...hidden, challenge: other.challenge, response };
    expect((await browser.post('/auth/second-factor', form)).status).toBe(400);
    expect((await answer(browser, to, key)).status).toBe(303);
  });

  it('for one user is nothing to another in the same browser', async () => {
    await typePassword(browser, 'ada');
    const asked = await browser.get('/auth/account/passkeys/new');
    await typePassword(browser, 'bob');
    const form = { ...asked.hidden, response: key.create(optionsIn(asked)), name: 'Key' };
    expect((await browser.post('/auth/account/passkeys/new', form)).status).toBe(400);
  });

  it('of each of many answers with one count is taken once', async () => {
    await withPasskey(served, 'ada', key);
    const visits = Array.from({ length: 10 }, () => openBrowser(served.origin));
    const asked = await Promise.all(visits.map((one) => one.get('/auth/passkey')));
    const answers = asked.map((page) => key.get(optionsIn(page), { counter: 7 }));
    const tries = visits.map((one, at) =>
      one.post('/auth/passkey', { ...asked[at]?.hidden, response: answers[at] ?? '' }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array(9).fill(400)]);
  });
});

describe('usePasskey()', () => {
  it('takes each count once, and none that is lower', async () => {
    await withPasskey(served, 'ada', key);
    const use = (counter: number): Promise<boolean> =>
      usePasskey(service, { id: key.ids()[0] ?? '', counter });
    const tries = await Promise.all(Array.from({ length: 20 }, () => use(7)));
    expect(tries.filter(Boolean)).toHaveLength(1);
    expect([await use(7), await use(6), await use(0), await use(8)]).toEqual([
      ...[false, false, false, true],
    ]);
  });
});
