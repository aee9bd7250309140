import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchParamDef } from '../../server/fhir/definitions.ts';
import { LIST_PARAM } from '../../server/fhir/query-terms.ts';
import { sampleOf } from '../../server/rest/capability-search.ts';
import { foreignEvent } from '../helpers/audit-events.ts';
import type { Answer, Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { definitions, startServer, type TestServer } from '../helpers/server.ts';

/** Everything that the CapabilityStatement claims is done here; what is not claimed is refused. */
let server: TestServer;
let statement: Json;
let rest: Json;

beforeAll(async () => {
  server = await startServer({ audit: true });
  statement = (await ask(server.base, 'metadata')).json;
  rest = statement.rest?.[0] as Json;
});
afterAll(() => server.stop());

const codes = (value: Json | undefined): string[] => itemsOf(value).map((one) => String(one.code));
const resources = (): Json[] => itemsOf(rest.resource);
const refused = (answers: [string, Answer][]): string[] =>
  answers.filter(([, { status }]) => status !== 200).map(([url, { status }]) => `${status} ${url}`);

/** Few at a time: the test is about answers, not about load. */
async function askAll(urls: readonly string[]): Promise<[string, Answer][]> {
  const answers: [string, Answer][] = [];
  for (let at = 0; at < urls.length; at += 16) {
    const some = urls.slice(at, at + 16);
    const got = await Promise.all(some.map((url) => ask(server.base, url)));
    answers.push(...got.map((answer, i): [string, Answer] => [some[i] ?? '', answer]));
  }
  return answers;
}

describe('the CapabilityStatement', () => {
  it('is a valid CapabilityStatement of this server', async () => {
    expect(statement).toMatchObject({
      ...{ resourceType: 'CapabilityStatement', kind: 'instance', fhirVersion: '4.0.1' },
      implementation: { url: server.base },
    });
    const { id: _, ...body } = statement;
    const stored = await ask(server.base, 'CapabilityStatement', {
      ...{ method: 'POST', body: body as never },
    });
    expect(stored.json.issue).toBeUndefined();
    expect(stored.status).toBe(201);
  });

  it('has every resource type of R4', () => {
    expect(resources().map((one) => String(one.type))).toEqual(definitions.resourceTypes);
  });

  it('is served in its formats', async () => {
    for (const format of itemsOf(statement.format)) {
      const { status } = await ask(
        server.base,
        `metadata?_format=${encodeURIComponent(String(format))}`,
      );
      expect(status, String(format)).toBe(200);
    }
  });
});

describe('the interactions it claims', () => {
  it('are all there on the system', async () => {
    expect(codes(rest.interaction).sort()).toEqual([
      ...['batch', 'history-system', 'search-system', 'transaction'],
    ]);
    for (const type of ['batch', 'transaction']) {
      const body = { resourceType: 'Bundle', type };
      expect((await ask(server.base, '', { method: 'POST', body })).status).toBe(200);
    }
    expect(refused(await askAll(['_history', '?_id=1']))).toEqual([]);
  });

  it('are all there on every type', async () => {
    for (const one of resources()) {
      if (String(one.type) === 'AuditEvent') continue;
      expect(codes(one.interaction).sort()).toEqual([
        ...['create', 'delete', 'history-instance', 'history-type', 'patch', 'read'],
        ...['search-type', 'update', 'vread'],
      ]);
    }
    const types = definitions.resourceTypes;
    const histories = types.filter((type) => type !== 'AuditEvent').map((one) => `${one}/_history`);
    expect(refused(await askAll([...types, ...histories]))).toEqual([]);
    const reads = await askAll(types.map((type) => `${type}/none`));
    expect(new Set(reads.map(([, { status }]) => status))).toEqual(new Set([404]));
  });

  it('are those of an append-only journal on AuditEvent', async () => {
    const one = resources().find(({ type }) => String(type) === 'AuditEvent');
    expect(codes(one?.interaction).sort()).toEqual([
      ...['create', 'history-instance', 'read', 'search-type', 'vread'],
    ]);
    expect(one).toMatchObject({ conditionalDelete: 'not-supported', updateCreate: false });
    expect(one?.searchInclude ?? one?.searchRevInclude).toBeUndefined();
    const { status, json } = await ask(server.base, 'AuditEvent', {
      ...{ method: 'POST', body: foreignEvent() },
    });
    expect(status).toBe(201);
    const url = `AuditEvent/${json.id}`;
    const reads = ['', '/_history', '/_history/1'].map((rest) => `${url}${rest}`);
    expect(refused(await askAll(reads))).toEqual([]);
    const others = await askAll(['AuditEvent/_history', `${url}/_history/2`]);
    expect(others.map(([, answer]) => answer.status)).toEqual([405, 404]);
  });

  it('are none on AuditEvent where there is no journal', async () => {
    const other = await startServer();
    const { json } = await ask(other.base, 'metadata');
    const [only] = itemsOf(json.rest);
    const all = itemsOf(only?.resource);
    const one = all.find(({ type }) => String(type) === 'AuditEvent');
    expect(Object.keys(one ?? {}).sort()).toEqual(['documentation', 'profile', 'type']);
    const statuses = await Promise.all([
      ask(other.base, 'AuditEvent'),
      ask(other.base, 'AuditEvent/1'),
      ask(other.base, 'AuditEvent', { method: 'POST', body: foreignEvent() }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 405]);
    await other.stop();
  });

  it('work on one resource from create to delete, conditions included', async () => {
    const basic = { resourceType: 'Basic', identifier: [{ value: 'b' }], code: { text: 'x' } };
    const method = { post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' };
    const headers = { 'If-None-Exist': 'identifier=b' };
    const made = await ask(server.base, 'Basic', { method: method.post, body: basic, headers });
    expect(made.status).toBe(201);
    const url = `Basic/${made.json.id}`;
    expect((await ask(server.base, url)).status).toBe(200);
    expect((await ask(server.base, url, { headers: { 'If-None-Match': 'W/"1"' } })).status).toBe(
      304,
    );
    const body = { ...basic, id: String(made.json.id), created: '2020-01-01' };
    expect((await ask(server.base, url, { method: method.put, body })).status).toBe(200);
    const again = { method: method.put, body: { ...body, created: '2021-01-01' } };
    expect((await ask(server.base, 'Basic?identifier=b', again)).status).toBe(200);
    const change = {
      ...{ method: method.patch, body: '[{"op":"remove","path":"/created"}]' },
      headers: { 'Content-Type': 'application/json-patch+json' },
    };
    expect((await ask(server.base, url, change)).status).toBe(200);
    expect((await ask(server.base, `${url}/_history/4`)).status).toBe(200);
    expect((await ask(server.base, `${url}/_history`)).json.total).toBe(4);
    const gone = await ask(server.base, 'Basic?identifier=b', { method: method.delete });
    expect(gone.status).toBe(204);
    const client = { ...basic, id: 'client' };
    const created = await ask(server.base, 'Basic/client', { method: method.put, body: client });
    expect(created.status).toBe(201);
    expect((await ask(server.base, 'Basic/client', { method: method.delete })).status).toBe(204);
  });
});

describe('the search parameters it claims', () => {
  // _list is in R4's text, not among its published parameters.
  const def = (type: string, name: string): SearchParamDef =>
    definitions.searchParams(type || 'Patient').get(name) ?? LIST_PARAM;
  const query = (type: string, name: string): string =>
    `${type}?${name}=${encodeURIComponent(sampleOf(def(type, name)) ?? '')}&_count=1`;

  it('are nearly all of R4, and each of them is executed', async () => {
    const urls = resources().flatMap((one) =>
      itemsOf(one.searchParam).map((param) => query(String(one.type), String(param.name))),
    );
    expect(urls.length).toBeGreaterThan(1800);
    expect(refused(await askAll(urls))).toEqual([]);
  });

  it('are executed over the system too', async () => {
    const names = itemsOf(rest.searchParam).map((param) => String(param.name));
    expect(names).toContain('_lastUpdated');
    expect(refused(await askAll(names.map((name) => query('', name))))).toEqual([]);
  });

  it('and no other: what is not claimed is refused', async () => {
    const urls = definitions.resourceTypes.flatMap((type) => {
      const one = resources().find((resource) => String(resource.type) === type);
      const claimed = new Set(itemsOf(one?.searchParam).map((param) => String(param.name)));
      return [...definitions.searchParams(type).values()]
        .filter(({ code }) => !claimed.has(code))
        .map((param) => `${type}?${param.code}=${encodeURIComponent(sampleOf(param) ?? 'a$a')}`);
    });
    const answers = await askAll(urls);
    expect(answers.filter(([, { status }]) => status !== 400).map(([url]) => url)).toEqual([]);
  });

  it('have includes and reverse includes that are all executed', async () => {
    const urls = resources().flatMap((one) => [
      ...itemsOf(one.searchInclude).map((text) => `${one.type}?_include=${text}&_count=1`),
      ...itemsOf(one.searchRevInclude).map((text) => `${one.type}?_revinclude=${text}&_count=1`),
    ]);
    expect(urls.length).toBeGreaterThan(1000);
    expect(refused(await askAll(urls))).toEqual([]);
  });

  it('have includes of everything, and of all that a type refers to', () => {
    const one = resources().find(({ type }) => String(type) === 'Observation');
    const texts = (list: Json | undefined) => itemsOf(list).map(String);
    expect(texts(one?.searchInclude)).toEqual(
      expect.arrayContaining(['*', 'Observation:*', 'Observation:subject']),
    );
    expect(texts(one?.searchRevInclude)).toEqual(
      expect.arrayContaining(['*', 'DiagnosticReport:result']),
    );
  });
});

describe('the compartments of R4', () => {
  it('are claimed, and all their types can be searched', async () => {
    const claimed = itemsOf(rest.compartment).map((url) => String(url).split('/').at(-1));
    const known = [...definitions.compartments.values()];
    expect(claimed).toEqual(known.map(({ code }) => code.toLowerCase()));
    const urls = known.flatMap(({ code, resources: types }) =>
      ['*', ...Object.keys(types)].map((type) => `${code}/1/${type}?_count=1`),
    );
    expect(urls.length).toBeGreaterThan(200);
    expect(refused(await askAll(urls))).toEqual([]);
  });
});
