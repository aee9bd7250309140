import { afterAll, beforeAll, expect, it } from 'vitest';
import { authService, type Served, type TestAuth } from '../helpers/auth.ts';
import { newAuthenticator } from '../helpers/authenticator.ts';
import { openBrowser } from '../helpers/browser.ts';
import {
  answer,
  newPerson,
  PASSWORD,
  serveLocalhost,
  typePassword,
  withPasskey,
} from '../helpers/passkeys.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;

beforeAll(async () => {
  open = await openStores(1, { audit: true });
  service = authService(open);
  served = await serveLocalhost(service);
});
afterAll(async () => {
  await served.stop();
  await open.close();
});

it('the journal says what became of passkeys, and holds no code', async () => {
  await newPerson(service, 'ada');
  const key = newAuthenticator(served.origin);
  const { browser, codes } = await withPasskey(served, 'ada', key);
  const other = openBrowser(served.origin);
  const { to = '' } = await typePassword(other, 'ada');
  await answer(other, to, key, { forged: true });
  await answer(other, to, key);
  await answer(other, '/auth/passkey', key, { verified: false });
  await answer(other, '/auth/passkey', key);
  const id = key.ids()[0] ?? '';
  await browser.post('/auth/account/passkeys/rename', { id, name: 'Red key' });
  await browser.post('/auth/account/recovery-codes', {});
  await browser.post('/auth/account/passkeys/remove', { id });

  const { audit } = service.store;
  await audit?.flush();
  const rows = (await audit?.scan({ descending: false, limit: 1000 })) ?? [];
  const said = rows.map(({ kind, outcome, detail, agent }) =>
    [kind, outcome, agent.user?.id ?? 'nobody', detail?.text].join(' '),
  );
  for (const line of [
    'password 0 ada passkey added',
    'password 0 ada recovery codes made',
    'login 4 ada second factor refused',
    'login 4 nobody passkey refused',
    'password 0 ada passkey renamed',
    'password 0 ada passkey removed',
  ]) {
    expect(said).toContain(line);
  }
  const methods = rows.flatMap(({ detail }) =>
    (detail?.pairs ?? []).filter(([name]) => name === 'methods').map(([, value]) => value),
  );
  expect(methods).toEqual(expect.arrayContaining(['pwd', 'pwd hwk mfa', 'hwk mfa']));
  const all = JSON.stringify(rows);
  for (const secret of [...codes, PASSWORD]) expect(all).not.toContain(secret);
});
