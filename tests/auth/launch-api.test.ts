import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { disableClient } from '../../server/auth/clients.ts';
import { redeemCode } from '../../server/auth/codes.ts';
import { readLaunch } from '../../server/auth/launch-fields.ts';
import { routes } from '../../server/auth/launch-start.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import type { Grant } from '../../server/auth/types.ts';
import { disableUser } from '../../server/auth/users.ts';
import type { JsonObject, JsonValue } from '../../server/fhir/types.ts';
import { callJson, type Told, tokenBy } from '../helpers/admin.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { authorize, cameBack, signInAs, signInProbe } from '../helpers/smart.ts';
import { actor, type OpenStores, openStores, put } from '../helpers/store.ts';

/** An EHR outside of this server starts apps for its users. */

const LAUNCH = 'https://app.example/launch';
const SCOPE = 'launch launch/patient user/Observation.rs';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;
/** Of the EHR as a system, and for `ada`. */
let system: string;
let ehr: string;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes, authorizeRoutes, [signInProbe]);
  await open.stores[0].commit(actor, [
    put({ resourceType: 'Patient', id: 'p1', gender: 'female' }),
    put({ resourceType: 'Patient', id: 'p2', gender: 'male' }),
    put({ resourceType: 'Patient', id: 'p3', gender: 'female' }),
    put({
      ...{ resourceType: 'Patient', id: 'merged', gender: 'female' },
      link: [{ type: 'replaced-by', other: { reference: 'Patient/p1' } }],
    }),
    put({
      ...{ resourceType: 'Encounter', id: 'e1', status: 'finished', class: { code: 'AMB' } },
      subject: { reference: 'Patient/p1' },
    }),
    put({
      ...{ resourceType: 'Encounter', id: 'e3', status: 'finished', class: { code: 'AMB' } },
      subject: { reference: 'Patient/p3' },
    }),
    put({ resourceType: 'ImagingStudy', id: 'i1', status: 'available', subject: { display: 'x' } }),
  ]);
  const rules = [
    { types: ['Patient'], interactions: 'rs', criteria: 'gender=female' },
    { types: ['Encounter', 'ImagingStudy'], interactions: 'rs' },
  ];
  await saveRole(service, { name: 'Women', title: 'Women', rules, shipped: false });
  const scopes = 'launch launch/patient openid user/*.rs patient/*.rs';
  const app = { scopes, settings: { trusted: true }, launchUris: [LAUNCH, `${LAUNCH}?two=2`] };
  await newClient(service, { id: 'app', ...app });
  await newClient(service, { id: 'other', ...app });
  await newClient(service, { id: 'standalone', ...app, launchUris: [] });
  await newClient(service, { id: 'gone', ...app });
  await disableClient(service, 'gone');
  await newClient(service, {
    id: 'ehr',
    settings: { trusted: true },
    redirectUris: ['https://ehr.example/cb'],
  });
  await newClient(service, { id: 'untrusted' });
  for (const id of ['ada', 'bob', 'left']) await newUser(service, { id, roles: ['Women'] });
  await newUser(service, { id: 'nothing', roles: [] });
  await disableUser(service, 'left');
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  service.pass(60);
  browser = openBrowser(served.origin);
  system = await tokenBy(service, { clientId: 'ehr', scope: 'system/*.rs' });
  ehr = await tokenBy(service, { clientId: 'ehr', userId: 'ada', scope: 'user/*.rs' });
});

const post = (token: string | undefined, body: unknown): Promise<Told> =>
  callJson(`${served.origin}/auth/launch`, {
    ...{ method: 'POST', body },
    ...(token !== undefined && { token }),
  });

async function launched(more: object = {}, token = ehr): Promise<string> {
  const { json } = await post(token, { client_id: 'app', patient: 'p1', ...more });
  return String(json['launch']);
}

const start = (
  launch: string,
  more: Record<string, string> = {},
  with_ = browser,
): Promise<Visit> => authorize(service, with_, { scope: SCOPE, launch, ...more });
const grantOf = async (visit: Visit): Promise<Grant | undefined> =>
  (await redeemCode(service, cameBack(visit)?.['code'] ?? ''))?.grant;

const refused = {
  error: 'invalid_request',
  error_description: expect.stringMatching(/^The launch was used before/),
};

