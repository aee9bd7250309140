import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGrant, revokeGrant, sweepGrants } from '../../server/auth/grants.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import {
  newClient,
  newCode,
  newUser,
  type OpenAuth,
  openAuth,
  type TestAuth,
} from '../helpers/auth.ts';

let auth: OpenAuth;
let service: TestAuth;

beforeAll(async () => {
  auth = await openAuth();
  ({ service } = auth);
  await newClient(service, { id: 'app' });
  await newUser(service, { id: 'ann' });
});
afterAll(() => auth.stop());

const scope = 'patient/*.rs';
const wish = { clientId: 'app', userId: 'ann', scope, context: {}, offline: true };

async function counts(): Promise<unknown> {
  const text =
    'select (select count(*)::int from auth_grant), (select count(*)::int from auth_token), ' +
    '(select count(*)::int from auth_code)';
  return (await service.db.tuples({ text }))[0];
}

test('sweepGrants() removes what ended a day ago, and leaves what can be used', async () => {
  const day = 24 * 3600;
  const lasting = await createGrant(service, wish);
  await issueTokens(service, lasting, { scope, lifetime: 60, refreshScope: scope });
  const short = await createGrant(service, wish);
  await issueTokens(service, short, { scope, lifetime: 60 });
  const revoked = await createGrant(service, wish);
  await issueTokens(service, revoked, { scope, lifetime: 60, refreshScope: scope });
  await revokeGrant(service, revoked.id);
  await newCode(service, wish);
  await sweepGrants(service);
  expect(await counts()).toEqual([4, 5, 1]);
  service.pass(day - 60);
  await sweepGrants(service);
  expect(await counts()).toEqual([4, 5, 1]);
  service.pass(180);
  await sweepGrants(service);
  expect(await counts()).toEqual([1, 1, 0]);
});
