import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AuditRow } from '../../server/audit/audit.ts';
import { setPassword } from '../../server/auth/users.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { callJson, tokenBy } from '../helpers/admin.ts';
import { type Audited, audited, only, pairsOf, said } from '../helpers/audited.ts';
import { newClient, newUser } from '../helpers/auth.ts';
import { openBrowser } from '../helpers/browser.ts';
import { press } from '../helpers/forms.ts';
import { itemsOf } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

/** What the journal says of app state, launches by another EHR, and the pages of administrators. */

const PASSWORD = 'correct horse battery';
let server: Secured;
let origin: string;
let journal: Audited;
const events = (): Promise<AuditRow[]> => journal.events();

beforeAll(async () => {
  server = await startSecured();
  journal = audited(server);
  const { service } = server;
  ({ origin } = service.config);
  await server.seed([{ resourceType: 'Patient', id: 'p1' }]);
  await newClient(service, { id: 'app', scopes: 'patient/Basic.cuds launch' });
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newUser(service, { id: 'ada', roles: ['Superuser'] });
  await newUser(service, { id: 'root', roles: ['Admin'] });
  await setPassword(service, 'root', journal.secret(PASSWORD));
});
afterAll(() => server.stop());
beforeEach(() => journal.mark());

it('notes a launch by another EHR: by whom, for whom, of which patient', async () => {
  const wish = { clientId: 'console', userId: 'ada', scope: 'user/*.rs' };
  const token = journal.secret(await tokenBy(server.service, wish));
  const body = { client_id: 'app', patient: 'p1' };
  const { json } = await callJson(`${origin}/auth/launch`, { method: 'POST', token, body });
  journal.secret(json['launch']);
  const [launch] = only(await events(), 'launch');
  expect(launch).toMatchObject({
    ...{ outcome: 0, about: { type: 'Patient', id: 'p1' } },
    agent: { kind: 'user', user: { id: 'ada' }, client: { id: 'console' } },
  });
  expect(pairsOf(launch)).toEqual({ app: 'app', user: 'ada' });
});

it('notes what is done with app state, and never what it holds', async () => {
  const scope = 'patient/Basic.cuds';
  const token = journal.secret(
    await server.tokenFor({ roles: ['Superuser'], scope, patient: 'p1', fhirUser: 'Patient/p1' }),
  );
  const url = `${origin}/auth/app-state/Basic`;
  const basic: JsonObject = {
    ...{ resourceType: 'Basic', subject: { reference: `${server.base}/Patient/p1` } },
    code: { coding: [{ system: 'https://app.example', code: 'keys' }] },
    extension: [
      { url: 'https://app.example/k', valueString: journal.secret('the-key-of-the-app') },
    ],
  };
  const made = await server.as(token, url, { method: 'POST', body: basic });
  const query = new URLSearchParams({
    ...{ code: 'https://app.example|keys', subject: `${server.base}/Patient/p1` },
  });
  const found = await server.as(token, `${url}?${query}`);
  expect(itemsOf(found.json['entry'])).toHaveLength(1);
  const headers = { 'If-Match': 'W/"1"' };
  await server.as(token, `${url}/${made.json['id']}`, { method: 'DELETE', headers });
  const all = only(await events(), 'operation');
  expect(said(all)).toEqual([
    ...['operation 0 app state created', 'operation 0 app state searched'],
    'operation 0 app state deleted',
  ]);
  for (const one of all) {
    expect(one.about).toEqual({ type: 'Patient', id: 'p1' });
    expect(pairsOf(one)).toEqual({ code: 'https://app.example|keys', subject: 'Patient/p1' });
  }
});

it('notes what administrators do on their pages', async () => {
  const browser = openBrowser(origin);
  const at = await browser.get('/auth/sign-in');
  await press(browser, at, { press: 'Sign in', fill: { login: 'root', password: PASSWORD } });
  const shown = await press(browser, await browser.get('/auth/systems/new?kind=system'), {
    ...{ press: 'Create', fill: { name: 'Lab', id: 'lab' }, tick: ['set-read'] },
  });
  journal.secret(/Secret<\/th><td><code>([\w-]+)/.exec(shown.text)?.[1]);
  for (const label of ['Make another secret', 'Disable', 'Enable']) {
    const page = await browser.get('/auth/systems/client?id=lab');
    const done = await press(browser, page, { press: label });
    journal.secret(/Secret<\/th><td><code>([\w-]+)/.exec(done.text)?.[1]);
  }
  const all = only(await events(), 'administration');
  expect(said(all)).toEqual([
    ...['administration 0 client created', 'administration 0 client given another secret'],
    ...['administration 0 client disabled', 'administration 0 client changed'],
  ]);
  for (const one of all) {
    expect(one.agent).toMatchObject({ kind: 'user', user: { id: 'root' } });
    expect(pairsOf(one)['client']).toBe('lab');
  }
  expect(pairsOf(all[0])).toMatchObject({ scope: 'system/*.rs' });
});

it('holds no secret of all that', () => journal.expectNoSecret());
