import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignEvent } from '../helpers/audit-events.ts';
import { type Answer, type Ask, itemsOf, type Json } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

/** AuditEvents over HTTP: who may see them, what they show, and that nobody changes them. */

let server: Secured;
const tokens: Record<string, string> = {};
const ROLES = ['Auditor', 'Superuser', 'Clinician'] as const;

const ref = (reference: string) => ({ reference });

beforeAll(async () => {
  server = await startSecured();
  await server.seed([
    { resourceType: 'Patient', id: 'p1' },
    { resourceType: 'Patient', id: 'p2' },
    { resourceType: 'Practitioner', id: 'house' },
    { resourceType: 'Practitioner', id: 'audrey' },
    {
      resourceType: 'Observation',
      id: 'o1',
      status: 'final',
      code: { text: 'x' },
      subject: ref('Patient/p1'),
    },
  ]);
  for (const role of ROLES) {
    tokens[role] = await server.tokenFor({
      ...{ roles: [role], scope: 'user/*.cruds', branches: [] },
      fhirUser: role === 'Auditor' ? 'Practitioner/audrey' : 'Practitioner/house',
    });
  }
  tokens['nobody'] = await server.tokenFor({ roles: [], scope: 'user/*.cruds' });
  // Of AuditEvents it may only add some.
  tokens['system'] = await server.tokenFor({ scope: 'system/*.cruds' });
});
afterAll(() => server.stop());

const as = (who: string, url: string, options: Ask = {}): Promise<Answer> =>
  server.as(tokens[who] ?? '', url, options);
const audit = async (url: string): Promise<Json[]> => {
  const { status, json, text } = await as('Auditor', url);
  if (status !== 200) throw new Error(text);
  return itemsOf(json.entry).map(({ resource }) => resource as Json);
};
const said = ({ json }: Answer): string => String(json.issue?.[0]?.diagnostics);

describe('what is done', () => {
  it('is found by patient, agent and entity, with the request that did it', async () => {
    const headers = { 'X-Request-Id': 'req-77' };
    expect((await as('Superuser', 'Observation/o1', { headers })).status).toBe(200);
    await as('Superuser', 'Observation?subject=Patient/p1');
    const events = await audit('AuditEvent?patient=Patient/p1&agent=Practitioner/house');
    expect(events).toMatchObject([
      {
        ...{ action: 'E', outcome: '0', subtype: [{ code: 'search-type' }] },
        entity: [
          { what: ref('Patient/p1') },
          { role: { code: '24' }, description: 'Observation?subject=Patient/p1' },
        ],
      },
      {
        ...{ action: 'R', subtype: [{ code: 'read' }] },
        agent: [{ network: { address: '127.0.0.1' } }, {}, { who: ref('Practitioner/house') }],
        entity: [
          { what: ref('Patient/p1') },
          { what: ref('Observation/o1/_history/1') },
          { what: { identifier: { value: 'req-77' } } },
        ],
      },
    ]);
    expect(await audit('AuditEvent?entity=Observation/o1&action=R')).toHaveLength(1);
    expect(await audit('Patient/p1/AuditEvent?action=R')).toHaveLength(1);
    expect(await audit('?_type=AuditEvent&entity=Observation/o1')).toHaveLength(1);
  });

  it('by the auditor is recorded too', async () => {
    await audit('AuditEvent?site=somewhere-else');
    const mine = await audit('AuditEvent?agent=Practitioner/audrey&subtype=search-type');
    const queries = mine.flatMap(({ entity }) =>
      itemsOf(entity).map((one) => String(one.description)),
    );
    expect(queries).toContain('AuditEvent?site=somewhere-else');
  });

  it('in vain is found by its outcome', async () => {
    expect((await as('Clinician', 'AuditEvent')).status).toBe(403);
    const [refused] = await audit('AuditEvent?outcome=4&agent=Practitioner/house&_count=1');
    expect(refused).toMatchObject({
      ...{ outcome: '4', subtype: [{ code: 'search-type' }] },
      entity: [{ description: 'AuditEvent' }, { detail: [{ type: 'status', valueString: '403' }] }],
    });
    expect(refused?.meta?.profile ?? []).not.toContainEqual(expect.stringMatching(/Query$/));
  });

  it('comes in XML, in parts and in pages like all else', async () => {
    const [event] = await audit('AuditEvent?entity=Observation/o1&action=R');
    const url = `AuditEvent/${event?.id}`;
    const xml = await as('Auditor', url, { headers: { Accept: 'application/fhir+xml' } });
    expect(xml.text).toMatch(/<AuditEvent xmlns="http:\/\/hl7.org\/fhir"><id value/);
    const part = await as('Auditor', `${url}?_elements=recorded`);
    expect(Object.keys(part.json)).not.toContain('entity');
    expect((await as('Auditor', url)).headers.get('etag')).toBe('W/"1"');
    const count = await as('Auditor', 'AuditEvent?entity=Observation/o1&_summary=count');
    expect(count.json).toMatchObject({ total: 1 });
    const page = await as('Auditor', 'AuditEvent?_count=1');
    const next = itemsOf(page.json.link).find(({ relation }) => String(relation) === 'next');
    const following = await as('Auditor', String(next?.url));
    expect(itemsOf(following.json.entry)).toHaveLength(1);
    const forms = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const posted = await as('Auditor', 'AuditEvent/_search', {
      ...{ method: 'POST', headers: forms, body: 'entity=Observation/o1&action=R' },
    });
    expect(itemsOf(posted.json.entry)).toHaveLength(1);
  });
});

