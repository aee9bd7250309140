import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { issueCode, redeemCode } from '../../server/auth/codes.ts';
import { createGrant, revokeGrant, revokeGrantsOf } from '../../server/auth/grants.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import type { Grant } from '../../server/auth/types.ts';
import { disableUser } from '../../server/auth/users.ts';
import { authService, newClient, newSession, newUser, type TestAuth } from '../helpers/auth.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let grant: Grant;

const bound = { redirectUri: 'https://app.example/callback', challenge: 'c', nonce: 'n' };
const code = (): Promise<string> => issueCode(service, { grantId: grant.id, ...bound });

beforeAll(async () => {
  open = await openStores();
  await newClient(authService(open), { id: 'app' });
});
afterAll(() => open.close());
beforeEach(async () => {
  service = authService(open);
  await newUser(service, { id: 'ann' });
  const sessionId = await newSession(service, 'ann');
  grant = await createGrant(service, {
    ...{ clientId: 'app', userId: 'ann', sessionId, offline: false },
    ...{ scope: 'openid patient/*.rs', context: { patient: 'p1', intent: 'look' } },
  });
});

test('redeemCode() gives back what the code was bound to', async () => {
  expect(await redeemCode(service, await code())).toEqual({ grant, ...bound });
});

test('redeemCode() takes one of twenty uses at once, and ends the grant for the others', async () => {
  const one = await code();
  const { access } = await issueTokens(service, grant, { scope: 'patient/*.rs', lifetime: 60 });
  const uses = await Promise.all(Array.from({ length: 20 }, () => redeemCode(service, one)));
  expect(uses.filter((use) => use !== undefined)).toHaveLength(1);
  expect(await findToken(service, access)).toBeUndefined();
});

test('redeemCode() knows no code after its time, and still ends the grant of one used twice', async () => {
  const [late, used] = [await code(), await code()];
  expect(await redeemCode(service, used)).toBeDefined();
  const { access } = await issueTokens(service, grant, { scope: 'patient/*.rs', lifetime: 600 });
  service.pass(61);
  expect(await redeemCode(service, late)).toBeUndefined();
  expect(await findToken(service, access)).toBeDefined();
  expect(await redeemCode(service, used)).toBeUndefined();
  expect(await findToken(service, access)).toBeUndefined();
});

test.each<[string, () => Promise<unknown>]>([
  ['the grant was revoked', () => revokeGrant(service, grant.id)],
  ['the session ended', () => revokeGrantsOf(service, { sessionId: grant.sessionId ?? '' })],
  ['the user was disabled', () => disableUser(service, 'ann')],
])('redeemCode() refuses a code when %s', async (_why, end) => {
  const one = await code();
  await end();
  expect(await redeemCode(service, one)).toBeUndefined();
});

test('redeemCode() refuses what nobody issued', async () => {
  expect(await redeemCode(service, 'x'.repeat(43))).toBeUndefined();
});
