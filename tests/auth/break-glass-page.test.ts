import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byKiln } from '../../server/auth/audit.ts';
import { endGlass } from '../../server/auth/break-glass-store.ts';
import { endSessionsOf } from '../../server/auth/sessions.ts';
import { setPassword } from '../../server/auth/users.ts';
import { CALLBACK, postForm, VERIFIER } from '../helpers/auth.ts';
import { hospital, noted, REASON, staff } from '../helpers/break-glass.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { follow, formsOf, press, wordsOf } from '../helpers/forms.ts';
import type { Answer } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';
import { authorize, cameBack } from '../helpers/smart.ts';

/** Breaking the glass in a launch, as a person with a browser does it. */

const PASSWORD = 'correct horse battery';
const SCOPE = 'openid fhirUser offline_access launch/patient patient/*.rs user/*.rs';
const LINK = 'Patient not listed? Emergency access';
let server: Secured;
let browser: Browser;

beforeAll(async () => {
  server = await startSecured();
  await server.seed(hospital);
  await staff(server.service);
  for (const id of ['ada', 'nina']) await setPassword(server.service, id, PASSWORD);
});
afterAll(() => server.stop());
beforeEach(() => {
  browser = openBrowser(server.service.config.origin);
  server.service.pass(3600);
});

/** The picker of somebody who signed in for this launch. */
async function picker(user = 'ada', client = 'app'): Promise<Visit> {
  const wish = { scope: SCOPE, client_id: client };
  const signIn = await follow(browser, await authorize(server.service, browser, wish));
  const fill = { login: user, password: PASSWORD };
  return follow(browser, await press(browser, signIn, { press: 'Sign in', fill }));
}
const linkOn = ({ text }: Visit): string | undefined =>
  /<a href="(\/auth\/break-glass[^"]*)"/.exec(text)?.[1];
const form = async (at?: Visit): Promise<Visit> =>
  browser.get(linkOn(at ?? (await picker())) ?? '/nowhere');
const filled = { patient: 'urn:mrn|MRN-p1', reason: REASON, password: PASSWORD };
const send = async (at: Visit, changes: Record<string, string> = {}): Promise<Visit> =>
  follow(
    browser,
    await press(browser, at, { press: 'Record this', fill: { ...filled, ...changes } }),
  );
const open = async (at: Visit): Promise<Visit> =>
  follow(browser, await press(browser, at, { press: 'Open this record' }));
const allow = (at: Visit): Promise<Visit> => press(browser, at, { press: 'Allow what is ticked' });
const exchange = (back: Visit, client_id = 'app'): Promise<Answer> =>
  postForm(`${server.service.config.origin}/auth/token`, {
    ...{ grant_type: 'authorization_code', client_id, redirect_uri: CALLBACK },
    ...{ code: cameBack(back)?.['code'] ?? '', code_verifier: VERIFIER },
  });
const glasses = async (): Promise<number> => {
  const text = 'select count(*)::int4 from auth_break_glass';
  const [row] = await server.service.db.tuples<[number]>({ text });
  return row?.[0] ?? 0;
};