describe('nobody but auditors', () => {
  it.each(['Superuser', 'Clinician', 'nobody', 'system'])('sees any: not %s', async (who) => {
    const [event] = await audit('AuditEvent?_count=1');
    const id = String(event?.id);
    const urls = [
      ...['AuditEvent', `AuditEvent?_id=${id}`, `AuditEvent/${id}`, `AuditEvent/${id}/_history`],
      ...[`AuditEvent/${id}/_history/1`, '?_type=AuditEvent', 'AuditEvent/$verify'],
    ];
    for (const url of urls) expect([url, (await as(who, url)).status]).toEqual([url, 403]);
    expect((await as(who, 'Patient/p1/AuditEvent')).status).toBe(403);
  });

  it('finds them in passing', async () => {
    const all = await as('Superuser', '?_count=1000');
    expect(all.status, all.text).toBe(200);
    const types = itemsOf(all.json.entry).map(({ resource }) => String(resource?.resourceType));
    expect(types).toContain('Patient');
    expect(types).not.toContain('AuditEvent');
    const record = await as('Superuser', 'Patient/p1/$everything');
    expect(record.text).not.toContain('AuditEvent');
    const through = await as('Superuser', 'Patient?_revinclude=AuditEvent:patient');
    expect([through.status, said(through)]).toEqual([400, expect.stringContaining('kept apart')]);
  });
});

