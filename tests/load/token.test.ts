import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revokeGrantsOf } from '../../server/auth/grants.ts';
import { createClient } from '../../server/load/client.ts';
import { createTokens, NoToken } from '../../server/load/token.ts';
import { newConfidential } from '../helpers/auth.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

let server: Secured;
beforeAll(async () => {
  server = await startSecured();
  const grants = ['client_credentials'];
  await newConfidential(server.service, { id: 'loader', grants, scopes: 'system/*.cruds' });
});
afterAll(() => server.stop());

const { signal } = new AbortController();
const batch = {
  ...{ resourceType: 'Bundle', type: 'batch' },
  entry: [{ request: { method: 'GET', url: 'Patient?_summary=count' } }],
};

function clientAs(id: string, secret: string) {
  const { base } = server;
  const tokens = createTokens(base, { id, secret });
  return createClient({ base, patience: 0, signal, tokens });
}

describe('a load into a server that asks who calls', () => {
  it('is let in with a token of its client', async () => {
    const client = clientAs('loader', 'secret');
    expect((await client.post(batch)).status).toBe(200);
    expect(await client.exists('Patient/nobody')).toBe(false);
  });

  it('is let in again when its token has ended', async () => {
    const client = clientAs('loader', 'secret');
    await client.post(batch);
    await revokeGrantsOf(server.service, { clientId: 'loader' });
    expect(await client.post(batch)).toMatchObject({ status: 200 });
  });

  it('is told when there is no token for it', async () => {
    const client = clientAs('loader', 'wrong');
    await expect(client.post(batch)).rejects.toThrow(NoToken);
    await expect(client.post(batch)).rejects.toThrow(/gives the client loader no token/);
  });

  it('is refused without a client', async () => {
    const client = createClient({ base: server.base, patience: 0, signal });
    expect((await client.post(batch)).status).toBe(401);
  });
});
