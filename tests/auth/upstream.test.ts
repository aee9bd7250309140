import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginRequest } from '../../server/auth/requests.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import { sessionOf } from '../../server/auth/sessions.ts';
import { routes as signInRoutes } from '../../server/auth/sign-in.ts';
import { routes as logoutRoutes } from '../../server/auth/upstream-logout.ts';
import type { UpstreamSettings } from '../../server/auth/upstream-settings.ts';
import { routes as upstreamRoutes } from '../../server/auth/upstream-sign-in.ts';
import {
  disableUser,
  findBySubject,
  listAccounts,
  saveUser,
  setPassword,
} from '../../server/auth/users.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import {
  CLIENT,
  type Idp,
  openThere,
  signInThere,
  signOutThere,
  startIdp,
} from '../helpers/idp.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;
let idp: Idp;
let browser: Browser;
let there: Browser;
let settings: UpstreamSettings;

const probes: AuthRoute[] = [
  {
    method: 'GET',
    path: '/test/who',
    handler: async (of, context) => context.json((await sessionOf(of, context)) ?? {}),
  },
  {
    method: 'GET',
    path: '/test/request',
    handler: async (of, context) => {
      const params = {
        ...{ redirectUri: 'https://app.example/callback', scope: 'launch/patient' },
        ...{ challenge: 'x', prompt: [], loginHint: 'ada' },
        ...(context.req.query('fresh') && { signedInSince: of.now() }),
      };
      return context.text((await beginRequest(of, context, { clientId: 'app', params })).handle);
    },
  },
];

beforeAll(async () => {
  open = await openStores();
});
afterAll(() => open.close());
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user, auth_link, auth_client cascade' });
  service = authService(open);
  served = await serve(service, signInRoutes, upstreamRoutes, logoutRoutes, probes);
  idp = await startIdp(served.origin);
  settings = {
    issuer: idp.issuer,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    name: 'St. Kiln',
  };
  Object.assign(service.config, { upstream: settings });
  browser = openBrowser(served.origin);
  there = openThere(idp);
  await newClient(service, { id: 'app' });
  const upstream = { issuer: idp.issuer, subject: 'ada' };
  const user = { login: undefined, name: 'Ada', fhirUser: 'Practitioner/1', branches: [] };
  await saveUser(service, { ...user, id: 'u1', roles: ['Nurse'] }, { upstream });
  return async () => {
    await idp.stop();
    await served.stop();
  };
});

/** Signs in at the provider and comes back; `change` may tamper with the way back. */
async function signIn(
  sub = 'ada',
  { path = '/auth/upstream', change = (url: URL) => url } = {},
): Promise<Visit> {
  const gone = await browser.get(path);
  expect(gone.status).toBe(303);
  const back = await signInThere(there, gone.to ?? '', sub);
  return browser.get(change(new URL(back)).href);
}
const who = async (by = browser) => JSON.parse((await by.get('/test/who')).text);

