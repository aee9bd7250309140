import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { redeemCode } from '../../server/auth/codes.ts';
import { routes as consentRoutes } from '../../server/auth/consent.ts';
import { createLaunch } from '../../server/auth/launch.ts';
import { routes as pickerRoutes } from '../../server/auth/picker.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import type { Grant } from '../../server/auth/types.ts';
import { newClient, newUser, type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { follow, formsOf, press, sentBy, wordsOf } from '../helpers/forms.ts';
import { authorize, cameBack, signInAs, signInProbe } from '../helpers/smart.ts';
import { actor, put } from '../helpers/store.ts';

const SCOPE =
  'openid fhirUser offline_access launch/patient patient/Patient.rs patient/Condition.rs ' +
  'patient/Observation.rs';
const ALLOW = 'Allow what is ticked';
let auth: OpenAuth;
let service: TestAuth;
let browser: Browser;

beforeAll(async () => {
  auth = await openAuth([authorizeRoutes, pickerRoutes, consentRoutes, [signInProbe]]);
  ({ service } = auth);
  const patients = ['p1', 'p2'].map((id) =>
    put({ resourceType: 'Patient', id, name: [{ text: `Name of ${id}` }] }),
  );
  await service.store.commit(actor, patients);
  const all = { types: ['*'], interactions: 'cruds' };
  await saveRole(service, { name: 'All', title: 'All', rules: [all], shipped: false });
  const scopes = `${SCOPE} launch online_access user/*.cruds patient/*.cruds`;
  await newClient(service, { id: 'app', name: 'Growth <Chart>', scopes });
  await newClient(service, { id: 'phone', scopes, redirectUris: ['org.example.app:/callback'] });
  await newUser(service, { id: 'ada', name: 'Ada "L"', roles: ['All'] });
  await newUser(service, { id: 'bob', roles: ['All'] });
  await newUser(service, { id: 'pat', fhirUser: 'Patient/p1', roles: ['All'] });
});
afterAll(() => auth.stop());
beforeEach(() => {
  browser = openBrowser(auth.origin);
  service.pass(120);
});

/** The consent page; the patient is the user's own. */
async function consentPage(changes: Record<string, string> = {}, user = 'pat'): Promise<Visit> {
  await signInAs(browser, user);
  return follow(browser, await authorize(service, browser, { scope: SCOPE, ...changes }));
}
const grantOf = async (visit: Visit): Promise<Grant | undefined> =>
  (await redeemCode(service, cameBack(visit)?.['code'] ?? ''))?.grant;
const namesOf = (grant: Grant | undefined): string[] => grant?.scope.split(' ').sort() ?? [];

const grants = async (): Promise<number> =>
  (await service.db.tuples({ text: 'select 1 from auth_grant' })).length;

describe('the consent page', () => {
  it('says who asks whom for what, in plain words', async () => {
    const words = wordsOf((await consentPage()).text);
    for (const said of [
      'Allow Growth <Chart>?',
      'signed in as User pat',
      'Patient: Name of p1',
      'read and search diagnoses and health problems of this patient patient/Condition.rs',
      'know that it is you who signs in',
      'You go on to app.example',
    ]) {
      expect(words).toContain(said);
    }
  });

  it('shows access that goes on in a box of its own', async () => {
    const { text } = await consentPage();
    const [, box = ''] = /<div class="note">(.*?)<\/div>\s*<p/s.exec(text) ?? [];
    expect(wordsOf(box)).toMatch(/goes on.*keep this access.*offline_access/);
    expect(formsOf({ text })[0]?.fields).toHaveProperty('offline', 'yes');
    const online = await consentPage({ scope: 'patient/*.rs' });
    expect(wordsOf(online.text)).not.toContain('goes on:');
  });

  it('ticks what is asked for and leaves narrower choices open', async () => {
    const [form] = formsOf(await consentPage());
    expect(Object.keys(form?.fields ?? {})).toEqual([
      ...['handle', 'scope-0', 'scope-1', 'scope-2', 'identity', 'offline'],
    ]);
    expect(form?.unticked).toContain('scope-1-0');
  });

  it('has a label for each tick and the targets of its form in the CSP', async () => {
    const { text, headers } = await consentPage();
    for (const [, id] of text.matchAll(/<input type="checkbox" id="([^"]+)"/g)) {
      expect(text).toContain(`<label for="${id}">`);
    }
    expect(headers.get('content-security-policy')).toContain(
      "form-action 'self' https://app.example;",
    );
    const uri = 'org.example.app:/callback';
    const phone = await consentPage({ client_id: 'phone', redirect_uri: uri });
    expect(phone.headers.get('content-security-policy')).toContain(
      "form-action 'self' org.example.app:;",
    );
  });

  it('lets another patient be picked, but not where the record chose', async () => {
    const page = await consentPage({}, 'ada');
    const chosen = await follow(browser, await press(browser, page, { press: 'Name of p1' }));
    const [, link = ''] = /<a href="(\/auth\/pick-patient[^"]*)"/.exec(chosen.text) ?? [];
    const picker = await browser.get(link);
    const other = await follow(browser, await press(browser, picker, { press: 'Name of p2' }));
    expect(wordsOf(other.text)).toContain('Patient: Name of p2');
    const done = await press(browser, other, { press: ALLOW });
    expect((await grantOf(done))?.context.patient).toBe('p2');
    const sessionId = await signInAs(browser, 'ada');
    const context = { patient: 'p1' };
    const launch = await createLaunch(service, { clientId: 'app', sessionId, context });
    const asked = await authorize(service, browser, { scope: `launch ${SCOPE}`, launch });
    const ehr = await follow(browser, asked);
    expect(wordsOf(ehr.text)).toContain('Patient: Name of p1');
    expect(ehr.text).not.toContain('pick-patient');
  });
});

