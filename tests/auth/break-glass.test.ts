import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { scopeForOne } from '../../server/auth/break-glass-scope.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { endSessionsOf } from '../../server/auth/sessions.ts';
import { findToken, issueTokens } from '../../server/auth/tokens.ts';
import { newConfidential, newSession, otherProcess, postForm } from '../helpers/auth.ts';
import { breakGlass, hospital, noted, REASON, staff, userToken } from '../helpers/break-glass.ts';
import { itemsOf } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

let server: Secured;
let token: string;

beforeAll(async () => {
  server = await startSecured();
  await server.seed(hospital);
  await staff(server.service);
  await newConfidential(server.service, {
    ...{ id: 'gateway', grants: ['client_credentials'], scopes: 'system/*.rs' },
  });
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.service.pass(1200);
  token = await userToken(server.service);
});

const opened = async (body: object = {}, by = token): Promise<Record<string, unknown>> => {
  const { status, json } = await breakGlass(server, by, body);
  expect([status, json]).toMatchObject([200, { token_type: 'Bearer' }]);
  return json;
};
const accessOf = async (body: object = {}): Promise<string> =>
  String((await opened(body))['access_token']);
/** Status of a read. */
const reads = async (by: string, url: string): Promise<number> => (await server.as(by, url)).status;
const finds = async (by: string, url: string): Promise<string[]> =>
  itemsOf((await server.as(by, url)).json['entry']).map(({ resource }) => String(resource?.['id']));

describe('POST /auth/break-glass', () => {
  it('opens the record of one patient, which was closed before', async () => {
    expect(await reads(token, 'Patient/p1')).toBe(404);
    const { status, json, headers } = await breakGlass(server, token);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(json).toEqual({
      ...{ access_token: expect.any(String), token_type: 'Bearer', expires_in: 1800 },
      ...{ scope: 'launch/patient patient/*.cruds', patient: 'p1', purpose: 'BTG' },
      ...{ review: expect.stringMatching(/^Task\/[\w-]{36}$/), need_patient_banner: true },
      smart_style_url: expect.any(String),
    });
    const opener = String(json['access_token']);
    expect(await reads(opener, 'Patient/p1')).toBe(200);
    expect(await reads(opener, 'Observation/o-p1')).toBe(200);
    expect(await finds(opener, 'Observation?patient=p1')).toEqual(['o-p1']);
    // The token of before is as it was.
    expect(await reads(token, 'Patient/p1')).toBe(404);
  });

  it.each([
    ['Patient/p1', 'p1'],
    ['p1', 'p1'],
    ['urn:mrn|MRN-p1', 'p1'],
    ['MRN-p1', 'p1'],
  ])('takes %j', async (patient, id) => {
    expect(await opened({ patient })).toMatchObject({ patient: id });
  });

  it('takes a form, and a time of its own', async () => {
    const form = { patient: 'Patient/p1', reason: REASON, expires_in: '60' };
    const headers = { Authorization: `Bearer ${token}` };
    const { origin } = server.service.config;
    const { status, json } = await postForm(`${origin}/auth/break-glass`, form, headers);
    expect([status, json['expires_in']]).toEqual([200, 60]);
  });

  it('gives nothing of any other patient, and only to read', async () => {
    const opener = await accessOf();
    for (const url of ['Patient/p2', 'Observation/o-p2', 'Patient/mine', 'Observation/o-mine']) {
      expect([url, await reads(opener, url)]).toEqual([url, 404]);
    }
    expect(await finds(opener, 'Patient')).toEqual(['p1']);
    expect(await finds(opener, 'Observation')).toEqual(['o-p1']);
    expect(await finds(opener, 'Observation?_include=Observation:subject')).toEqual(['o-p1', 'p1']);
    const body = { resourceType: 'Patient', id: 'p1', name: [{ text: 'Other' }] };
    const write = await server.as(opener, 'Patient/p1', { method: 'PUT', body });
    expect(write.status).toBe(403);
    expect(await reads(opener, 'AuditEvent')).toBe(403);
  });

  it('gives of a patient in care what the roles give, and no other', async () => {
    const opener = await accessOf({ patient: 'Patient/mine' });
    expect(await finds(opener, 'Patient')).toEqual(['mine']);
    expect(await reads(opener, 'Patient/p1')).toBe(404);
  });

  it('is told by introspection, but for the reason', async () => {
    const opener = await accessOf();
    const { origin } = server.service.config;
    const basic = { basic: 'gateway:secret' };
    const { json, text } = await postForm(`${origin}/auth/introspect`, { token: opener }, basic);
    expect(json).toMatchObject({ active: true, purpose: 'BTG', patient: 'p1', client_id: 'ward' });
    expect(text).not.toContain('corridor');
  });

  it.each([
    ['no token', async () => undefined, {}, 401],
    ['a token that is none', async () => 't'.repeat(43), {}, 401],
    ['a system', systemToken, {}, 403],
    ['a nurse', () => userToken(server.service, { user: 'nina' }), {}, 403],
    ['a patient', () => userToken(server.service, { user: 'pat' }), {}, 403],
    ['an app that is not trusted', () => userToken(server.service, { client: 'app' }), {}, 403],
    ['a token without data', () => userToken(server.service, { scope: 'openid' }), {}, 403],
    ['emergency access', () => accessOf(), { patient: 'Patient/p2' }, 403],
    ['nobody who signed in', () => userToken(server.service, { session: undefined }), {}, 401],
    ['no reason', () => userToken(server.service), { reason: '' }, 400],
    ['a short reason', () => userToken(server.service), { reason: '   short   \n ' }, 400],
    ['a long reason', () => userToken(server.service), { reason: 'x'.repeat(501) }, 400],
    ['no patient', () => userToken(server.service), { patient: '' }, 400],
    ['too long', () => userToken(server.service), { expires_in: 3601 }, 400],
    ['no time', () => userToken(server.service), { expires_in: '0' }, 400],
    ['something else', () => userToken(server.service), { scope: 'user/*.rs' }, 400],
    ['nobody', () => userToken(server.service), { patient: 'Patient/none' }, 404],
    ['another type', () => userToken(server.service), { patient: 'Practitioner/ada' }, 404],
    ['a merged record', () => userToken(server.service), { patient: 'Patient/merged' }, 404],
    ['two patients', () => userToken(server.service), { patient: 'urn:mrn|MRN-p2' }, 404],
    ['a part of a number', () => userToken(server.service), { patient: 'MRN' }, 404],
    ['a list of patients', () => userToken(server.service), { patient: 'p1,p2' }, 404],
  ])('refuses %s', async (_, by, body, status) => {
    const before = (await noted(server, 'breakGlass')).length;
    const made = await by();
    const answer = await breakGlass(server, made, body);
    expect([answer.status, answer.json['access_token']]).toEqual([status, undefined]);
    const [last] = (await noted(server, 'breakGlass')).slice(before).reverse();
    expect(last).toMatchObject({ outcome: 4 });
  });

  it('answers those without the role alike, whoever the patient is', async () => {
    const nurse = await userToken(server.service, { user: 'nina' });
    const [one, other] = [
      await breakGlass(server, nurse),
      await breakGlass(server, nurse, { patient: 'Patient/none' }),
    ];
    expect(one.json).toEqual(other.json);
  });

  it('asks who signed in long ago to do so again (RFC 9470)', async () => {
    server.service.pass(16 * 60);
    const { status, json, headers } = await breakGlass(server, token);
    expect([status, json]).toMatchObject([
      401,
      { error: 'insufficient_user_authentication', max_age: 900 },
    ]);
    const challenge = headers.get('www-authenticate');
    expect(challenge).toContain('error="insufficient_user_authentication"');
    expect(challenge).toContain('max_age="900"');
  });

  it('is bounded by user', async () => {
    let last = 0;
    for (let i = 0; i < 31; i++) {
      last = (await breakGlass(server, token, { patient: 'Patient/none' })).status;
    }
    expect(last).toBe(429);
    const other = await userToken(server.service, { user: 'root' });
    expect((await breakGlass(server, other)).status).toBe(200);
  });
});

