import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGrant, forgetTokens, revokeGrantsOf } from '../../server/auth/grants.ts';
import { findToken, issueTokens, revokeToken, rotateTokens } from '../../server/auth/tokens.ts';
import type { Grant } from '../../server/auth/types.ts';
import { disableUser, saveUser } from '../../server/auth/users.ts';
import {
  authService,
  newClient,
  newSession,
  newUser,
  otherProcess,
  type TestAuth,
} from '../helpers/auth.ts';
import { until } from '../helpers/embedded.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let userId: string;
let users = 0;

const scope = 'patient/*.rs';
const wish = { scope, lifetime: 3600, refreshScope: scope };

beforeAll(async () => {
  open = await openStores();
  await newClient(authService(open), { id: 'app' });
});
afterAll(() => open.close());
beforeEach(async () => {
  service = authService(open);
  userId = `user-${++users}`;
  await newUser(service, { id: userId, roles: ['Nurse'] });
});

async function grantOf(offline = false): Promise<Grant> {
  const sessionId = await newSession(service, userId);
  return createGrant(service, {
    ...{ clientId: 'app', userId, sessionId, scope, context: { patient: 'p1' }, offline },
  });
}

const isAlive = async (token: string | undefined, at = service): Promise<boolean> =>
  (await findToken(at, token ?? '')) !== undefined;

describe('findToken()', () => {
  test('tells grant, user, scope and end of an access token', async () => {
    const grant = await grantOf();
    const { access } = await issueTokens(service, grant, {
      scope: 'patient/Patient.r',
      lifetime: 60,
    });
    const found = await findToken(service, access);
    expect(found).toMatchObject({ kind: 'A', grant, scope: 'patient/Patient.r' });
    expect(found?.user).toMatchObject({ id: userId, roles: ['Nurse'] });
    expect(await findToken(service, access)).toEqual(found); // this time from the cache
    expect((found?.expiresAt ?? 0) - service.now()).toBeGreaterThan(59_000);
  });

  test('knows no token after its end, cached or not', async () => {
    const { access } = await issueTokens(service, await grantOf(), { scope, lifetime: 5 });
    expect(await isAlive(access)).toBe(true);
    service.pass(5);
    expect(await isAlive(access)).toBe(false);
  });

  test.each(['', 'x'.repeat(43), "' or 1=1", 'x'.repeat(100_000), '\0'.repeat(43)])(
    'knows nothing of %.20s',
    async (token) => {
      expect(await findToken(service, token)).toBeUndefined();
    },
  );

  test.each(['user', 'client'])('knows no token of a disabled %s', async (who) => {
    const text = `update auth_${who} set disabled_at = $2 where id = $1`;
    const id = who === 'user' ? userId : 'app';
    const { access, refresh } = await issueTokens(service, await grantOf(true), wish);
    await open.db.execute({ text }, [id, new Date()]);
    expect([await isAlive(access), await isAlive(refresh)]).toEqual([false, false]);
    await open.db.execute({ text }, [id, null]);
    expect([await isAlive(access), await isAlive(refresh)]).toEqual([true, true]);
  });

  test('keeps tokens as hashes only', async () => {
    const { access, refresh = '' } = await issueTokens(service, await grantOf(), wish);
    const rows = await open.db.query({ text: 'select auth_token::text as row from auth_token' });
    const text = JSON.stringify(rows);
    expect([text.includes(access), text.includes(refresh)]).toEqual([false, false]);
    expect(text).not.toContain(Buffer.from(access, 'base64url').toString('hex'));
  });
});