describe('consent', () => {
  it('gives the app what is ticked', async () => {
    const done = await press(browser, await consentPage(), { press: ALLOW });
    expect(done.status).toBe(303);
    const grant = await grantOf(done);
    expect(namesOf(grant)).toEqual(SCOPE.split(' ').sort());
    expect(grant).toMatchObject({ offline: true, context: { patient: 'p1' }, userId: 'pat' });
  });

  it('gives nothing of what was unticked', async () => {
    const untick = ['scope-2', 'offline', 'identity'];
    const done = await press(browser, await consentPage(), { press: ALLOW, untick });
    const grant = await grantOf(done);
    expect(grant?.scope).toBe('launch/patient patient/Patient.rs patient/Condition.rs');
    expect(grant?.offline).toBe(false);
  });

  it('narrows a type to a category', async () => {
    const page = await consentPage({ scope: 'patient/Condition.rs patient/Goal.rs' });
    const done = await press(browser, page, { press: ALLOW, tick: ['scope-0-1'] });
    const system = 'http://terminology.hl7.org/CodeSystem/condition-category';
    expect((await grantOf(done))?.scope).toBe(
      `patient/Condition.rs?category=${system}|encounter-diagnosis patient/Goal.rs`,
    );
  });

  it('narrows everything to some types', async () => {
    const page = await consentPage({ scope: 'patient/*.rs' });
    const done = await press(browser, page, { press: ALLOW, tick: ['scope-0-0', 'scope-0-2'] });
    expect((await grantOf(done))?.scope).toBe('patient/Patient.rs patient/Observation.rs');
  });

  it('never gives more than was asked for, whatever the form says', async () => {
    const page = await consentPage({ scope: 'patient/Goal.rs' });
    const [form, fields] = sentBy(page, { press: ALLOW });
    const more = { 'scope-1': 'yes', 'scope-0-0': 'yes', offline: 'yes', identity: 'yes' };
    const done = await browser.post(form.action, { ...fields, ...more, scope: 'user/*.cruds' });
    expect((await grantOf(done))?.scope).toBe('patient/Goal.rs');
  });

  it('tells the app where the user does not agree', async () => {
    const back = await press(browser, await consentPage(), { press: 'Do not allow' });
    expect(cameBack(back)).toEqual({
      ...{ error: 'access_denied', error_description: 'The user did not agree.' },
      ...{ state: 's', iss: service.config.base },
    });
  });

  it('asks again where nothing is ticked, keeping what was', async () => {
    const page = await consentPage();
    const untick = ['scope-0', 'scope-1', 'scope-2', 'identity'];
    const again = await press(browser, page, { press: ALLOW, untick });
    expect(again.status).toBe(400);
    expect(again.text).toMatch(/role="alert".*href="#ticks".*Nothing is ticked/s);
    expect(again.text).toContain('aria-describedby="errors"');
    expect(Object.keys(formsOf(again)[0]?.fields ?? {})).toEqual(['handle', 'offline']);
    const done = await press(browser, again, { press: ALLOW, tick: ['scope-0'] });
    expect(namesOf(await grantOf(done))).toContain('patient/Patient.rs');
  });

  it('shows the page again for a form without an answer', async () => {
    const [form, fields] = sentBy(await consentPage(), { press: ALLOW });
    const { answer: _left, ...rest } = fields;
    expect((await browser.post(form.action, rest)).status).toBe(400);
  });

  it('gives one code for 20 forms sent at once', async () => {
    const page = await consentPage();
    const before = await grants();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => press(browser, page, { press: ALLOW })),
    );
    expect(all.filter((one) => cameBack(one)?.['code'] !== undefined)).toHaveLength(1);
    expect(all.filter(({ status, to }) => status === 400 && to === undefined)).toHaveLength(19);
    expect((await grants()) - before).toBe(1);
  });

  it('takes no form of another site, another browser or another user', async () => {
    const page = await consentPage();
    const [form, fields] = sentBy(page, { press: ALLOW });
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }]) {
      expect((await browser.post(form.action, fields, headers)).status).toBe(403);
    }
    const thief = openBrowser(auth.origin);
    await signInAs(thief, 'pat');
    expect((await thief.post(form.action, fields)).status).toBe(400);
    await signInAs(browser, 'bob');
    const swapped = await browser.post(form.action, fields);
    expect(swapped.to).toMatch(/^\/auth\/authorize\?handle=/);
    const restarted = await follow(browser, swapped);
    expect(wordsOf(restarted.text)).toContain('Pick a patient');
  });

  it('goes back to signing in when the session is over', async () => {
    const page = await consentPage();
    browser.cookies.delete('kiln');
    const sent = await press(browser, page, { press: ALLOW });
    expect((await browser.get(sent.to ?? '')).to).toMatch(/^\/auth\/sign-in\?handle=/);
  });
});
