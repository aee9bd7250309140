import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as authorizeRoutes } from '../../server/auth/authorize.ts';
import { redeemCode } from '../../server/auth/codes.ts';
import { createLaunch, launchUrl, useLaunch } from '../../server/auth/launch.ts';
import { routes as signOutRoutes } from '../../server/auth/sign-out.ts';
import type { Grant, LaunchContext } from '../../server/auth/types.ts';
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
import { type OpenStores, openStores } from '../helpers/store.ts';

const CONTEXT: LaunchContext = { patient: 'p1', encounter: 'e1', intent: 'order' };
const SCOPE = 'openid launch user/Observation.rs';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;
let session: string;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, authorizeRoutes, signOutRoutes, [signInProbe]);
  const scopes = 'openid launch launch/patient user/*.rs patient/*.rs';
  await newClient(service, { id: 'app', scopes, settings: { trusted: true } });
  await newClient(service, { id: 'other', scopes, settings: { trusted: true } });
  await newClient(service, {
    ...{ id: 'bannerless', scopes },
    settings: { trusted: true, needPatientBanner: false },
  });
  await newUser(service, { id: 'ada' });
  await newUser(service, { id: 'bob' });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  browser = openBrowser(served.origin);
  service.pass(120);
  session = await signInAs(browser, 'ada');
});

const launch = (clientId = 'app', context = CONTEXT): Promise<string> =>
  createLaunch(service, { clientId, sessionId: session, context });
const start = (
  token: string,
  changes: Record<string, string> = {},
  with_ = browser,
): Promise<Visit> => authorize(service, with_, { scope: SCOPE, launch: token, ...changes });
const grantOf = async (visit: Visit): Promise<Grant | undefined> =>
  (await redeemCode(service, cameBack(visit)?.['code'] ?? ''))?.grant;

const refused = {
  error: 'invalid_request',
  error_description: expect.stringMatching(/^The launch was used before/),
};