describe('a token ends in every process at once', () => {
  let other: Awaited<ReturnType<typeof otherProcess>>;
  beforeAll(async () => {
    other = await otherProcess(authService(open));
    // Its cache does not grow old, so that only a NOTIFY empties it.
    const started = Date.now();
    other.now = () => started;
    await findToken(other, 'x'.repeat(43));
    // On the connection that listens already for the cache: when this is heard, that is too.
    await new Promise<void>((resolve) => other.db.listen('ready', () => {}, resolve));
  });
  afterAll(() => other.close());

  test.each<[string, (grant: Grant, token: string) => Promise<unknown>]>([
    ['is revoked', (_grant, token) => revokeToken(service, token)],
    [
      'its grant is revoked',
      ({ id }) => revokeGrantsOf(service, { userId, clientId: id && 'app' }),
    ],
    ['its session ends', ({ sessionId = '' }) => revokeGrantsOf(service, { sessionId })],
    ['its user is disabled', () => disableUser(service, userId)],
  ])('when it %s', async (_why, end) => {
    const grant = await grantOf();
    const { access } = await issueTokens(service, grant, wish);
    expect([await isAlive(access), await isAlive(access, other)]).toEqual([true, true]);
    await end(grant, access);
    expect(await isAlive(access)).toBe(false);
    await until(async () => !(await isAlive(access, other)));
  });

  test('and a changed user is seen after forgetTokens()', async () => {
    const { access } = await issueTokens(service, await grantOf(), wish);
    const user = (await findToken(other, access))?.user;
    if (!user) throw new Error('no user');
    await saveUser(service, { ...user, roles: ['Physician'] });
    await forgetTokens(service);
    await until(async () => (await findToken(other, access))?.user?.roles[0] === 'Physician');
  });

  test('and without a NOTIFY after ten seconds', async () => {
    const { access } = await issueTokens(service, await grantOf(), wish);
    expect(await isAlive(access)).toBe(true);
    await open.db.execute({ text: 'update auth_token set revoked_at = now()' });
    service.pass(10);
    expect(await isAlive(access)).toBe(false);
  });
});

describe('what a session gave', () => {
  const endSession = (grant: Grant): Promise<number> =>
    open.db.execute({ text: 'update auth_session set ended_at = now() where id = $1' }, [
      grant.sessionId,
    ]);

  test.each([
    ['ends with it', false, [false, false]],
    ['outlives it where it is offline', true, [true, true]],
  ])('%s', async (_what, offline, alive) => {
    const grant = await grantOf(offline);
    const { access, refresh } = await issueTokens(service, grant, wish);
    await endSession(grant);
    expect([await isAlive(access), await isAlive(refresh)]).toEqual(alive);
  });

  test('cannot be refreshed when its time is up, but used until the token ends', async () => {
    service.config.session = 600;
    const { access, refresh } = await issueTokens(service, await grantOf(), wish);
    service.pass(700);
    expect([await isAlive(access), await isAlive(refresh)]).toEqual([true, false]);
  });
});

describe('rotateTokens()', () => {
  test('takes one of twenty uses at once, and ends the grant for the others', async () => {
    const grant = await grantOf();
    const { refresh: token = '' } = await issueTokens(service, grant, wish);
    const uses = await Promise.all(
      Array.from({ length: 20 }, () => rotateTokens(service, { token, grant }, wish)),
    );
    const [issued, ...more] = uses.filter((use) => use !== undefined);
    expect([issued === undefined, more.length]).toEqual([false, 0]);
    expect([await isAlive(issued?.access), await isAlive(issued?.refresh)]).toEqual([false, false]);
  });

  test('gives three months more each time', async () => {
    const grant = await grantOf(true);
    let { refresh: token = '' } = await issueTokens(service, grant, wish);
    for (let month = 0; month < 6; month++) {
      service.pass(31 * 24 * 3600);
      token = (await rotateTokens(service, { token, grant }, wish))?.refresh ?? '';
    }
    const found = await findToken(service, token);
    expect(found?.kind).toBe('R');
    expect((found?.expiresAt ?? 0) - service.now()).toBeGreaterThan(90 * 24 * 3600 * 1000);
  });

  test('takes no access token', async () => {
    const grant = await grantOf();
    const { access: token } = await issueTokens(service, grant, wish);
    expect(await rotateTokens(service, { token, grant }, wish)).toBeUndefined();
  });
});

test('revokeGrantsOf() leaves what is offline where it is told so, and others always', async () => {
  const [online, offline] = [await grantOf(), await grantOf(true)];
  const others = authService(open);
  await newUser(others, { id: 'other' });
  const theirs = await createGrant(others, {
    ...{ clientId: 'app', userId: 'other', scope, context: {}, offline: false },
  });
  const tokens: string[] = [];
  for (const grant of [online, offline, theirs]) {
    tokens.push((await issueTokens(service, grant, wish)).access);
  }
  const alive = (): Promise<boolean[]> => Promise.all(tokens.map((token) => isAlive(token)));
  expect(await alive()).toEqual([true, true, true]);
  expect(await revokeGrantsOf(service, { userId, onlineOnly: true })).toBe(1);
  expect(await alive()).toEqual([false, true, true]);
  expect(await revokeGrantsOf(service, { userId })).toBe(1);
  expect(await alive()).toEqual([false, false, true]);
  await expect(revokeGrantsOf(service, {})).rejects.toThrow('whose grants?');
});