describe('sign-in at the identity provider', () => {
  it('is offered on the sign-in page and leads there with PKCE, state and nonce', async () => {
    const page = await browser.get('/auth/sign-in?next=/auth/sign-out');
    expect(page.text).toContain(
      '<a href="/auth/upstream?next=%2Fauth%2Fsign-out">Sign in with St. Kiln</a>',
    );
    const { to } = await browser.get('/auth/upstream');
    const url = new URL(to ?? '');
    expect(url.origin).toBe(idp.issuer);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ response_type: 'code', client_id: 'kiln', scope: 'openid profile' },
      ...{ code_challenge_method: 'S256', redirect_uri: `${served.origin}/auth/upstream/callback` },
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it('signs in whom the provider knows by that subject', async () => {
    const { status, to } = await signIn();
    expect([status, to]).toEqual([303, '/auth/account']);
    expect(await who()).toMatchObject({
      ...{ user: { id: 'u1', name: 'Ada', fhirUser: 'Practitioner/1' }, methods: ['idp'] },
    });
  });

  it('goes on with the request of the app, with the name it hinted at', async () => {
    const handle = (await browser.get('/test/request')).text;
    const path = `/auth/upstream?handle=${handle}`;
    expect((await browser.get(`/auth/sign-in?handle=${handle}`)).text).toContain(`href="${path}"`);
    expect(new URL((await browser.get(path)).to ?? '').searchParams.get('login_hint')).toBe('ada');
    expect((await signIn('ada', { path })).to).toBe(`/auth/authorize?handle=${handle}`);
  });

  it('asks the provider for signing in anew where the app does', async () => {
    await signIn();
    const handle = (await browser.get('/test/request?fresh=1')).text;
    const { to } = await browser.get(`/auth/upstream?handle=${handle}`);
    const { searchParams } = new URL(to ?? '');
    expect([searchParams.get('prompt'), searchParams.get('max_age')]).toEqual(['login', '0']);
    const back = await signInThere(there, to ?? '', 'ada');
    expect((await browser.get(back)).to).toBe(`/auth/authorize?handle=${handle}`);
    expect(Date.now() - (await who()).signedIn).toBeLessThan(60_000);
  });

  it('knows when they signed in there, not only when they came from there', async () => {
    await signIn();
    const { signedIn } = await who();
    expect(signedIn % 1000).toBe(0);
    service.pass(4000);
    await signIn();
    expect((await who()).signedIn).toBe(signedIn);
  });

  it('makes a newcomer known to administrators, and lets them in once they have a role', async () => {
    idp.accounts.set('eva', { name: 'Eva <b>', email: 'ada@hospital.example' });
    const visit = await signIn('eva');
    expect([visit.status, visit.set]).toEqual([403, []]);
    expect(visit.text).toContain('You have no role on this server yet.');
    const account = await findBySubject(service, { issuer: idp.issuer, subject: 'eva' });
    expect(account?.user).toMatchObject({ name: 'Eva <b>', roles: [], login: undefined });
    expect(account?.user.fhirUser).toBeUndefined();
    await saveUser(service, { ...account!.user, roles: ['Nurse'] });
    expect((await signIn('eva')).status).toBe(303);
    expect(await listAccounts(service, { count: 10 })).toHaveLength(2);
  });

  it('gives the roles of groups as they are at each sign-in', async () => {
    settings.groups = 'realm_access.roles';
    settings.roles = [
      ['ward', 'Nurse'],
      ['it', 'Admin'],
    ];
    const inGroups = (...roles: string[]) => idp.accounts.set('eva', { realm_access: { roles } });
    inGroups('ward', 'it', 'choir');
    expect((await signIn('eva')).status).toBe(303);
    expect((await who()).user.roles).toEqual(['Admin', 'Nurse']);
    inGroups('ward');
    await signIn('eva');
    expect((await who()).user.roles).toEqual(['Nurse']);
    inGroups();
    expect((await signIn('eva')).status).toBe(403);
  });

  it('refuses a disabled user', async () => {
    await disableUser(service, 'u1');
    expect((await signIn()).status).toBe(403);
    expect(await who()).toEqual({});
  });
});

describe('the way back from the identity provider', () => {
  it('can be gone once, also by twenty at the same time', async () => {
    const { to } = await browser.get('/auth/upstream');
    const back = await signInThere(there, to ?? '', 'ada');
    const visits = await Promise.all(Array.from({ length: 20 }, () => browser.get(back)));
    expect(visits.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(visits.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it('cannot be gone in another browser', async () => {
    const { to } = await browser.get('/auth/upstream');
    const back = await signInThere(there, to ?? '', 'ada');
    const victim = openBrowser(served.origin);
    expect((await victim.get(back)).status).toBe(400);
    await victim.get('/auth/upstream');
    expect((await victim.get(back)).status).toBe(400);
    expect(await who(victim)).toEqual({});
    expect((await browser.get(back)).status).toBe(303);
  });

  it('ends after a quarter of an hour', async () => {
    const { to } = await browser.get('/auth/upstream');
    const back = await signInThere(there, to ?? '', 'ada');
    service.pass(16 * 60);
    expect((await browser.get(back)).status).toBe(400);
  });

  it.each([
    ['another state', (url: URL) => url.searchParams.set('state', 'A'.repeat(43)), 400],
    ['no state', (url: URL) => url.searchParams.delete('state'), 400],
    ['a state twice', (url: URL) => url.searchParams.append('state', 'x'), 400],
    ['another code', (url: URL) => url.searchParams.set('code', 'guessed'), 403],
    ['another issuer', (url: URL) => url.searchParams.set('iss', 'https://evil.example'), 403],
    ['an error', (url: URL) => url.searchParams.set('error', 'access_denied'), 403],
  ])('refuses %s', async (_case, alter, status) => {
    const change = (url: URL): URL => {
      alter(url);
      return url;
    };
    const visit = await signIn('ada', { change });
    expect([visit.status, visit.set]).toEqual([status, []]);
    expect(await who()).toEqual({});
  });

  it.each(['nonce', 'verifier'])('refuses a token that was not made for this %s', async (name) => {
    const { to } = await browser.get('/auth/upstream');
    const back = await signInThere(there, to ?? '', 'ada');
    await open.db.execute(
      { text: 'update auth_link set details = jsonb_set(details, $1, to_jsonb($2::text))' },
      [['expected', name], 'x'.repeat(43)],
    );
    expect((await browser.get(back)).status).toBe(403);
    expect(await who()).toEqual({});
  });

  it('refuses tokens signed by other keys, or in another way than agreed', async () => {
    settings.algorithm = 'ES256';
    expect((await signIn()).status).toBe(403);
    settings.algorithm = 'RS256';
    idp.publishOtherKeys();
    service.pass(3700); // the metadata are asked for anew
    expect((await signIn()).status).toBe(403);
    expect(await who()).toEqual({});
  });

  it('says where to go on when it failed, and writes no secrets into the log', async () => {
    const handle = (await browser.get('/test/request')).text;
    const path = `/auth/upstream?handle=${handle}`;
    const change = (url: URL): URL => {
      url.searchParams.set('code', 'guessed-code');
      return url;
    };
    const visit = await signIn('ada', { path, change });
    expect(visit.text).toContain(`href="/auth/sign-in?handle=${handle}"`);
    const log = service.lines.join('');
    expect(log).toContain('no upstream sign-in');
    expect(log).not.toMatch(new RegExp(`guessed-code|${CLIENT.secret}|${handle}`));
  });
});

describe('an identity provider that is away', () => {
  it('leaves signing in with a password, and comes back by itself', async () => {
    settings.issuer = 'http://127.0.0.1:1';
    const visit = await browser.get('/auth/upstream?next=/auth/account');
    expect(visit.status).toBe(503);
    expect(visit.text).toContain('St. Kiln cannot be reached');
    expect(visit.text).toContain('href="/auth/sign-in?next=%2Fauth%2Faccount"');
    await newUser(service, { id: 'bob' });
    await setPassword(service, 'bob', 'correct horse battery');
    const form = { login: 'bob', password: 'correct horse battery' };
    expect((await browser.post('/auth/sign-in', form)).status).toBe(303);
    settings.issuer = idp.issuer;
    expect((await signIn()).status).toBe(303);
  });

  it.each([
    ['plain http beyond loopback', 'http://idp.example'],
    ['another name than it gives itself', 'slash'],
  ])('is what one counts as that has %s', async (_case, issuer) => {
    settings.issuer = issuer === 'slash' ? `${idp.issuer}/` : issuer;
    expect((await browser.get('/auth/upstream')).status).toBe(503);
  });

  it('is none where none is set up', async () => {
    Object.assign(service.config, { upstream: undefined });
    expect((await browser.get('/auth/sign-in')).text).not.toContain('/auth/upstream');
    expect((await browser.get('/auth/upstream')).status).toBe(400);
    expect((await browser.get('/auth/upstream/callback?state=x&code=y')).status).toBe(400);
    expect((await browser.post('/auth/upstream/logout', { logout_token: 'x' })).status).toBe(400);
  });
});

describe('POST /auth/upstream/logout', () => {
  it('ends the sessions that came from one there, and no others', async () => {
    await signIn();
    const other = { here: openBrowser(served.origin), there: openThere(idp) };
    const { to } = await other.here.get('/auth/upstream');
    await other.here.get(await signInThere(other.there, to ?? '', 'ada'));
    expect([(await who()).user.id, (await who(other.here)).user.id]).toEqual(['u1', 'u1']);
    await signOutThere(there);
    expect(await who()).toEqual({});
    expect((await who(other.here)).user.id).toBe('u1');
  });

  /** What the provider sends, caught on its way. */
  async function logoutToken(): Promise<string> {
    await signIn();
    const caught = Promise.withResolvers<string>();
    const original = globalThis.fetch;
    globalThis.fetch = (async (url: URL, init: RequestInit) => {
      if (!String(url).endsWith('/auth/upstream/logout')) return original(url, init);
      caught.resolve(new URLSearchParams(String(init.body)).get('logout_token') ?? '');
      return new Response(null, { status: 200 });
    }) as typeof fetch;
    try {
      await signOutThere(there);
      return await caught.promise;
    } finally {
      globalThis.fetch = original;
    }
  }
  const send = async (token: string): Promise<string> => {
    const { status, text } = await browser.post('/auth/upstream/logout', { logout_token: token });
    return status === 200 ? 'done' : `${status} ${JSON.parse(text).error_description}`;
  };

  it('takes a token once, while it is new', async () => {
    const token = await logoutToken();
    service.pass(600);
    expect(await send(token)).toMatch(/^400 .*(has expired|not of now)/);
    service.pass(-600);
    expect((await who()).user.id).toBe('u1');
    expect(await send(token)).toBe('done');
    expect(await who()).toEqual({});
    expect(await send(token)).toMatch(/used before/);
  });

  it.each([
    ['for another client', () => Object.assign(settings, { clientId: 'other' }), 'aud'],
    ['of another issuer', () => Object.assign(settings, { issuer: `${idp.issuer}/x` }), 'iss'],
    [
      'by another algorithm',
      () => Object.assign(settings, { algorithm: 'ES256' }),
      'not allowed|key',
    ],
    ['by other keys', () => idp.publishOtherKeys(), 'signature'],
  ])('refuses one %s', async (_case, change, why) => {
    const token = await logoutToken();
    change();
    service.pass(3700); // what is known of the provider is asked for anew
    service.pass(-3700);
    expect(await send(token)).toMatch(new RegExp(why));
    expect((await who()).user?.id ?? 'u1').toBe('u1');
  });

  it.each(['', 'x', 'e30.e30.', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.'])(
    'refuses "%s"',
    async (token) => {
      expect(await send(token)).toMatch(/^400 /);
    },
  );
});
