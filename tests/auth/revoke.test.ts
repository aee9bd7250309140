import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createGrant } from '../../server/auth/grants.ts';
import { routes } from '../../server/auth/revoke.ts';
import { findToken, type IssuedTokens, issueTokens } from '../../server/auth/tokens.ts';
import {
  newClient,
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
let tokens: IssuedTokens & { refresh: string };

beforeAll(async () => {
  auth = await openAuth([routes]);
  ({ service } = auth);
  await newClient(service, { id: 'app' });
  await newClient(service, { id: 'other' });
  await newUser(service, { id: 'ann' });
});
afterAll(() => auth.stop());
beforeEach(async () => {
  const scope = 'patient/*.rs';
  const sessionId = await newSession(service, 'ann');
  const grant = await createGrant(service, {
    ...{ clientId: 'app', userId: 'ann', sessionId, scope, context: {}, offline: true },
  });
  const issued = await issueTokens(service, grant, { scope, lifetime: 60, refreshScope: scope });
  tokens = { ...issued, refresh: issued.refresh ?? '' };
});

const revoke = (token: string, more: Record<string, string> = {}): Promise<Answer> =>
  postForm(`${auth.origin}/auth/revoke`, { token, client_id: 'app', ...more });

const alive = async (): Promise<boolean[]> => [
  (await findToken(service, tokens.access)) !== undefined,
  (await findToken(service, tokens.refresh)) !== undefined,
];

test('revoking an access token ends that token', async () => {
  expect(await alive()).toEqual([true, true]);
  const { status, text, headers } = await revoke(tokens.access);
  expect([status, text, headers.get('cache-control')]).toEqual([200, '', 'no-store']);
  expect(await alive()).toEqual([false, true]);
});

test.each(['refresh_token', 'access_token', 'unheard_of'])(
  'revoking a refresh token ends all that hangs on it, whatever the hint (%s)',
  async (hint) => {
    expect(await alive()).toEqual([true, true]);
    expect((await revoke(tokens.refresh, { token_type_hint: hint })).status).toBe(200);
    expect(await alive()).toEqual([false, false]);
  },
);

test('revoking what is not there, or for the second time, is no error', async () => {
  const twice = [await revoke(tokens.access), await revoke(tokens.access)];
  const unknown = [await revoke('x'.repeat(43)), await revoke("' or 1=1")];
  expect([...twice, ...unknown].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test('revoking is for the client that the token was issued to', async () => {
  expect((await revoke(tokens.refresh, { client_id: 'other' })).json['error']).toBe(
    'invalid_grant',
  );
  expect((await revoke(tokens.refresh, { client_id: 'nobody' })).status).toBe(401);
  expect((await revoke('')).json['error']).toBe('invalid_request');
  expect(await alive()).toEqual([true, true]);
});
