import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes as adminRoutes } from '../../server/auth/admin-clients.ts';
import { clientRecord, disableClient } from '../../server/auth/clients.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import { parseScopes } from '../../server/auth/scopes.ts';
import { routes } from '../../server/auth/systems.ts';
import { fieldError, idFrom, SETS } from '../../server/auth/systems-fields.ts';
import { routes as tokenRoutes } from '../../server/auth/token.ts';
import { OAuthError } from '../../server/auth/types.ts';
import { callJson } from '../helpers/admin.ts';
import {
  authService,
  newClient,
  newUser,
  postForm,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Browser, openBrowser, type Visit } from '../helpers/browser.ts';
import { formsOf, press, wordsOf } from '../helpers/forms.ts';
import { signInAs, signInProbe } from '../helpers/smart.ts';
import { type OpenStores, openStores } from '../helpers/store.ts';

let open: OpenStores;
let service: TestAuth;
let served: Served;
let browser: Browser;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes, tokenRoutes, adminRoutes, [signInProbe]);
  for (const role of SHIPPED) await saveRole(service, { ...role, shipped: true });
  await newUser(service, { id: 'root', roles: ['Admin'] });
  await newUser(service, { id: 'ada', roles: ['Clinician'] });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});
beforeEach(async () => {
  browser = openBrowser(served.origin);
  service.pass(1);
  await signInAs(browser, 'root');
});

const NEW = '/auth/systems/new?kind=system';
const APP = '/auth/systems/new?kind=app';
const open_ = (path: string): Promise<Visit> => browser.get(path);

/** The two cells of each row. */
const factsOf = ({ text }: Visit): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/<tr><th scope="row">(.*?)<\/th><td>(.*?)<\/td><\/tr>/gs)].map(
      ([, name = '', value = '']) => [wordsOf(name), wordsOf(value)],
    ),
  );

async function create(name: string, more: Record<string, string> = {}): Promise<Visit> {
  return press(browser, await open_(NEW), {
    ...{ press: 'Create the system', fill: { name, ...more }, tick: ['set-read'] },
  });
}

describe('Systems and apps', () => {
  it.each(['/auth/systems', NEW, APP, '/auth/systems/client?id=x'])(
    'shows %s to administrators only, who have signed in',
    async (path) => {
      const nobody = await openBrowser(served.origin).get(path);
      const next = encodeURIComponent(path).replaceAll('%20', '+');
      expect([nobody.status, nobody.to]).toEqual([303, `/auth/sign-in?next=${next}`]);
      const ada = openBrowser(served.origin);
      await signInAs(ada, 'ada');
      expect((await ada.get(path)).status).toBe(403);
    },
  );

  it('lists what is registered', async () => {
    await newClient(service, { id: 'chart', name: 'Chart <b>', settings: { trusted: true } });
    await newClient(service, { id: 'old', name: 'Old one' });
    await disableClient(service, 'old');
    const words = wordsOf((await open_('/auth/systems')).text);
    expect(words).toContain('Chart <b> chart , public, trusted');
    expect(words).toContain('Old one old , public, disabled');
  });
});

