import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireAdmin } from '../../server/auth/admin.ts';
import { routes } from '../../server/auth/admin-clients.ts';
import { signIdToken } from '../../server/auth/keys.ts';
import { routes as registration } from '../../server/auth/registration.ts';
import { type AuthRoute, answerJson } from '../../server/auth/route.ts';
import { disableUser } from '../../server/auth/users.ts';
import { callJson, newAdmin, tokenBy } from '../helpers/admin.ts';
import {
  newClient,
  newConfidential,
  newUser,
  type OpenAuth,
  openAuth,
  type TestAuth,
} from '../helpers/auth.ts';

/** Tells who administrates. */
const door: AuthRoute = {
  ...{ method: 'GET', path: '/door' },
  handler: async (service, context) => {
    const { user, client } = await requireAdmin(service, context);
    return answerJson({ who: user?.id ?? client.id });
  },
};

let auth: OpenAuth;
let service: TestAuth;
let admin = '';

beforeAll(async () => {
  auth = await openAuth([[door], routes, registration]);
  ({ service } = auth);
  admin = await newAdmin(service);
  await newUser(service, { id: 'nurse', roles: ['Nurse'] });
  await newClient(service, { id: 'app' });
  await newConfidential(service, { id: 'robot', roles: ['Admin'] });
  await newConfidential(service, { id: 'lab', roles: ['Nurse'] });
});
afterAll(() => auth.stop());

const knock = (token?: string) =>
  callJson(`${auth.origin}/door`, token === undefined ? {} : { token });

describe('requireAdmin() lets in', () => {
  it("an administrator at the hospital's own app", async () => {
    expect((await knock(admin)).json).toEqual({ who: 'root' });
  });

  it('a system with the role', async () => {
    const token = await tokenBy(service, { clientId: 'robot', scope: 'system/*.cruds' });
    expect((await knock(token)).json).toEqual({ who: 'robot' });
  });
});

describe('requireAdmin() keeps out', () => {
  it.each<[string, Parameters<typeof tokenBy>[1], RegExp]>([
    ['another user', { clientId: 'console', userId: 'nurse', scope: 'user/*.cruds' }, /role Admin/],
    ['another system', { clientId: 'lab', scope: 'system/*.cruds' }, /role Admin/],
    [
      'an administrator at an app of others',
      { clientId: 'app', userId: 'root', scope: 'user/*.cruds' },
      /hospital's own/,
    ],
    [
      'a user at an app that is administrator itself',
      { clientId: 'robot', userId: 'nurse', scope: 'user/*.cruds' },
      /role Admin/,
    ],
    [
      'a narrower token',
      { clientId: 'console', userId: 'root', scope: 'user/*.rs user/Patient.cruds' },
      /user\/\*\.cruds/,
    ],
    [
      'a token for one patient',
      { clientId: 'console', userId: 'root', scope: 'patient/*.cruds' },
      /user\/\*\.cruds/,
    ],
    ['a narrower system', { clientId: 'robot', scope: 'system/*.rs' }, /system\/\*\.cruds/],
  ])('%s', async (_what, wish, message) => {
    const { status, json, headers } = await knock(await tokenBy(service, wish));
    expect([status, json['error']]).toEqual([403, 'insufficient_scope']);
    expect(json['error_description']).toMatch(message);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['x', 'x'.repeat(43)])('the token %s', async (token) => {
    const { status, headers } = await knock(token);
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  it('an id_token, whatever stands in it', async () => {
    const claims = { iss: service.config.base, sub: 'root', aud: 'console', scope: 'user/*.cruds' };
    expect((await knock(await signIdToken(service, claims))).status).toBe(401);
  });

  it('a user who was disabled', async () => {
    await newUser(service, { id: 'former', roles: ['Admin'] });
    const wish = { clientId: 'console', userId: 'former', scope: 'user/*.cruds' };
    const token = await tokenBy(service, wish);
    expect((await knock(token)).status).toBe(200);
    await disableUser(service, 'former');
    expect((await knock(token)).status).toBe(401);
  });
});

describe('without an administrator', () => {
  const all = [...routes, ...registration].map(({ method, path }) => [method, path] as const);
  it.each(all)('%s %s is refused', async (method, path) => {
    const url = `${auth.origin}${path.replace(':id', 'app')}`;
    expect((await callJson(url, { method })).status).toBe(401);
    const wish = { clientId: 'console', userId: 'nurse', scope: 'user/*.cruds' };
    const token = await tokenBy(service, wish);
    expect((await callJson(url, { method, token })).status).toBe(403);
  });
});
