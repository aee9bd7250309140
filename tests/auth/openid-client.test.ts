import {
  allowInsecureRequests,
  authorizationCodeGrant,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  clientCredentialsGrant,
  discovery,
  None,
  PrivateKeyJwt,
  refreshTokenGrant,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routes as discoveryRoutes } from '../../server/auth/discovery.ts';
import { routes as introspectRoutes } from '../../server/auth/introspect.ts';
import { routes as keyRoutes } from '../../server/auth/keys.ts';
import { routes as revokeRoutes } from '../../server/auth/revoke.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import type { Client } from '../../server/auth/types.ts';
import {
  CALLBACK,
  newClient,
  newCode,
  newConfidential,
  newSession,
  newUser,
  type OpenAuth,
  openAuth,
  type TestAuth,
  VERIFIER,
} from '../helpers/auth.ts';

/** The endpoints as a certified client sees them, unmodified. */

let auth: OpenAuth;
let service: TestAuth;

let made = 0;

const SCOPE = 'openid fhirUser launch/patient offline_access patient/*.rs';
const algorithms = {
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384', modulusLength: 2048 },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
};

beforeAll(async () => {
  auth = await openAuth([
    discoveryRoutes,
    introspectRoutes,
    ...[keyRoutes, revokeRoutes, tokenRoutes],
  ]);
  ({ service } = auth);
  await newUser(service, { id: 'ann' });
});
afterAll(() => auth.stop());

/** A client registered as asked, and how it proves itself. */
async function register(way: string): Promise<{ client: Client; proof: ClientAuth }> {
  const changes = {
    id: `app-${way}-${++made}`,
    grants: ['authorization_code', 'refresh_token', 'client_credentials'],
    scopes: `${SCOPE} system/*.rs`,
  };
  if (way === 'public') return { client: await newClient(service, changes), proof: None() };
  if (way === 'basic' || way === 'post') {
    const proof = way === 'basic' ? ClientSecretBasic('secret') : ClientSecretPost('secret');
    return { client: await newConfidential(service, changes), proof };
  }
  const algorithm = { publicExponent: new Uint8Array([1, 0, 1]), ...algorithms[way as 'RS384'] };
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'k1' };
  const client = await newClient(service, { ...changes, auth: 'key', jwks: { keys: [jwk] } });
  return { client, proof: PrivateKeyJwt({ key: pair.privateKey, kid: 'k1' }) };
}

const discover = (clientId: string, proof: ClientAuth): Promise<Configuration> =>
  discovery(new URL(service.config.base), clientId, undefined, proof, {
    execute: [allowInsecureRequests],
  });

test.each(['public', 'basic', 'post', 'RS384', 'ES384'])(
  'openid-client (%s) exchanges a code, refreshes, and revokes',
  async (way) => {
    const { client, proof } = await register(way);
    const configuration = await discover(client.id, proof);
    const sessionId = await newSession(service, 'ann');
    const code = await newCode(service, {
      ...{ clientId: client.id, userId: 'ann', sessionId, scope: SCOPE, offline: true },
      ...{ context: { patient: 'p1' }, nonce: 'n-0' },
    });
    const back = new URL(`${CALLBACK}?${new URLSearchParams({ code, iss: service.config.base })}`);
    const checks = { pkceCodeVerifier: VERIFIER, expectedNonce: 'n-0', idTokenExpected: true };
    const tokens = await authorizationCodeGrant(configuration, back, checks);
    expect(tokens.claims()).toMatchObject({
      ...{ sub: 'ann', fhirUser: `${service.config.base}/Practitioner/ann` },
    });
    expect([tokens.scope, tokens['patient']]).toEqual([SCOPE, 'p1']);
    const fresh = await refreshTokenGrant(configuration, tokens.refresh_token ?? '');
    expect([fresh.scope, fresh['patient'], fresh.claims()?.sub]).toEqual([SCOPE, 'p1', 'ann']);
    await tokenRevocation(configuration, fresh.refresh_token ?? '');
    await expect(refreshTokenGrant(configuration, fresh.refresh_token ?? '')).rejects.toMatchObject(
      {
        ...{ error: 'invalid_grant', status: 400 },
      },
    );
  },
);

test.each(['basic', 'post', 'RS384', 'ES384'])(
  'openid-client as a system (%s) gets a token, and introspects',
  async (way) => {
    const { client, proof } = await register(way);
    const configuration = await discover(client.id, proof);
    const { access_token, expires_in, scope } = await clientCredentialsGrant(configuration, {
      scope: 'system/Patient.rs',
    });
    expect([expires_in, scope]).toEqual([300, 'system/Patient.rs']);
    expect(await tokenIntrospection(configuration, access_token)).toMatchObject({
      ...{ active: true, client_id: client.id, scope },
    });
    expect(await tokenIntrospection(configuration, 'x')).toEqual({ active: false });
  },
);

test('openid-client finds the metadata of RFC 8414 too', async () => {
  const configuration = await discovery(new URL(service.config.base), 'x', undefined, None(), {
    ...{ algorithm: 'oauth2', execute: [allowInsecureRequests] },
  });
  expect(configuration.serverMetadata().token_endpoint).toBe(`${auth.origin}/auth/token`);
});
