import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { disableClient } from '../../server/auth/clients.ts';
import { revokeGrantsOf } from '../../server/auth/grants.ts';
import { jwks } from '../../server/auth/keys.ts';
import { routes as styleRoutes } from '../../server/auth/style.ts';
import { routes } from '../../server/auth/token.ts';
import { findToken } from '../../server/auth/tokens.ts';
import type { LaunchContext } from '../../server/auth/types.ts';
import { disableUser } from '../../server/auth/users.ts';
import {
  authService,
  CALLBACK,
  newClient,
  newCode,
  newConfidential,
  newSession,
  newUser,
  postForm,
  type Served,
  serve,
  type TestAuth,
  VERIFIER,
} from '../helpers/auth.ts';
import { type Answer, ask, type Json } from '../helpers/http.ts';
import { actor, type OpenStores, openStores, put } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;
let userId: string;
let users = 0;

const SCOPE = 'openid fhirUser launch/patient offline_access patient/*.rs';

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes, styleRoutes);
  await newClient(service, { id: 'app' });
  await newClient(service, { id: 'other' });
  await newConfidential(service, { id: 'portal' });
  await newConfidential(service, {
    ...{ id: 'lab', redirectUris: [], launchUris: [], grants: ['client_credentials'] },
    scopes:
      'system/Observation.cruds system/Condition.rs?category=problem-list-item user/*.rs openid',
  });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  userId = `user-${++users}`;
  await newUser(service, { id: userId, fhirUser: `Practitioner/${userId}` });
});

const token = (fields: Record<string, string>, headers?: Record<string, string>): Promise<Answer> =>
  postForm(`${served.origin}/auth/token`, fields, headers);

interface Wish {
  clientId?: string;
  scope?: string;
  context?: LaunchContext;
  nonce?: string;
}

async function code({ clientId = 'app', scope = SCOPE, ...more }: Wish = {}): Promise<string> {
  const sessionId = await newSession(service, userId);
  const offline = scope.includes('offline_access');
  return newCode(service, {
    ...{ clientId, userId, sessionId, scope, offline },
    ...{ context: { patient: 'p1' }, ...more },
  });
}

const exchange = (one: string, changes: Record<string, string> = {}): Record<string, string> => ({
  ...{ grant_type: 'authorization_code', code: one, redirect_uri: CALLBACK },
  ...{ code_verifier: VERIFIER, client_id: 'app', ...changes },
});

/** The answer to a code. */
const tokens = async (wish?: Wish): Promise<Json> =>
  (await token(exchange(await code(wish), { client_id: wish?.clientId ?? 'app' }))).json;

const refresh = (given: Json, changes: Record<string, string> = {}): Promise<Answer> =>
  token({
    ...{ grant_type: 'refresh_token', refresh_token: String(given['refresh_token']) },
    ...{ client_id: 'app', ...changes },
  });

const problem = ({ status, json }: Answer): unknown[] => [status, json['error']];

