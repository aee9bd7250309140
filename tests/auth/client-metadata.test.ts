import { describe, expect, it } from 'vitest';
import { printMetadata, readMetadata } from '../../server/auth/client-metadata.ts';
import { OAuthError } from '../../server/auth/types.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { pairOf } from '../helpers/assertions.ts';

const rsa = pairOf('RSA', 'a').jwk as JsonObject;
const ec = pairOf('EC', 'b').jwk as JsonObject;
const withPrivate = pairOf('RSA', 'c').privateKey.export({ format: 'jwk' }) as JsonObject;
const p256 = pairOf('EC', 'd', 'P-256').jwk as JsonObject;
const weak = pairOf('RSA', 'e', 1024).jwk as JsonObject;

const app: JsonObject = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/callback'],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid fhirUser launch patient/*.rs',
};
const system: JsonObject = {
  client_name: 'Laboratory',
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['client_credentials'],
  scope: 'system/Observation.cruds',
  jwks: { keys: [rsa, ec] },
};

const read = (body: JsonObject, byAdmin = true) =>
  readMetadata(body, { id: 'app', byAdmin, fetchAllow: ['keys.inside'] });

describe('readMetadata()', () => {
  it('reads an app', async () => {
    expect(await read(app)).toEqual({
      ...{ id: 'app', name: 'Growth chart', auth: 'none', secretHash: undefined },
      ...{ jwks: undefined, jwksUri: undefined, launchUris: [], roles: [], settings: {} },
      redirectUris: ['https://app.example/callback'],
      grants: ['authorization_code', 'refresh_token'],
      scopes: 'openid fhirUser launch patient/*.rs',
    });
  });

  it('reads a system with keys by value and by address', async () => {
    expect(await read(system)).toMatchObject({ auth: 'key', jwks: { keys: [rsa, ec] } });
    const { jwks: _, ...rest } = system;
    const jwks_uri = 'https://lab.example/jwks';
    expect(await read({ ...rest, jwks_uri })).toMatchObject({ auth: 'key', jwksUri: jwks_uri });
  });

  it('reads what it prints', async () => {
    for (const body of [app, system]) {
      const full = { ...body, roles: ['Nurse'], trusted: true, need_patient_banner: false };
      const client = await read({
        ...full,
        logo_uri: 'https://app.example/l.png',
        contacts: ['x'],
        post_logout_redirect_uris: ['https://app.example/bye', 'org.example.app:/bye'],
      });
      const printed = printMetadata({ client, createdAt: 5, disabledAt: undefined });
      expect(await read(printed)).toEqual(client);
    }
  });

  it('takes what RFC 7591 has as defaults', async () => {
    const { client_name: _, token_endpoint_auth_method: __, grant_types: ___, ...bare } = app;
    const client = await read(bare, false);
    expect(client).toMatchObject({ auth: 'secret', grants: ['authorization_code'], name: 'app' });
  });

  it('passes over what registration does not know, and what only administrators decide', async () => {
    const wish = { roles: ['Admin'], trusted: true, need_patient_banner: true };
    const body = { ...app, ...wish, software_id: 'x', 'client_name#fr': 'Courbe', client_id: 'y' };
    expect(await read(body, false)).toEqual(await read(app, false));
  });

  const { jwks: _, ...keyless } = system;
  it.each<[string, JsonObject, RegExp]>([
    ['no scope', { ...app, scope: null }, /scope is missing/],
    [
      'a scope out of order',
      { ...app, scope: 'patient/*.sr' },
      /patient\/\*\.sr cannot be granted/,
    ],
    ['a list as scope', { ...app, scope: ['openid'] }, /scope is not a text/],
    ['a name that is no text', { ...app, client_name: 5 }, /client_name is not a text/],
    ['a name with NUL', { ...app, client_name: 'a\0' }, /client_name is not a text/],
    ['a name beyond all length', { ...app, client_name: 'x'.repeat(201) }, /client_name/],
    [
      'another method',
      { ...app, token_endpoint_auth_method: 'client_secret_jwt' },
      /is not one of/,
    ],
    ['a method by a name of Object', { ...app, token_endpoint_auth_method: 'toString' }, /one of/],
    ['another grant', { ...app, grant_types: ['password'] }, /grant_types holds others/],
    ['no grant', { ...app, grant_types: [] }, /grant_types holds others/],
    ['another response', { ...app, response_types: ['token'] }, /response_types holds others/],
    ['no redirect URI', { ...app, redirect_uris: [] }, /redirect_uris is missing/],
    [
      'a refresh token by itself',
      { ...system, grant_types: ['refresh_token'] },
      /without authorization_code/,
    ],
    [
      'a public client as system',
      { ...app, grant_types: ['client_credentials'], scope: 'system/*.rs' },
      /has to prove who it is/,
    ],
    ['system scopes of an app', { ...app, scope: 'system/*.rs' }, /system scopes/],
    ['user scopes of a system', { ...system, scope: 'user/*.rs' }, /user or patient scopes/],
    ['keys twice', { ...system, jwks_uri: 'https://lab.example/jwks' }, /exclude each other/],
    ['no keys', keyless, /needs jwks or jwks_uri/],
    ['keys of an app with a secret', { ...app, jwks: { keys: [rsa] } }, /are for clients with/],
    ['keys that are none', { ...system, jwks: { keys: ['x'] } }, /no list of 1 to 20 keys/],
    ['keys that are no list', { ...system, jwks: { keys: {} } }, /no list of 1 to 20 keys/],
    ['an empty key set', { ...system, jwks: { keys: [] } }, /no list of 1 to 20 keys/],
    ['jwks that is a text', { ...system, jwks: 'x' }, /jwks is not a JSON object/],
    [
      'a private key',
      { ...system, jwks: { keys: [{ ...withPrivate, kid: 'c' }] } },
      /private parts/,
    ],
    ['a secret key', { ...system, jwks: { keys: [{ kty: 'oct', k: 'x', kid: 'x' }] } }, /private/],
    ['a key without kid', { ...system, jwks: { keys: [{ ...rsa, kid: null }] } }, /has no kid/],
    ['a key of P-256', { ...system, jwks: { keys: [p256] } }, /is not for RS384/],
    ['a key of 1024 bits', { ...system, jwks: { keys: [weak] } }, /is not for RS384/],
    [
      'a key with an endless modulus',
      { ...system, jwks: { keys: [{ ...rsa, n: 'A'.repeat(9000) }] } },
      /not for/,
    ],
    [
      'a key with a long exponent',
      { ...system, jwks: { keys: [{ ...rsa, e: 'A'.repeat(300) }] } },
      /not for/,
    ],
    [
      'a key to encrypt',
      { ...system, jwks: { keys: [{ ...rsa, use: 'enc' }] } },
      /by its use or alg/,
    ],
    [
      'a point off the curve',
      { ...system, jwks: { keys: [{ ...ec, x: ec['y'] ?? '' }] } },
      /cannot be read/,
    ],
    ['two keys with one kid', { ...system, jwks: { keys: [rsa, rsa] } }, /two keys with one kid/],
    ['a key set without TLS', { ...keyless, jwks_uri: 'http://lab.example/jwks' }, /not https/],
    ['a key set inside the network', { ...keyless, jwks_uri: 'https://10.0.0.1/' }, /not public/],
    ['a logo without TLS', { ...app, logo_uri: 'http://app.example/l.png' }, /logo_uri/],
    [
      'an address after signing out without TLS',
      { ...app, post_logout_redirect_uris: ['http://app.example/bye'] },
      /post_logout_redirect_uris/,
    ],
    ['a logo that is a script', { ...app, logo_uri: 'javascript:alert(1)' }, /logo_uri/],
    ['a launch without TLS', { ...app, launch_uris: ['http://app.example/launch'] }, /launch_uris/],
    ['roles that are no list', { ...app, roles: 'Admin' }, /roles is not a list/],
    ['trust that is a text', { ...app, trusted: 'yes' }, /trusted is not true or false/],
    ['a user that is no reference', { ...system, fhir_user: 'acme' }, /fhir_user is not/],
    ['branches that are references', { ...system, branches: ['a/b'] }, /branches are not ids/],
    ['a field nobody knows', { ...app, redirect_uri: 'x' }, /redirect_uri is not a field/],
    ['the id of another', { ...app, client_id: 'other' }, /client_id is not/],
    ['__proto__', JSON.parse(`{"__proto__":{"scope":"openid"}}`) as JsonObject, /__proto__ is not/],
  ])('refuses %s', async (_what, body, message) => {
    const reading = read(body);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ code: 'invalid_client_metadata', status: 400 });
  });
});

