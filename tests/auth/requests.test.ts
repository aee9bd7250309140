import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formTargets, sourceOf, storeRequest } from '../../server/auth/requests.ts';
import { newClient, type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';

let auth: OpenAuth;
let service: TestAuth;
const params = { redirectUri: 'https://app.example/cb', scope: 'x', challenge: 'y', prompt: [] };

beforeAll(async () => {
  auth = await openAuth();
  ({ service } = auth);
  await newClient(service, { id: 'app' });
});
afterAll(() => auth.stop());

describe('storeRequest()', () => {
  it('keeps a hash of the handle only', async () => {
    const handle = await storeRequest(service, { clientId: 'app', params });
    const [row] = await service.db.tuples<[string]>({ text: 'select r::text from auth_request r' });
    expect(handle).toMatch(/^[\w-]{43}$/);
    expect(row?.[0]).not.toContain(handle);
  });

  it('clears away what ended long ago', async () => {
    for (let n = 0; n < 5; n++) await storeRequest(service, { clientId: 'app', params });
    service.pass(2 * 3600);
    await storeRequest(service, { clientId: 'app', params });
    const rows = await service.db.tuples({ text: 'select 1 from auth_request' });
    expect(rows).toHaveLength(1);
  });
});

describe('formTargets()', () => {
  it.each([
    ['https://app.example:8443/callback?x=1', 'https://app.example:8443'],
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['org.example.app:/callback', 'org.example.app:'],
    ['org.example.app://callback', 'org.example.app:'],
  ])('of %s is %s', (redirectUri, expected) => {
    expect(formTargets({ params: { ...params, redirectUri } })).toEqual([expected]);
    expect(sourceOf(redirectUri)).toBe(expected);
  });
});
