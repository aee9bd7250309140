import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRow } from '../../server/audit/audit.ts';
import { setPassword } from '../../server/auth/users.ts';
import { callJson, tokenBy } from '../helpers/admin.ts';
import { type Audited, audited, only, pairsOf, said } from '../helpers/audited.ts';
import { CALLBACK, newClient, newUser } from '../helpers/auth.ts';
import { type Browser, openBrowser } from '../helpers/browser.ts';
import { press } from '../helpers/forms.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

/** What the journal says of administration, and what it must never say. */

const PASSWORD = 'correct horse battery';
let server: Secured;
let browser: Browser;
let origin: string;
let admin: string;
let journal: Audited;
const secret = (text: unknown): string => journal.secret(text);
const events = (): Promise<AuditRow[]> => journal.events();

beforeAll(async () => {
  server = await startSecured();
  journal = audited(server);
  secret(PASSWORD);
  const { service } = server;
  ({ origin } = service.config);
  await server.seed([{ resourceType: 'Patient', id: 'p1' }]);
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newUser(service, { id: 'ada', name: 'Ada', roles: ['Superuser'] });
  await newUser(service, { id: 'root', name: 'Root', roles: ['Admin'] });
});
afterAll(() => server.stop());
beforeEach(async () => {
  browser = openBrowser(origin);
  server.service.pass(600);
  const wish = { clientId: 'console', userId: 'root', scope: 'user/*.cruds' };
  admin = secret(await tokenBy(server.service, wish));
  await journal.mark();
});

describe('administration', () => {
  const call = (method: string, path: string, body?: unknown) =>
    callJson(`${origin}${path}`, { method, token: admin, ...(body !== undefined && { body }) });

  it.each([
    [
      'PUT',
      '/admin/clients/new-one',
      { redirect_uris: [CALLBACK], scope: 'patient/*.rs' },
      'client created',
      { client: 'new-one', scope: 'patient/*.rs' },
    ],
    [
      'PUT',
      '/admin/clients/new-one',
      { redirect_uris: [CALLBACK], scope: 'patient/*.r' },
      'client changed',
      { client: 'new-one', scope: 'patient/*.r' },
    ],
    [
      'POST',
      '/admin/clients/new-one/secret',
      {},
      'client given another secret',
      { client: 'new-one' },
    ],
    ['DELETE', '/admin/clients/new-one', undefined, 'client disabled', { client: 'new-one' }],
    [
      'PUT',
      '/admin/roles/Extra',
      { title: 'Extra', rules: [] },
      'role created',
      { role: 'Extra', title: 'Extra' },
    ],
    [
      'PUT',
      '/admin/roles/Extra',
      { title: 'Other', rules: [] },
      'role changed',
      { role: 'Extra', title: 'Other' },
    ],
    ['DELETE', '/admin/roles/Extra', undefined, 'role deleted', { role: 'Extra' }],
    [
      'DELETE',
      '/admin/roles/Nurse',
      undefined,
      'role put back to how it was shipped',
      { role: 'Nurse' },
    ],
    [
      'PUT',
      '/admin/users/ada',
      { login: 'ada', name: 'Ada', fhirUser: 'Practitioner/ada', roles: ['Superuser', 'Nurse'] },
      'user changed',
      { user: 'ada', roles: '["Superuser","Nurse"]' },
    ],
    [
      'POST',
      '/admin/users/ada/invitation',
      {},
      'user given a link to choose a password',
      { user: 'ada' },
    ],
    ['POST', '/admin/keys/rotate', {}, 'signing key added', { key: expect.any(String) }],
  ])('%s %s is noted: %j', async (method, path, body, text, pairs) => {
    const answer = await call(method, path, body);
    expect(answer.status).toBeLessThan(300);
    secret(answer.json['client_secret']);
    const link = answer.json['invitation'];
    if (typeof link === 'string') secret(new URL(link).searchParams.get('token'));
    const [done] = only(await events(), 'administration');
    expect([done?.detail?.text, done?.outcome, done?.agent.user?.id]).toEqual([text, 0, 'root']);
    expect(pairsOf(done)).toEqual(expect.objectContaining(pairs));
  });

  it('ends sessions and access, both noted as the deed of the administrator', async () => {
    await newUser(server.service, { id: 'gone', roles: [] });
    await setPassword(server.service, 'gone', PASSWORD);
    const fill = { login: 'gone', password: PASSWORD };
    await press(browser, await browser.get('/auth/sign-in'), { press: 'Sign in', fill });
    await call('DELETE', '/admin/users/gone');
    const all = (await events()).filter(({ agent }) => agent.user?.id === 'root');
    expect(said(all)).toEqual(['logout 0 the user was disabled', 'administration 0 user disabled']);
    expect(pairsOf(all[0])).toMatchObject({ user: 'gone' });
  });

  it('is noted where it is refused', async () => {
    await callJson(`${origin}/admin/users`, {});
    await callJson(`${origin}/admin/users`, { token: secret('t'.repeat(43)) });
    const all = await events();
    expect(all.map(({ kind, outcome }) => [kind, outcome])).toEqual(
      Array(2).fill(['administration', 4]),
    );
    expect(all[0]?.detail?.text).toContain('GET /admin/users refused');
  });

  it('is noted where it asks why', async () => {
    await call('GET', '/admin/access/explain?user=ada&type=Patient&id=p1');
    const [asked] = only(await events(), 'explain');
    expect(asked?.agent.user?.id).toBe('root');
    expect(pairsOf(asked)).toMatchObject({
      user: 'ada',
      type: 'Patient',
      id: 'p1',
      allowed: 'true',
    });
  });
});

it('holds no secret in any column', () => journal.expectNoSecret());
