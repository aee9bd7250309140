import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { AuditRow } from '../../server/audit/audit.ts';
import { createGrant } from '../../server/auth/grants.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import { connect, send } from '../../server/db/pg.ts';
import {
  bundle,
  entryOf,
  isNew,
  json,
  observation,
  patient,
  READS,
  REFUSED,
  WRITES,
  world,
} from '../cases/audit-trail.ts';
import { newClient } from '../helpers/auth.ts';
import { until } from '../helpers/embedded.ts';
import type { Answer, Ask } from '../helpers/http.ts';
import { ask } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

/** What each interaction leaves in the audit journal, and what a refusal leaves. */

let server: Secured;
/** A system that may do everything, a user's app that is bound to p1, and one that may read Patients. */
let all: string;
let app: string;
let narrow: string;

beforeAll(async () => {
  server = await startSecured();
  await server.seed(world);
  const roles = ['Superuser'];
  all = await server.tokenFor({ scope: 'system/*.cruds' });
  const fhirUser = 'Practitioner/doc';
  app = await server.tokenFor({ roles, fhirUser, scope: 'patient/*.cruds', patient: 'p1' });
  narrow = await server.tokenFor({ roles, scope: 'patient/Patient.r', patient: 'p1' });
});
afterAll(() => server.stop());

/** The events that a piece of work leaves, the first first. */
async function eventsOf(work: () => Promise<unknown>): Promise<AuditRow[]> {
  const { audit } = server.store;
  if (!audit) throw new Error('the journal is off');
  await audit.flush();
  const [last] = await audit.scan({ descending: true, limit: 1 });
  await work();
  await audit.flush();
  const after = last && { at: last.at, seq: last.seq };
  return audit.scan({ descending: false, limit: 1000, ...(after && { after }) });
}