describe('a redirect URI', () => {
  it.each([
    'https://app.example/callback',
    'https://app.example:8443/a?b=c',
    'http://127.0.0.1/cb',
    'http://localhost:3000/',
    'http://[::1]:3000/cb',
    'com.example.app:/callback',
    'com.example.app://callback',
  ])('may be %s', async (uri) => {
    expect((await read({ ...app, redirect_uris: [uri] })).redirectUris).toEqual([uri]);
  });

  it.each([
    'http://app.example/callback',
    'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/',
    'https://app.example/callback#x',
    'https://app.example/callback#',
    'https://*.app.example/callback',
    'https://app.example/*',
    'https://user:pass@app.example/',
    'https://@app.example/',
    'https://:@app.example/',
    'com.example.app://me@callback',
    'https:app.example/cb',
    'https:///app.example/cb',
    'https://app.example/cb?code=1',
    'https://app.example/cb?a=b&state=1',
    'https://app.example/cb?iss=x',
    'https://app.example\\@evil.example/',
    'https://app.example/ x',
    '/callback',
    'callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'app:/callback',
    `https://app.example/${'x'.repeat(2000)}`,
  ])('must not be %s', async (uri) => {
    const code = await read({ ...app, redirect_uris: [uri] }).then(
      () => 'accepted',
      (error: unknown) => (error instanceof OAuthError ? error.code : String(error)),
    );
    expect(code).toMatch(/^invalid_(redirect_uri|client_metadata)$/);
  });
});

describe('a launch URI', () => {
  it.each([
    'https://app.example/launch',
    'https://app.example/launch?a=b',
    'http://localhost:3000/',
  ])('may be %s', async (uri) => {
    expect((await read({ ...app, launch_uris: [uri] })).launchUris).toEqual([uri]);
  });

  it.each([
    'https://app.example/launch#x',
    'https://me@app.example/launch',
    'https://@app.example/launch',
    'https://app.example/launch?iss=x',
    'https://app.example/launch?launch=x',
    'com.example.app:/launch',
  ])('must not be %s', async (uri) => {
    await expect(read({ ...app, launch_uris: [uri] })).rejects.toThrow(/launch_uris/);
  });
});