async function systemToken(): Promise<string> {
  const scope = 'system/*.rs';
  const grant = await createGrant(server.service, {
    ...{ clientId: 'gateway', scope, context: {}, offline: false },
  });
  return (await issueTokens(server.service, grant, { scope, lifetime: 300 })).access;
}

describe('emergency access', () => {
  it('ends by itself', async () => {
    const opener = await accessOf({ expires_in: 60 });
    server.service.pass(50);
    expect(await reads(opener, 'Patient/p1')).toBe(200);
    server.service.pass(11);
    expect(await reads(opener, 'Patient/p1')).toBe(401);
  });

  it('ends with signing out, in every process', async () => {
    const opener = await accessOf();
    const other = await otherProcess(server.service);
    expect(await findToken(other, opener)).toBeDefined();
    await endSessionsOf(server.service, 'ada');
    expect(await reads(opener, 'Patient/p1')).toBe(401);
    await expect.poll(() => findToken(other, opener)).toBeUndefined();
    await other.close();
    expect((await breakGlass(server, token)).status).toBe(401);
  });

  it('cannot be refreshed, and is of no use to another client', async () => {
    const json = await opened();
    expect(json['refresh_token']).toBeUndefined();
    const form = { grant_type: 'refresh_token', refresh_token: String(json['access_token']) };
    const { origin } = server.service.config;
    for (const client_id of ['ward', 'beds']) {
      expect((await postForm(`${origin}/auth/token`, { ...form, client_id })).status).toBe(400);
    }
    const revoke = { token: String(json['access_token']), client_id: 'beds' };
    expect((await postForm(`${origin}/auth/revoke`, revoke)).status).toBe(400);
    expect(await reads(String(json['access_token']), 'Patient/p1')).toBe(200);
  });

  it('is one at a time for a patient, session and app, however often it is asked for', async () => {
    const before = (await noted(server, 'breakGlass')).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => opened()));
    expect(new Set(answers.map(({ review }) => review)).size).toBe(1);
    expect(new Set(answers.map((one) => one['access_token'])).size).toBe(20);
    for (const one of answers)
      expect(await reads(String(one['access_token']), 'Patient/p1')).toBe(200);
    const tasks = await server.service.db.tuples<[string]>(
      {
        text: `select count(*)::text from auth_break_glass where began_at > to_timestamp($1)`,
      },
      [server.service.now() / 1000 - 60],
    );
    expect(tasks).toEqual([['1']]);
    expect((await noted(server, 'breakGlass')).length - before).toBe(20);
    const [other, beds] = [
      await opened({}, await userToken(server.service)),
      await opened({}, await userToken(server.service, { client: 'beds' })),
    ];
    expect(new Set([answers[0]?.['review'], other['review'], beds['review']]).size).toBe(3);
  });

  it('stands in a Task for who reviews it, which nobody else gets to see', async () => {
    const { review } = await opened({ expires_in: 600 });
    const auditor = await userToken(server.service, { user: 'olga', client: 'beds' });
    const { status, json } = await server.as(auditor, String(review));
    expect(status).toBe(200);
    expect(json).toMatchObject({
      ...{ status: 'requested', intent: 'order', for: { reference: 'Patient/p1' } },
      code: { coding: [{ system: 'urn:kiln:task', code: 'break-glass-review' }] },
      requester: { reference: 'Practitioner/ada', display: 'Ada' },
      ...{ reasonCode: { text: REASON }, performerType: [{ text: 'Privacy officer' }] },
      input: [{ valueString: String(review).slice('Task/'.length) }, {}],
    });
    const [start, end] = ['start', 'end'].map((one) => json['restriction']?.['period']?.[one]);
    expect(Date.parse(String(end)) - Date.parse(String(start))).toBe(600_000);
    const opener = await accessOf();
    for (const by of [token, opener]) expect(await reads(by, String(review))).toBe(404);
    expect(await finds(opener, 'Task')).toEqual([]);
    expect(
      await finds(auditor, 'Task?code=urn:kiln:task|break-glass-review&_count=1000'),
    ).toContain(String(review).slice('Task/'.length));
    const change = { ...{ method: 'DELETE' } };
    expect((await server.as(auditor, String(review), change)).status).toBe(403);
  });

  it('stands in the journal, and so does all that is read by it', async () => {
    const { review, access_token: opener } = await opened();
    await reads(String(opener), 'Observation/o-p1');
    const grant = String(review).slice('Task/'.length);
    const [event] = (await noted(server, 'breakGlass')).reverse();
    expect(event).toMatchObject({
      ...{ outcome: 0, about: { type: 'Patient', id: 'p1' } },
      agent: { user: { id: 'ada' }, client: { id: 'ward' }, purpose: 'BTG', grant },
    });
    expect(Object.fromEntries(event?.detail?.pairs ?? [])).toMatchObject({ reason: REASON, grant });
    const [read] = (await noted(server, 'read')).reverse();
    expect(read).toMatchObject({
      ...{ about: { type: 'Observation', id: 'o-p1' }, patients: ['Patient/p1'] },
      agent: { user: { id: 'ada' }, purpose: 'BTG', grant },
    });
    const [task] = (await noted(server, 'create')).reverse();
    expect(task).toMatchObject({ about: { type: 'Task', id: grant }, agent: { purpose: 'BTG' } });
  });

  it('leaves nothing where the session ends in between', async () => {
    const session = await newSession(server.service, 'ada');
    const by = await userToken(server.service, { session });
    const [all] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, () => breakGlass(server, by))),
      endSessionsOf(server.service, 'ada'),
    ]);
    for (const { status, json } of all) {
      expect([200, 401, 403]).toContain(status);
      if (status === 200) expect(await reads(String(json['access_token']), 'Patient/p1')).toBe(401);
    }
  });
});

describe('scopeForOne()', () => {
  it.each([
    ['user/*.rs', 'patient/*.rs'],
    [
      'user/Observation.rs?category=laboratory offline_access',
      'patient/Observation.rs?category=laboratory',
    ],
    ['user/*.rs patient/*.rs openid fhirUser online_access', 'openid fhirUser patient/*.rs'],
    ['system/*.cruds launch/patient user/Patient.read', 'launch/patient patient/Patient.read'],
  ])('of %j is %j', (scope, expected) => {
    expect(scopeForOne(scope)).toBe(expected);
  });
});
