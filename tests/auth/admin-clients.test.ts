import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../server/auth/admin-clients.ts';
import { routes as keyRoutes } from '../../server/auth/keys.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import { findToken } from '../../server/auth/tokens.ts';
import { callJson, newAdmin, type Told } from '../helpers/admin.ts';
import { type OpenAuth, openAuth, postForm, type TestAuth } from '../helpers/auth.ts';

let auth: OpenAuth;
let service: TestAuth;
let token = '';

beforeAll(async () => {
  auth = await openAuth([routes, tokenRoutes, keyRoutes]);
  ({ service } = auth);
  token = await newAdmin(service);
});
afterAll(() => auth.stop());

const call = (method: string, path: string, body?: unknown): Promise<Told> =>
  callJson(`${auth.origin}/admin${path}`, { method, token, body });

const lab = {
  client_name: 'Laboratory',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  scope: 'system/Observation.cruds system/Patient.rs',
  roles: ['Nurse'],
};

/** A token of the client, or the error. */
async function ask(id: string, secret: unknown): Promise<string> {
  const { json } = await postForm(`${auth.origin}/auth/token`, {
    ...{ grant_type: 'client_credentials', client_id: id, client_secret: String(secret) },
  });
  return String(json['access_token'] ?? json['error']);
}

const isAlive = async (access: string): Promise<boolean> =>
  (await findToken(service, access)) !== undefined;

describe('PUT /admin/clients/:id', () => {
  it('creates a client whose secret is shown once', async () => {
    const { status, json, headers } = await call('PUT', '/clients/lab-1', lab);
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...lab, client_id: 'lab-1', active: true, trusted: false });
    expect(json['client_secret']).toMatch(/^[\w-]{43}$/);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await isAlive(await ask('lab-1', json['client_secret']))).toBe(true);
    const shown = await call('GET', '/clients/lab-1');
    expect(JSON.stringify(shown.json)).not.toMatch(/secret(?!_(basic|expires))/);
  });

  it('changes a client, which keeps its secret', async () => {
    const { json: made } = await call('PUT', '/clients/lab-2', lab);
    const changed = { ...lab, client_name: 'Lab', roles: [] };
    const { status, json } = await call('PUT', '/clients/lab-2', changed);
    expect(status).toBe(200);
    expect(json).toMatchObject(changed);
    expect(json['client_secret']).toBeUndefined();
    expect(await isAlive(await ask('lab-2', made['client_secret']))).toBe(true);
  });

  it('takes back what GET answered', async () => {
    await call('PUT', '/clients/same', lab);
    const { json } = await call('GET', '/clients/same');
    expect((await call('PUT', '/clients/same', json)).json).toEqual(json);
  });

  it('ends tokens only where less is allowed than before', async () => {
    const { json } = await call('PUT', '/clients/lab-3', lab);
    const access = await ask('lab-3', json['client_secret']);
    await call('PUT', '/clients/lab-3', { ...lab, scope: `${lab.scope} system/Specimen.rs` });
    expect(await isAlive(access)).toBe(true);
    await call('PUT', '/clients/lab-3', { ...lab, scope: 'system/Patient.rs' });
    expect(await isAlive(access)).toBe(false);
  });

  it('makes a secret where the client had none, and drops it where it needs none', async () => {
    const { json: made } = await call('PUT', '/clients/lab-4', lab);
    const app = {
      ...{ client_name: 'App', token_endpoint_auth_method: 'none', scope: 'openid' },
      ...{ redirect_uris: ['https://a.example/'], grant_types: ['authorization_code'] },
    };
    expect((await call('PUT', '/clients/lab-4', app)).json['client_secret']).toBeUndefined();
    expect(await ask('lab-4', made['client_secret'])).toBe('invalid_client');
    const { json } = await call('PUT', '/clients/lab-4', lab);
    expect(json['client_secret']).toMatch(/^[\w-]{43}$/);
    expect(json['client_secret']).not.toBe(made['client_secret']);
  });

  it('disables and enables by active, and leaves it alone without', async () => {
    const { json } = await call('PUT', '/clients/lab-5', { ...lab, active: false });
    expect(json['active']).toBe(false);
    expect(await ask('lab-5', json['client_secret'])).toBe('invalid_client');
    expect((await call('PUT', '/clients/lab-5', lab)).json['active']).toBe(false);
    expect((await call('PUT', '/clients/lab-5', { ...lab, active: true })).json['active']).toBe(
      true,
    );
    expect(await isAlive(await ask('lab-5', json['client_secret']))).toBe(true);
  });

  it.each<[string, string, unknown, RegExp]>([
    ['a role nobody defined', 'x', { ...lab, roles: ['Nurze'] }, /no role Nurze/],
    ['a field it does not know', 'x', { ...lab, scopes: 'openid' }, /scopes is not a field/],
    ['an id that is no name', 'a%20b', lab, /1 to 64 letters/],
    ['an id with NUL', 'a%00b', lab, /1 to 64 letters/],
    ['a body that is no JSON', 'x', '{"client_name":', /./],
    ['a name that stands twice', 'x', '{"scope":"openid","scope":"system/*.rs"}', /./],
    ['a list', 'x', '[]', /no JSON object/],
    ['too much', 'x', `{"client_name":"${'x'.repeat(70_000)}"}`, /64 kB/],
  ])('refuses %s', async (_what, id, body, message) => {
    const { status, json } = await call('PUT', `/clients/${id}`, body);
    expect(status).toBe(400);
    expect(json['error_description']).toMatch(message);
    expect((await call('GET', `/clients/${id}`)).status).toBe(404);
  });

  it('refuses a body of another type', async () => {
    const response = await fetch(`${auth.origin}/admin/clients/x`, {
      ...{ method: 'PUT', body: JSON.stringify(lab) },
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/plain' },
    });
    expect(response.status).toBe(400);
  });
});

