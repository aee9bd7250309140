import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '../../server/auth/clients.ts';
import { routes } from '../../server/auth/registration.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import { callJson, newAdmin, type Told } from '../helpers/admin.ts';
import { pairOf } from '../helpers/assertions.ts';
import { authService, postForm, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;
let token = '';

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes, tokenRoutes);
  token = await newAdmin(service);
});
afterAll(async () => {
  await served.stop();
  await open.close();
});

const register = (body: unknown): Promise<Told> =>
  callJson(`${served.origin}/auth/register`, { method: 'POST', token, body });

const app = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/callback', 'http://localhost:4000/'],
  launch_uris: ['https://app.example/launch'],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid fhirUser launch/patient patient/*.rs',
};

describe('POST /auth/register', () => {
  it('registers a public app without a secret', async () => {
    const { status, json, headers } = await register(app);
    expect(status).toBe(201);
    expect(json).toMatchObject(app);
    expect(json['client_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(json['client_secret']).toBeUndefined();
    expect(json['client_id_issued_at']).toBeCloseTo(service.now() / 1000, -1);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    const client = await findClient(service, String(json['client_id']));
    expect(client).toMatchObject({ auth: 'none', redirectUris: app.redirect_uris });
  });

  it.each(['client_secret_basic', 'client_secret_post', undefined])(
    'gives a secret to a client that proves itself by %s',
    async (method) => {
      const { json } = await register({
        ...{ token_endpoint_auth_method: method, grant_types: ['client_credentials'] },
        scope: 'system/*.rs',
      });
      expect(json['client_secret_expires_at']).toBe(0);
      const answer = await postForm(
        `${served.origin}/auth/token`,
        { grant_type: 'client_credentials' },
        { basic: `${json['client_id']}:${json['client_secret']}` },
      );
      expect(answer.status).toBe(200);
    },
  );

  it('registers a backend service with its keys', async () => {
    const { status, json } = await register({
      ...{ token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'] },
      ...{ scope: 'system/*.rs', jwks: { keys: [pairOf('EC', 'k1').jwk] } },
    });
    expect(status).toBe(201);
    expect(json['jwks']).toMatchObject({ keys: [{ kid: 'k1', kty: 'EC' }] });
  });

  it('gives no roles and no trust, whatever is asked for', async () => {
    const { json } = await register({ ...app, roles: ['Admin'], trusted: true, active: false });
    expect(json).toMatchObject({ roles: [], trusted: false, active: true });
  });

  it('gives each its own id', async () => {
    const ids = (await Promise.all([register(app), register(app)])).map(
      (one) => one.json['client_id'],
    );
    expect(new Set(ids).size).toBe(2);
  });

  it.each<[string, unknown, string]>([
    ['a bad redirect', { ...app, redirect_uris: ['http://app.example/'] }, 'invalid_redirect_uri'],
    ['a wildcard', { ...app, redirect_uris: ['https://*.example/'] }, 'invalid_redirect_uri'],
    ['no scope', { ...app, scope: undefined }, 'invalid_client_metadata'],
    ['a key set inside', { ...app, jwks_uri: 'https://127.0.0.1/' }, 'invalid_client_metadata'],
    ['no JSON', 'x', 'invalid_request'],
  ])('refuses %s', async (_what, body, error) => {
    const { status, json } = await register(body);
    expect([status, json['error']]).toEqual([400, error]);
    expect(json['error_description']).toMatch(/\w/);
  });
});
