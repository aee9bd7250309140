import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disableClient } from '../../server/auth/clients.ts';
import { crossOriginHeaders, preflight } from '../../server/auth/cors.ts';
import { type AuthRoute, answerJson } from '../../server/auth/route.ts';
import { authService, newClient, type Served, serve, type TestAuth } from '../helpers/auth.ts';
import { ask } from '../helpers/http.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

const handler = async (): Promise<Response> => answerJson({});
const routes: AuthRoute[] = [
  { method: 'POST', path: '/clients', handler, origins: 'clients' },
  { method: 'OPTIONS', path: '/clients', handler: preflight, origins: 'clients' },
  { method: 'POST', path: '/own', handler },
];

let open: OpenStores;
let service: TestAuth;
let served: Served;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes);
  await newClient(service, {
    id: 'app',
    redirectUris: ['https://app.example/a', 'https://two.example:8443/', 'org.app:/back'],
  });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});

const allowed = async (origin: string, path = 'clients', method = 'POST'): Promise<unknown> => {
  const { headers } = await ask(served.origin, path, { method, headers: { Origin: origin } });
  expect(headers.has('access-control-allow-credentials')).toBe(false);
  return headers.get('access-control-allow-origin');
};

describe('origins', () => {
  test.each(['https://app.example', 'https://two.example:8443'])(
    'of redirect URIs may read: %s',
    async (origin) => {
      expect(await allowed(origin)).toBe(origin);
      expect(await allowed(origin, 'clients', 'OPTIONS')).toBe(origin);
      expect(await allowed(origin, 'own')).toBeNull();
    },
  );

  test.each([
    ...['https://app.example.evil.test', 'http://app.example', 'https://app.example:8443'],
    ...[
      'https://two.example',
      'https://sub.app.example',
      'null',
      'org.app',
      'https://app.example/a',
    ],
  ])('that are none may not: %s', async (origin) => {
    expect(await allowed(origin)).toBeNull();
  });

  test('of a disabled client may no longer, after five seconds', async () => {
    await newClient(service, { id: 'gone', redirectUris: ['https://gone.example/'] });
    service.pass(5);
    expect(await allowed('https://gone.example')).toBe('https://gone.example');
    await disableClient(service, 'gone');
    service.pass(5);
    expect(await allowed('https://gone.example')).toBeNull();
  });
});

test('a preflight allows what FHIR clients send', async () => {
  const { status, headers } = await ask(served.origin, 'clients', {
    ...{ method: 'OPTIONS', headers: { Origin: 'https://app.example' } },
  });
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-headers')).toMatch(/Authorization, Content-Type/);
  expect(headers.get('access-control-allow-methods')).toMatch(/PATCH/);
  expect(headers.get('vary')).toBe('Origin');
});

test('crossOriginHeaders() says any where anything public is asked for', async () => {
  expect(await crossOriginHeaders(service, 'any', undefined)).toMatchObject({
    'Access-Control-Allow-Origin': '*',
  });
});
