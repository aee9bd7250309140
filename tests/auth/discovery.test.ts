import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../server/auth/discovery.ts';
import { parseScopes } from '../../server/auth/scopes.ts';
import { authService, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { type Answer, ask, itemsOf, type Json } from '../helpers/http.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes);
});
afterAll(async () => {
  await served.stop();
  await open.close();
});

const SMART = 'fhir/.well-known/smart-configuration';
const paths = [
  SMART,
  'fhir/.well-known/openid-configuration',
  '.well-known/openid-configuration',
  '.well-known/oauth-authorization-server',
  '.well-known/oauth-authorization-server/fhir',
];
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(served.origin, path, { headers });
const names = (value: Json | undefined): string[] => itemsOf(value).map(String);

describe.each(paths)('%s', (path) => {
  test.each(['application/fhir+xml', 'text/html', '*/*'])(
    'is JSON for any page that asks for %s',
    async (Accept) => {
      const { status, headers } = await get(path, { Accept, Origin: 'https://a.example' });
      expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    },
  );

  test('answers a preflight', async () => {
    const headers = { Origin: 'https://a.example', 'Access-Control-Request-Method': 'GET' };
    const answer = await ask(served.origin, path, { method: 'OPTIONS', headers });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  });

  test('names endpoints by absolute URLs, and PKCE by S256 only', async () => {
    const { json } = await get(path);
    const urls = Object.entries(json).filter(([name]) => /_(endpoint|uri)$|^issuer$/.test(name));
    expect(urls.length).toBeGreaterThan(5);
    for (const [, url] of urls) expect(String(url)).toMatch(`${served.origin}/`);
    expect(json['issuer']).toBe(service.config.base);
    expect(names(json['code_challenge_methods_supported'])).toEqual(['S256']);
    expect(names(json['grant_types_supported'])).toContain('authorization_code');
    expect(names(json['response_types_supported'])).toEqual(['code']);
  });
});

describe('smart-configuration', () => {
  test('has what SMART App Launch 2.2 requires and (g)(10) looks for', async () => {
    const { json } = await get(SMART);
    const required = [
      ...['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'introspection_endpoint'],
      ...['revocation_endpoint', 'registration_endpoint', 'management_endpoint', 'issuer'],
    ];
    for (const name of required) expect(json, name).toHaveProperty(name);
    expect(names(json['grant_types_supported'])).toContain('client_credentials');
    expect(names(json['token_endpoint_auth_signing_alg_values_supported'])).toEqual([
      ...['RS384', 'ES384'],
    ]);
    expect(names(json['capabilities'])).toEqual(
      expect.arrayContaining([
        ...['launch-ehr', 'launch-standalone', 'authorize-post', 'client-public'],
        ...['client-confidential-symmetric', 'client-confidential-asymmetric'],
        ...['sso-openid-connect', 'context-banner', 'context-style', 'context-ehr-patient'],
        ...['context-ehr-encounter', 'context-standalone-patient', 'context-standalone-encounter'],
        ...['permission-offline', 'permission-online', 'permission-patient', 'permission-user'],
        ...['permission-v1', 'permission-v2'],
      ]),
    );
  });

  test('lists only scopes that are understood', async () => {
    const scopes = names((await get(SMART)).json['scopes_supported']);
    expect(scopes.length).toBeGreaterThan(10);
    expect(parseScopes(scopes.join(' ')).refused).toEqual([]);
  });
});

test('openid-configuration says how id_tokens are made', async () => {
  const { json } = await get('fhir/.well-known/openid-configuration');
  expect(json).toMatchObject({
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  });
});
