import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes } from '../../server/auth/admin-users.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { routes as setupRoutes } from '../../server/auth/setup.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import { findByLogin, saveUser } from '../../server/auth/users.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { openBrowser } from '../helpers/browser.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;
let token = '';

beforeAll(async () => {
  open = await openStores();
  await open.db.execute({
    text:
      "insert into auth_role (name, title, rules) values ('Admin', '', '[]'), ('Nurse', '', '[]') " +
      'on conflict do nothing',
  });
});
afterAll(() => open.close());
beforeEach(async () => {
  await open.db.execute({ text: 'truncate auth_user, auth_client, auth_attempt cascade' });
  service = authService(open);
  served = await serve(service, routes, setupRoutes);
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newUser(service, { id: 'chief', roles: ['Admin'] });
  token = await tokenOf('chief');
  return () => served.stop();
});

async function tokenOf(userId: string): Promise<string> {
  const scope = 'user/*.cruds';
  const base = { clientId: 'console', userId, scope, context: {}, offline: true };
  const grant = await createGrant(service, base);
  return (await issueTokens(service, grant, { scope, lifetime: 3600 })).access;
}

interface Told {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

async function call(method: string, path: string, body?: JsonObject, by = token): Promise<Told> {
  const response = await fetch(`${served.origin}/admin/users${path}`, {
    method,
    headers: { authorization: `Bearer ${by}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text === '' ? {} : JSON.parse(text),
  };
}

const ada = {
  ...{ login: 'Ada', name: 'Ada Lovelace', fhirUser: 'Practitioner/17', roles: ['Nurse'] },
  ...{ branches: ['north'], active: true },
};

describe('POST /admin/users', () => {
  it('makes a user who chooses the password by a link', async () => {
    const { status, headers, json } = await call('POST', '', ada);
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...ada, login: 'ada', hasPassword: false });
    expect(headers.get('location')).toBe(`${served.origin}/admin/users/${json.id}`);
    expect(headers.get('cache-control')).toBe('no-store');
    const link = new URL(String(json.invitation));
    const password = 'correct horse battery';
    const fields = { token: link.searchParams.get('token') ?? '', password, again: password };
    const visit = await openBrowser(served.origin).post(link.pathname, fields);
    expect(visit.status).toBe(303);
    expect((await call('GET', `/${json.id}`)).json).toMatchObject({ hasPassword: true });
  });

  it('keeps nothing of a user whose login or subject is taken', async () => {
    const upstream = { issuer: 'https://idp.example', subject: 's' };
    expect((await call('POST', '', { ...ada, upstream })).status).toBe(201);
    expect((await call('POST', '', { ...ada, login: 'ADA' })).status).toBe(409);
    expect((await call('POST', '', { ...ada, login: 'eva', upstream })).status).toBe(409);
    expect(await findByLogin(service, 'eva')).toBeUndefined();
  });

  it.each([
    [{ name: undefined }, 'name is missing'],
    [{ name: 7 }, 'name is not a text'],
    [{ login: 'a b' }, 'login is not'],
    [{ fhirUser: 'Organization/1' }, 'fhirUser is not a reference'],
    [{ fhirUser: 'https://other.example/Patient/1' }, 'fhirUser is not a reference'],
    [{ roles: ['Nurse', 'Emperor'] }, 'There is no role Emperor'],
    [{ roles: 'Nurse' }, 'roles is not a list'],
    [{ branches: ['Organization/1'] }, 'branches are not ids'],
    [{ active: 'yes' }, 'active is not true or false'],
    [{ upstream: { issuer: 'https://idp.example' } }, 'upstream needs an issuer and a subject'],
    [{ password: 'secret' }, 'There is no field password'],
  ])('refuses %j', async (changes, words) => {
    const body = JSON.parse(JSON.stringify({ ...ada, ...changes })) as JsonObject;
    const { status, json } = await call('POST', '', body);
    expect([status, json.error]).toEqual([400, 'invalid_request']);
    expect(json.error_description).toContain(words);
  });
});

describe('PUT /admin/users/:id', () => {
  it('replaces all that is known, for tokens that are out too', async () => {
    const { json } = await call('POST', '', { ...ada, upstream: { issuer: 'i', subject: 's' } });
    const adas = await tokenOf(String(json.id));
    expect((await findToken(service, adas))?.user?.roles).toEqual(['Nurse']);
    const { invitation: _, ...shown } = json;
    const changed = await call('PUT', `/${json.id}`, { ...(shown as JsonObject), roles: [] });
    expect(changed.json).toEqual({ ...shown, roles: [] });
    expect((await findToken(service, adas))?.user?.roles).toEqual([]);
    const bare = await call('PUT', `/${json.id}`, { name: 'Ada' });
    expect(bare.json).toEqual({
      ...{ id: json.id, name: 'Ada', roles: [], branches: [], active: true, hasPassword: false },
    });
  });

  it('disables and enables', async () => {
    const { json } = await call('POST', '', ada);
    const adas = await tokenOf(String(json.id));
    await call('PUT', `/${json.id}`, { ...ada, active: false });
    expect(await findToken(service, adas)).toBeUndefined();
    expect((await call('GET', `/${json.id}`)).json.active).toBe(false);
    expect((await call('POST', `/${json.id}/invitation`)).status).toBe(400);
    await call('PUT', `/${json.id}`, ada);
    expect(await findToken(service, adas)).toBeUndefined();
    expect((await call('GET', `/${json.id}`)).json.active).toBe(true);
  });
});

describe('the last administrator', () => {
  it.each([
    ['disabled', 'DELETE', undefined],
    ['made inactive', 'PUT', { name: 'Root', roles: ['Admin'], active: false }],
    ['given other roles', 'PUT', { name: 'Root', roles: [] }],
  ] as const)('cannot be %s', async (_case, method, body) => {
    const change = () => call(method, '/chief', body as JsonObject | undefined);
    expect((await change()).status).toBe(409);
    expect((await call('GET', '/chief')).status).toBe(200);
    await newUser(service, { id: 'second', roles: ['Admin'] });
    expect((await change()).status).toBeLessThan(300);
  });
});

describe('DELETE /admin/users/:id', () => {
  it('disables the user and keeps what is known', async () => {
    const { json } = await call('POST', '', ada);
    expect((await call('DELETE', `/${json.id}`)).status).toBe(204);
    expect((await call('GET', `/${json.id}`)).json).toMatchObject({ login: 'ada', active: false });
  });
});

describe('GET /admin/users', () => {
  it('goes through all users page by page', async () => {
    for (const id of ['a', 'b', 'c']) await saveUser(service, { ...ada, id, login: id });
    const seen: unknown[] = [];
    let after: unknown;
    do {
      const { json } = await call('GET', `?count=2${after ? `&after=${after}` : ''}`);
      seen.push(...(json.users as { id: string }[]).map(({ id }) => id));
      after = json.next;
    } while (after !== undefined);
    expect(seen).toEqual(['a', 'b', 'c', 'chief']);
    expect(JSON.stringify((await call('GET', '')).json)).not.toContain('argon2');
  });

  it.each(['count=0', 'count=x', 'count=1001', 'count=1&count=2'])('refuses %s', async (query) => {
    expect((await call('GET', `?${query}`)).status).toBe(400);
  });
});

describe('/admin/users', () => {
  const all = [
    ['GET', ''],
    ['POST', ''],
    ['GET', '/chief'],
    ['PUT', '/chief'],
    ['DELETE', '/chief'],
    ['POST', '/chief/invitation'],
    ['POST', '/chief/sign-out'],
  ] as const;

  it.each(all)('refuses %s %s to who is no administrator', async (method, path) => {
    await newUser(service, { id: 'ada', roles: ['Nurse'] });
    const body = method === 'GET' ? undefined : {};
    expect((await call(method, path, body, await tokenOf('ada'))).status).toBe(403);
    expect((await call(method, path, body, 'none')).status).toBe(401);
  });

  it.each(all.filter(([, path]) => path !== ''))(
    '%s %s answers 404 for nobody',
    async (method, path) => {
      const body = method === 'PUT' ? { name: 'Nobody' } : undefined;
      expect((await call(method, path.replace('chief', 'nobody'), body)).status).toBe(404);
    },
  );

  it('signs a user out, and invites again', async () => {
    expect((await call('POST', '/chief/sign-out')).status).toBe(204);
    expect((await call('POST', '/chief/invitation')).json.invitation).toContain(
      '/auth/setup?token=',
    );
  });
});
