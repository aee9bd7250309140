import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as accountRoutes } from '../../server/auth/account.ts';
import { checkPassword } from '../../server/auth/check-password.ts';
import { invitationLink, setupLink } from '../../server/auth/links.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import { routes } from '../../server/auth/setup.ts';
import { disableUser, findByLogin } from '../../server/auth/users.ts';
import { authService, newUser, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

const PASSWORD = 'correct horse battery';
let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

const check: AuthRoute = {
  method: 'POST',
  path: '/test/check',
  handler: async (of, context) => {
    const given = { login: context.req.query('login') ?? '', password: PASSWORD };
    return context.text((await checkPassword(of, context, given))?.name ?? 'nobody');
  },
};

beforeAll(async () => {
  open = await openStores();
});
afterAll(() => open.close());
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user, auth_link cascade' });
  service = authService(open);
  served = await serve(service, routes, accountRoutes, [check]);
  browser = openBrowser(served.origin);
  return () => served.stop();
});

const tokenOf = (link: string | undefined): string =>
  new URL(link ?? 'none:').searchParams.get('token') ?? '';
const send = (token: string, changes: Record<string, string> = {}): Promise<Visit> =>
  browser.post('/auth/setup', {
    ...{ token, login: 'Root', name: 'Grace Hopper', password: PASSWORD, again: PASSWORD },
    ...changes,
  });
const checked = async (login: string): Promise<string> =>
  (await browser.post(`/test/check?login=${login}`, {})).text;

describe('setupLink()', () => {
  it('leads to a form that makes the first administrator and signs them in', async () => {
    const link = (await setupLink(service)) ?? '';
    expect(link).toMatch(new RegExp(`^${served.origin}/auth/setup\\?token=[\\w-]{43}$`));
    const form = await browser.get(link);
    expect(form.hidden.token).toBe(tokenOf(link));
    expect(form.text).toContain('<h1>Set up Kiln</h1>');
    const visit = await send(form.hidden.token ?? '');
    expect([visit.status, visit.to]).toEqual([303, '/auth/account']);
    expect((await browser.get('/auth/account')).text).toContain('Grace Hopper (root)');
    const account = await findByLogin(service, 'root');
    expect(account?.user.roles).toEqual(['Admin']);
    expect(await checked('ROOT')).toBe('Grace Hopper');
  });

  it('is not there once there is an administrator, and is again when none is left', async () => {
    await newUser(service, { id: 'a', roles: ['Clinician'] });
    expect(await setupLink(service)).toBeDefined();
    await newUser(service, { id: 'b', roles: ['Auditor', 'Admin'] });
    expect(await setupLink(service)).toBeUndefined();
    await disableUser(service, 'b');
    expect(await setupLink(service)).toBeDefined();
  });

  it('ends the link of the start before', async () => {
    const first = tokenOf(await setupLink(service));
    const second = tokenOf(await setupLink(service));
    expect((await browser.get(`/auth/setup?token=${first}`)).status).toBe(404);
    expect((await send(first)).status).toBe(404);
    expect((await send(second)).status).toBe(303);
  });

  it('ends after two hours', async () => {
    const token = tokenOf(await setupLink(service));
    service.pass(2 * 3600 - 5);
    expect((await browser.get(`/auth/setup?token=${token}`)).status).toBe(200);
    service.pass(10);
    expect((await send(token)).status).toBe(404);
  });

  it('makes one administrator when it is used many times at once', async () => {
    const token = tokenOf(await setupLink(service));
    const visits = await Promise.all(
      Array.from({ length: 20 }, (_, i) => send(token, { login: `root-${i}` })),
    );
    const statuses = visits.map(({ status }) => status);
    expect(statuses.filter((status) => status === 303)).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([303, 404]));
    const [row] = await open.db.query({ text: 'select count(*)::int from auth_user' });
    expect(row?.count).toBe(1);
  });

  it('is worth nothing once somebody became administrator another way', async () => {
    const token = tokenOf(await setupLink(service));
    await newUser(service, { id: 'b', roles: ['Admin'] });
    expect((await send(token)).status).toBe(404);
    expect(await findByLogin(service, 'root')).toBeUndefined();
  });

  it.each([
    ['a short password', { password: 'short', again: 'short' }, 'at least 12 characters'],
    ['two that differ', { again: 'correct horse batterz' }, 'The two passwords differ'],
    [
      'a password made of the login',
      { password: 'root-root-root', again: 'root-root-root' },
      'easy to guess',
    ],
    ['no login', { login: '' }, 'Enter a user name'],
    ['a login with a space', { login: 'gra ce' }, 'Enter a user name'],
    ['no name', { name: ' ' }, 'Enter your name'],
    ['a login that is taken', { login: 'ada' }, 'Another user has this user name'],
  ])('is not used up by %s', async (_case, changes, words) => {
    await newUser(service, { id: 'ada' });
    const token = tokenOf(await setupLink(service));
    const visit = await send(token, changes);
    expect([visit.status, visit.set]).toEqual([400, []]);
    expect(visit.text).toContain(words);
    expect(visit.hidden.token).toBe(token);
    expect((await send(token)).status).toBe(303);
  });

  it.each(['', 'x', 'A'.repeat(43)])('is not guessed as "%s"', async (token) => {
    await setupLink(service);
    expect((await browser.get(`/auth/setup?token=${token}`)).status).toBe(404);
    expect((await send(token)).status).toBe(404);
  });

  it('is limited in how often it can be guessed at', async () => {
    const visits = await Promise.all(Array.from({ length: 25 }, () => browser.get('/auth/setup')));
    expect(visits.map(({ status }) => status)).toContain(429);
  });

  it('takes forms of own pages only', async () => {
    const token = tokenOf(await setupLink(service));
    const visit = await browser.post('/auth/setup', { token }, { origin: 'https://evil.example' });
    expect(visit.status).toBe(403);
  });
});

describe('invitationLink()', () => {
  beforeEach(async () => {
    await newUser(service, { id: 'ada' });
  });

  it('lets the invited choose a password, and nothing else', async () => {
    const token = tokenOf(await invitationLink(service, 'ada'));
    const form = await browser.get(`/auth/setup?token=${token}`);
    expect(form.text).toContain('Choose your password');
    expect(form.text).not.toContain('name="login"');
    expect((await send(token, { login: 'other', name: 'Other' })).status).toBe(303);
    expect(await checked('ada')).toBe('User ada');
    expect((await send(token)).status).toBe(404);
  });

  it('ends with the next one, and with the user', async () => {
    const first = tokenOf(await invitationLink(service, 'ada'));
    const second = tokenOf(await invitationLink(service, 'ada'));
    expect((await send(first)).status).toBe(404);
    await disableUser(service, 'ada');
    expect((await send(second)).status).toBe(404);
    expect(await invitationLink(service, 'ada')).toBeUndefined();
    expect(await invitationLink(service, 'nobody')).toBeUndefined();
  });

  it('makes no administrator', async () => {
    const token = tokenOf(await invitationLink(service, 'ada'));
    await send(token);
    expect((await findByLogin(service, 'ada'))?.user.roles).toEqual([]);
    expect(await setupLink(service)).toBeDefined();
  });
});
