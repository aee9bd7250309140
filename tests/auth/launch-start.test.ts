import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { disableClient } from '../../server/auth/clients.ts';
import { useLaunch } from '../../server/auth/launch.ts';
import { routes } from '../../server/auth/launch-start.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { formsOf, press, wordsOf } from '../helpers/forms.ts';
import { signInAs, signInProbe } from '../helpers/smart.ts';
import { actor, type OpenStores, openStores, put } from '../helpers/store.ts';

const LAUNCH = 'https://app.example/launch';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;
let asked: { id: string; user: { id: string } };

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes, [signInProbe]);
  await open.stores[0].commit(actor, [
    put({ resourceType: 'Patient', id: 'p1', gender: 'female', name: [{ text: 'Anna Moss' }] }),
    put({ resourceType: 'Patient', id: 'p2', gender: 'male', name: [{ text: 'Carl Moss' }] }),
    put({
      ...{ resourceType: 'Encounter', id: 'e1', status: 'finished', class: { code: 'AMB' } },
      subject: { reference: 'Patient/p1' },
    }),
  ]);
  const rules = [
    { types: ['Patient'], interactions: 'rs', criteria: 'gender=female' },
    { types: ['Encounter'], interactions: 'rs' },
  ];
  await saveRole(service, { name: 'Women', title: 'Women', rules, shipped: false });
  await newClient(service, { id: 'app', name: 'Chart', launchUris: [LAUNCH, `${LAUNCH}?two=2`] });
  await newClient(service, { id: 'standalone', name: 'Standalone', launchUris: [] });
  await newClient(service, { id: 'gone', name: 'Gone' });
  await disableClient(service, 'gone');
  await newUser(service, { id: 'ada', roles: ['Women'] });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  browser = openBrowser(served.origin);
  asked = { id: await signInAs(browser, 'ada'), user: { id: 'ada' } };
});

describe('/auth/launch', () => {
  it('asks who comes to sign in first', async () => {
    const nobody = openBrowser(served.origin);
    for (const visit of [
      await nobody.get('/auth/launch'),
      await nobody.post('/auth/launch', { patient: 'p1', client_id: 'app' }),
    ]) {
      expect([visit.status, visit.to]).toEqual([303, '/auth/sign-in?next=/auth/launch']);
    }
  });

  it('leads from the record to the app, with iss and a launch of this session', async () => {
    const patients = await browser.get('/auth/launch');
    expect(wordsOf(patients.text)).not.toContain('Carl');
    const apps = await press(browser, patients, { press: 'Anna' });
    expect(apps.headers.get('content-security-policy')).toContain(
      "form-action 'self' https://app.example;",
    );
    const labels = formsOf(apps).flatMap(({ buttons }) => buttons.map(({ label }) => label));
    expect(labels).toEqual(['Chart']);
    const { to = '', status } = await press(browser, apps, { press: 'Chart' });
    const url = new URL(to);
    expect([status, url.origin + url.pathname]).toEqual([303, LAUNCH]);
    expect(url.searchParams.get('iss')).toBe(service.config.base);
    const launch = url.searchParams.get('launch') ?? '';
    const found = await useLaunch(service, { launch, clientId: 'app', session: asked });
    expect(found).toEqual({ patient: 'p1' });
  });

  it('takes the encounter, the intent and one of several launch URLs', async () => {
    const { to = '' } = await browser.post('/auth/launch', {
      ...{ patient: 'p1', client_id: 'app', encounter: 'e1', intent: 'order' },
      launch_uri: `${LAUNCH}?two=2`,
    });
    expect(to).toMatch(/^https:\/\/app\.example\/launch\?two=2&iss=/);
    const launch = new URL(to).searchParams.get('launch') ?? '';
    const found = await useLaunch(service, { launch, clientId: 'app', session: asked });
    expect(found).toEqual({ patient: 'p1', encounter: 'e1', intent: 'order' });
  });

  it.each([
    ['a patient they may not see', { patient: 'p2', client_id: 'app' }],
    ['no such patient', { patient: 'p9', client_id: 'app' }],
    ['an encounter that is not there', { patient: 'p1', encounter: 'e9', client_id: 'app' }],
    ['an app without a launch URL', { patient: 'p1', client_id: 'standalone' }],
    ['a disabled app', { patient: 'p1', client_id: 'gone' }],
    ['another launch URL', { patient: 'p1', client_id: 'app', launch_uri: 'https://evil.example' }],
  ])('starts nothing for %s', async (_name, fields) => {
    const visit = await browser.post('/auth/launch', { ...fields });
    expect([visit.status, visit.to]).toEqual([400, undefined]);
    expect(visit.text).toContain('role="alert"');
  });

  it('starts nothing for a form of another site', async () => {
    const fields = { patient: 'p1', client_id: 'app' };
    const foreign = { origin: 'https://evil.example' };
    expect((await browser.post('/auth/launch', fields, foreign)).status).toBe(403);
  });
});