describe('a launch', () => {
  it('gives the app what was open in the record', async () => {
    const grant = await grantOf(await start(await launch()));
    expect(grant).toMatchObject({
      ...{ clientId: 'app', userId: 'ada', sessionId: session, scope: SCOPE },
      context: { ...CONTEXT, needPatientBanner: true },
    });
  });

  it.each([
    ['the app has one of its own', 'bannerless', CONTEXT, false],
    ['the record shows one', 'app', { ...CONTEXT, needPatientBanner: false }, false],
    ['nobody says otherwise', 'app', CONTEXT, true],
  ])(
    'tells whether a patient banner is needed where %s',
    async (_name, clientId, context, banner) => {
      const token = await launch(clientId, context);
      const grant = await grantOf(await start(token, { client_id: clientId }));
      expect(grant?.context.needPatientBanner).toBe(banner);
    },
  );

  it('is kept as a hash only', async () => {
    const token = await launch();
    const [row] = await service.db.query<{ text: string }>(
      {
        text: 'select string_agg(auth_launch::text, $1) as text from auth_launch',
      },
      ['\n'],
    );
    expect(row?.text).toContain('order');
    expect(row?.text).not.toContain(token);
  });

  it('is used up by the first request', async () => {
    const token = await launch();
    expect(cameBack(await start(token))).toHaveProperty('code');
    expect(cameBack(await start(token))).toMatchObject(refused);
  });

  it('gives one code for 20 requests at once', async () => {
    const token = await launch();
    const all = await Promise.all(Array.from({ length: 20 }, () => start(token)));
    const codes = all.filter((one) => cameBack(one)?.['code'] !== undefined);
    expect(codes).toHaveLength(1);
    expect(all.filter((one) => cameBack(one)?.['error'] === 'invalid_request')).toHaveLength(19);
  });

  it('serves the app it was made for, and is not used up by another', async () => {
    const token = await launch();
    expect(cameBack(await start(token, { client_id: 'other' }))).toMatchObject(refused);
    expect(cameBack(await start(token))).toHaveProperty('code');
  });

  it('serves the session it was made in: no other user, browser or later session', async () => {
    const token = await launch();
    const bob = openBrowser(served.origin);
    await signInAs(bob, 'bob');
    expect(cameBack(await start(token, {}, bob))).toMatchObject(refused);
    const elsewhere = openBrowser(served.origin);
    await signInAs(elsewhere, 'ada');
    expect(cameBack(await start(token, {}, elsewhere))).toMatchObject(refused);
    const nobody = openBrowser(served.origin);
    expect(cameBack(await start(token, {}, nobody))).toMatchObject(refused);
    await browser.post('/auth/sign-out', {});
    expect(cameBack(await start(token))).toMatchObject(refused);
  });

  it('ends after five minutes', async () => {
    const token = await launch();
    service.pass(301);
    expect(cameBack(await start(token))).toMatchObject(refused);
  });

  it('is made up by nobody', async () => {
    expect(cameBack(await start('x'))).toMatchObject(refused);
    expect(cameBack(await start('x'.repeat(43)))).toMatchObject(refused);
  });

  it('goes on after signing in again as the same user, and not as another', async () => {
    const again = await start(await launch(), { prompt: 'login' });
    expect(again.to).toMatch(/^\/auth\/sign-in/);
    const resume = again.to?.replace('sign-in', 'authorize') ?? '';
    service.pass(1);
    await signInAs(browser, 'ada');
    expect((await grantOf(await browser.get(resume)))?.context.patient).toBe('p1');
    session = await signInAs(browser, 'ada');
    const third = await start(await launch(), { max_age: '0' });
    service.pass(1);
    await signInAs(browser, 'bob');
    const swapped = await browser.get(third.to?.replace('sign-in', 'authorize') ?? '');
    expect(cameBack(swapped)).toMatchObject(refused);
  });

  it('has the patient of its own where two tabs start two patients', async () => {
    const [one, two] = [
      await launch('app', { patient: 'p1' }),
      await launch('app', { patient: 'p2' }),
    ];
    const [a, b] = await Promise.all([start(one), start(two)]);
    const grants = [await grantOf(a), await grantOf(b)];
    expect(grants.map((grant) => grant?.context.patient)).toEqual(['p1', 'p2']);
    expect(grants[0]?.id).not.toBe(grants[1]?.id);
  });

  it('asks for the patient where the record had none open', async () => {
    const token = await launch('app', {});
    const visit = await start(token, { scope: 'launch patient/*.rs' });
    expect(visit.to).toMatch(/^\/auth\/pick-patient/);
  });
});

describe('createLaunch()', () => {
  it('clears away launches that ended long ago', async () => {
    const before = await launch();
    service.pass(2 * 3600);
    for (let n = 0; n < 3; n++) await launch();
    const old = await service.db.tuples(
      { text: 'select 1 from auth_launch where expires_at < to_timestamp($1::float8)' },
      [service.now() / 1000 - 3600],
    );
    expect(old).toEqual([]);
    const of = { clientId: 'app', session: { id: session, user: { id: 'ada' } } };
    expect(await useLaunch(service, { ...of, launch: before })).toBeUndefined();
  });
});

describe('launchUrl()', () => {
  const { config } = { config: { base: 'https://h.example/fhir' } } as TestAuth;
  it.each([
    [
      ['https://a.example/l'],
      undefined,
      'https://a.example/l?iss=https%3A%2F%2Fh.example%2Ffhir&launch=t',
    ],
    [
      ['https://a.example/l?x=1'],
      undefined,
      'https://a.example/l?x=1&iss=https%3A%2F%2Fh.example%2Ffhir&launch=t',
    ],
    [
      ['https://a.example/l', 'https://b.example'],
      'https://b.example',
      'https://b.example?iss=https%3A%2F%2Fh.example%2Ffhir&launch=t',
    ],
    [['https://a.example/l'], 'https://a.example/', undefined],
    [[], undefined, undefined],
  ])('of %j, asked for %s, is %s', (launchUris, asked, expected) => {
    const url = launchUrl({ config } as TestAuth, { launchUris } as never, 't', asked);
    expect(url).toBe(expected);
  });
});