describe('POST /auth/launch with JSON', () => {
  it('gives the address to open, and the app the context that was open', async () => {
    const fhirContext = [{ reference: 'ImagingStudy/i1', role: 'https://ehr.example/compare' }];
    const { status, json, headers } = await post(ehr, {
      ...{ client_id: 'app', patient: 'p1', encounter: 'e1', intent: 'order' },
      ...{ need_patient_banner: false, fhirContext },
    });
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
    const { base } = service.config;
    const url = new URL(String(json['url']));
    expect([url.origin + url.pathname, json['iss']]).toEqual([LAUNCH, base]);
    expect(Object.fromEntries(url.searchParams)).toEqual({ iss: base, launch: json['launch'] });

    await signInAs(browser, 'ada');
    const grant = await grantOf(await start(String(json['launch'])));
    expect(grant).toMatchObject({
      ...{ userId: 'ada', clientId: 'app' },
      context: {
        ...{ patient: 'p1', encounter: 'e1', intent: 'order', needPatientBanner: false },
        fhirContext,
      },
    });
  });

  it('opens one of several launch addresses', async () => {
    const { json } = await post(ehr, {
      ...{ client_id: 'app', patient: 'p1', launch_uri: `${LAUNCH}?two=2` },
    });
    expect(json['url']).toMatch(/^https:\/\/app\.example\/launch\?two=2&iss=/);
  });

  it.each(['bob', 'BOB '])('starts for whom a system names: %s', async (user) => {
    const launch = await launched({ user }, system);
    await signInAs(browser, 'bob');
    expect((await grantOf(await start(launch)))?.userId).toBe('bob');
  });

  it.each<[string, JsonObject]>([
    ['a patient whom the user may not see', { patient: 'p2' }],
    ['no such patient', { patient: 'p9' }],
    ['a patient who was merged', { patient: 'merged' }],
    ['an encounter of another patient', { encounter: 'e3' }],
    ['no such encounter', { encounter: 'e9' }],
    ['context that is not there', { fhirContext: [{ reference: 'ImagingStudy/none' }] }],
    ['context of a type out of reach', { fhirContext: [{ reference: 'Observation/o' }] }],
    ['context of a type that there is not', { fhirContext: [{ reference: 'Nonsense/o' }] }],
    ['an app without launch address', { client_id: 'standalone' }],
    ['a disabled app', { client_id: 'gone' }],
    ['no such app', { client_id: 'none' }],
    ['another launch address', { launch_uri: 'https://evil.example' }],
    ['another user than that of the token', { user: 'bob' }],
    ['a field that there is not', { practitioner: 'ada' }],
  ])('refuses %s', async (_name, more) => {
    const { status, json } = await post(ehr, { client_id: 'app', patient: 'p1', ...more });
    expect([status, json['error']]).toEqual([400, 'invalid_request']);
    expect(json).not.toHaveProperty('launch');
  });

  it('answers for a hidden patient as for one that is not there', async () => {
    const answers = ['p2', 'p9'].map(async (patient) =>
      JSON.stringify((await post(ehr, { client_id: 'app', patient })).json),
    );
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });

  it.each<[string, { clientId: string; userId?: string; scope: string }, JsonObject, number]>([
    [
      'an app that is not trusted',
      { clientId: 'untrusted', userId: 'ada', scope: 'user/*.rs' },
      {},
      403,
    ],
    [
      'an untrusted system',
      { clientId: 'untrusted', scope: 'system/*.cruds' },
      { user: 'ada' },
      403,
    ],
    ['a token for less', { clientId: 'ehr', userId: 'ada', scope: 'user/Observation.rs' }, {}, 400],
    ['a system that names nobody', { clientId: 'ehr', scope: 'system/*.rs' }, {}, 400],
    ['a system for nobody there is', { clientId: 'ehr', scope: 'system/*.rs' }, { user: 'x' }, 400],
    [
      'a system for who is disabled',
      { clientId: 'ehr', scope: 'system/*.rs' },
      { user: 'left' },
      400,
    ],
    [
      'a system for who sees nothing',
      { clientId: 'ehr', scope: 'system/*.rs' },
      { user: 'nothing' },
      400,
    ],
    [
      'a system that sees less',
      { clientId: 'ehr', scope: 'system/Observation.rs' },
      { user: 'ada' },
      400,
    ],
  ])('refuses %s', async (_name, holder, more, status) => {
    const token = await tokenBy(service, holder);
    const told = await post(token, { client_id: 'app', patient: 'p1', ...more });
    expect([told.status, told.json['launch']]).toEqual([status, undefined]);
  });

  it('refuses who has no token, whatever their session', async () => {
    await signInAs(browser, 'ada');
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    for (const headers of [{}, { cookie, origin: served.origin }]) {
      const response = await fetch(`${served.origin}/auth/launch`, {
        ...{ method: 'POST', headers: { ...headers, 'content-type': 'application/json' } },
        body: JSON.stringify({ client_id: 'app', patient: 'p1' }),
      });
      expect([response.status, response.headers.get('location')]).toEqual([401, null]);
    }
    expect((await post('x', { client_id: 'app', patient: 'p1' })).status).toBe(401);
  });

  it('can be read by pages of the EHR, and by those of no other', async () => {
    for (const [origin, allowed] of [
      ['https://ehr.example', 'https://ehr.example'],
      ['https://app.example', null],
    ] as const) {
      const response = await fetch(`${served.origin}/auth/launch`, {
        method: 'POST',
        headers: {
          ...{ origin, authorization: `Bearer ${ehr}`, 'content-type': 'application/json' },
        },
        body: '{}',
      });
      expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
    }
  });
});