describe('a new system', () => {
  it('gets an id and a secret that are shown once, and a token with them', async () => {
    const shown = await create('Laboratory, 2nd floor');
    expect(shown.status).toBe(200);
    const facts = factsOf(shown);
    const [id = '', secret = ''] = [facts['Client id'], facts['Secret']];
    expect([id, facts['FHIR address']]).toEqual(['laboratory-2nd-floor', service.config.base]);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(shown.headers.get('cache-control')).toBe('no-store');
    const { json } = await postForm(
      `${served.origin}/auth/token`,
      { grant_type: 'client_credentials' },
      { basic: `${id}:${secret}` },
    );
    expect(json).toMatchObject({ token_type: 'Bearer', scope: 'system/*.rs' });
    const again = await open_(`/auth/systems/client?id=${id}`);
    expect(again.text).not.toContain(secret);
    expect(factsOf(again)).toMatchObject({
      ...{ Kind: 'System', 'Proves itself': 'with a secret' },
      Roles: 'None: only what it may at most bounds it',
    });
  });

  it('that is given the role Admin and everything administrates', async () => {
    const shown = await press(browser, await open_(NEW), {
      ...{ press: 'Create the system', fill: { name: 'Provisioning' } },
      tick: ['set-all', 'role-Admin'],
    });
    const { 'Client id': id, Secret: secret } = factsOf(shown);
    const { json } = await postForm(
      `${served.origin}/auth/token`,
      { grant_type: 'client_credentials' },
      { basic: `${id}:${secret}` },
    );
    const url = `${served.origin}/admin/clients/provisioning`;
    const told = await callJson(url, { token: String(json['access_token']) });
    expect(told.json).toMatchObject({ client_name: 'Provisioning', roles: ['Admin'] });
  });

  it('has the scopes that were ticked and those that were written, each once', async () => {
    await press(browser, await open_(NEW), {
      ...{ press: 'Create the system', tick: ['set-billing', 'set-registration'] },
      fill: { name: 'Bills', id: 'bills', scope: ' system/Task.crus  system/Patient.rs ' },
    });
    const { client } = (await clientRecord(service, 'bills')) ?? {};
    expect(client?.grants).toEqual(['client_credentials']);
    const scopes = client?.scopes.split(' ') ?? [];
    expect(scopes).toEqual(expect.arrayContaining(['system/Task.crus', 'system/Claim.crus']));
    expect(new Set(scopes).size).toBe(scopes.length);
  });

  it.each<[string, Record<string, string>, string]>([
    ['no name', { name: ' ' }, 'Enter a name.'],
    ['an id with spaces', { id: 'a b' }, 'Enter 1 to 64 letters'],
    ['an id that another has', { id: 'taken' }, 'with this id already'],
    ['a scope that is none', { scope: 'system/Patient.read.all' }, 'cannot be granted'],
    ['a scope of users', { scope: 'user/Patient.rs' }, 'user or patient scopes'],
  ])('is not made with %s, and the form keeps what was filled in', async (_name, more, text) => {
    await newClient(service, { id: 'taken' });
    const before = (await service.db.query({ text: 'select 1 from auth_client' })).length;
    const shown = await create('Kept', more);
    expect(shown.status).toBe(400);
    expect(wordsOf(shown.text)).toContain(text);
    const form = formsOf(shown)[0];
    expect(form?.fields).toMatchObject({ name: more['name'] ?? 'Kept', 'set-read': 'yes' });
    expect((await service.db.query({ text: 'select 1 from auth_client' })).length).toBe(before);
  });

  it('is not made without any scope', async () => {
    const form = await open_(NEW);
    const shown = await press(browser, form, { press: 'Create', fill: { name: 'Idle' } });
    expect(wordsOf(shown.text)).toContain('Tick or enter what it may do.');
  });

  it('is made once where its form is sent twenty times at once', async () => {
    const form = formsOf(await open_(NEW))[0];
    const fields = { ...form?.fields, name: 'Pressed often', 'set-read': 'yes' };
    const all = await Promise.all(
      Array.from({ length: 20 }, () => browser.post('/auth/systems/new', fields)),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    const made = await service.db.query({
      text: "select 1 from auth_client where name = 'Pressed often'",
    });
    expect(made).toHaveLength(1);
  });

  it('gets another id where its name is that of another', async () => {
    await create('Twin');
    expect(factsOf(await create('Twin'))['Client id']).toMatch(/^twin-[a-z0-9]+$/);
  });
});

describe('a form of systems', () => {
  const fields = { kind: 'system', name: 'Forged', 'set-read': 'yes' };

  it.each<[string, () => Promise<Visit>]>([
    [
      'another site',
      async () => {
        const form = formsOf(await open_(NEW))[0];
        const origin = 'https://evil.example';
        return browser.post('/auth/systems/new', { ...form?.fields, ...fields }, { origin });
      },
    ],
    ['nowhere', () => browser.post('/auth/systems/new', fields)],
    [
      'another session',
      async () => {
        const form = formsOf(await open_(NEW))[0];
        const other = openBrowser(served.origin);
        await signInAs(other, 'root');
        return other.post('/auth/systems/new', { ...form?.fields, ...fields });
      },
    ],
    [
      'an hour ago',
      async () => {
        const form = formsOf(await open_(NEW))[0];
        for (let minutes = 0; minutes < 70; minutes += 10) {
          service.pass(600);
          await signInAs(browser, 'root');
        }
        return browser.post('/auth/systems/new', { ...form?.fields, ...fields });
      },
    ],
    [
      'somebody who is no administrator',
      async () => {
        const ada = openBrowser(served.origin);
        await signInAs(ada, 'ada');
        return ada.post('/auth/systems/new', fields);
      },
    ],
  ])('from %s does nothing', async (_name, send) => {
    const { status } = await send();
    expect([400, 403]).toContain(status);
    expect(await clientRecord(service, 'forged')).toBeUndefined();
  });

  it('sent long after signing in asks for that again, and has lost nothing then', async () => {
    const form = formsOf(await open_(APP))[0];
    service.pass(16 * 60);
    const sent = { ...form?.fields, name: 'Kept & all', redirect_uris: 'https://a.example/cb' };
    const { status, to = '' } = await browser.post('/auth/systems/new', sent);
    expect(status).toBe(303);
    const query = new URL(to, served.origin).searchParams;
    expect(query.get('again')).toBe('yes');
    expect(query.get('next')).not.toContain('handle');
    expect((await open_(APP)).to).toMatch(/again=yes/);
    await signInAs(browser, 'root');
    const filled = await browser.get(query.get('next') ?? '');
    expect(formsOf(filled)[0]?.fields).toMatchObject({ name: 'Kept & all', kind: 'app' });
    expect(filled.text).toContain('>https://a.example/cb</textarea>');
  });
});

describe('a new app', () => {
  const fill = {
    ...{ name: 'Growth charts', redirect_uris: 'https://a.example/cb\r\nhttps://a.example/cb2' },
    launch_uris: 'https://a.example/launch',
  };
  const register = async (more: Record<string, string> = {}): Promise<Visit> => {
    const form = formsOf(await open_(APP))[0];
    return browser.post('/auth/systems/new', { ...form?.fields, ...fill, ...more });
  };

  it('that keeps no secret is registered without one', async () => {
    const shown = await register({ id: 'growth' });
    expect(factsOf(shown)).not.toHaveProperty('Secret');
    expect((await clientRecord(service, 'growth'))?.client).toMatchObject({
      ...{ name: 'Growth charts', auth: 'none', grants: ['authorization_code', 'refresh_token'] },
      redirectUris: ['https://a.example/cb', 'https://a.example/cb2'],
      launchUris: ['https://a.example/launch'],
      scopes: 'launch launch/patient patient/*.rs openid fhirUser',
      settings: { trusted: false },
    });
  });

  it('that keeps one gets one, and trust where it is given', async () => {
    const shown = await register({ id: 'trusted', auth: 'secret', trusted: 'yes' });
    expect(factsOf(shown)['Secret']).toMatch(/^[\w-]{43}$/);
    const { client } = (await clientRecord(service, 'trusted')) ?? {};
    expect([client?.auth, client?.settings.trusted]).toEqual(['secret', true]);
  });

  it.each<[Record<string, string>, string, string]>([
    [{ redirect_uris: '' }, 'redirect_uris', 'at least one address'],
    [{ redirect_uris: 'https://a.example/#x' }, 'redirect_uris', 'has a fragment'],
    [{ redirect_uris: 'http://a.example/cb' }, 'redirect_uris', 'is not https'],
    [{ redirect_uris: 'https://me@a.example/cb' }, 'redirect_uris', 'holds a user name'],
    [{ launch_uris: 'javascript:alert(1)' }, 'launch_uris', 'is not https'],
  ])('is refused with %j, at its field', async (more, field, text) => {
    const shown = await register(more);
    expect(shown.status).toBe(400);
    expect(shown.text).toMatch(new RegExp(`id="${field}-wrong">[^<]*${text}`));
  });
});

describe('the page of a client', () => {
  const page = (id: string): Promise<Visit> => open_(`/auth/systems/client?id=${id}`);

  it('disables it and enables it again', async () => {
    await create('Switch', { id: 'switch' });
    const done = await press(browser, await page('switch'), { press: 'Disable' });
    expect([done.status, done.to]).toEqual([303, '/auth/systems/client?id=switch']);
    expect((await clientRecord(service, 'switch'))?.disabledAt).toBeDefined();
    const off = await page('switch');
    expect(wordsOf(off.text)).toContain('Disabled since');
    expect(wordsOf(off.text)).not.toContain('Make another secret');
    await press(browser, off, { press: 'Enable' });
    expect((await clientRecord(service, 'switch'))?.disabledAt).toBeUndefined();
  });

  it('gives it another secret, and the one before no longer counts', async () => {
    const first = factsOf(await create('Rotated', { id: 'rotated' }))['Secret'];
    const shown = await press(browser, await page('rotated'), { press: 'Make another secret' });
    const second = factsOf(shown)['Secret'];
    const statuses = [first, second].map(async (secret) => {
      const fields = { grant_type: 'client_credentials' };
      const basic = `rotated:${secret}`;
      return (await postForm(`${served.origin}/auth/token`, fields, { basic })).status;
    });
    expect(await Promise.all(statuses)).toEqual([401, 200]);
  });

  it('gives no secret to who signed in long ago', async () => {
    await create('Old session', { id: 'old-session' });
    const shown = await page('old-session');
    service.pass(16 * 60);
    const { to } = await press(browser, shown, { press: 'Make another secret' });
    expect(to).toMatch(/^\/auth\/sign-in\?next=.*&again=yes$/);
    expect(to).not.toContain('secret');
  });

  it('is not there for an id that nobody has', async () => {
    expect((await page('nobody')).status).toBe(404);
  });
});

describe('scopes to tick', () => {
  it.each(Object.entries(SETS))('of a new %s can all be granted', (kind, sets) => {
    for (const { scopes } of sets) {
      const parsed = parseScopes(scopes);
      expect(parsed.refused).toEqual([]);
      if (kind === 'system') {
        expect(parsed.scopes.every(({ context }) => context === 'system')).toBe(true);
      }
    }
  });
});

describe('idFrom()', () => {
  it.each([
    ['Laboratory', 'laboratory'],
    ['  Röntgen / CT (neu)  ', 'rontgen-ct-neu'],
    ['实验室', ''],
    ['a'.repeat(60), 'a'.repeat(40)],
  ])('of %s is %s', (name, id) => {
    expect(idFrom(name)).toBe(id);
  });
});

describe('fieldError()', () => {
  it('stands at the name where no field is meant', () => {
    expect(fieldError(new OAuthError('x', 'Something else.'))).toEqual({
      ...{ field: 'name', text: 'Something else.' },
    });
  });
});