describe('a code', () => {
  test('gives tokens with scope and context, kept by no cache', async () => {
    const context = {
      ...{ patient: 'p1', encounter: 'e1', intent: 'reconcile', needPatientBanner: false },
      fhirContext: [{ reference: 'ImagingStudy/1', role: 'seen' }],
    };
    const { status, headers, json } = await token(exchange(await code({ context })));
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(json).toMatchObject({
      ...{ token_type: 'Bearer', expires_in: 3600, scope: SCOPE, patient: 'p1', encounter: 'e1' },
      ...{ need_patient_banner: false, intent: 'reconcile', fhirContext: context.fhirContext },
    });
    const style = await ask('', String(json['smart_style_url']));
    expect(style.status).toBe(200);
    expect(style.headers.get('content-type')).toBe('application/json');
    expect(style.json['color_background']).toMatch(/^#/);
    expect((await findToken(service, String(json['access_token'])))?.scope).toBe(SCOPE);
  });

  test('gives an id_token to who asked with openid, signed by a published key', async () => {
    const json = await tokens({ nonce: 'n-1' });
    const [head, body] = String(json['id_token'])
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    const header = JSON.parse(head ?? '') as { alg: string; kid: string };
    expect(header.alg).toBe('RS256');
    expect((await jwks(service)).keys.map(({ kid }) => kid)).toContain(header.kid);
    const claims = JSON.parse(body ?? '') as Record<string, number>;
    expect(claims).toMatchObject({
      ...{ iss: service.config.base, sub: userId, aud: 'app', nonce: 'n-1' },
      fhirUser: `${service.config.base}/Practitioner/${userId}`,
    });
    const now = service.now() / 1000;
    expect(Math.abs((claims['iat'] ?? 0) - now)).toBeLessThan(10);
    expect(Math.abs((claims['auth_time'] ?? 0) - now)).toBeLessThan(10);
    expect(claims['amr']).toEqual(['pwd']);
    expect(claims['exp']).toBeGreaterThan(now);
  });

  test.each<[string, string, string[]]>([
    ['no openid', 'launch/patient patient/*.rs', ['id_token', 'refresh_token']],
    ['openid alone', 'openid patient/*.rs', ['refresh_token']],
    ['online_access', 'online_access patient/*.rs', ['id_token']],
  ])('leaves out what %s does not give', async (_what, scope, absent) => {
    const json = await tokens({ scope });
    expect(json['scope']).toBe(scope);
    for (const name of ['id_token', 'refresh_token']) {
      expect(name in json, name).toBe(!absent.includes(name));
    }
  });

  test('gives a banner outside an EHR, and no claim for a user who is no person in FHIR', async () => {
    await newUser(service, { id: userId, fhirUser: 'PractitionerRole/1' });
    const json = await tokens();
    expect(json['need_patient_banner']).toBe(true);
    const claims = Buffer.from(String(json['id_token']).split('.')[1] ?? '', 'base64url');
    expect(JSON.parse(claims.toString())).not.toHaveProperty('fhirUser');
  });

  test.each<[string, Record<string, string>, number, string]>([
    ['another client', { client_id: 'other' }, 400, 'invalid_grant'],
    ['a client that nobody knows', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['another redirect_uri', { redirect_uri: `${CALLBACK}/` }, 400, 'invalid_grant'],
    ['no redirect_uri', { redirect_uri: '' }, 400, 'invalid_request'],
    ['another verifier', { code_verifier: 'w'.repeat(43) }, 400, 'invalid_grant'],
    ['no verifier', { code_verifier: '' }, 400, 'invalid_request'],
    ['another code', { code: 'x'.repeat(43) }, 400, 'invalid_grant'],
    ['another grant_type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['another resource', { resource: 'https://evil.example/fhir' }, 400, 'invalid_target'],
    ['a grant_type of objects', { grant_type: 'constructor' }, 400, 'unsupported_grant_type'],
    ['the secret of a public client', { client_secret: 'x' }, 401, 'invalid_client'],
    [
      'one it is not registered for',
      { grant_type: 'client_credentials' },
      400,
      'unauthorized_client',
    ],
  ])('is refused with %s', async (_what, changes, status, error) => {
    const answer = await token(exchange(await code(), changes));
    expect(problem(answer)).toEqual([status, error]);
    expect(answer.json['error_description']).toMatch(/\.$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  });

  test('is refused with its challenge as verifier, and is spent after a wrong try', async () => {
    const one = await code();
    const challenge = createHash('sha256').update(VERIFIER).digest('base64url');
    expect(problem(await token(exchange(one, { code_verifier: challenge })))).toEqual([
      ...[400, 'invalid_grant'],
    ]);
    expect(problem(await token(exchange(one)))).toEqual([400, 'invalid_grant']);
  });

  test('works once of twenty times at once, and its reuse ends what it gave', async () => {
    const one = await code();
    const answers = await Promise.all(Array.from({ length: 20 }, () => token(exchange(one))));
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(1);
    expect(await findToken(service, String(good[0]?.json['access_token']))).toBeUndefined();
    expect(problem(await refresh(good[0]?.json ?? ({} as Json)))).toEqual([400, 'invalid_grant']);
  });

  test('needs the secret of a confidential client', async () => {
    const one = await code({ clientId: 'portal' });
    const fields = exchange(one, { client_id: '' });
    expect((await token(fields, { basic: 'portal:wrong' })).status).toBe(401);
    expect((await token({ ...fields, client_id: 'portal' })).status).toBe(401);
    expect((await token(fields, { basic: 'portal:secret' })).status).toBe(200);
  });
});

describe('a refresh token', () => {
  test('gives new tokens with scope, context and id_token again', async () => {
    const first = await tokens({ nonce: 'n' });
    const { status, headers, json } = await refresh(first);
    expect([status, headers.get('cache-control'), headers.get('pragma')]).toEqual([
      ...[200, 'no-store', 'no-cache'],
    ]);
    expect(json).toMatchObject({ scope: SCOPE, patient: 'p1', expires_in: 3600 });
    expect(json['refresh_token']).not.toBe(first['refresh_token']);
    expect(json['access_token']).not.toBe(first['access_token']);
    const claims = Buffer.from(String(json['id_token']).split('.')[1] ?? '', 'base64url');
    expect(JSON.parse(claims.toString())).not.toHaveProperty('nonce');
    expect((await refresh(json)).status).toBe(200);
  });

  test('needs no client_id from a public client (fhirclient 2.6), but all else from others', async () => {
    const fields = async (clientId: string, basic: Record<string, string>): Promise<Answer> => {
      const first = await token(
        exchange(await code({ clientId }), basic['basic'] ? { client_id: '' } : {}),
        basic,
      );
      return token({
        grant_type: 'refresh_token',
        refresh_token: String(first.json['refresh_token']),
      });
    };
    expect((await fields('app', {})).status).toBe(200);
    expect(problem(await fields('portal', { basic: 'portal:secret' }))).toEqual([
      ...[401, 'invalid_client'],
    ]);
  });

  test.each([
    ['fewer scopes', 'patient/*.rs', 'patient/*.rs'],
    ['fewer rights', 'patient/Observation.r', 'patient/Observation.r'],
    [
      'a granular scope',
      'openid patient/Observation.rs?category=laboratory',
      'openid patient/Observation.rs?category=laboratory',
    ],
    ['the same in the words of v1', 'patient/*.read', 'patient/*.read'],
  ])('may ask for %s, and the next for all again', async (_what, scope, given) => {
    const { status, json } = await refresh(await tokens(), { scope });
    expect([status, json['scope']]).toEqual([200, given]);
    expect((await findToken(service, String(json['access_token'])))?.scope).toBe(given);
    expect((await refresh(json)).json['scope']).toBe(SCOPE);
  });

  test.each(['patient/*.cruds', 'user/Patient.r', 'openid launch', 'nonsense', 'patient/*.sr'])(
    'that asks for %s is refused and stays as it was',
    async (scope) => {
      const first = await tokens();
      expect(problem(await refresh(first, { scope }))).toEqual([400, 'invalid_scope']);
      expect((await refresh(first)).status).toBe(200);
    },
  );

  test('works once of twenty times at once, and its reuse ends the family', async () => {
    const first = await tokens();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first)));
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(1);
    const [{ json } = { json: {} as Json }] = good;
    expect(await findToken(service, String(json['access_token']))).toBeUndefined();
    expect(await findToken(service, String(first['access_token']))).toBeUndefined();
    expect(problem(await refresh(json))).toEqual([400, 'invalid_grant']);
  });

  test('that is used again later ends the family too', async () => {
    const first = await tokens();
    const second = (await refresh(first)).json;
    expect(await findToken(service, String(second['access_token']))).toBeDefined();
    expect(problem(await refresh(first))).toEqual([400, 'invalid_grant']);
    expect(await findToken(service, String(second['access_token']))).toBeUndefined();
    expect(problem(await refresh(second))).toEqual([400, 'invalid_grant']);
  });

  test.each<[string, (first: Json) => Promise<unknown>]>([
    ['the user was disabled', () => disableUser(service, userId)],
    ['consent was withdrawn', () => revokeGrantsOf(service, { userId, clientId: 'app' })],
    ['three months and more went by', async () => service.pass(93 * 24 * 3600)],
  ])('is dead when %s', async (_why, end) => {
    const first = await tokens();
    await end(first);
    expect(problem(await refresh(first))).toEqual([400, 'invalid_grant']);
    expect(await findToken(service, String(first['access_token']))).toBeUndefined();
  });

  test('is dead when the client was disabled', async () => {
    await newClient(service, { id: 'short' });
    const first = await tokens({ clientId: 'short' });
    await disableClient(service, 'short');
    expect((await refresh(first, { client_id: 'short' })).status).toBe(401);
  });

  test.each([
    ['online_access', 400],
    ['offline_access', 200],
  ])('of %s answers %i after the session', async (access, status) => {
    const first = await tokens({ scope: `${access} patient/*.rs` });
    await open.db.execute({ text: 'update auth_session set ended_at = now() where user_id = $1' }, [
      userId,
    ]);
    expect((await refresh(first)).status).toBe(status);
  });

  test('of another client, an access token or a made up one is none', async () => {
    const first = await tokens();
    expect(problem(await refresh(first, { client_id: 'other' }))).toEqual([400, 'invalid_grant']);
    for (const wrong of [first['access_token'], 'x', 'x'.repeat(43)]) {
      expect(problem(await refresh({ refresh_token: wrong } as Json))).toEqual([
        ...[400, 'invalid_grant'],
      ]);
    }
    expect((await refresh(first)).status).toBe(200);
  });

  test.each<[string, object | undefined]>([
    ['merged', { link: [{ type: 'replaced-by', other: { reference: 'Patient/kept' } }] }],
    ['deleted', undefined],
  ])('is refused when the patient was %s', async (what, changes) => {
    const [store] = open.stores;
    const patient = { resourceType: 'Patient', id: `was-${what}` };
    await store.commit(actor, [put(patient)]);
    const first = await tokens({ context: { patient: patient.id } });
    const second = await refresh(first);
    expect(second.status).toBe(200);
    if (changes) await store.commit(actor, [put({ ...patient, ...changes })]);
    else await store.commit(actor, [{ method: 'delete', type: 'Patient', id: patient.id }]);
    expect(problem(await refresh(second.json))).toEqual([400, 'invalid_grant']);
  });
});

describe('a system', () => {
  const ask = (scope?: string): Promise<Answer> =>
    token(
      { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) },
      { basic: 'lab:secret' },
    );

  test.each([
    ['system/Observation.rs', 'system/Observation.rs'],
    ['system/*.cruds', 'system/Observation.cruds system/Condition.rs?category=problem-list-item'],
    ['system/Observation.rs system/Encounter.rs', 'system/Observation.rs'],
    [undefined, 'system/Observation.cruds system/Condition.rs?category=problem-list-item'],
    ['system/Observation.read user/Patient.rs openid', 'system/Observation.read'],
  ])('that asks for %s gets %s for five minutes at most', async (asked, given) => {
    const { status, json } = await ask(asked);
    expect(status).toBe(200);
    expect({ ...json, access_token: '' }).toEqual({
      ...{ access_token: '', token_type: 'Bearer', expires_in: 300, scope: given },
    });
    const found = await findToken(service, String(json['access_token']));
    expect([found?.grant.clientId, found?.user]).toEqual(['lab', undefined]);
  });

  test.each(['system/Encounter.rs', 'user/*.rs', 'openid', 'system/Observation.sr'])(
    'that asks for %s only gets invalid_scope',
    async (scope) => {
      expect(problem(await ask(scope))).toEqual([400, 'invalid_scope']);
    },
  );

  test('never gets more than five minutes, whatever is configured', async () => {
    service.config.systemToken = 3600;
    expect((await ask('system/Observation.rs')).json['expires_in']).toBe(300);
    service.config.systemToken = 60;
    expect((await ask('system/Observation.rs')).json['expires_in']).toBe(60);
    service.config.systemToken = 300;
  });

  test('cannot be a public client', async () => {
    await newClient(service, { id: 'open', grants: ['client_credentials'], scopes: 'system/*.rs' });
    const fields = { grant_type: 'client_credentials', client_id: 'open' };
    expect(problem(await token(fields))).toEqual([400, 'unauthorized_client']);
  });
});

test('a page reads the answer where the origin is that of a client, errors too', async () => {
  const from = async (origin: string): Promise<unknown[]> => {
    const { headers } = await token(exchange('x'), { Origin: origin });
    return [headers.get('access-control-allow-origin'), headers.get('vary')];
  };
  expect(await from('https://app.example')).toEqual(['https://app.example', 'Origin']);
  expect(await from('https://evil.example')).toEqual([null, 'Origin']);
  expect(await from('null')).toEqual([null, 'Origin']);
});