/** `4 read Patient/p2 404 not-found`: outcome, kind, what it is about, patients, and the detail. */
function told({ outcome, kind, about, patients, detail = {} }: AuditRow): string {
  const { type, id, version } = about ?? {};
  const name = [type, id].filter((part) => part !== undefined).join('/');
  const { query, status, text, pairs = [] } = detail;
  return [
    ...[outcome, kind, name + (version === undefined ? '' : `@${version}`)],
    ...[`[${patients.map((one) => one?.replace('Patient/', '')).sort()}]`],
    ...[query, status, text, ...pairs.map((pair) => pair.join('='))],
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

/** Ids that the server made are told as `*`. */
const plain = (text: string): string =>
  text.replace(/[A-Z][A-Za-z]+\/[0-9a-f-]{36}/g, '*').replace(/[0-9a-f-]{36}/g, '*');

describe.each([
  ['writes', WRITES],
  ['reads', READS],
  ['refusals', REFUSED],
])('%s', (_what, rows) => {
  it.each(rows)('%s', async (_name, url, request, status, ...expected) => {
    let answer: Answer | undefined;
    const events = await eventsOf(async () => {
      answer = await server.as(all, url, request);
    });
    expect(answer?.status, answer?.text).toBe(status);
    // What a batch asks for is done side by side.
    expect(events.map(told).map(plain).sort()).toEqual(expected.toSorted());
    const { client, kind } = events[0]?.agent ?? {};
    // Where there is no such path nobody is asked who they are.
    if (url !== 'a/b/c/d/e') expect([kind, client?.name]).toEqual(['client', 'App bearer-1']);
  });
});

describe('who', () => {
  it('is the user and the app, from where and by which grant', async () => {
    const [event] = await eventsOf(() => server.as(app, 'Patient/p1'));
    expect(event?.agent).toEqual({
      kind: 'user',
      user: { id: 'bearer-2', name: 'User bearer-2', fhirUser: 'Practitioner/doc' },
      client: expect.objectContaining({ id: 'bearer-2', name: 'App bearer-2' }),
      address: '127.0.0.1',
      grant: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it.each([
    ['without a token', {}],
    ['with a bad one', { Authorization: 'Bearer zzz-not-a-token-zzz' }],
  ])('is unknown %s, and nothing of the token is kept', async (_what, headers) => {
    const events = await eventsOf(() =>
      ask(server.base, 'Patient/p1?x=1&access_token=zzz-not', { headers }),
    );
    expect(events.map(told)).toEqual([
      '4 read Patient/p1 [] Patient/p1?x=1&access_token= 401 unauthorized',
    ]);
    expect(events[0]?.agent).toEqual({ kind: 'anonymous', address: '127.0.0.1' });
    expect(JSON.stringify(events)).not.toContain('zzz');
  });

  it('may not search what its scopes leave out', async () => {
    const events = await eventsOf(() => server.as(narrow, 'Observation?code=x'));
    expect(events.map(told)).toEqual(['4 search Observation [] Observation?code=x 403 forbidden']);
  });

  it('is told by X-Request-Id where it was sent', async () => {
    const named = (url: string, request: Ask = {}) =>
      server.as(all, url, { ...request, headers: { ...request.headers, 'X-Request-Id': 'abc-1' } });
    const sent = await eventsOf(async () => {
      await named('Patient/p1');
      await named('Patient/none');
      await named('Patient', json('POST', isNew(patient(''))));
      await named('', bundle('batch', entryOf('GET', 'Patient/p1')));
    });
    expect(sent.map(({ request }) => request)).toEqual(['abc-1', 'abc-1', 'abc-1', 'abc-1']);
    const [unsent] = await eventsOf(() => server.as(all, 'Patient/p1'));
    expect(unsent).not.toHaveProperty('request');
  });
});

describe('what is hidden', () => {
  const update = (id: string) => json('PUT', observation(id, 'p1'));
  it.each<[string, (id: string) => [string, Ask]]>([
    ['read', (id) => [`Observation/${id}`, {}]],
    ['vread', (id) => [`Observation/${id}/_history/1`, {}]],
    ['history', (id) => [`Observation/${id}/_history`, {}]],
    ['update', (id) => [`Observation/${id}`, update(id)]],
    ['delete', (id) => [`Observation/${id}`, { method: 'DELETE' }]],
    ['search', (id) => [`Observation?_id=${id}`, {}]],
  ])('leaves what the absent leaves: %s', async (_what, request) => {
    const of = async (id: string) => {
      const events = await eventsOf(() => server.as(app, ...request(id)));
      const plain = events.map(({ seq: _, at: __, ...event }) => event);
      return JSON.stringify(plain).replaceAll(id, 'ID');
    };
    const hidden = await of('o2');
    expect(hidden).toMatch(/^\[\{.*\}\]$/);
    expect(hidden).toBe(await of('o9'));
  });
});

describe('operations', () => {
  it.each([
    ['GET', '$reindex', 403, '4 operation [] $reindex 403 forbidden'],
    [
      'GET',
      'Patient?_explain=true',
      403,
      '4 search Patient [] Patient?_explain=true 403 forbidden',
    ],
    [
      'GET',
      'Patient/$everything',
      404,
      '4 everything Patient [] Patient/$everything 404 not-found',
    ],
  ])('%s %s: %i', async (method, url, status, ...expected) => {
    const events = await eventsOf(async () => {
      expect((await server.as(all, url, { method })).status).toBe(status);
    });
    expect(events.map(told)).toEqual(expected);
  });

  it('that administrators may ask for are noted', async () => {
    const { service } = server;
    const scope = 'system/*.cruds';
    await newClient(service, { id: 'runs-it', roles: ['Admin'] });
    const wish = { clientId: 'runs-it', scope, offline: true, context: {} };
    const grant = await createGrant(service, wish);
    const { access: token } = await issueTokens(service, grant, { scope, lifetime: 60 });
    const events = await eventsOf(async () => {
      expect((await server.as(token, '$reindex')).status).toBe(200);
      expect((await server.as(token, 'Organization?_explain=true')).status).toBe(200);
    });
    expect(events.map(told)).toEqual([
      '0 operation [] $reindex',
      '0 operation Organization [] Organization?_explain=true',
    ]);
  });
});

/** Lets nobody write to a table until it is released. */
async function holdUp(table: string): Promise<() => Promise<void>> {
  const [row] = await server.service.db.tuples({ text: 'select current_database()' });
  const { host, port } = inject('postgres');
  const client = await connect({ host, port, user: 'kiln', database: String(row?.[0]) });
  await send(client, { text: `begin; lock table ${table} in exclusive mode` });
  return () => client.end();
}

describe('while the journal cannot be written', () => {
  it('nothing is given that had to be noted, and all is noted afterwards', async () => {
    const read = () => server.as(all, 'Patient/p1');
    const given = { before: 0 };
    const events = await eventsOf(async () => {
      const release = await holdUp('audit');
      let answer = await read();
      while (answer.status === 200) {
        given.before += 1;
        await sleep(50);
        answer = await read();
      }
      await release();
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.text).toContain('audit journal');
      await until(async () => (await read()).status === 200);
    });
    const reads = events.filter(({ kind, outcome }) => kind === 'read' && outcome === 0);
    expect(reads).toHaveLength(given.before + 1);
  });
});

describe('nothing is noted', () => {
  it.each(['metadata', '.well-known/smart-configuration'])('of %s', async (url) => {
    expect(await eventsOf(() => ask(server.base, url))).toEqual([]);
  });

  it('of health, metrics and OPTIONS', async () => {
    const root = server.base.replace(/\/fhir$/, '');
    const events = await eventsOf(async () => {
      for (const path of ['/', '/health/live', '/health/ready', '/metrics', '/nothing/here']) {
        await ask(root, root + path);
      }
      await ask(server.base, 'Patient', { method: 'OPTIONS' });
    });
    expect(events).toEqual([]);
  });
});
