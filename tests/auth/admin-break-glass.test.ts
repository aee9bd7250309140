import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callJson, type Told, tokenBy } from '../helpers/admin.ts';
import { breakGlass, hospital, noted, REASON, staff, userToken } from '../helpers/break-glass.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';
import { actor } from '../helpers/store.ts';

let server: Secured;
let admin: string;

beforeAll(async () => {
  server = await startSecured();
  await server.seed(hospital);
  await staff(server.service);
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.service.pass(1200);
  const wish = { clientId: 'ward', userId: 'root', scope: 'user/*.cruds' };
  admin = await tokenBy(server.service, wish);
});

const call = (path: string, method = 'GET', body?: unknown, token = admin): Promise<Told> =>
  callJson(`${server.service.config.origin}/admin/break-glass${path}`, {
    ...{ method, token },
    ...(body !== undefined && { body }),
  });
async function opened(user = 'ada'): Promise<{ grant: string; token: string }> {
  const { json } = await breakGlass(server, await userToken(server.service, { user }));
  const grant = String(json['review']).slice('Task/'.length);
  return { grant, token: String(json['access_token']) };
}
type Shown = Record<string, unknown>;
const listed = async (query = ''): Promise<Shown[]> =>
  (await call(query)).json['breakGlass'] as Shown[];
const taskOf = async (grant: string): Promise<Shown> =>
  JSON.parse((await server.store.read(actor, 'Task', grant)).content) as Shown;

describe('GET /admin/break-glass', () => {
  it('tells who opened whose record, when, why, and until when', async () => {
    const { grant } = await opened();
    const [first] = await listed();
    expect(first).toEqual({
      ...{ grant, task: `Task/${grant}`, patient: 'Patient/p1', reason: REASON, active: true },
      user: { id: 'ada', name: 'Ada', fhirUser: 'Practitioner/ada' },
      client: { id: 'ward', name: 'Ward list' },
      ...{ began: expect.any(String), until: expect.any(String) },
    });
    server.service.pass(1801);
    expect((await listed())[0]).toMatchObject({ grant, active: false });
  });

  it('comes in pages, the latest first', async () => {
    const made = [];
    for (let i = 0; i < 3; i++) {
      server.service.pass(1);
      made.unshift((await opened()).grant);
    }
    const { json } = await call('?count=2');
    const page = json['breakGlass'] as Shown[];
    expect(page.map(({ grant }) => grant)).toEqual(made.slice(0, 2));
    const [third] = await listed(`?count=1&after=${json['next']}`);
    expect(third?.['grant']).toBe(made[2]);
  });

  it.each(['?count=0', '?count=x', '?after=x', '?reviewed=maybe'])('refuses %s', async (query) => {
    expect((await call(query)).status).toBe(400);
  });

  it('is for administrators and the privacy officer', async () => {
    const by = async (user: string): Promise<number> =>
      (await call('', 'GET', undefined, await userToken(server.service, { user }))).status;
    expect([await by('olga'), await by('ada'), await by('nina')]).toEqual([200, 403, 403]);
  });
});

describe('POST /admin/break-glass/:grant/end', () => {
  it('ends it at once', async () => {
    const { grant, token } = await opened();
    expect((await server.as(token, 'Patient/p1')).status).toBe(200);
    expect((await call(`/${grant}/end`, 'POST')).status).toBe(204);
    expect((await server.as(token, 'Patient/p1')).status).toBe(401);
    expect((await listed())[0]).toMatchObject({ grant, active: false });
    expect((await call(`/${grant}/end`, 'POST')).status).toBe(204);
    const [ended] = (await noted(server, 'breakGlass')).reverse();
    expect(ended).toMatchObject({ agent: { user: { id: 'root' } }, about: { id: 'p1' } });
  });

  it.each(['nothing', crypto.randomUUID()])('knows no %j', async (grant) => {
    expect((await call(`/${grant}/end`, 'POST')).status).toBe(404);
    expect((await call(`/${grant}/review`, 'POST', { outcome: 'Fine' })).status).toBe(404);
  });
});

describe('POST /admin/break-glass/:grant/review', () => {
  const outcome = 'There was reason enough';

  it('completes the Task, once', async () => {
    const { grant } = await opened();
    const all = await Promise.all(
      Array.from({ length: 5 }, () => call(`/${grant}/review`, 'POST', { outcome })),
    );
    expect(all.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(await taskOf(grant)).toMatchObject({
      ...{ status: 'completed', output: [{ valueString: outcome }] },
    });
    const reviewed = { by: 'root', outcome, at: expect.any(String) };
    expect((await listed('?reviewed=true'))[0]).toMatchObject({ grant, reviewed });
    expect((await listed('?reviewed=false')).map((one) => one['grant'])).not.toContain(grant);
    const events = (await noted(server, 'breakGlass')).filter(
      ({ detail }) => detail?.text === 'emergency access reviewed',
    );
    expect(events).toHaveLength(1);
    expect(events[0]?.agent.user?.id).toBe('root');
  });

  it('is not for who did it', async () => {
    const { grant } = await opened('root');
    expect((await call(`/${grant}/review`, 'POST', { outcome })).status).toBe(409);
    const olga = await userToken(server.service, { user: 'olga' });
    expect((await call(`/${grant}/review`, 'POST', { outcome }, olga)).status).toBe(200);
  });

  it('ends it too, where that is asked for', async () => {
    const { grant, token } = await opened();
    await call(`/${grant}/review`, 'POST', { outcome: 'No reason at all', end: true });
    expect((await server.as(token, 'Patient/p1')).status).toBe(401);
  });

  it('works where the Task was deleted', async () => {
    const { grant } = await opened();
    await server.store.commit(actor, [{ method: 'delete', type: 'Task', id: grant }]);
    expect((await call(`/${grant}/review`, 'POST', { outcome })).status).toBe(200);
    expect((await listed())[0]).toMatchObject({ grant, reviewed: { outcome } });
  });

  it.each([{}, { outcome: ' ' }, { outcome: 5 }, { outcome: 'x'.repeat(1001) }])(
    'refuses %j',
    async (body) => {
      const { grant } = await opened();
      expect((await call(`/${grant}/review`, 'POST', body)).status).toBe(400);
    },
  );
});
