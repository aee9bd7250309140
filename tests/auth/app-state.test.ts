import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { disableClient } from '../../server/auth/clients.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import { routes } from '../../server/auth/state.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';
import {
  authService,
  newClient,
  newUser,
  type Served,
  serve,
  type TestAuth,
} from '../helpers/auth.ts';
import { type Answer, ask, itemsOf } from '../helpers/http.ts';
import { actor, definitions, type OpenStores, openStores, put } from '../helpers/store.ts';

const SYSTEM = 'https://app.example';
let open: OpenStores;
let service: TestAuth;
let served: Served;

beforeAll(async () => {
  open = await openStores();
  service = authService(open);
  served = await serve(service, routes);
  await open.stores[0].commit(actor, [
    put({ resourceType: 'Patient', id: 'p1', gender: 'female' }),
    put({ resourceType: 'Patient', id: 'p2', gender: 'male' }),
    put({ resourceType: 'Practitioner', id: 'ada' }),
    put({
      ...{ resourceType: 'PractitionerRole', id: 'duty' },
      practitioner: { reference: 'Practitioner/ada' },
    }),
    put({
      ...{ resourceType: 'PractitionerRole', id: 'other-duty' },
      practitioner: { reference: 'Practitioner/bob' },
    }),
  ]);
  const rules = [{ types: ['Patient'], interactions: 'rs', criteria: 'gender=female' }];
  await saveRole(service, { name: 'Women', title: 'Women', rules, shipped: false });
  await saveRole(service, { name: 'Admin', title: 'Admin', rules: [], shipped: true });
  const scopes = 'user/Basic.cruds patient/Basic.cruds system/Basic.cruds';
  await newClient(service, { id: 'app', scopes });
  await newClient(service, { id: 'twin', scopes });
  const foreign = { redirectUris: ['https://other.example/cb'], launchUris: [] };
  await newClient(service, { id: 'other', scopes, ...foreign });
  await newClient(service, {
    ...{ id: 'companion', scopes, ...foreign },
    settings: { appState: [SYSTEM] },
  });
  for (const id of ['native', 'native-two']) {
    const redirectUris = ['http://127.0.0.1:7777/cb', 'org.example.app:/cb'];
    await newClient(service, { id, scopes, redirectUris, launchUris: [] });
  }
  await newUser(service, { id: 'ada', roles: ['Women'] });
  await newUser(service, { id: 'bob', roles: ['Women'] });
  await newUser(service, { id: 'root', roles: ['Admin'] });
  await newUser(service, { id: 'pat', fhirUser: 'Patient/p1', roles: ['Women'] });
});
afterAll(async () => {
  await served.stop();
  await open.close();
});

interface Holder {
  client?: string;
  /** Null: a system. */
  user?: string | null;
  scope?: string;
  patient?: string;
}

async function tokenOf(holder: Holder = {}): Promise<string> {
  const { client = 'app', user = 'ada', scope = 'user/Basic.cuds', patient } = holder;
  const grant = await createGrant(service, {
    ...{
      clientId: client,
      scope,
      offline: true,
      context: patient === undefined ? {} : { patient },
    },
    ...(user !== null && { userId: user }),
  });
  return (await issueTokens(service, grant, { scope, lifetime: 3600 })).access;
}

let codes = 0;
let code = '';
beforeEach(() => {
  code = `prefs-${++codes}`;
  service.pass(61);
});

const about = (subject: string): string => `${service.config.base}/${subject}`;

function state(subject: string | undefined, more: JsonObject = {}): JsonObject {
  return {
    ...{ resourceType: 'Basic', code: { coding: [{ system: SYSTEM, code }] } },
    ...(subject !== undefined && { subject: { reference: about(subject) } }),
    extension: [{ url: `${SYSTEM}/prefs`, valueString: '{"size":15}' }],
    ...more,
  };
}

interface Sent {
  body?: JsonObject | string;
  match?: string;
  headers?: Record<string, string>;
}

const send = (token: string, method: string, path = '', sent: Sent = {}): Promise<Answer> =>
  ask(`${served.origin}/auth/app-state`, `Basic${path}`, {
    ...{ method, ...(sent.body !== undefined && { body: sent.body }) },
    headers: {
      ...{ Authorization: `Bearer ${token}`, ...sent.headers },
      ...(sent.match !== undefined && { 'If-Match': sent.match }),
    },
  });

