import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authenticate } from '../../server/auth/authenticate.ts';
import { disableClient } from '../../server/auth/clients.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { type IssuedTokens, issueTokens, revokeToken } from '../../server/auth/tokens.ts';
import { type Grant, OAuthError } from '../../server/auth/types.ts';
import { authService, newClient, newSession, newUser, type TestAuth } from '../helpers/auth.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let grant: Grant;
let tokens: IssuedTokens;

const scope = 'patient/*.rs';

beforeAll(async () => {
  open = await openStores();
});
afterAll(() => open.close());
beforeEach(async () => {
  service = authService(open);
  await newClient(service, { id: 'app' });
  await newUser(service, { id: 'ann', roles: ['Nurse'] });
  const sessionId = await newSession(service, 'ann');
  grant = await createGrant(service, {
    ...{ clientId: 'app', userId: 'ann', sessionId, scope, context: {}, offline: false },
  });
  tokens = await issueTokens(service, grant, { scope, lifetime: 60, refreshScope: scope });
});

async function reasonFor(authorization: string): Promise<unknown[]> {
  try {
    await authenticate(service, { authorization });
    return [];
  } catch (error) {
    if (error instanceof OAuthError) return [error.status, error.code];
    throw error;
  }
}

describe('authenticate()', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('tells who calls (%s)', async (scheme) => {
    const authorization = `${scheme} ${tokens.access}`;
    expect(await authenticate(service, { authorization })).toMatchObject({
      ...{ grant, scope, client: { id: 'app' }, user: { id: 'ann', roles: ['Nurse'] } },
    });
  });

  test('finds nobody without the header, wherever else a token stands', async () => {
    const cookie = `access_token=${tokens.access}; kiln=${tokens.access}`;
    expect(await authenticate(service, { cookie })).toBeUndefined();
  });

  test('refuses what is no access token', async () => {
    const wrong = [
      ...['', 'Bearer', 'Bearer ', `Basic ${btoa('app:x')}`, tokens.access, 'Bearer a b'],
      ...[`Bearer ${'x'.repeat(43)}`, `Bearer ${tokens.refresh}`, `Bearer${tokens.access}`],
      ...[`Bearer ${tokens.access},Bearer ${tokens.access}`, 'Bearer eyJhbGciOiJub25lIn0.e30.'],
    ];
    for (const one of wrong) expect(await reasonFor(one), one).toEqual([401, 'invalid_token']);
  });

  test('refuses a token that has ended', async () => {
    const authorization = `Bearer ${tokens.access}`;
    expect(await reasonFor(authorization)).toEqual([]);
    await revokeToken(service, tokens.access);
    expect(await reasonFor(authorization)).toEqual([401, 'invalid_token']);
  });

  test('refuses the tokens of a disabled client', async () => {
    await newClient(service, { id: 'gone' });
    const theirs = await createGrant(service, { ...grant, clientId: 'gone' });
    const { access } = await issueTokens(service, theirs, { scope, lifetime: 60 });
    expect(await reasonFor(`Bearer ${access}`)).toEqual([]);
    await disableClient(service, 'gone');
    expect(await reasonFor(`Bearer ${access}`)).toEqual([401, 'invalid_token']);
  });
});