describe('GET /admin/clients', () => {
  it('lists all, the disabled ones too', async () => {
    await call('PUT', '/clients/zz-off', { ...lab, active: false });
    const { json } = await call('GET', '/clients');
    const clients = json['clients'] as Record<string, unknown>[];
    expect(clients.at(-1)).toMatchObject({ client_id: 'zz-off', active: false });
    expect(clients.map((one) => one['client_id'])).toContain('console');
    expect(JSON.stringify(json)).not.toContain('secretHash');
  });
});

describe('DELETE /admin/clients/:id', () => {
  it('ends the client and its tokens, and keeps what it was', async () => {
    const { json } = await call('PUT', '/clients/lab-6', lab);
    const access = await ask('lab-6', json['client_secret']);
    expect((await call('DELETE', '/clients/lab-6')).status).toBe(204);
    expect(await isAlive(access)).toBe(false);
    expect(await ask('lab-6', json['client_secret'])).toBe('invalid_client');
    expect((await call('GET', '/clients/lab-6')).json['active']).toBe(false);
    expect((await call('DELETE', '/clients/lab-6')).status).toBe(204);
  });
});

describe('POST /admin/clients/:id/secret', () => {
  it('puts another secret in place of the old one', async () => {
    const { json: made } = await call('PUT', '/clients/lab-7', lab);
    const { status, json } = await call('POST', '/clients/lab-7/secret');
    expect([status, json['client_id']]).toEqual([200, 'lab-7']);
    expect(await ask('lab-7', made['client_secret'])).toBe('invalid_client');
    expect(await isAlive(await ask('lab-7', json['client_secret']))).toBe(true);
  });

  it('is refused for clients without secrets', async () => {
    const { status, json } = await call('POST', '/clients/console/secret');
    expect([status, json['error']]).toEqual([400, 'invalid_request']);
  });
});

it.each([
  ['GET', '/clients/nobody'],
  ['DELETE', '/clients/nobody'],
  ['POST', '/clients/nobody/secret'],
])('%s %s is not found', async (method, path) => {
  const { status, json } = await call(method, path);
  expect([status, json['error']]).toEqual([404, 'not_found']);
});

describe('POST /admin/keys/rotate', () => {
  const kids = async (): Promise<unknown[]> => {
    const { json } = await callJson(`${auth.origin}/auth/jwks`, {});
    return (json['keys'] as { kid: string }[]).map(({ kid }) => kid);
  };

  it('adds a key, or puts it in place of those that were compromised', async () => {
    const [first] = await kids();
    expect((await call('POST', '/keys/rotate', {})).status).toBe(204);
    const both = await kids();
    expect(both).toEqual([first, expect.any(String)]);
    expect((await call('POST', '/keys/rotate', { compromised: true })).status).toBe(204);
    const last = await kids();
    expect(last).toHaveLength(1);
    expect(both).not.toContain(last[0]);
  });

  it.each([{ compromised: 'yes' }, { force: true }])('refuses %j', async (body) => {
    expect((await call('POST', '/keys/rotate', body)).status).toBe(400);
  });
});
