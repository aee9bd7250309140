import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGrant } from '../../server/auth/grants.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import {
  beginSession,
  endSession,
  endSessionsOf,
  endUpstreamSessions,
  sessionOf,
  sweepSessions,
} from '../../server/auth/sessions.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import { disableUser, enableUser, findUser, saveUser } from '../../server/auth/users.ts';
import {
  authService,
  newClient,
  newUser,
  otherProcess,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let other: TestAuth & { close: () => Promise<void> };
let served: Served;
let elsewhere: Served;
let browser: Browser;

const probes: AuthRoute[] = [
  {
    method: 'POST',
    path: '/begin/:user',
    handler: async (of, context) => {
      const user = await findUser(of, context.req.param('user') ?? '');
      if (!user) return context.text('no user', 404);
      const sid = context.req.query('sid');
      const upstream = { issuer: 'https://idp.example', sid };
      const proof = sid === undefined ? ['pwd'] : { methods: ['idp'], upstream };
      return context.json(await beginSession(of, context, user, proof));
    },
  },
  {
    method: 'POST',
    path: '/end',
    handler: async (of, context) => {
      await endSession(of, context);
      return context.text('ended');
    },
  },
  {
    method: 'GET',
    path: '/who',
    handler: async (of, context) => context.json((await sessionOf(of, context)) ?? {}),
  },
];

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  other = await otherProcess(service);
  served = await serve(service, probes);
  elsewhere = await serve({ ...other, config: { ...service.config } }, probes);
  await newClient(service, { id: 'app' });
});
afterAll(async () => {
  await served.stop();
  await elsewhere.stop();
  await other.close();
  await open.close();
});
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user cascade' });
  await newUser(service, { id: 'ada', roles: ['Clinician'], branches: ['north'] });
  await newUser(service, { id: 'bob' });
  browser = openBrowser(served.origin);
});

const begin = async (user: string, by = browser, sid = ''): Promise<string> =>
  JSON.parse((await by.post(`/begin/${user}${sid && `?sid=${sid}`}`, {})).text).id;
const who = async (by = browser, path = '/who'): Promise<string | undefined> =>
  JSON.parse((await by.get(path)).text).user?.id;

/** Access and refresh tokens of a grant of this session. */
async function tokensOf(sessionId: string, offline: boolean): Promise<(string | undefined)[]> {
  const scope = 'patient/*.rs';
  const grant = await createGrant(service, {
    ...{ clientId: 'app', userId: 'ada', sessionId, scope, context: {}, offline },
  });
  const wish = { scope, lifetime: 3600, refreshScope: scope };
  const { access, refresh } = await issueTokens(service, grant, wish);
  return [access, refresh];
}
const work = async (tokens: (string | undefined)[], of: TestAuth = service): Promise<boolean[]> =>
  Promise.all(tokens.map(async (token) => (await findToken(of, token ?? '')) !== undefined));

describe('sessionOf()', () => {
  it('tells who is signed in, how and since when', async () => {
    const before = service.now();
    await begin('ada');
    const session = JSON.parse((await browser.get('/who')).text);
    expect(session).toMatchObject({
      user: { id: 'ada', login: 'ada', roles: ['Clinician'], branches: ['north'] },
      methods: ['pwd'],
    });
    expect(session.signedIn).toBeGreaterThanOrEqual(before - 1);
    expect(session.signedIn).toBeLessThanOrEqual(service.now() + 1);
  });

  it('ends a session after half an hour without a request', async () => {
    await begin('ada');
    for (let i = 0; i < 3; i++) {
      service.pass(29 * 60);
      expect(await who()).toBe('ada');
    }
    service.pass(31 * 60);
    expect(await who()).toBeUndefined();
  });

  it('ends a session when its time is up, busy or not', async () => {
    await begin('ada');
    let busy = 0;
    for (; busy < service.config.session - 1200; busy += 1200) {
      service.pass(1200);
      expect(await who()).toBe('ada');
    }
    service.pass(1201);
    expect(await who()).toBeUndefined();
  });

  it.each(['', 'x', 'A'.repeat(43), `${'A'.repeat(42)}"`])(
    'knows no cookie "%s"',
    async (value) => {
      browser.cookies.set('kiln', value);
      expect(await who()).toBeUndefined();
    },
  );

  it('keeps no cookie in the database', async () => {
    await begin('ada');
    const rows = await open.db.query({
      text: 'select to_jsonb(s)::text as row from auth_session s',
    });
    expect(JSON.stringify(rows)).not.toContain(browser.cookies.get('kiln'));
  });
});

describe('beginSession()', () => {
  it('keeps the apps of a user who proves again who they are, and ends those of another', async () => {
    const first = await begin('ada');
    const tokens = await tokensOf(first, false);
    expect(await begin('ada')).toBe(first);
    expect(await work(tokens)).toEqual([true, true]);
    expect(await begin('bob')).not.toBe(first);
    expect(await work(tokens)).toEqual([false, false]);
  });

  it('makes another session where the one before was idle for too long', async () => {
    const first = await begin('ada');
    service.pass(31 * 60);
    expect(await begin('ada')).not.toBe(first);
  });
});