describe('AuditEvents of others', () => {
  const post = (body: unknown, url = 'AuditEvent'): Promise<Answer> =>
    as('system', url, { method: 'POST', body: body as Json });
  const at = (id: string): string => `AuditEvent/${id}`;

  it('are taken, stamped and found by what stands in them', async () => {
    const made = await post(foreignEvent({ entity: [{ what: ref('Patient/p2'), name: 'PACS' }] }));
    expect(made.status).toBe(201);
    const location = made.headers.get('location') ?? '';
    const id = location.split('/').at(-3) ?? '';
    expect(location).toBe(`${server.base}/AuditEvent/${id}/_history/1`);
    const [found] = await audit('AuditEvent?patient=p2&entity-name=pacs');
    expect(found).toMatchObject({ id, meta: { versionId: '1' }, source: { site: 'radiology' } });
    expect((await as('Auditor', at(id))).json).toEqual(found);
    // Who sent it, is not what stands in it.
    const [sent] = await audit(`AuditEvent?entity=AuditEvent/${id}&action=C`);
    expect(sent).toMatchObject({
      ...{ action: 'C', subtype: [{ code: 'create' }], outcome: '0' },
      entity: [{ what: ref(`AuditEvent/${id}/_history/1`) }],
    });
    expect(sent?.agent).toHaveLength(2);
  });

  it.each([
    ['without an agent', { agent: [] }],
    ['with another outcome than there is', { outcome: '5' }],
  ])('are validated: not %s', async (_what, changes) => {
    expect((await post(foreignEvent(changes))).status).toBe(400);
  });

  it('in a transaction name the other entries, and are gone with it', async () => {
    const entries = (status: string) => [
      {
        fullUrl: 'urn:uuid:0b9f5d2e-6a53-4c5f-9c3b-6f3a1f1d0001',
        resource: { resourceType: 'Patient', active: true },
        request: { method: 'POST', url: 'Patient' },
      },
      {
        resource: foreignEvent({
          entity: [{ what: ref('urn:uuid:0b9f5d2e-6a53-4c5f-9c3b-6f3a1f1d0001'), name: status }],
        }),
        request: { method: 'POST', url: 'AuditEvent' },
      },
      ...(status === 'undone' ? [{ request: { method: 'DELETE', url: 'AuditEvent/1' } }] : []),
    ];
    const bundle = (type: string, entry: unknown) => ({ resourceType: 'Bundle', type, entry });
    const done = await post(bundle('transaction', entries('done')), '');
    expect(done.status, done.text).toBe(200);
    const patient = /Patient\/[^/"]+/.exec(done.text)?.[0] ?? '';
    const [event] = await audit(`AuditEvent?patient=${patient}&entity-name=done`);
    expect(event).toMatchObject({ entity: [{ what: ref(patient) }] });
    const undone = await post(bundle('transaction', entries('undone')), '');
    expect(undone.status).toBe(405);
    expect(await audit('AuditEvent?entity-name=undone')).toEqual([]);
    const batch = await post(bundle('batch', entries('undone').slice(1)), '');
    const statuses = itemsOf(batch.json.entry).map(({ response }) => String(response?.status));
    expect(statuses.map((one) => one.slice(0, 3))).toEqual(['201', '405']);
  });

  it.each<[string, string, Ask]>([
    ['PUT', 'AuditEvent/ID', { method: 'PUT', body: { ...foreignEvent(), id: 'ID' } as never }],
    ['PUT by condition', 'AuditEvent?date=2026', { method: 'PUT', body: foreignEvent() as never }],
    [
      'PATCH',
      'AuditEvent/ID',
      {
        ...{ method: 'PATCH', body: '[{"op":"remove","path":"/outcome"}]' },
        headers: { 'Content-Type': 'application/json-patch+json' },
      },
    ],
    ['DELETE', 'AuditEvent/ID', { method: 'DELETE' }],
    ['DELETE by condition', 'AuditEvent?date=2026', { method: 'DELETE' }],
    [
      'POST by condition',
      'AuditEvent',
      {
        ...{ method: 'POST', body: foreignEvent() as never },
        headers: { 'If-None-Exist': 'date=2026' },
      },
    ],
  ])('are append only: no %s', async (_what, url, options) => {
    const [event] = await audit('AuditEvent?_count=1');
    const id = String(event?.id);
    const body = JSON.parse(JSON.stringify(options.body ?? null).replaceAll('"ID"', `"${id}"`));
    for (const who of ['system', 'Auditor']) {
      const answer = await as(who, url.replace('ID', id), {
        ...{ ...options, ...(options.body !== undefined && { body }) },
      });
      expect([answer.status, said(answer)], who).toEqual([
        ...[405, expect.stringContaining('append only')],
      ]);
      expect(answer.headers.get('allow')).not.toMatch(/PUT|PATCH|DELETE/);
    }
    expect((await as('Auditor', at(id))).json).toEqual(event);
  });
});

describe('$verify', () => {
  const parts = ({ json }: Answer): Record<string, unknown> =>
    Object.fromEntries(
      itemsOf(json.parameter).map(({ name, valueBoolean, valueUnsignedInt, valueString }) => [
        String(name),
        valueBoolean ?? valueUnsignedInt ?? valueString,
      ]),
    );

  it('tells an auditor that the chain is whole, and is recorded', async () => {
    const answer = await as('Auditor', 'AuditEvent/$verify');
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.resourceType).toBe('Parameters');
    expect(parts(answer)).toMatchObject({ intact: true });
    const [event] = await audit('AuditEvent?agent=Practitioner/audrey&subtype=operation');
    expect(JSON.stringify(event?.entity)).toContain('AuditEvent/$verify');
  });

  it.each([
    'from=2026-11-01&to=2026-11-23',
    'from=2026',
    'date=2026-11',
    'date=ge2026-11-01&date=lt2026-12-01',
  ])('takes %s', async (query) => {
    const answer = await as('Auditor', `AuditEvent/$verify?${query}`);
    expect([answer.status, parts(answer)['intact']]).toEqual([200, true]);
  });

  it.each([
    'from=yesterday',
    'to=2026-02-30',
    'from=2026-11-02&to=2026-11-01',
    'date=ap2026',
    'day=2026-11-01',
    'from=2026-11-01T00:00:00Z',
  ])('refuses %s', async (query) => {
    expect((await as('Auditor', `AuditEvent/$verify?${query}`)).status).toBe(400);
  });
});
