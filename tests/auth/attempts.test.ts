import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginAttempt, succeedAttempt, sweepAttempts } from '../../server/auth/attempts.ts';
import { allow } from '../../server/auth/limits.ts';
import { OAuthError } from '../../server/auth/types.ts';
import { authService, type TestAuth } from '../helpers/auth.ts';
import { type OpenStores, openStores, tally } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let login = '';
let logins = 0;
const HERE = '192.0.2.1';

beforeAll(async () => {
  open = await openStores();
});
afterAll(() => open.close());
beforeEach(() => {
  service = authService(open);
  login = `login-${++logins}`;
});

/** `ok`, or for how many seconds it has to wait. */
async function attempt(address = HERE): Promise<'ok' | number> {
  return outcome(beginAttempt(service, { login, address }));
}

async function outcome(work: Promise<unknown>): Promise<'ok' | number> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    if (error instanceof OAuthError && error.status === 429) return error.retryAfter ?? 0;
    throw error;
  }
}

async function attempts(count: number): Promise<('ok' | number)[]> {
  const results: ('ok' | number)[] = [];
  for (let i = 0; i < count; i++) results.push(await attempt());
  return results;
}

describe('beginAttempt()', () => {
  it('makes who failed five times wait, twice as long each time, and never for good', async () => {
    expect(await attempts(5)).toEqual(Array(5).fill('ok'));
    const waits: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      const wait = await attempt();
      waits.push(wait);
      service.pass(Number(wait) + 0.1);
      expect(await attempt()).toBe('ok');
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  });

  it('does not prolong the wait by attempts during it', async () => {
    await attempts(5);
    expect(await attempts(5)).toEqual(Array(5).fill(1));
    service.pass(1.1);
    expect(await attempt()).toBe('ok');
  });

  it('counts attempts side by side', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => attempt()));
    expect(tally(all.map(String))).toEqual({ ok: 5, 1: 15 });
  });

  it('locks nobody out when the clock is set back', async () => {
    await attempts(6);
    service.pass(-3600);
    expect(await attempt()).toBe('ok');
  });

  it('forgets after an hour without attempts', async () => {
    await attempts(5);
    service.pass(3601);
    expect(await attempts(5)).toEqual(Array(5).fill('ok'));
  });

  it('begins anew after a success', async () => {
    await attempts(4);
    await succeedAttempt(service, { login, address: HERE });
    expect(await attempts(5)).toEqual(Array(5).fill('ok'));
  });

  it('lets other logins and other addresses be', async () => {
    await attempts(6);
    expect(await attempt('192.0.2.2')).toBe('ok');
    login = `${login}-other`;
    expect(await attempt()).toBe('ok');
  });

  it('slows guesses from many addresses down, but not where the login has signed in from', async () => {
    await succeedAttempt(service, { login, address: HERE });
    const guesses: unknown[] = [];
    for (let i = 0; i < 40; i++) guesses.push(await attempt(`198.51.100.${i}`));
    expect(tally(guesses.map(String))).toEqual({ ok: 30, 1: 10 });
    expect(await attempt()).toBe('ok');
  });

  it('keeps no login in the database in readable form', async () => {
    login = 'my password typed into the wrong field';
    await attempt();
    const rows = await open.db.query({ text: 'select key from auth_attempt' });
    expect(JSON.stringify(rows)).not.toContain('password');
  });
});

describe('sweepAttempts()', () => {
  it('removes what is forgotten and keeps the addresses that are known', async () => {
    const count = async (): Promise<unknown> =>
      (await open.db.query({ text: 'select count(*)::int from auth_attempt' }))[0]?.count;
    await open.db.execute({ text: 'delete from auth_attempt' });
    await attempt();
    await succeedAttempt(service, { login: 'known', address: HERE });
    expect(await count()).toBe(3);
    service.pass(3700);
    await sweepAttempts(service);
    expect(await count()).toBe(1);
    service.pass(91 * 24 * 3600);
    await sweepAttempts(service);
    expect(await count()).toBe(0);
  });
});

describe('allow()', () => {
  const take = (key: string): Promise<'ok' | number> =>
    outcome(allow(service, key, { most: 3, per: 60 }));

  it('lets as many through as fit, and then one whenever its share of the time is over', async () => {
    const first = [await take('a'), await take('a'), await take('a'), await take('a')];
    expect(first.slice(0, 3)).toEqual(['ok', 'ok', 'ok']);
    expect(first[3]).toBeGreaterThan(19);
    expect(await take('b')).toBe('ok');
    service.pass(20);
    expect(await take('a')).toBe('ok');
    expect(await take('a')).toBeGreaterThan(19);
  });

  it('locks nobody out when the clock is set back', async () => {
    for (let i = 0; i < 4; i++) await take('a');
    service.pass(-3600);
    expect(await take('a')).toBe('ok');
  });

  it('stays right when callers make up keys without end', async () => {
    for (let i = 0; i < 3; i++) await take('a');
    for (let i = 0; i < 10_000; i++) await take(`made-up-${i}`);
    expect(await take('a')).toBeGreaterThan(0);
    for (let i = 0; i < 60_000; i++) await take(`more-${i}`);
    expect(await take('a')).toBe('ok');
  });
});
