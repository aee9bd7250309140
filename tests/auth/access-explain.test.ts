import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../server/auth/access-explain.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import { newClient, newUser, type OpenAuth, openAuth, type TestAuth } from '../helpers/auth.ts';
import { type Answer, ask } from '../helpers/http.ts';
import { actor, put } from '../helpers/store.ts';

let auth: OpenAuth;
let service: TestAuth;
let token = '';

const observation = (id: string, status: string, patient: string) =>
  put({
    ...{ resourceType: 'Observation', id, status, code: { text: 'x' } },
    subject: { reference: `Patient/${patient}` },
  });

beforeAll(async () => {
  auth = await openAuth([routes]);
  ({ service } = auth);
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newClient(service, { id: 'backend', scopes: 'system/*.rs' });
  await newUser(service, { id: 'chief', roles: ['Admin'] });
  await newUser(service, { id: 'reader', roles: ['Reader'] });
  await saveRole(service, {
    ...{ name: 'Reader', title: 'Reader', shipped: false },
    rules: [
      { types: ['Observation'], interactions: 'rs', criteria: 'status=final', restricted: true },
      { types: ['Observation'], interactions: 'rs', criteria: 'performer=%patient' },
      { types: ['Observation'], interactions: 'c', restricted: true },
      { types: ['Observation'], interactions: 'r', purpose: 'BTG', restricted: true },
      { types: ['Organization'], interactions: 'rs', restricted: true },
    ],
  });
  await service.store.commit(actor, [
    put({ resourceType: 'Patient', id: 'p1' }),
    put({ resourceType: 'Patient', id: 'p2' }),
    observation('final', 'final', 'p1'),
    observation('draft', 'preliminary', 'p1'),
  ]);
  token = await tokenOf('chief');
});
afterAll(() => auth.stop());

async function tokenOf(userId: string): Promise<string> {
  const scope = 'user/*.cruds';
  const base = { clientId: 'console', userId, scope, context: {}, offline: true };
  const grant = await createGrant(service, base);
  return (await issueTokens(service, grant, { scope, lifetime: 3600 })).access;
}

const explain = (query: string, by = token): Promise<Answer> =>
  ask(auth.origin, `admin/access/explain?${query}`, {
    headers: { authorization: `Bearer ${by}` },
  });

describe('/admin/access/explain', () => {
  it('tells which rules let a user read a resource, and why others do not', async () => {
    const { json } = await explain('user=reader&type=Observation&id=final');
    expect(json).toMatchObject({
      ...{ allowed: true, exists: true, interaction: 'r', roles: ['Reader'] },
      rules: [
        { role: 'Reader', rule: 0, gives: true, why: 'Observation/final fits.' },
        { rule: 1, gives: false, why: 'It gives nothing: nothing is known for %patient.' },
        { rule: 2, gives: false, why: 'It does not give "r".' },
        { rule: 3, gives: false, why: 'It gives nothing: it is for the purpose of use BTG.' },
      ],
      scopes: [{ scope: 'user/*.cruds', gives: true }],
    });
  });

  it.each([
    ['user=reader&type=Observation&id=draft', false],
    ['user=reader&type=Observation&id=draft&purpose=BTG', true],
    ['user=reader&type=Observation&id=absent&purpose=BTG', false],
    ['user=reader&type=Observation', 'depends'],
    ['user=reader&type=Observation&interaction=c', true],
    ['user=reader&type=Observation&interaction=d', false],
    ['user=reader&type=Patient', false],
    ['user=reader&type=Organization&interaction=s', true],
    ['user=reader&type=Observation&id=final&scope=user/Patient.r', false],
    ['user=reader&type=Observation&id=final&scope=patient/Observation.r', false],
    ['user=reader&type=Observation&id=final&scope=patient/Observation.r&patient=p1', true],
    ['user=reader&type=Observation&id=final&scope=patient/Observation.r&patient=p2', false],
    ['user=reader&type=Observation&id=final&scope=system/*.cruds', false],
    ['client=backend&type=Observation&id=draft', true],
    ['client=backend&type=AuditEvent', false],
  ])('%s: %s', async (query, allowed) => {
    const { status, json } = await explain(query);
    expect([status, json['allowed']]).toEqual([200, allowed]);
  });

  it('says what the scopes lack', async () => {
    const query = 'user=reader&type=Observation&id=final&scope=patient/*.r%20user/Patient.r';
    const { json } = await explain(query);
    expect(json['scopes']).toMatchObject([
      { scope: 'patient/*.r', gives: false, why: 'No patient is in context.' },
      { scope: 'user/Patient.r', gives: false, why: 'It does not reach Observation.' },
    ]);
  });

  it.each([
    'type=Observation',
    'user=nobody&type=Observation',
    'client=nobody&type=Observation',
    'user=reader',
    'user=reader&type=Nothing',
    'user=reader&type=Observation&id=a/b',
    'user=reader&type=Observation&interaction=x',
    'user=reader&user=chief&type=Observation',
  ])('refuses the question %s', async (query) => {
    expect((await explain(query)).status).toBe(400);
  });

  it('is for administrators alone', async () => {
    const query = 'user=reader&type=Observation&id=final';
    expect((await explain(query, await tokenOf('reader'))).status).toBe(403);
    expect((await explain(query, 'x')).status).toBe(401);
  });
});
