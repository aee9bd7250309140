import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginRequest } from '../../server/auth/requests.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import { sessionOf } from '../../server/auth/sessions.ts';
import { routes as signInRoutes } from '../../server/auth/sign-in.ts';
import { routes as signOutRoutes } from '../../server/auth/sign-out.ts';
import { disableUser, setPassword } from '../../server/auth/users.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

const PASSWORD = 'correct horse battery';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

/** Who the server says is signed in, and a begun authorization request. */
const probes: AuthRoute[] = [
  {
    method: 'GET',
    path: '/test/who',
    handler: async (of, context) => {
      const session = await sessionOf(of, context);
      return context.json({ user: session?.user.id, methods: session?.methods, id: session?.id });
    },
  },
  {
    method: 'GET',
    path: '/test/request',
    handler: async (of, context) => {
      const params = {
        ...{ redirectUri: 'https://app.example/callback', scope: 'launch/patient', prompt: [] },
        ...{ challenge: 'x', loginHint: 'ada"><b>' },
      };
      const { handle } = await beginRequest(of, context, { clientId: 'app', params });
      return context.text(handle);
    },
  },
];

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, signInRoutes, signOutRoutes, probes);
  await newClient(service, { id: 'app' });
  await newUser(service, { id: 'ada', login: 'Ada' });
  await setPassword(service, 'ada', PASSWORD);
  await newUser(service, { id: 'bob' });
  await setPassword(service, 'bob', PASSWORD);
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(() => {
  browser = openBrowser(served.origin);
  service.pass(3700);
});

const who = async (one = browser): Promise<{ user?: string; methods?: string[]; id?: string }> =>
  JSON.parse((await one.get('/test/who')).text);
const signIn = (
  login = 'ada',
  password = PASSWORD,
  more: Record<string, string> = {},
  to = browser,
) => to.post('/auth/sign-in', { login, password, ...more });