describe('endSession()', () => {
  it('ends online access at once, in every process, and keeps offline access', async () => {
    const session = await begin('ada');
    const online = await tokensOf(session, false);
    const offline = await tokensOf(session, true);
    expect(await work([...online, ...offline], other)).toEqual([true, true, true, true]);
    await browser.post('/end', {});
    expect(await work([...online, ...offline])).toEqual([false, false, true, true]);
    await expect.poll(() => work(online, other)).toEqual([false, false]);
    expect(await work(offline, other)).toEqual([true, true]);
  });
});

describe('endSessionsOf()', () => {
  it('ends the sessions of one user in all browsers but one', async () => {
    const browsers = [browser, openBrowser(served.origin), openBrowser(elsewhere.origin)];
    const ids = await Promise.all(browsers.map((one) => begin('ada', one)));
    const bobs = openBrowser(served.origin);
    await begin('bob', bobs);
    await endSessionsOf(service, 'ada', ids[1]);
    expect(await Promise.all([...browsers, bobs].map((one) => who(one)))).toEqual([
      ...[undefined, 'ada', undefined, 'bob'],
    ]);
  });
});

describe('disableUser()', () => {
  it('ends all there is, in every process, and what was does not come back', async () => {
    const session = await begin('ada');
    const tokens = [...(await tokensOf(session, false)), ...(await tokensOf(session, true))];
    const there = openBrowser(elsewhere.origin);
    for (const [name, value] of browser.cookies) there.cookies.set(name, value);
    expect(await who(there)).toBe('ada');
    expect(await work(tokens, other)).toEqual([true, true, true, true]);

    await disableUser(service, 'ada');
    expect([await who(), await who(there)]).toEqual([undefined, undefined]);
    expect(await work(tokens)).toEqual([false, false, false, false]);
    await expect.poll(() => work(tokens, other)).toEqual([false, false, false, false]);
    expect((await browser.post('/begin/ada', {})).status).toBe(404);

    await enableUser(service, 'ada');
    expect(await who()).toBeUndefined();
    expect(await work(tokens)).toEqual([false, false, false, false]);
    await begin('ada');
    expect(await who()).toBe('ada');
  });

  it('wins against a sign-in under way', async () => {
    const user = await findUser(service, 'ada');
    await disableUser(service, 'ada');
    const probe: AuthRoute = {
      ...{ method: 'POST', path: '/late' },
      handler: async (of, context) => context.json(await beginSession(of, context, user!, ['pwd'])),
    };
    const late = await serve(authService(open), [probe]);
    try {
      const visit = await openBrowser(late.origin).post('/late', {});
      expect([visit.status, visit.set]).toEqual([403, []]);
    } finally {
      await late.stop();
    }
  });
});

describe('endUpstreamSessions()', () => {
  const issuer = 'https://idp.example';
  it.each([
    ['one session', { issuer, sid: 'one' }, [undefined, 'ada', 'ada', 'bob']],
    [
      'a session with its subject',
      { issuer, sid: 'one', subject: 'a' },
      [undefined, 'ada', 'ada', 'bob'],
    ],
    [
      'a session with another subject',
      { issuer, sid: 'one', subject: 'b' },
      ['ada', 'ada', 'ada', 'bob'],
    ],
    ['all sessions of a subject', { issuer, subject: 'a' }, [undefined, undefined, 'ada', 'bob']],
    [
      'sessions of another issuer',
      { issuer: 'https://other.example', sid: 'one' },
      ['ada', 'ada', 'ada', 'bob'],
    ],
    ['nothing in particular', { issuer }, ['ada', 'ada', 'ada', 'bob']],
  ])('ends %s', async (_case, which, left) => {
    for (const [id, subject] of [
      ['ada', 'a'],
      ['bob', 'b'],
    ] as const) {
      const user = await findUser(service, id);
      await saveUser(service, user!, { upstream: { issuer, subject } });
    }
    const browsers = [browser, ...Array.from({ length: 3 }, () => openBrowser(served.origin))];
    const [one, two, local, bobs] = browsers as [Browser, Browser, Browser, Browser];
    await begin('ada', one, 'one');
    await begin('ada', two, 'two');
    await begin('ada', local);
    await begin('bob', bobs, 'three');
    await endUpstreamSessions(service, which);
    expect(await Promise.all(browsers.map((each) => who(each)))).toEqual(left);
  });
});

describe('sweepSessions()', () => {
  it('removes old sessions, but not those that offline access came from', async () => {
    const first = await begin('ada');
    const second = await begin('bob', openBrowser(served.origin));
    const [, refresh] = await tokensOf(first, true);
    service.pass(45 * 24 * 3600);
    await sweepSessions(service);
    const rows = await open.db.query({ text: 'select id from auth_session' });
    expect(rows.map(({ id }) => id)).toEqual([first]);
    expect(second).not.toBe(first);
    expect(await work([refresh])).toEqual([true]);
  });
});
