import {
  allowInsecureRequests,
  clientCredentialsGrant,
  discovery,
  PrivateKeyJwt,
} from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ASSERTION_TYPE } from '../../server/auth/assertion.ts';
import { routes as discoveryRoutes } from '../../server/auth/discovery.ts';
import { signIdToken } from '../../server/auth/keys.ts';
import { routes } from '../../server/auth/token.ts';
import type { Client } from '../../server/auth/types.ts';
import { jwtBy, type Pair, pairOf } from '../helpers/assertions.ts';
import {
  newClient,
  newConfidential,
  type OpenAuth,
  openAuth,
  otherProcess,
  postForm,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import type { Answer } from '../helpers/http.ts';

const rsa = pairOf('RSA', 'rsa-1');
const ec = pairOf('EC', 'ec-1');
const p256 = pairOf('EC', 'p256', 'P-256');
const weak = pairOf('RSA', 'weak', 1024);
const mallory = pairOf('RSA', 'rsa-1');
const twins = [pairOf('RSA', 'twin'), pairOf('RSA', 'twin')] as const;

let auth: OpenAuth;
let service: TestAuth;

const system: Partial<Client> = {
  ...{ redirectUris: [], launchUris: [], grants: ['client_credentials'] },
  scopes: 'system/*.rs',
};

beforeAll(async () => {
  auth = await openAuth([routes, discoveryRoutes]);
  ({ service } = auth);
  const encryption = { ...pairOf('RSA', 'enc').jwk, use: 'enc' };
  const elsewhere = { ...pairOf('RSA', 'other-alg').jwk, alg: 'PS384' };
  const keys = [rsa, ec, p256, weak, ...twins].map(({ jwk }) => jwk as Record<string, unknown>);
  // An EC and an RSA key may share a kid: `kty` tells them apart.
  const shared = [pairOf('EC', 'rsa-1').jwk, { kty: 'oct', kid: 'oct', k: 'c2VjcmV0' }];
  const jwks = { keys: [...keys, encryption, elsewhere, ...shared] as Record<string, unknown>[] };
  await newClient(service, { ...system, id: 'lab', auth: 'key', jwks });
  await newClient(service, { ...system, id: 'other', auth: 'key', jwks });
  await newConfidential(service, { ...system, id: 'secretive' });
});
afterAll(() => auth.stop());

type Part = Record<string, unknown>;
interface Wish {
  /** Over those of a good assertion; undefined takes one out. */
  header?: Part;
  claims?: Part | string;
  key?: Pair['privateKey'] | string;
  form?: Record<string, string>;
}

let count = 0;
const now = (): number => Math.floor(service.now() / 1000);
const audience = (): string => `${auth.origin}/auth/token`;

function assertion({ header, claims, key = rsa.privateKey }: Wish): string {
  const good = { iss: 'lab', sub: 'lab', aud: audience(), exp: now() + 240, jti: `jti-${++count}` };
  const body = typeof claims === 'string' ? claims : { ...good, ...claims };
  return jwtBy(key, { alg: 'RS384', typ: 'JWT', kid: 'rsa-1', ...header }, body);
}

const send = (text: string, form: Record<string, string> = {}): Promise<Answer> =>
  postForm(`${auth.origin}/auth/token`, {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: text,
    ...form,
  });

const ask = (wish: Wish): Promise<Answer> => send(assertion(wish), wish.form);

describe('the token endpoint accepts an assertion', () => {
  it.each<[string, () => Wish]>([
    ['by RS384', () => ({})],
    ['by ES384', () => ({ header: { alg: 'ES384', kid: 'ec-1' }, key: ec.privateKey })],
    ['without typ, as openid-client sends it', () => ({ header: { typ: undefined } })],
    ['with typ in small letters', () => ({ header: { typ: 'jwt' } })],
    [
      'with the typ of rfc7523bis',
      () => ({
        header: { typ: 'client-authentication+jwt' },
        claims: { aud: service.config.base },
      }),
    ],
    ['for the issuer, as openid-client does', () => ({ claims: { aud: service.config.base } })],
    ['with the client_id beside it', () => ({ form: { client_id: 'lab' } })],
    ['that expires in 299 s', () => ({ claims: { exp: now() + 299 } })],
    ['that expired 3 s ago by a clock that lags', () => ({ claims: { exp: now() - 3 } })],
    ['that was issued now', () => ({ claims: { iat: now(), nbf: now() } })],
    ['with further claims', () => ({ claims: { extensions: { a: 1 } } })],
  ])('%s', async (_what, wish) => {
    const { status, json } = await ask(wish());
    expect(json['error_description']).toBeUndefined();
    expect(status).toBe(200);
    expect(json['scope']).toBe('system/*.rs');
  });
});

describe('openid-client, as it is,', () => {
  it.each([
    ['RS384', rsa, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' }],
    ['ES384', ec, { name: 'ECDSA', namedCurve: 'P-384' }],
  ] as const)('gets a token by private_key_jwt with %s', async (_alg, pair, algorithm) => {
    const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
    const config = await discovery(
      ...[new URL(service.config.base), 'lab', {}],
      PrivateKeyJwt({ key, kid: pair.jwk.kid }),
      { execute: [allowInsecureRequests] },
    );
    const tokens = await clientCredentialsGrant(config, { scope: 'system/Patient.rs' });
    expect(tokens).toMatchObject({ scope: 'system/Patient.rs', expires_in: 300 });
  });
});

describe('the token endpoint refuses an assertion', () => {
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const attacks: [string, () => Wish, RegExp][] = [
    ['without signature (alg none)', () => ({ header: { alg: 'none' } }), /alg is not RS384/],
    [
      'by HS256 with the public key as secret',
      () => ({ header: { alg: 'HS256' }, key: pem }),
      /alg is not RS384/,
    ],
    ['by RS256', () => ({ header: { alg: 'RS256' } }), /alg is not RS384/],
    ['by PS384', () => ({ header: { alg: 'PS384' } }), /alg is not RS384/],
    ['without alg', () => ({ header: { alg: undefined } }), /alg is not RS384/],
    ['whose alg is a name of Object', () => ({ header: { alg: 'constructor' } }), /alg is not/],
    [
      'by ES384 as RS384',
      () => ({ header: { alg: 'RS384', kid: 'ec-1' }, key: ec.privateKey }),
      /no key of the client has its kid/,
    ],
    [
      "by someone else's key with the right kid",
      () => ({ key: mallory.privateKey }),
      /signature does not fit/,
    ],
    [
      'that brings its own key (jwk)',
      () => ({ header: { jwk: mallory.jwk }, key: mallory.privateKey }),
      /signature does not fit/,
    ],
    [
      'that brings its own key under a kid of its own',
      () => ({ header: { jwk: mallory.jwk, kid: 'mallory' }, key: mallory.privateKey }),
      /no key of the client has its kid/,
    ],
    [
      'that names a key set of its own (jku)',
      () => ({ header: { jku: 'https://mallory.example/jwks' } }),
      /jku is not/,
    ],
    ['with crit', () => ({ header: { crit: ['exp'] } }), /critical/],
    ['with crit b64', () => ({ header: { crit: ['b64'], b64: false } }), /critical|no JWT/],
    ['of another type', () => ({ header: { typ: 'at+jwt' } }), /typ is not JWT/],
    ['whose typ is no text', () => ({ header: { typ: 1 } }), /typ is not JWT|no JWT/],
    ['without kid', () => ({ header: { kid: undefined } }), /no kid/],
    ['whose kid is a number', () => ({ header: { kid: 7 } }), /no kid|no JWT/],
    ['with a kid nobody has', () => ({ header: { kid: 'lost' } }), /no key of the client/],
    [
      'whose kid two keys have',
      () => ({ header: { kid: 'twin' }, key: twins[0].privateKey }),
      /several keys/,
    ],
    [
      'by a key of P-256',
      () => ({ header: { alg: 'ES384', kid: 'p256' }, key: p256.privateKey }),
      /is not for ES384/,
    ],
    [
      'by RSA of 1024 bits',
      () => ({ header: { kid: 'weak' }, key: weak.privateKey }),
      /is not for RS384/,
    ],
    ['whose kid is that of a key to encrypt with', () => ({ header: { kid: 'enc' } }), /not for/],
    ['whose key is for another alg', () => ({ header: { kid: 'other-alg' } }), /not for RS384/],
    ['whose kid is that of a symmetric key', () => ({ header: { kid: 'oct' } }), /no key/],
    ['without iss', () => ({ claims: { iss: undefined } }), /iss is missing/],
    ['whose iss is a list', () => ({ claims: { iss: ['lab'] } }), /iss is missing/],
    ['of a client nobody knows', () => ({ claims: { iss: 'x', sub: 'x' } }), /no client/],
    [
      'of a client with a secret',
      () => ({ claims: { iss: 'secretive', sub: 'secretive' } }),
      /no client/,
    ],
    ['for another client', () => ({ claims: { sub: 'other' } }), /claim sub/],
    ['without sub', () => ({ claims: { sub: undefined } }), /sub is missing/],
    ['with the client_id of another', () => ({ form: { client_id: 'other' } }), /another client/],
    ['without aud', () => ({ claims: { aud: undefined } }), /aud is missing/],
    ['for another server', () => ({ claims: { aud: 'https://ehr.example/token' } }), /claim aud/],
    ['for the origin alone', () => ({ claims: { aud: auth.origin } }), /claim aud/],
    ['for the token URL with a slash', () => ({ claims: { aud: `${audience()}/` } }), /claim aud/],
    [
      'for us and for another server',
      () => ({ claims: { aud: [audience(), 'https://evil.example'] } }),
      /one single string/,
    ],
    ['for us in a list', () => ({ claims: { aud: [audience()] } }), /one single string/],
    ['without exp', () => ({ claims: { exp: undefined } }), /exp is missing/],
    ['whose exp is a text', () => ({ claims: { exp: String(now() + 60) } }), /claim exp/],
    ['that has expired', () => ({ claims: { exp: now() - 6 } }), /expired/],
    ['whose exp is 301 s ahead', () => ({ claims: { exp: now() + 302 } }), /300 s ahead/],
    [
      'whose exp is beyond all numbers',
      () => ({
        claims: `{"iss":"lab","sub":"lab","aud":"${audience()}","exp":1e999,"jti":"inf"}`,
      }),
      /300 s ahead|claim exp/,
    ],
    ['whose iat is in the future', () => ({ claims: { iat: now() + 60 } }), /claim iat/],
    ['whose iat is a text', () => ({ claims: { iat: '1' } }), /claim iat/],
    ['whose nbf is in the future', () => ({ claims: { nbf: now() + 60 } }), /claim nbf/],
    ['without jti', () => ({ claims: { jti: undefined } }), /jti is missing/],
    ['with an empty jti', () => ({ claims: { jti: '' } }), /claim jti/],
    ['whose jti is a number', () => ({ claims: { jti: 5 } }), /claim jti/],
    ['with an endless jti', () => ({ claims: { jti: 'x'.repeat(301) } }), /claim jti/],
    ['whose jti holds NUL', () => ({ claims: { jti: 'a\0b' } }), /claim jti/],
    ['whose iss holds NUL', () => ({ claims: { iss: 'l\0b', sub: 'l\0b' } }), /no client/],
    ['whose claims are no object', () => ({ claims: '[]' }), /no JWT/],
    ['whose claims are no JSON', () => ({ claims: '{' }), /no JWT/],
    ['beyond 16 kB', () => ({ claims: { filler: 'x'.repeat(16_000) } }), /no JWT/],
    [
      'of another kind',
      () => ({ form: { client_assertion_type: 'urn:example:saml' } }),
      /client_assertion_type/,
    ],
  ];
  it.each(attacks)('%s', async (_what, wish, message) => {
    const { status, json, headers } = await ask(wish());
    expect(json['error']).toBe('invalid_client');
    expect(String(json['error_description'])).toMatch(message);
    expect(status).toBe(401);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json['access_token']).toBeUndefined();
  });

  it.each<[string, (text: string) => string]>([
    ['cut short', (text) => text.slice(0, -8)],
    ['without its signature', (text) => text.replace(/[^.]+$/, '')],
    [
      'of which one character is another',
      (text) => text.replace(/\.(.)/, (_, c) => `.${c === 'a' ? 'b' : 'a'}`),
    ],
    ['that is no JWT', () => 'hello'],
    ['with a fourth part', (text) => `${text}.x`],
  ])('%s', async (_what, spoil) => {
    const { status, json } = await send(spoil(assertion({})));
    expect([status, json['error']]).toEqual([401, 'invalid_client']);
  });

  it('that is an id_token of ours', async () => {
    const claims = { iss: 'lab', sub: 'lab', aud: audience(), exp: now() + 60, jti: 'id-token' };
    const { status, json } = await send(await signIdToken(service, claims));
    expect([status, json['error']]).toEqual([401, 'invalid_client']);
  });

  it('beside a secret', async () => {
    const { status, json } = await ask({ form: { client_secret: 'x' } });
    expect([status, json['error']]).toEqual([400, 'invalid_request']);
  });

  it('a second time', async () => {
    const text = assertion({});
    expect((await send(text)).status).toBe(200);
    const { status, json } = await send(text);
    expect(status).toBe(401);
    expect(json['error_description']).toMatch(/jti was used before/);
  });

  it('with a jti that was used, whatever else is new in it', async () => {
    const claims = { jti: 'once' };
    expect((await ask({ claims })).status).toBe(200);
    const again = { ...claims, exp: now() + 100, iat: now() };
    expect((await ask({ claims: again })).json['error']).toBe('invalid_client');
  });
});

describe('a jti', () => {
  it('of another client may be the same', async () => {
    const claims = { jti: 'shared' };
    expect((await ask({ claims })).status).toBe(200);
    const other = { ...claims, iss: 'other', sub: 'other' };
    expect((await ask({ claims: other })).status).toBe(200);
  });

  it('is not used up by an assertion that is refused', async () => {
    const claims = { jti: 'contested' };
    expect((await ask({ claims, key: mallory.privateKey })).status).toBe(401);
    expect((await ask({ claims })).status).toBe(200);
  });

  it('sent 20 times at once by two processes is accepted once', async () => {
    const other = await otherProcess(service);
    const second = await serve(other, routes);
    const origin = auth.origin;
    Object.assign(other.config, { origin, base: `${origin}/fhir` });
    const text = assertion({});
    const fields = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        postForm(`${index % 2 ? origin : second.origin}/auth/token`, {
          ...{ ...fields, client_assertion: text },
        }),
      ),
    );
    await second.stop();
    await other.close();
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(19).fill(401)]);
  });

  it('may come again once its first assertion has expired', async () => {
    const claims = { jti: 'yearly', exp: now() + 100 };
    expect((await ask({ claims })).status).toBe(200);
    service.pass(104);
    expect((await ask({ claims: { jti: 'yearly' } })).json['error']).toBe('invalid_client');
    service.pass(3);
    expect((await ask({ claims: { jti: 'yearly' } })).status).toBe(200);
  });
});