describe('GET /auth/sign-in', () => {
  it('shows a form that needs no script, may be framed by nobody and is kept by no cache', async () => {
    const { status, text, headers } = await browser.get('/auth/sign-in');
    expect(status).toBe(200);
    expect(text).not.toMatch(/<script|\son\w+="/i);
    expect(text).toMatch(/<label for="login">[\s\S]*<input id="login" name="login"/);
    expect(text).toMatch(/id="password" name="password" type="password"[\s\S]*current-password/);
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('sends who is signed in on, to places of this server only', async () => {
    await signIn();
    for (const [next, to] of [
      ['/auth/sign-out?x=1', '/auth/sign-out?x=1'],
      ['//evil.example', '/auth/account'],
      ['/..//evil.example', '/auth/account'],
      ['/./%2e//evil.example', '/auth/account'],
      ['/\\evil.example', '/auth/account'],
      ['https://evil.example/', '/auth/account'],
      ['/\t/evil.example', '/auth/account'],
      ['javascript:alert(1)', '/auth/account'],
    ] as const) {
      const visit = await browser.get(`/auth/sign-in?next=${encodeURIComponent(next)}`);
      expect([visit.status, visit.to], next).toEqual([303, to]);
    }
  });
});

describe('POST /auth/sign-in', () => {
  it('signs in, however the login is spelt, with a cookie that scripts and other sites do not get', async () => {
    const visit = await signIn(' ADA ');
    expect([visit.status, visit.to]).toEqual([303, '/auth/account']);
    expect(visit.set).toHaveLength(1);
    expect(visit.set[0]).toMatch(/^kiln=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await who()).toMatchObject({ user: 'ada', methods: ['pwd'] });
  });

  it('uses a __Host- cookie where the server is on https', async () => {
    const { origin } = service.config;
    service.config.origin = 'https://kiln.example';
    try {
      const headers = { origin: 'https://kiln.example' };
      const visit = await browser.post(
        '/auth/sign-in',
        { login: 'ada', password: PASSWORD },
        headers,
      );
      expect(visit.set[0]).toMatch(
        /^__Host-kiln=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      );
    } finally {
      service.config.origin = origin;
    }
  });

  it('gives a new cookie each time, and the old one is worth nothing', async () => {
    await signIn();
    const first = browser.cookies.get('kiln') ?? '';
    const { id } = await who();
    await signIn();
    expect(browser.cookies.get('kiln')).not.toBe(first);
    expect(await who()).toMatchObject({ user: 'ada', id });
    const thief = openBrowser(served.origin);
    thief.cookies.set('kiln', first);
    expect(await who(thief)).toEqual({});
  });

  it('does not take over a cookie that was planted', async () => {
    const planted = 'A'.repeat(43);
    browser.cookies.set('kiln', planted);
    await signIn();
    expect(browser.cookies.get('kiln')).not.toBe(planted);
  });

  it('ends the session of the one who was signed in there before', async () => {
    await signIn();
    const old = openBrowser(served.origin);
    for (const [name, value] of browser.cookies) old.cookies.set(name, value);
    const before = await who();
    await signIn('bob');
    const after = await who();
    expect(after.user).toBe('bob');
    expect(after.id).not.toBe(before.id);
    expect(await who(old)).toEqual({});
  });

  it.each([
    ['a wrong password', 'ada', 'wrong horse battery'],
    ['a login nobody has', 'nobody', PASSWORD],
  ])(
    'refuses %s in the same words, with the login kept and the password not',
    async (_case, login, password) => {
      const visit = await signIn(login, password);
      expect(visit.status).toBe(400);
      expect(visit.text).toContain('User name or password is wrong.');
      expect(visit.text).toContain('role="alert"');
      expect(visit.text).toContain(`value="${login}"`);
      expect(visit.text).not.toContain(password);
      expect(visit.set).toEqual([]);
    },
  );

  it('refuses a disabled user as if there were none', async () => {
    await newUser(service, { id: 'carl' });
    await setPassword(service, 'carl', PASSWORD);
    await disableUser(service, 'carl');
    const visit = await signIn('carl');
    expect([visit.status, visit.set]).toEqual([400, []]);
    expect(visit.text).toContain('User name or password is wrong.');
  });

  it('says what is missing', async () => {
    const visit = await browser.post('/auth/sign-in', {});
    expect(visit.status).toBe(400);
    expect(visit.text).toContain('<a href="#login">Enter your user name.</a>');
    expect(visit.text).toContain('<a href="#password">Enter your password.</a>');
  });

  it.each(['ada', 'no-such-login'])(
    'lets %s wait after five failures, right password or not',
    async (login) => {
      for (let i = 0; i < 5; i++) expect((await signIn(login, 'wrong horse')).status).toBe(400);
      const visit = await signIn(login);
      expect([visit.status, visit.headers.get('retry-after')]).toEqual([429, '1']);
      expect(visit.text).toContain('The next one is possible in 1 second.');
      service.pass(2);
      expect((await signIn('ada')).status).toBe(303);
    },
  );

  it.each([
    ['of another site', { origin: 'https://evil.example' }],
    ['of a page without origin', { origin: 'null' }],
    ['of another port', { origin: 'http://127.0.0.1:1' }],
    ['that the browser says is not ours', { 'sec-fetch-site': 'same-site' }],
  ])('refuses a form %s', async (_case, headers) => {
    const visit = await browser.post(
      '/auth/sign-in',
      { login: 'ada', password: PASSWORD },
      headers,
    );
    expect([visit.status, visit.set]).toEqual([403, []]);
    expect(visit.headers.get('content-type')).toContain('text/html');
  });

  it('refuses a parameter that stands twice', async () => {
    const fields: [string, string][] = [
      ['login', 'ada'],
      ['login', 'bob'],
      ['password', PASSWORD],
    ];
    expect((await browser.post('/auth/sign-in', fields)).status).toBe(400);
  });

  it('writes neither login nor password into the log', async () => {
    await signIn('ada', 'wrong horse battery');
    expect(service.lines.join('')).toContain('sign-in refused');
    expect(service.lines.join('')).not.toMatch(/wrong horse|"ada"/);
  });
});

describe('sign-in for an authorization request', () => {
  it('goes back to the request of this browser, and may lead a form to the app', async () => {
    const handle = (await browser.get('/test/request')).text;
    const form = await browser.get(`/auth/sign-in?handle=${handle}`);
    expect(form.hidden).toEqual({ handle });
    expect(form.text).toContain('value="ada&quot;&gt;&lt;b&gt;"');
    expect(form.headers.get('content-security-policy')).toContain("'self' https://app.example");
    const visit = await signIn('ada', PASSWORD, { handle });
    expect(visit.status).toBe(303);
    expect(visit.to).toBe(`/auth/authorize?handle=${handle}`);
  });

  it('does not take part in the request of another browser', async () => {
    const handle = (await browser.get('/test/request')).text;
    const victim = openBrowser(served.origin);
    expect((await victim.get(`/auth/sign-in?handle=${handle}`)).status).toBe(400);
    const visit = await signIn('ada', PASSWORD, { handle }, victim);
    expect([visit.status, visit.set]).toEqual([400, []]);
  });
});

describe('sign-out', () => {
  it('is only asked by GET, and done by POST of an own page', async () => {
    await signIn();
    expect((await browser.get('/auth/sign-out')).text).toContain('You are signed in as User ada.');
    const foreign = await browser.post('/auth/sign-out', {}, { origin: 'https://evil.example' });
    expect([foreign.status, foreign.to]).toEqual([303, '/auth/sign-out?']);
    expect(await who()).toMatchObject({ user: 'ada' });

    const thief = openBrowser(served.origin);
    thief.cookies.set('kiln', browser.cookies.get('kiln') ?? '');
    const visit = await browser.post('/auth/sign-out', {});
    expect(visit.text).toContain('You are signed out.');
    expect(browser.cookies.has('kiln')).toBe(false);
    expect(await who(thief)).toEqual({});
  });

  it('does no harm where nobody is signed in', async () => {
    expect((await browser.get('/auth/sign-out')).text).toContain('You are signed out.');
    expect((await browser.post('/auth/sign-out', {})).status).toBe(200);
  });
});
