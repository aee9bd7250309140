import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disableClient } from '../../server/auth/clients.ts';
import { crossOriginHeaders, preflight } from '../../server/auth/cors.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { type AuthRoute, answerJson } from '../../server/auth/route.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import {
  authService,
  newClient,
  newConfidential,
  postForm,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { ask } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';
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
  served = await serve(service, routes, tokenRoutes);
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
  expect(await crossOriginHeaders(service, 'any', {})).toMatchObject({
    'Access-Control-Allow-Origin': '*',
  });
});

describe('the token endpoint', () => {
  const OWN = 'https://own.example';
  const OTHER = 'https://other-app.example';
  beforeAll(async () => {
    await newClient(service, { id: 'own', redirectUris: [`${OWN}/cb`] });
    await newConfidential(service, { id: 'server', redirectUris: [`${OWN}/cb`] });
    await newClient(service, { id: 'foreign', redirectUris: [`${OTHER}/cb`] });
    await newClient(service, { id: 'native', redirectUris: ['org.app:/back'] });
    service.pass(5);
  });

  const read = async (
    origin: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<string | null> => {
    const all = { grant_type: 'refresh_token', refresh_token: 'x', ...fields };
    const answer = await postForm(`${served.origin}/auth/token`, all, { ...headers, origin });
    expect(answer.headers.get('vary')).toBe('Origin');
    return answer.headers.get('access-control-allow-origin');
  };

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['its id', { client_id: 'own' }, {}],
    ['its secret in the header', {}, { basic: 'server:secret' }],
    ['a wrong secret', {}, { basic: 'server:wrong' }],
  ])(
    'is read by pages of the client that calls by %s, and of no other',
    async (_name, form, more) => {
      expect(await read(OWN, form, more)).toBe(OWN);
      expect(await read(OTHER, form, more)).toBeNull();
    },
  );

  test('is read by no page for a native app', async () => {
    expect(await read(OWN, { client_id: 'native' })).toBeNull();
    expect(await read('null', { client_id: 'native' })).toBeNull();
  });

  test('is read by pages of the client that a refresh token alone names', async () => {
    const wish = { clientId: 'own', scope: 'offline_access', context: {}, offline: true };
    const grant = await createGrant(service, wish);
    const scopes = { scope: 'offline_access', refreshScope: 'offline_access', lifetime: 60 };
    const { refresh = '' } = await issueTokens(service, grant, scopes);
    expect(await read(OTHER, { refresh_token: refresh })).toBeNull();
    expect(await read(OWN, { refresh_token: refresh })).toBe(OWN);
  });

  test('is read by pages of any client where nobody can tell which one calls', async () => {
    expect(await read(OWN, { client_id: 'nobody' })).toBe(OWN);
    expect(await read('https://stranger.example', { client_id: 'nobody' })).toBeNull();
    const { headers } = await ask(served.origin, 'auth/token', {
      ...{ method: 'OPTIONS', headers: { Origin: OTHER } },
    });
    expect(headers.get('access-control-allow-origin')).toBe(OTHER);
  });
});

describe('the FHIR interface', () => {
  let secured: Secured;
  beforeAll(async () => {
    secured = await startSecured();
    await newClient(secured.service, { id: 'b', redirectUris: ['https://b.example/cb'] });
  });
  afterAll(() => secured.stop());

  const origins = ['https://app.example', 'https://b.example', 'https://stranger.example'];
  const allowed = async (
    path: string,
    { method = 'GET', token }: { method?: string; token?: string } = {},
  ): Promise<(string | null)[]> => {
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const all = origins.map(async (Origin) => {
      const answer = await ask(secured.base, path, {
        ...{ method, headers: { Origin, ...authorization } },
      });
      expect(answer.headers.has('set-cookie')).toBe(false);
      return answer.headers.get('access-control-allow-origin');
    });
    return Promise.all(all);
  };

  test('is read by pages of the client that the token is for', async () => {
    const token = await secured.tokenFor({ roles: ['Superuser'], scope: 'user/*.rs' });
    const own = ['https://app.example', null, null];
    expect(await allowed('Patient', { token })).toEqual(own);
    expect(await allowed('Patient/none', { token })).toEqual(own);
  });

  test('answers preflights, and who has no token, to pages of any client', async () => {
    const any = ['https://app.example', 'https://b.example', null];
    expect(await allowed('Patient', { method: 'OPTIONS' })).toEqual(any);
    expect(await allowed('Patient')).toEqual(any);
    expect(await allowed('Patient', { token: 'x'.repeat(43) })).toEqual(any);
  });

  test('shows metadata to pages of any origin, with a token too', async () => {
    const token = await secured.tokenFor({ roles: ['Superuser'], scope: 'user/*.rs' });
    expect(await allowed('metadata')).toEqual(['*', '*', '*']);
    expect(await allowed('metadata', { token })).toEqual(['*', '*', '*']);
  });
});
