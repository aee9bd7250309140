import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  clientRecord,
  disableClient,
  enableClient,
  findClient,
  listClients,
  saveClient,
} from '../../server/auth/clients.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import type { Client } from '../../server/auth/types.ts';
import {
  newClient,
  type OpenAuth,
  openAuth,
  otherProcess,
  type TestAuth,
} from '../helpers/auth.ts';

let auth: OpenAuth;
let service: TestAuth;
beforeAll(async () => {
  auth = await openAuth();
  ({ service } = auth);
});
afterAll(() => auth.stop());

const full: Client = {
  ...{ id: 'full', name: 'Ünïcode', auth: 'key', secretHash: undefined, jwksUri: undefined },
  jwks: { keys: [{ kty: 'EC', kid: '1', x: 'a', y: 'b' }] },
  redirectUris: ['https://a.example/?x=1,2', 'com.a:/"b"'],
  launchUris: ['https://a.example/{launch}'],
  ...{ grants: ['authorization_code'], scopes: 'openid', roles: ['Nurse', 'Bed manager'] },
  settings: { trusted: true, needPatientBanner: false, contacts: ['a'], logoUri: 'https://a/' },
};

describe('saveClient()', () => {
  it('keeps all of a client', async () => {
    await saveClient(service, full);
    expect(await findClient(service, 'full')).toEqual(full);
    const secret = {
      ...full,
      auth: 'secret',
      secretHash: 'x',
      jwks: undefined,
      jwksUri: 'https://b/',
    };
    await saveClient(service, secret as Client);
    expect(await findClient(service, 'full')).toEqual(secret);
  });

  it('does not enable a client that is disabled', async () => {
    await newClient(service, { id: 'off' });
    await disableClient(service, 'off');
    await saveClient(service, { ...full, id: 'off' });
    expect(await findClient(service, 'off')).toBeUndefined();
    expect((await clientRecord(service, 'off'))?.disabledAt).toBeCloseTo(service.now() / 1000, -1);
  });
});

describe('findClient()', () => {
  it.each(['nobody', '', 'a\0b', 'x'.repeat(300), 'ü'])('knows no %j', async (id) => {
    expect(await findClient(service, id)).toBeUndefined();
  });

  it('sees what another process changed within five seconds', async () => {
    const other = await otherProcess(service);
    await newClient(service, { id: 'shared', name: 'one' });
    expect((await findClient(other, 'shared'))?.name).toBe('one');
    await newClient(service, { id: 'shared', name: 'two' });
    expect((await findClient(service, 'shared'))?.name).toBe('two');
    service.pass(5);
    expect((await findClient(other, 'shared'))?.name).toBe('two');
    await disableClient(service, 'shared');
    service.pass(5);
    expect(await findClient(other, 'shared')).toBeUndefined();
    await other.close();
  });
});

describe('disableClient()', () => {
  it('ends the client and its tokens at once, and for good', async () => {
    await newClient(service, { id: 'ending', grants: ['client_credentials'] });
    const scope = 'system/*.rs';
    const grant = await createGrant(service, {
      ...{ clientId: 'ending', scope, context: {}, offline: false },
    });
    const { access } = await issueTokens(service, grant, { scope, lifetime: 300 });
    expect(await findToken(service, access)).toBeDefined();
    expect(await disableClient(service, 'ending')).toBe(true);
    expect(await findClient(service, 'ending')).toBeUndefined();
    expect(await findToken(service, access)).toBeUndefined();
    expect(await enableClient(service, 'ending')).toBe(true);
    expect(await findClient(service, 'ending')).toBeDefined();
    expect(await findToken(service, access)).toBeUndefined();
  });

  it('says whether there was one', async () => {
    expect(await disableClient(service, 'nobody')).toBe(false);
    expect(await enableClient(service, 'nobody')).toBe(false);
  });
});

describe('listClients()', () => {
  it('has all, in the order of their ids', async () => {
    const ids = (await listClients(service)).map(({ client }) => client.id);
    expect(ids).toEqual(['ending', 'full', 'off', 'shared']);
  });
});
