import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessOf } from '../../server/auth/access.ts';
import { routes } from '../../server/auth/admin-roles.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { shipRoles } from '../../server/auth/role-store.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import type { JsonObject } from '../../server/fhir/types.ts';
import { newClient, newUser, type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';
import { type Answer, ask, itemsOf } from '../helpers/http.ts';

let auth: OpenAuth;
let service: TestAuth;
let token = '';

beforeAll(async () => {
  auth = await openAuth([routes]);
  ({ service } = auth);
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newUser(service, { id: 'chief', roles: ['Admin'] });
  await newUser(service, { id: 'nurse', roles: ['Nurse'] });
  token = await tokenOf('chief');
});
afterAll(() => auth.stop());
beforeEach(async () => {
  await service.db.execute({ text: 'delete from auth_role' });
  await shipRoles(service, SHIPPED);
});

async function tokenOf(userId: string): Promise<string> {
  const scope = 'user/*.cruds';
  const base = { clientId: 'console', userId, scope, context: {}, offline: true };
  const grant = await createGrant(service, base);
  return (await issueTokens(service, grant, { scope, lifetime: 3600 })).access;
}

const call = (method: string, path: string, body?: JsonObject, by = token): Promise<Answer> =>
  ask(auth.origin, `admin/roles${path}`, {
    method,
    headers: { authorization: `Bearer ${by}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });

const rule = (changes: JsonObject = {}): JsonObject => ({
  ...{ types: ['Observation'], interactions: 'rs' },
  ...changes,
});
const problemsOf = async (body: JsonObject): Promise<unknown> => {
  const { status, json } = await call('PUT', '/Own', body);
  expect(status).toBe(400);
  expect(json).toMatchObject({ error: 'invalid_request' });
  return json['problems'];
};

describe('/admin/roles', () => {
  it('lists the roles that came with the server', async () => {
    const { status, json, headers } = await call('GET', '');
    const names = itemsOf(json['roles']).map(({ name, shipped }) => `${name} ${shipped}`);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(names).toEqual([...SHIPPED.map(({ name }) => `${name} true`)].sort());
  });

  it('creates, shows, changes and deletes a role', async () => {
    const role = { title: 'Own', rules: [rule({ criteria: 'category=laboratory' })] };
    const made = await call('PUT', '/Own', role);
    expect([made.status, made.json]).toMatchObject([201, { name: 'Own', shipped: false, ...role }]);
    expect((await call('GET', '/Own')).json).toEqual(made.json);
    const changed = await call('PUT', '/Own', { name: 'Own', rules: [] });
    expect([changed.status, changed.json]).toMatchObject([200, { title: 'Own', rules: [] }]);
    expect((await call('DELETE', '/Own')).status).toBe(204);
    expect([(await call('GET', '/Own')).status, (await call('DELETE', '/Own')).status]).toEqual([
      404, 404,
    ]);
  });

  it('takes what it gives out back as it is', async () => {
    for (const { name } of SHIPPED) {
      const { json } = await call('GET', `/${name}`);
      const back = await call('PUT', `/${name}`, json as unknown as JsonObject);
      expect([back.status, back.json], name).toEqual([200, { ...json, shipped: false }]);
    }
  });

  it('keeps what an administrator made of a shipped role until it is deleted', async () => {
    await call('PUT', '/Nurse', { title: 'Nurse', rules: [] });
    await shipRoles(service, SHIPPED);
    expect((await call('GET', '/Nurse')).json).toMatchObject({ rules: [], shipped: false });
    expect((await call('DELETE', '/Nurse')).status).toBe(200);
    const { json } = await call('GET', '/Nurse');
    expect([json['shipped'], (json['rules']?.length ?? 0) > 3]).toEqual([true, true]);
  });

  it('brings shipped roles that nobody changed to the version of the server', async () => {
    await shipRoles(service, [{ name: 'Nurse', title: 'Nurse of tomorrow', rules: [] }]);
    expect((await call('GET', '/Nurse')).json).toMatchObject({ title: 'Nurse of tomorrow' });
  });

  it('does not delete what somebody has', async () => {
    await call('PUT', '/Own', { rules: [] });
    await newUser(service, { id: 'own', roles: ['Own'] });
    const { status, json } = await call('DELETE', '/Own');
    expect([status, json['error']]).toEqual([409, 'conflict']);
    await newUser(service, { id: 'own', roles: [] });
    expect((await call('DELETE', '/Own')).status).toBe(204);
  });

  it('holds for tokens that are out already', async () => {
    const nurse = await newUser(service, { id: 'nurse', roles: ['Nurse'] });
    const bearer = { grant: { context: {} }, scope: 'user/*.cruds', user: nurse };
    expect((await accessOf(service, bearer)).rules('Organization')).toHaveLength(1);
    await call('PUT', '/Nurse', { rules: [] });
    expect((await accessOf(service, bearer)).rules('Organization')).toEqual([]);
  });

  it.each([
    ['a type', rule({ types: ['Observatoin'] }), 'types', 'no resource type "Observatoin"'],
    ['no types', rule({ types: [] }), 'types', 'not a list'],
    ['interactions', rule({ interactions: 'sr' }), 'interactions', 'in this order'],
    ['no interactions', rule({ interactions: '' }), 'interactions', 'letters of "cruds"'],
    ['a parameter', rule({ criteria: 'categry=x' }), 'criteria', 'did you mean "category"'],
    ['a variable', rule({ criteria: 'subject=%paitent' }), 'criteria', 'no variable "%paitent"'],
    ['a use of one', rule({ criteria: 'encounter=%ward' }), 'criteria', 'never refers to Location'],
    ['an alternative', rule({ anyOf: ['status=final', 'x=1'] }), 'anyOf[1]', 'parameter "x"'],
    ['an exception', rule({ except: ['x=1'] }), 'except[0]', 'parameter "x"'],
    ['a control', rule({ criteria: '_count=1' }), 'criteria', 'select nothing'],
    ['an element', rule({ hidden: ['valeu'] }), 'hidden', 'no element "valeu"'],
    ['what it is about', rule({ about: ['*'] }), 'about', 'be said of Binary and Provenance only'],
    [
      'a type that something is about',
      rule({ types: ['Binary'], about: ['Patent'] }),
      ...['about', 'no resource type "Patent"'],
    ],
    ['one that tells it', rule({ hidden: ['meta'] }), 'hidden', 'no element "meta" that'],
    ['a path', rule({ readOnly: ['code.nothing'] }), 'readOnly', 'no element "code.nothing"'],
    ['a purpose', rule({ purpose: 'FUN' }), 'purpose', 'BTG'],
    ['a member', rule({ criterai: 'x' }), 'criterai', 'There is no such member'],
    ['any type', rule({ types: ['*'], criteria: 'category=x' }), 'criteria', 'no search parameter'],
  ])('refuses %s that is wrong, and says where', async (_, wrong, at, text) => {
    const problems = (await problemsOf({ rules: [rule(), wrong] })) as JsonObject[];
    expect(problems[0]).toEqual({ at: `rules[1].${at}`, problem: expect.stringContaining(text) });
    expect((await call('GET', '/Own')).status).toBe(404);
  });

  it.each([
    [{}, 'rules'],
    [{ rules: {} }, 'rules'],
    [{ rules: [3] }, 'rules[0]'],
    [{ rules: [], title: '' }, 'title'],
    [{ rules: [], name: 'Other' }, 'name'],
    [{ rules: [], nonsense: 1 }, 'nonsense'],
  ])('refuses the body %j', async (body, at) => {
    expect(await problemsOf(body)).toMatchObject([{ at }]);
  });

  it('tells all faults at once', async () => {
    const rules = [rule({ types: ['X'] }), rule({ criteria: 'x=1' }), rule({ criteria: 'y=1' })];
    expect(await problemsOf({ rules })).toMatchObject([
      { at: 'rules[0].types' },
      { at: 'rules[1].criteria' },
      { at: 'rules[2].criteria' },
    ]);
  });

  it.each(['with%20space', '1st', 'x'.repeat(65)])('refuses the name %s', async (name) => {
    expect((await call('PUT', `/${name}`, { rules: [] })).status).toBe(400);
  });

  it('is for administrators alone', async () => {
    const other = await tokenOf('nurse');
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/Nurse'],
      ['PUT', '/Nurse'],
      ['DELETE', '/Nurse'],
    ]) {
      const body = method === 'PUT' ? { rules: [] } : undefined;
      expect((await call(`${method}`, `${path}`, body, other)).status, method).toBe(403);
      expect((await call(`${method}`, `${path}`, body, 'x')).status, method).toBe(401);
    }
  });
});
