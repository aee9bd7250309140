import { expect, it } from 'vitest';
import { routes as admin } from '../../server/auth/admin-break-glass.ts';
import { routes } from '../../server/auth/break-glass.ts';
import { shipRoles } from '../../server/auth/role-store.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import { findToken } from '../../server/auth/tokens.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { callJson } from '../helpers/admin.ts';
import { authService, newSession, otherProcess, serve } from '../helpers/auth.ts';
import { breakGlass, hospital, staff, userToken } from '../helpers/break-glass.ts';
import { actor, openStores, put } from '../helpers/store.ts';

it('breaking the glass is one in two processes, and ends in both', async () => {
  const open = await openStores(2, { audit: true });
  const [store, second] = open.stores;
  const service = authService(open);
  await store.commit(actor, (hospital as (Resource & { id: string })[]).map(put));
  await shipRoles(service, SHIPPED);
  await staff(service);
  const { close, ...process } = await otherProcess(service);
  const other = { ...process, store: second ?? store, config: { ...service.config } };
  const served = [await serve(service, routes, admin), await serve(other, routes, admin)];
  try {
    const session = await newSession(service, 'ada');
    const token = await userToken(service, { session });
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        breakGlass({ service: i % 2 === 0 ? service : other }, token),
      ),
    );
    expect(all.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const [review, ...more] = new Set(all.map(({ json }) => json['review']));
    expect(more).toEqual([]);
    const tokens = all.map(({ json }) => String(json['access_token']));
    for (const one of tokens) {
      expect(await findToken(service, one)).toBeDefined();
      expect(await findToken(other, one)).toBeDefined();
    }
    const grant = String(review).slice('Task/'.length);
    const root = await userToken(service, { user: 'root' });
    const url = `${service.config.origin}/admin/break-glass/${grant}/end`;
    expect((await callJson(url, { method: 'POST', token: root })).status).toBe(204);
    for (const one of tokens) {
      await expect.poll(() => findToken(other, one)).toBeUndefined();
      expect(await findToken(service, one)).toBeUndefined();
    }
  } finally {
    for (const one of served) await one.stop();
    await close();
    await open.close();
  }
});