const create = async (holder: Holder, subject: string | undefined): Promise<Answer> =>
  send(await tokenOf(holder), 'POST', '', { body: state(subject) });

async function found(
  holder: Holder,
  subject: string | undefined,
  system = SYSTEM,
): Promise<Answer> {
  const of = subject === undefined ? { 'subject:missing': 'true' } : { subject: about(subject) };
  const query = new URLSearchParams({ code: `${system}|${code}`, ...of });
  return send(await tokenOf(holder), 'GET', `?${query}`);
}

const idsIn = (answer: Answer): string[] =>
  itemsOf(answer.json['entry']).map((entry) => String(entry['resource']?.['id']));

describe('app state', () => {
  it('is kept, found, changed and deleted', async () => {
    const token = await tokenOf();
    const made = await send(token, 'POST', '', { body: state('Practitioner/ada') });
    expect(made.status).toBe(201);
    const id = String(made.json['id']);
    const base = `${served.origin}/auth/app-state`;
    expect(made.headers.get('location')).toBe(`${base}/Basic/${id}`);
    expect(made.headers.get('etag')).toBe('W/"1"');
    expect(made.json).toMatchObject({ ...state('Practitioner/ada'), meta: { versionId: '1' } });

    const first = await found({}, 'Practitioner/ada');
    expect(first.json).toMatchObject({
      ...{ resourceType: 'Bundle', type: 'searchset', total: 1 },
      entry: [{ fullUrl: `${base}/Basic/${id}`, resource: made.json, search: { mode: 'match' } }],
    });

    const extension = [{ url: `${SYSTEM}/prefs`, valueString: 'new "text"' }];
    const body = state('Practitioner/ada', { id, extension });
    const changed = await send(token, 'PUT', `/${id}`, { body, match: 'W/"1"' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect((await found({}, 'Practitioner/ada')).json['entry']).toMatchObject([
      { resource: { id, extension, meta: { versionId: '2' } } },
    ]);

    expect((await send(token, 'DELETE', `/${id}`, { match: 'W/"2"' })).status).toBe(204);
    expect((await found({}, 'Practitioner/ada')).json['total']).toBe(0);
    for (const method of ['PUT', 'DELETE']) {
      const again = await send(token, method, `/${id}`, { body, match: 'W/"2"' });
      expect(again.status).toBe(412);
    }
  });

  it('stands apart from the Basic of records', async () => {
    const made = await create({}, 'Practitioner/ada');
    await expect(open.stores[0].read(actor, 'Basic', String(made.json['id']))).rejects.toThrow();
  });

  it.each<[string, Sent]>([
    ['without If-Match', {}],
    ['at an older version', { match: 'W/"0"' }],
    ['at a version that is none', { match: '*' }],
  ])('is neither changed nor deleted %s', async (_name, { match }) => {
    const token = await tokenOf();
    const made = await send(token, 'POST', '', { body: state('Practitioner/ada') });
    const id = String(made.json['id']);
    for (const method of ['PUT', 'DELETE']) {
      const body = state('Practitioner/ada', { id });
      const sent = { body, ...(match !== undefined && { match }) };
      const { status, json } = await send(token, method, `/${id}`, sent);
      expect([status, json['resourceType']]).toEqual([412, 'OperationOutcome']);
    }
    expect(idsIn(await found({}, 'Practitioner/ada'))).toEqual([id]);
  });

  it('keeps its code and its subject', async () => {
    const token = await tokenOf({ patient: 'p1' });
    const made = await send(token, 'POST', '', { body: state('Practitioner/ada') });
    const id = String(made.json['id']);
    const others: JsonObject[] = [
      state('Patient/p1', { id }),
      state('Practitioner/ada', { id, code: { coding: [{ system: SYSTEM, code: 'other' }] } }),
      state('Practitioner/ada', {
        ...{ id, code: { coding: [{ system: SYSTEM, code, display: 'Preferences' }] } },
      }),
    ];
    for (const body of others) {
      expect((await send(token, 'PUT', `/${id}`, { body, match: 'W/"1"' })).status).toBe(412);
    }
  });

  it.each([
    ['changed', ['PUT']],
    ['changed or deleted', ['DELETE', 'PUT']],
  ])('is %s once of twenty times at once', async (_what, methods) => {
    const token = await tokenOf();
    const made = await send(token, 'POST', '', { body: state('Practitioner/ada') });
    const id = String(made.json['id']);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        send(token, methods[n % methods.length] ?? '', `/${id}`, {
          ...{ body: state('Practitioner/ada', { id }), match: 'W/"1"' },
        }),
      ),
    );
    const statuses = all.map(({ status }) => status);
    expect(statuses.filter((one) => one < 300)).toHaveLength(1);
    expect(statuses.filter((one) => one === 412)).toHaveLength(19);
  });

  it('may be 256 kB and not more', async () => {
    const token = await tokenOf();
    const text = JSON.stringify(state('Practitioner/ada'));
    const padded = (bytes: number): string =>
      text.replace('15', `15${' '.repeat(bytes - text.length)}`);
    expect((await send(token, 'POST', '', { body: padded(256 * 1024) })).status).toBe(201);
    expect((await send(token, 'POST', '', { body: padded(256 * 1024 + 1) })).status).toBe(413);
  });

  it('may be there twenty times for a code and subject', async () => {
    const token = await tokenOf();
    const body = state('Practitioner/ada');
    for (let n = 0; n < 20; n++) {
      expect((await send(token, 'POST', '', { body })).status).toBe(201);
    }
    expect((await send(token, 'POST', '', { body })).status).toBe(422);
    expect(idsIn(await found({}, 'Practitioner/ada'))).toHaveLength(20);
  });

  it('is refused without a token, and when its client is disabled', async () => {
    const url = `${served.origin}/auth/app-state/Basic?code=a|b&subject:missing=true`;
    const answer = await ask('', url);
    expect([answer.status, answer.json['resourceType']]).toEqual([401, 'OperationOutcome']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    await newClient(service, { id: 'gone' });
    const token = await tokenOf({ client: 'gone' });
    await disableClient(service, 'gone');
    expect((await send(token, 'GET', '?code=a|b&subject:missing=true')).status).toBe(401);
  });

  test.each([
    ['text/plain', 415],
    ['application/json', 201],
  ])('sent as %s is answered with %s', async (type, status) => {
    const headers = { 'Content-Type': type };
    const body = JSON.stringify(state('Practitioner/ada'));
    expect((await send(await tokenOf(), 'POST', '', { body, headers })).status).toBe(status);
  });

  it('says at metadata what it can do', async () => {
    const { json } = await ask('', `${served.origin}/auth/app-state/metadata`);
    expect(json).toMatchObject({
      ...{ resourceType: 'CapabilityStatement', kind: 'instance', fhirVersion: '4.0.1' },
      rest: [{ resource: [{ type: 'Basic' }] }],
    });
    expect(createValidator(definitions).validate(json)).toEqual([]);
  });

  it('can be read by pages of the app, and by those of no other', async () => {
    const token = await tokenOf();
    for (const [origin, allowed] of [
      ['https://app.example', 'https://app.example'],
      ['https://other.example', null],
    ] as const) {
      const headers = { Origin: origin };
      const { headers: got } = await send(token, 'GET', '?code=a|b', { headers });
      expect(got.get('access-control-allow-origin')).toBe(allowed);
    }
  });
});

describe('app state of the user', () => {
  it.each<[string, Holder, number]>([
    ['the same user', {}, 1],
    ['the same user with letters enough', { scope: 'user/Basic.s' }, 1],
    ['the same user with a scope for all', { scope: 'user/*.rs' }, 1],
    ['the same user, by code', { scope: `user/Basic.s?code=${SYSTEM}|CODE` }, 1],
    ['an app of the same origin', { client: 'twin' }, 1],
    ['an app that an administrator let in', { client: 'companion' }, 1],
    ['another user', { user: 'bob' }, 403],
    ['a system', { user: null, scope: 'system/*.cruds' }, 403],
    ['the same user without the letter', { scope: 'user/Basic.cud' }, 403],
    ['the same user for another type', { scope: 'user/Observation.rs' }, 403],
    ['the same user by another code', { scope: `user/Basic.s?code=${SYSTEM}|other` }, 403],
    ['the same user by what is not known here', { scope: 'user/Basic.s?_tag=a' }, 403],
    ['a scope for the patient', { scope: 'patient/Basic.s', patient: 'p1' }, 403],
    ['another app', { client: 'other' }, 403],
  ])('is seen by %s: %o', async (_name, holder, seen) => {
    await create({}, 'Practitioner/ada');
    const scope = (holder.scope ?? 'user/Basic.cuds').replace('CODE', code);
    const { status, json } = await found({ ...holder, scope }, 'Practitioner/ada');
    if (status === 200) expect(json['total']).toBe(seen);
    else expect(status).toBe(seen);
  });

  it('is theirs in their duties, too, and in nobody else’s', async () => {
    expect((await create({}, 'PractitionerRole/duty')).status).toBe(201);
    expect((await create({}, 'PractitionerRole/other-duty')).status).toBe(403);
    expect((await create({}, 'PractitionerRole/none')).status).toBe(403);
  });

  it('of another cannot be told from what there is not', async () => {
    const made = await create({ user: 'bob' }, 'Practitioner/bob');
    const token = await tokenOf();
    const answers = await Promise.all(
      [String(made.json['id']), crypto.randomUUID(), 'x'].map((id) =>
        send(token, 'DELETE', `/${id}`, { match: 'W/"1"' }),
      ),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const id = String(made.json['id']);
    const body = state('Practitioner/ada', { id });
    expect((await send(token, 'PUT', `/${id}`, { body, match: 'W/"1"' })).status).toBe(412);
    expect((await found({ user: 'bob' }, 'Practitioner/bob')).json['total']).toBe(1);
  });
});

describe('app state of the patient', () => {
  const both: Holder = { scope: 'patient/Basic.cuds', patient: 'p1' };

  it.each<[string, Holder, number]>([
    ['whoever has the patient in context', { ...both, user: 'bob' }, 1],
    ['a user scope with the patient in context', { scope: 'user/Basic.s', patient: 'p1' }, 1],
    ['the patient', { ...both, user: 'pat' }, 1],
    ['the patient by a user scope', { user: 'pat', scope: 'user/Basic.s' }, 1],
    ['another patient in context', { ...both, patient: 'p2' }, 403],
    ['no patient in context', { scope: 'user/Basic.s' }, 403],
    ['another app', { ...both, client: 'other' }, 403],
    ['a system', { user: null, scope: 'system/*.cruds' }, 403],
  ])('is seen by %s: %o', async (_name, holder, seen) => {
    await create(both, 'Patient/p1');
    const { status, json } = await found(holder, 'Patient/p1');
    if (status === 200) expect(json['total']).toBe(seen);
    else expect(status).toBe(seen);
  });

  it('is out of reach for who may no longer see the patient', async () => {
    const holder = { scope: 'patient/Basic.cuds', patient: 'p2' };
    expect((await create(holder, 'Patient/p2')).status).toBe(403);
  });
});

describe('app state of the app as a whole', () => {
  const system: Holder = { user: null, scope: 'system/Basic.cuds' };

  it('is read by all its users, and changed by administrators and systems', async () => {
    expect((await create({}, undefined)).status).toBe(403);
    expect((await create({ user: 'root' }, undefined)).status).toBe(201);
    expect((await create(system, undefined)).status).toBe(201);
    expect((await found({ user: 'bob', scope: 'user/Basic.s' }, undefined)).json['total']).toBe(2);
    expect((await found(system, undefined)).json['total']).toBe(2);
    expect((await found({ client: 'other' }, undefined)).status).toBe(403);
    const patient = { scope: 'patient/Basic.cuds', patient: 'p1' };
    expect((await found(patient, undefined)).status).toBe(403);
  });
});

describe('app state of apps without an origin of their own', () => {
  it.each(['http://127.0.0.1:7777', 'org.example.app:'])(
    'is for one client alone: %s',
    async (system) => {
      const token = await tokenOf({ client: 'native' });
      const body = state('Practitioner/ada', { code: { coding: [{ system, code }] } });
      expect((await send(token, 'POST', '', { body })).status).toBe(201);
      const own = await found({ client: 'native' }, 'Practitioner/ada', system);
      const other = await found({ client: 'native-two' }, 'Practitioner/ada', system);
      expect([own.json['total'], other.json['total']]).toEqual([1, 0]);
      const [id = ''] = idsIn(own);
      const thief = await tokenOf({ client: 'native-two' });
      expect((await send(thief, 'DELETE', `/${id}`, { match: 'W/"1"' })).status).toBe(412);
      const change = { body: { ...body, id }, match: 'W/"1"' };
      expect((await send(thief, 'PUT', `/${id}`, change)).status).toBe(412);
    },
  );
});