describe('a launch by another EHR', () => {
  it('gives one code for 20 requests at once', async () => {
    const launch = await launched();
    await signInAs(browser, 'ada');
    const all = await Promise.all(Array.from({ length: 20 }, () => start(launch)));
    expect(all.filter((one) => cameBack(one)?.['code'] !== undefined)).toHaveLength(1);
    expect(all.filter((one) => cameBack(one)?.['error'] === 'invalid_request')).toHaveLength(19);
  });

  it('serves any session of its user, and none of another', async () => {
    const launch = await launched();
    const bob = openBrowser(served.origin);
    await signInAs(bob, 'bob');
    expect(cameBack(await start(launch, {}, bob))).toMatchObject(refused);
    await signInAs(openBrowser(served.origin), 'ada');
    await signInAs(browser, 'ada');
    expect(cameBack(await start(launch))).toHaveProperty('code');
  });

  it('waits for its user to sign in, and refuses another who does', async () => {
    for (const [user, expected] of [
      ['ada', { code: expect.any(String) }],
      ['bob', refused],
    ] as const) {
      const one = openBrowser(served.origin);
      const asked = await start(await launched(), {}, one);
      expect(asked.to).toMatch(/^\/auth\/sign-in\?handle=/);
      await signInAs(one, user);
      const resumed = await one.get(asked.to?.replace('sign-in', 'authorize') ?? '');
      expect(cameBack(resumed)).toMatchObject(expected);
    }
  });

  it('leads nobody to sign in for another app, or where no page may be shown', async () => {
    const launch = await launched();
    expect(cameBack(await start(launch, { client_id: 'other' }))).toMatchObject(refused);
    const none = await start(launch, { prompt: 'none' });
    expect(cameBack(none)).toMatchObject({ error: 'login_required' });
  });

  it('serves the app it was made for, and is not used up by another', async () => {
    const launch = await launched();
    await signInAs(browser, 'ada');
    expect(cameBack(await start(launch, { client_id: 'other' }))).toMatchObject(refused);
    expect(cameBack(await start(launch))).toHaveProperty('code');
    expect(cameBack(await start(launch))).toMatchObject(refused);
  });

  it('ends after five minutes, also while somebody signs in', async () => {
    const launch = await launched();
    const asked = await start(launch);
    service.pass(301);
    await signInAs(browser, 'ada');
    expect(cameBack(await start(launch))).toMatchObject(refused);
    const resumed = await browser.get(asked.to?.replace('sign-in', 'authorize') ?? '');
    expect(cameBack(resumed)).toMatchObject(refused);
    expect(cameBack(await start(launch, {}, openBrowser(served.origin)))).toMatchObject(refused);
  });
});

describe('readLaunch()', () => {
  const body = { client_id: 'app', patient: 'p1' };
  const context = (one: JsonValue): JsonObject => ({ ...body, fhirContext: [one] });

  it.each<[string, JsonObject]>([
    ['no client_id', { patient: 'p1' }],
    ['no patient', { client_id: 'app' }],
    ['a patient with its type', { ...body, patient: 'Patient/p1' }],
    ['a patient that is a number', { ...body, patient: 1 }],
    ['a banner that is a text', { ...body, need_patient_banner: 'true' }],
    ['context that is no list', { ...body, fhirContext: {} }],
    ['too much context', { ...body, fhirContext: Array(21).fill({ canonical: 'a' }) }],
    ['context that names nothing', context({ role: 'a' })],
    ['context that is none', context('Patient/p1')],
    ['context with an empty role', context({ canonical: 'a', role: '' })],
    ['context with an empty type', context({ canonical: 'a', type: '' })],
    ['an absolute reference', context({ reference: 'https://a.example/fhir/ImagingStudy/1' })],
    ['a version', context({ reference: 'ImagingStudy/1/_history/1' })],
    ['the patient without a role', context({ reference: 'Patient/p1' })],
    [
      'the encounter in the role of the launch',
      context({ reference: 'Encounter/e', role: 'launch' }),
    ],
    ['an identifier without a value', context({ identifier: { system: 'a' } })],
    ['another member', context({ canonical: 'a', display: 'b' })],
  ])('refuses %s', (_name, given) => {
    expect(() => readLaunch(given)).toThrow();
  });

  it('takes each sort of context', () => {
    const fhirContext = [
      { reference: 'ImagingStudy/1' },
      { canonical: 'https://a.example/q', type: 'Questionnaire' },
      { identifier: { value: '1' }, role: 'https://a.example/role' },
      { reference: 'Patient/p2', role: 'https://a.example/mother' },
    ];
    expect(readLaunch({ ...body, fhirContext }).fhirContext).toEqual(fhirContext);
  });
});
