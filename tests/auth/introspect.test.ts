import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGrant } from '../../server/auth/grants.ts';
import { routes } from '../../server/auth/introspect.ts';
import { issueTokens, revokeToken } from '../../server/auth/tokens.ts';
import type { Grant } from '../../server/auth/types.ts';
import {
  newClient,
  newConfidential,
  newSession,
  newUser,
  type OpenAuth,
  openAuth,
  postForm,
  type TestAuth,
} from '../helpers/auth.ts';
import type { Answer } from '../helpers/http.ts';

let auth: OpenAuth;
let service: TestAuth;
let grant: Grant;
let systemToken: string;

const SCOPE = 'openid fhirUser launch/patient patient/*.rs';
const wish = { scope: SCOPE, lifetime: 3600, refreshScope: SCOPE };
const basic = { basic: 'gateway:secret' };

beforeAll(async () => {
  auth = await openAuth([routes]);
  ({ service } = auth);
  await newClient(service, { id: 'app' });
  await newClient(service, { id: 'other' });
  await newConfidential(service, { id: 'gateway' });
  await newUser(service, { id: 'ann', fhirUser: 'Patient/p1' });
  const system = await createGrant(service, {
    ...{ clientId: 'gateway', scope: 'system/*.rs', context: {}, offline: false },
  });
  ({ access: systemToken } = await issueTokens(service, system, {
    ...{ scope: 'system/*.rs', lifetime: 300 },
  }));
});
afterAll(() => auth.stop());
beforeEach(async () => {
  grant = await grantOf('app');
});

async function grantOf(clientId: string): Promise<Grant> {
  const sessionId = await newSession(service, 'ann');
  const fhirContext = [{ reference: 'ImagingStudy/1' }];
  return createGrant(service, {
    ...{ clientId, userId: 'ann', sessionId, scope: SCOPE, offline: false },
    context: { patient: 'p1', encounter: 'e1', fhirContext, needPatientBanner: false },
  });
}

const introspect = (token: string, headers: Record<string, string> = basic): Promise<Answer> =>
  postForm(`${auth.origin}/auth/introspect`, token === '' ? {} : { token }, headers);

describe('introspection', () => {
  test('tells of an access token all that stood beside it', async () => {
    const { access } = await issueTokens(service, grant, wish);
    const { status, headers, json } = await introspect(access);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { base, origin } = service.config;
    expect(json).toEqual({
      ...{ active: true, scope: SCOPE, client_id: 'app', token_type: 'Bearer' },
      ...{ exp: expect.any(Number), iat: expect.any(Number), iss: base, sub: 'ann' },
      ...{ fhirUser: `${base}/Patient/p1`, patient: 'p1', encounter: 'e1' },
      ...{ fhirContext: [{ reference: 'ImagingStudy/1' }], need_patient_banner: false },
      smart_style_url: expect.stringContaining(`${origin}/auth/style.json?v=`),
    });
    expect(Number(json['exp']) - Number(json['iat'])).toBe(3600);
  });

  test('tells the scope of the token, not that of the grant', async () => {
    const narrow = { scope: 'patient/Observation.rs', lifetime: 60 };
    const { access } = await issueTokens(service, grant, narrow);
    const { json } = await introspect(access);
    expect([json['scope'], json['fhirUser']]).toEqual(['patient/Observation.rs', undefined]);
  });

  test.each<[string, () => Promise<string>]>([
    ['nobody issued', async () => 'x'.repeat(43)],
    ['has another form', async () => '../etc'],
    [
      'was revoked',
      async () => {
        const { access } = await issueTokens(service, grant, wish);
        await revokeToken(service, access);
        return access;
      },
    ],
    [
      'has expired',
      async () => (await issueTokens(service, grant, { scope: SCOPE, lifetime: -1 })).access,
    ],
    [
      'is the refresh token of another client',
      async () => (await issueTokens(service, grant, wish)).refresh ?? '',
    ],
  ])('says of a token that %s only that it is not active', async (_what, make) => {
    const { status, text } = await introspect(await make());
    expect([status, text]).toEqual([200, '{"active":false}']);
  });

  test('tells a client of its own refresh token', async () => {
    const { refresh = '' } = await issueTokens(service, await grantOf('gateway'), wish);
    const { json } = await introspect(refresh);
    expect([json['active'], json['token_type']]).toEqual([true, undefined]);
  });

  test('takes the Bearer token of a system, and of an app about its own tokens', async () => {
    const { access } = await issueTokens(service, grant, wish);
    const { access: theirs } = await issueTokens(service, await grantOf('other'), wish);
    const by = async (bearer: string, token: string): Promise<unknown> =>
      (await introspect(token, { Authorization: `Bearer ${bearer}` })).json['active'];
    expect(await by(systemToken, access)).toBe(true);
    expect(await by(access, access)).toBe(true);
    expect(await by(access, theirs)).toBe(false);
  });

  test.each<[string, Record<string, string>, number]>([
    ['nothing', {}, 401],
    ['a wrong secret', { basic: 'gateway:wrong' }, 401],
    ['a dead token', { Authorization: `Bearer ${'x'.repeat(43)}` }, 401],
  ])('is refused to who brings %s', async (_what, headers, status) => {
    const { access } = await issueTokens(service, grant, wish);
    const answer = await introspect(access, headers);
    expect([answer.status, answer.json['active']]).toEqual([status, undefined]);
    expect(answer.headers.has('www-authenticate')).toBe(true);
  });

  test('is refused to public clients and to refresh tokens', async () => {
    const { access, refresh = '' } = await issueTokens(service, grant, wish);
    const url = `${auth.origin}/auth/introspect`;
    expect((await postForm(url, { token: access, client_id: 'app' })).status).toBe(401);
    expect((await introspect(access, { Authorization: `Bearer ${refresh}` })).status).toBe(401);
  });

  test('needs a token', async () => {
    const { status, json } = await introspect('');
    expect([status, json['error']]).toEqual([400, 'invalid_request']);
  });
});
