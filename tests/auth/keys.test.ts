import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jwks, rotateKeys, routes, signIdToken } from '../../server/auth/keys.ts';
import type { AuthConfig } from '../../server/auth/types.ts';
import { authService, otherProcess, serve, type TestAuth } from '../helpers/auth.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
beforeEach(async () => {
  open = await openStores();
  service = authService(open);
});
afterEach(() => open.close());

const DAY = 24 * 60 * 60;
const claims = { iss: 'https://kiln.example/fhir', sub: 'u1', aud: 'app', exp: 2e9, iat: 1 };

const partsOf = (token: string): [Record<string, unknown>, Record<string, unknown>] =>
  token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString())) as never;

/** The key that signs now. */
const kidOf = async (of: TestAuth = service): Promise<unknown> =>
  partsOf(await signIdToken(of, claims))[0]['kid'];

const kidsOf = async (of: TestAuth = service): Promise<unknown[]> =>
  (await jwks(of)).keys.map(({ kid }) => kid);

/** A process that starts with this setting on the same database. */
const startWith = (config: Partial<AuthConfig>): TestAuth =>
  Object.assign(authService(open, config), { now: () => service.now() });

const stored = async (): Promise<string[]> => {
  const text = 'select private_jwk from auth_key order by created_at';
  return (await open.db.tuples<[string]>({ text })).map(([key]) => key);
};

describe('an id_token', () => {
  it('is RS256 and verified by the published key of its kid', async () => {
    const token = await signIdToken(service, claims);
    const [header, body] = partsOf(token);
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
    expect(body).toEqual(claims);
    const { keys } = await jwks(service);
    const key = keys.find(({ kid }) => kid === header['kid']) ?? {};
    const [, text = '', signature = ''] = /^(.*)\.([^.]*)$/.exec(token) ?? [];
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    const bytes = Buffer.from(signature, 'base64url');
    expect(verify('sha256', Buffer.from(text), publicKey, bytes)).toBe(true);
  });
});

describe('the key set', () => {
  it('holds public halves only, to be kept for five minutes by anybody', async () => {
    const served = await serve(service, routes);
    const { status, headers, json } = await ask('', `${served.origin}/auth/jwks`);
    await served.stop();
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(headers.get('access-control-allow-origin')).toBe('*');
    const members = ['alg', 'e', 'kid', 'kty', 'n', 'use'];
    const [key, ...others] = itemsOf(json['keys']);
    expect(others).toEqual([]);
    expect(Object.keys(key ?? {}).sort()).toEqual(members);
    expect(key).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
  });

  it('has one key after 20 first uses at once in two processes', async () => {
    const other = await otherProcess(service);
    const uses = Array.from({ length: 20 }, (_, index) => kidOf(index % 2 ? service : other));
    expect(new Set(await Promise.all(uses)).size).toBe(1);
    expect(await kidsOf()).toHaveLength(1);
    await other.close();
  });
});

describe('rotateKeys()', () => {
  it('publishes a key before it signs, and the old one for a day after', async () => {
    const old = await kidOf();
    await rotateKeys(service);
    expect(await kidsOf()).toEqual([old, expect.any(String)]);
    expect(await kidOf()).toBe(old);
    const [, next] = await kidsOf();
    service.pass(5 * 60);
    expect(await kidOf()).toBe(old);
    service.pass(6 * 60);
    expect(await kidOf()).toBe(next);
    expect(await kidsOf()).toEqual([old, next]);
    service.pass(DAY);
    expect(await kidsOf()).toEqual([next]);
  });

  it('reaches another process within ten seconds', async () => {
    const other = await otherProcess(service);
    const old = await kidOf(other);
    await rotateKeys(service, { compromised: true });
    service.pass(11);
    expect(await kidsOf(other)).not.toContain(old);
    expect(await kidOf(other)).toBe(await kidOf());
    await other.close();
  });

  it('takes away at once what was compromised', async () => {
    const old = await kidOf();
    await rotateKeys(service, { compromised: true });
    expect(await kidsOf()).not.toContain(old);
    expect(await kidOf()).not.toBe(old);
    expect(await stored()).toHaveLength(1);
  });

  it('happens by itself after 90 days, once', async () => {
    const old = await kidOf();
    service.pass(89 * DAY);
    expect(await kidsOf()).toEqual([old]);
    service.pass(2 * DAY);
    const other = await otherProcess(service);
    await Promise.all([kidsOf(), kidsOf(other)]);
    await other.close();
    service.pass(3600);
    expect(await kidsOf()).toHaveLength(2);
    expect(await kidOf()).not.toBe(old);
    service.pass(2 * DAY);
    expect(await kidsOf()).toHaveLength(1);
  });
});

describe('private keys at rest', () => {
  it('are encrypted where there is a secret', async () => {
    const sealed = startWith({ secret: 'correct horse battery staple' });
    const kid = await kidOf(sealed);
    const [text = ''] = await stored();
    expect(text).toMatch(/^eyJ/);
    expect(text).not.toContain('"d"');
    expect(await kidOf(startWith({ secret: 'correct horse battery staple' }))).toBe(kid);
  });

  it('are replaced by encrypted ones once there is a secret', async () => {
    const clear = await kidOf();
    const sealed = startWith({ secret: 'new' });
    expect(await kidOf(sealed)).toBe(clear);
    service.pass(700);
    expect(await kidOf(sealed)).not.toBe(clear);
    expect((await stored()).at(-1)).toMatch(/^eyJ/);
  });

  it('of another secret are left alone; each process signs with what it can read', async () => {
    const one = startWith({ secret: 'one' });
    const two = startWith({ secret: 'two' });
    const kids = [await kidOf(one), await kidOf(two)];
    expect(new Set(kids).size).toBe(2);
    service.pass(60);
    expect([await kidOf(one), await kidOf(two)]).toEqual(kids);
    expect(await kidsOf(one)).toEqual(kids);
    expect(await kidsOf(two)).toEqual(kids);
  });
});