describe('emergency access in a launch', () => {
  it('leads from the picker to a token for that one patient, for half an hour', async () => {
    const start = await picker();
    expect(wordsOf(start.text)).toContain(LINK);
    const asked = await form(start);
    expect(wordsOf(asked.text)).toContain('Emergency access is reviewed');
    const shown = await send(asked);
    expect(wordsOf(shown.text)).toContain('Patient: Name of p1 , born 1980-04-05');
    expect(wordsOf(shown.text)).toContain('Emergency access is reviewed');
    const consent = await open(shown);
    const words = wordsOf(consent.text);
    expect(words).toContain('Patient: Name of p1');
    expect(words).toContain('Emergency access is reviewed');
    expect(words).not.toContain('All patients you may see');
    expect(words).not.toMatch(/while you are not signed in|goes on/);
    const { status, json } = await exchange(await allow(consent));
    expect([status, json]).toMatchObject([
      200,
      { patient: 'p1', scope: 'openid fhirUser launch/patient patient/*.rs' },
    ]);
    expect(json['refresh_token']).toBeUndefined();
    expect(Number(json['expires_in'])).toBeLessThanOrEqual(1800);
    const token = String(json['access_token']);
    for (const [url, expected] of [
      ...[['Patient/p1', 200] as const, ['Observation/o-p1', 200] as const],
      ...[['Patient/p2', 404] as const, ['Patient/mine', 404] as const],
    ]) {
      expect([url, (await server.as(token, url)).status]).toEqual([url, expected]);
    }
    server.service.pass(1801);
    expect((await server.as(token, 'Patient/p1')).status).toBe(401);
  });

  it('is offered to nobody whose roles give nothing in emergencies', async () => {
    const start = await picker('nina');
    expect(wordsOf(start.text)).not.toContain(LINK);
    const { handle = '' } = start.hidden;
    const forced = await browser.get(`/auth/break-glass?handle=${handle}`);
    expect(forced.to).toBe(`/auth/authorize?handle=${handle}`);
    const before = await glasses();
    await browser.post('/auth/break-glass/begin', { handle, ...filled });
    expect(await glasses()).toBe(before);
  });

  it.each([
    ['a short reason', { reason: 'because' }, 'Say why, in 10 to 500 characters.'],
    ['no reason', { reason: '' }, 'Say why, in 10 to 500 characters.'],
    ['no patient', { patient: ' ' }, 'Enter the number of the patient.'],
    ['a wrong password', { password: 'not mine at all' }, 'This is not your password.'],
    ['no password', { password: '' }, 'This is not your password.'],
    ['a patient that is none', { patient: 'MRN-p' }, 'There is no patient with this number'],
    ['a number of two', { patient: 'MRN-p2' }, 'There is no patient with this number'],
    ['a merged record', { patient: 'merged' }, 'There is no patient with this number'],
  ])('shows nobody for %s', async (_, changes, text) => {
    const before = await glasses();
    const shown = await send(await form(), changes);
    expect(shown.status).toBe(400);
    expect(wordsOf(shown.text)).toContain(text);
    expect(shown.text).not.toMatch(/Name of|1980/);
    expect(await glasses()).toBe(before);
    // What was typed is still there, but for the password.
    expect(formsOf(shown)[0]?.fields).toMatchObject({ password: '' });
  });

  it('shows the patient only once the reason is written down', async () => {
    const asked = await form();
    const { handle = '' } = asked.hidden;
    const early = await follow(
      browser,
      await browser.get(`/auth/break-glass/confirm?handle=${handle}`),
    );
    expect(early.text).not.toMatch(/Name of p1|1980/);
    const before = (await noted(server, 'breakGlass')).length;
    await send(asked);
    const [began] = (await noted(server, 'breakGlass')).slice(before);
    expect(began).toMatchObject({
      ...{ outcome: 0, about: { type: 'Patient', id: 'p1' } },
      agent: { user: { id: 'ada' }, client: { id: 'app' }, purpose: 'BTG' },
    });
    expect(Object.fromEntries(began?.detail?.pairs ?? [])['reason']).toBe(REASON);
    const [seen] = (await noted(server, 'search')).reverse();
    expect(seen).toMatchObject({ patients: ['Patient/p1'], agent: { purpose: 'BTG' } });
  });

  it('goes back where it is another patient, and that is kept', async () => {
    const before = await glasses();
    const shown = await send(await form());
    const back = await follow(browser, await press(browser, shown, { press: 'This is another' }));
    expect(wordsOf(back.text)).toContain('Pick a patient');
    expect(await glasses()).toBe(before + 1);
    const [ended] = (await noted(server, 'breakGlass')).reverse();
    expect(ended?.detail?.text).toBe('it was another patient');
    const { handle = '' } = shown.hidden;
    const again = await browser.post('/auth/break-glass/confirm', { handle, answer: 'open' });
    expect((await follow(browser, again)).text).not.toContain('Allow what is ticked');
  });

  it('is written down once, however often the form is sent', async () => {
    const asked = await form();
    const { handle = '' } = asked.hidden;
    const before = await glasses();
    const all = await Promise.all(
      Array.from({ length: 5 }, () =>
        browser.post('/auth/break-glass/begin', { handle, ...filled }),
      ),
    );
    expect(all.map(({ to }) => to)).toEqual(
      Array(5).fill(`/auth/break-glass/confirm?handle=${handle}`),
    );
    expect(await glasses()).toBe(before + 1);
  });

  it('is over where the user signs out before the end', async () => {
    const consent = await open(await send(await form()));
    await endSessionsOf(server.service, 'ada');
    const late = await allow(consent);
    const page = await follow(browser, late);
    const fill = { login: 'ada', password: PASSWORD };
    const after = await follow(browser, await press(browser, page, { press: 'Sign in', fill }));
    const back = await allow(after);
    expect(cameBack(back)).toMatchObject({ error: 'access_denied' });
    expect(cameBack(back)?.['code']).toBeUndefined();
  });

  it('is over where somebody who reviews it ends it before the end', async () => {
    const consent = await open(await send(await form()));
    const [began] = (await noted(server, 'breakGlass')).reverse();
    const ended = await endGlass(server.service, began?.agent.grant ?? '', {
      ...{ by: byKiln, why: 'test' },
    });
    expect(ended).toBe(true);
    expect(cameBack(await allow(consent))).toMatchObject({ error: 'access_denied' });
  });

  it('is over where the time is, before the end', async () => {
    const consent = await open(await send(await form()));
    server.service.pass(1799);
    const back = await allow(consent);
    // The session is as old as that, too: whatever comes, it is no token.
    server.service.pass(2);
    expect((await exchange(back)).status).toBe(400);
  });

  it('leaves nothing of it where another patient is picked after all', async () => {
    const consent = await open(await send(await form()));
    const { handle = '' } = consent.hidden;
    const list = await browser.get(`/auth/pick-patient?handle=${handle}`);
    const mine = await follow(browser, await press(browser, list, { press: 'Name of mine' }));
    expect(wordsOf(mine.text)).not.toContain('Emergency');
    const { json } = await exchange(await allow(mine));
    const token = String(json['access_token']);
    expect(json['patient']).toBe('mine');
    expect((await server.as(token, 'Patient/p1')).status).toBe(404);
    expect((await server.as(token, 'Patient/mine')).status).toBe(200);
  });

  it('works for apps of the hospital, which ask for no consent', async () => {
    const back = await open(await send(await form(await picker('ada', 'ward'))));
    const { json } = await exchange(back, 'ward');
    expect(json).toMatchObject({ patient: 'p1', scope: expect.not.stringContaining('offline') });
    expect((await server.as(String(json['access_token']), 'Observation/o-p1')).status).toBe(200);
  });

  it('lets the visits of that patient be picked', async () => {
    const wish = { scope: 'launch/patient launch/encounter patient/*.rs', client_id: 'app' };
    const { service } = server;
    const signIn = await follow(browser, await authorize(service, browser, wish));
    const fill = { login: 'ada', password: PASSWORD };
    const list = await follow(browser, await press(browser, signIn, { press: 'Sign in', fill }));
    const visits = await open(await send(await form(list)));
    expect(wordsOf(visits.text)).toContain('Visit of p1');
  });
});

describe('the pages', () => {
  it('label each field, tie errors to it, and work without script', async () => {
    const shown = await send(await form(), { reason: 'no', patient: '' });
    for (const name of ['patient', 'reason', 'password']) {
      expect(shown.text).toContain(`<label for="${name}">`);
    }
    expect(shown.text).toMatch(/<input id="reason"[^>]*aria-invalid="true"/);
    expect(shown.text).toContain('<a href="#reason">');
    expect(shown.text).not.toContain('<script');
    expect(shown.headers.get('cache-control')).toBe('no-store');
    expect(shown.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('take no form of another site', async () => {
    const asked = await form();
    const { handle = '' } = asked.hidden;
    const before = await glasses();
    const headers = { origin: 'https://evil.example' };
    const forged = await browser.post('/auth/break-glass/begin', { handle, ...filled }, headers);
    expect(forged.status).toBe(403);
    expect(await glasses()).toBe(before);
  });
});
