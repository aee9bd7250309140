import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { routes as consentRoutes } from '../../server/auth/consent.ts';
import { routes as launchRoutes } from '../../server/auth/launch-start.ts';
import { routes as pickerRoutes } from '../../server/auth/picker.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import { routes as signInRoutes } from '../../server/auth/sign-in.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import { setPassword } from '../../server/auth/users.ts';
import {
  CALLBACK,
  newClient,
  newUser,
  type OpenAuth,
  openAuth,
  postForm,
  type TestAuth,
  VERIFIER,
} from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { follow, press, wordsOf } from '../helpers/forms.ts';
import { authorize, cameBack, parametersOf } from '../helpers/smart.ts';
import { actor, put } from '../helpers/store.ts';

/** Whole launches, as a person with a browser goes through them, up to the token. */

const PASSWORD = 'correct horse battery';
const SCOPE = 'openid fhirUser offline_access launch/patient launch/encounter patient/*.rs';
const ALLOW = 'Allow what is ticked';
let auth: OpenAuth;
let service: TestAuth;
let browser: Browser;

beforeAll(async () => {
  auth = await openAuth([
    authorizeRoutes,
    consentRoutes,
    launchRoutes,
    pickerRoutes,
    signInRoutes,
    tokenRoutes,
  ]);
  ({ service } = auth);
  const resources = ['p1', 'p2'].flatMap((id) => [
    put({ resourceType: 'Patient', id, name: [{ text: `Name of ${id}` }] }),
    put({
      ...{ resourceType: 'Encounter', id: `e-${id}`, status: 'finished', class: { code: 'AMB' } },
      ...{ subject: { reference: `Patient/${id}` }, type: [{ text: `Visit of ${id}` }] },
    }),
  ]);
  await service.store.commit(actor, resources);
  const all = { types: ['*'], interactions: 'cruds' };
  await saveRole(service, { name: 'All', title: 'All', rules: [all], shipped: false });
  await newClient(service, { id: 'app', name: 'Chart', scopes: `${SCOPE} launch` });
  await newUser(service, { id: 'ada', roles: ['All'] });
  await setPassword(service, 'ada', PASSWORD);
});
afterAll(() => auth.stop());
beforeEach(() => {
  browser = openBrowser(auth.origin);
  service.pass(3600);
});

const signIn = async (page: Visit): Promise<Visit> =>
  follow(
    browser,
    await press(browser, page, { press: 'Sign in', fill: { login: 'ada', password: PASSWORD } }),
  );
const choose = async (page: Visit, label: string): Promise<Visit> =>
  follow(browser, await press(browser, page, { press: label }));

interface Tokens {
  status: number;
  json: Record<string, unknown>;
}
async function exchange(back: Visit, verifier = VERIFIER): Promise<Tokens> {
  const answer = await postForm(`${auth.origin}/auth/token`, {
    ...{ grant_type: 'authorization_code', client_id: 'app', redirect_uri: CALLBACK },
    ...{ code: cameBack(back)?.['code'] ?? '', code_verifier: verifier },
  });
  return { status: answer.status, json: JSON.parse(answer.text) };
}

describe('a standalone launch', () => {
  it.each(['GET', 'POST'])('by %s goes from the app to a token in context', async (method) => {
    const first =
      method === 'GET'
        ? await authorize(service, browser, { scope: SCOPE })
        : await browser.post('/auth/authorize', parametersOf(service, { scope: SCOPE }));
    const patients = await signIn(await follow(browser, first));
    const encounters = await choose(patients, 'Name of p2');
    const consent = await choose(encounters, 'Visit of p2');
    expect(wordsOf(consent.text)).toContain('Patient: Name of p2');
    const back = await press(browser, consent, { press: ALLOW, untick: ['offline'] });
    const { status, json } = await exchange(back);
    expect(status).toBe(200);
    expect(json).toMatchObject({ patient: 'p2', encounter: 'e-p2', need_patient_banner: true });
    expect(String(json['scope']).split(' ').sort()).toEqual(
      SCOPE.split(' ')
        .filter((one) => one !== 'offline_access')
        .sort(),
    );
  });

  it.each(['', 'w'.repeat(43)])('gives no token for the verifier %j', async (verifier) => {
    const first = await authorize(service, browser, { scope: 'openid' });
    const back = await choose(await signIn(await follow(browser, first)), ALLOW);
    expect((await exchange(back, verifier)).status).toBe(400);
  });

  it('keeps two tabs with two patients apart', async () => {
    const scope = 'launch/patient patient/*.rs';
    const one = await signIn(await follow(browser, await authorize(service, browser, { scope })));
    const two = await follow(browser, await authorize(service, browser, { scope, state: 't' }));
    const [a, b] = [await choose(one, 'Name of p1'), await choose(two, 'Name of p2')];
    const [second, first] = [await choose(b, ALLOW), await choose(a, ALLOW)];
    expect([cameBack(first)?.['state'], cameBack(second)?.['state']]).toEqual(['s', 't']);
    expect((await exchange(first)).json['patient']).toBe('p1');
    expect((await exchange(second)).json['patient']).toBe('p2');
  });
});

describe('an EHR launch', () => {
  it('goes from the record to a token in its context', async () => {
    const patients = await signIn(await follow(browser, await browser.get('/auth/launch')));
    const apps = await choose(patients, 'Name of p1');
    const started = await press(browser, apps, { press: 'Chart' });
    const { searchParams } = new URL(started.to ?? '');
    expect(searchParams.get('iss')).toBe(service.config.base);
    const asked = await authorize(service, browser, {
      scope: 'openid fhirUser launch patient/*.rs',
      launch: searchParams.get('launch') ?? '',
    });
    const { json } = await exchange(await choose(await follow(browser, asked), ALLOW));
    expect(json).toMatchObject({ patient: 'p1', need_patient_banner: true });
    expect(String(json['scope']).split(' ')).toContain('launch');
  });
});
