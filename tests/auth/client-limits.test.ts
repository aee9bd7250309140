import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASSERTION_TYPE } from '../../server/auth/assertion.ts';
import { routes } from '../../server/auth/token.ts';
import { jwtBy, pairOf } from '../helpers/assertions.ts';
import {
  authService,
  newClient,
  newConfidential,
  postForm,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

/** Rubbish in the name of a client, from however many addresses, keeps nobody out but itself. */

const pair = pairOf('EC', 'k1');
const mallory = pairOf('EC', 'k1');
let open: OpenStores;
let service: TestAuth;
let served: Served;

beforeAll(async () => {
  open = await openStores();
  service = { ...authService(open, { trustedProxies: ['127.0.0.1'] }), now: () => clock };
  served = await serve(service, routes);
  const system = { redirectUris: [], launchUris: [], grants: ['client_credentials'] };
  await newConfidential(service, { id: 'secretive', ...system, scopes: 'system/*.rs' });
  const jwks = { keys: [pair.jwk as Record<string, unknown>] };
  await newClient(service, { id: 'keyed', ...system, scopes: 'system/*.rs', auth: 'key', jwks });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
/** Stands still, so that no budget grows while it is used up. */
let clock = Date.now();
const pass = (seconds: number): void => {
  clock += seconds * 1000;
};
beforeEach(() => pass(120));

type Attempt = (address: string) => Promise<number>;

const bySecret =
  (secret: string): Attempt =>
  async (address) => {
    const fields = { grant_type: 'client_credentials' };
    const headers = { basic: `secretive:${secret}`, 'X-Forwarded-For': address };
    return (await postForm(`${served.origin}/auth/token`, fields, headers)).status;
  };

const byKey =
  ({ privateKey }: typeof pair): Attempt =>
  async (address) => {
    const exp = Math.floor(service.now() / 1000) + 60;
    const aud = `${served.origin}/auth/token`;
    const claims = { iss: 'keyed', sub: 'keyed', aud, exp, jti: crypto.randomUUID() };
    const assertion = jwtBy(privateKey, { alg: 'ES384', kid: 'k1', typ: 'JWT' }, claims);
    const fields = {
      ...{ grant_type: 'client_credentials', client_assertion: assertion },
      client_assertion_type: ASSERTION_TYPE,
    };
    const headers = { 'X-Forwarded-For': address };
    return (await postForm(`${served.origin}/auth/token`, fields, headers)).status;
  };

/** Sends from an address of its own each, until it is turned away as too much. */
async function flood(attempt: Attempt): Promise<number> {
  for (let sent = 0; sent < 900; sent += 30) {
    const all = Array.from({ length: 30 }, (_, n) => attempt(`10.9.${sent / 30}.${n + 1}`));
    if ((await Promise.all(all)).includes(429)) return sent;
  }
  return Number.NaN;
}

describe('wrong proofs of one client from many addresses', () => {
  it('are turned away, while its secret counts from anywhere', async () => {
    expect(await flood(bySecret('wrong'))).toBeGreaterThan(500);
    expect(await bySecret('wrong')('10.8.0.1')).toBe(429);
    expect(await bySecret('secret')('10.8.0.2')).toBe(200);
    pass(60);
    expect(await bySecret('wrong')('10.8.0.1')).toBe(401);
  });

  it('are turned away unread, while its keys count from where it has been before', async () => {
    expect(await byKey(pair)('10.8.0.3')).toBe(200);
    expect(await flood(byKey(mallory))).toBeGreaterThan(500);
    expect(await byKey(mallory)('10.8.0.4')).toBe(429);
    expect(await byKey(pair)('10.8.0.4')).toBe(429);
    expect(await byKey(pair)('10.8.0.3')).toBe(200);
    pass(60);
    expect(await byKey(pair)('10.8.0.5')).toBe(200);
  });

  it('leave other clients alone', async () => {
    await flood(byKey(mallory));
    expect(await bySecret('secret')('10.8.0.6')).toBe(200);
  });
});
