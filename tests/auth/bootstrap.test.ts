import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessOf } from '../../server/auth/access.ts';
import { routes as adminRoutes } from '../../server/auth/admin-clients.ts';
import { authenticate } from '../../server/auth/authenticate.ts';
import { ensureBootstrapClient } from '../../server/auth/bootstrap.ts';
import { disableClient, listClients } from '../../server/auth/clients.ts';
import { routes } from '../../server/auth/token.ts';
import { callJson } from '../helpers/admin.ts';
import { newClient, type OpenAuth, openAuth, postForm, type TestAuth } from '../helpers/auth.ts';
import type { Answer } from '../helpers/http.ts';

let auth: OpenAuth;
let service: TestAuth;
beforeEach(async () => {
  auth = await openAuth([routes, adminRoutes]);
  ({ service } = auth);
});
afterEach(() => auth.stop());

/** Starts with KILN_BOOTSTRAP_CLIENT=robot:`secret`. */
const startWith = (secret: string): Promise<void> => {
  service.config.bootstrapClient = { id: 'robot', secret };
  return ensureBootstrapClient(service);
};

const ask = (basic: string): Promise<Answer> =>
  postForm(`${auth.origin}/auth/token`, { grant_type: 'client_credentials' }, { basic });

describe('ensureBootstrapClient()', () => {
  it('makes nothing without the setting', async () => {
    await ensureBootstrapClient(service);
    expect(await listClients(service)).toEqual([]);
    expect(service.lines).toEqual([]);
  });

  it('makes a system client for everything, which administrates, and warns of it', async () => {
    await startWith('a:long secret');
    const { status, json } = await ask('robot:a:long secret');
    expect([status, json['scope']]).toEqual([200, 'system/*.cruds']);
    const token = String(json['access_token']);
    expect((await callJson(`${auth.origin}/admin/clients`, { token })).status).toBe(200);
    expect(service.lines.join()).toContain('KILN_BOOTSTRAP_CLIENT is set');
    expect(service.lines.join()).not.toContain('long secret');
  });

  it('makes one that no role bounds', async () => {
    await startWith('swordfish');
    const { json } = await ask('robot:swordfish');
    const headers = { authorization: `Bearer ${json['access_token']}` };
    const caller = await authenticate(service, headers);
    const access = caller && (await accessOf(service, caller));
    const rules = access?.rules('Patient') ?? [];
    expect(rules.map(({ interactions }) => [...interactions].join(''))).toEqual(['cruds']);
    expect(rules.flatMap(({ where }) => where)).toEqual([]);
  });

  it('makes one that administrates only while the setting stands', async () => {
    await startWith('swordfish');
    const { json } = await ask('robot:swordfish');
    const token = String(json['access_token']);
    service.config.bootstrapClient = undefined;
    expect((await callJson(`${auth.origin}/admin/clients`, { token })).status).toBe(403);
  });

  it('keeps the secret as passwords are kept', async () => {
    await startWith('swordfish');
    const [record] = await listClients(service);
    expect(record?.client.secretHash).toMatch(/^\$argon2id\$/);
  });

  it('leaves a client alone that is as wanted', async () => {
    await startWith('swordfish');
    const [before] = await listClients(service);
    await startWith('swordfish');
    expect(await listClients(service)).toEqual([before]);
  });

  it('follows the setting', async () => {
    await startWith('swordfish');
    await startWith('trout');
    expect((await ask('robot:swordfish')).status).toBe(401);
    expect((await ask('robot:trout')).status).toBe(200);
  });

  it('takes the place of an app with that id', async () => {
    await newClient(service, { id: 'robot' });
    await startWith('swordfish');
    expect((await ask('robot:swordfish')).status).toBe(200);
  });

  it('does not bring back what an administrator has disabled', async () => {
    await startWith('swordfish');
    await disableClient(service, 'robot');
    await startWith('swordfish');
    expect((await ask('robot:swordfish')).status).toBe(401);
    expect(service.lines.at(-1)).toContain('is disabled');
  });
});
