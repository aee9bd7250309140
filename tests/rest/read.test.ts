import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const stored =
  '{"resourceType":"Patient","id":"p1","text":{"status":"generated",' +
  '"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"},"active":true,' +
  '"name":[{"family":"Kern"}],"photo":[{"title":"p"}],"birthDate":"1970-01-01"}';

beforeAll(async () => {
  server = await startServer();
  for (const version of ['Kern', 'Kernbach']) {
    await ask(server.base, 'Patient/p1', { method: 'PUT', body: stored.replace('Kern', version) });
  }
  await ask(server.base, 'Patient/gone', {
    method: 'PUT',
    body: { resourceType: 'Patient', id: 'gone' },
  });
  await ask(server.base, 'Patient/gone', { method: 'DELETE' });
});
afterAll(() => server.stop());

describe('read', () => {
  it('answers the current version with ETag and Last-Modified', async () => {
    const { status, headers, json } = await ask(server.base, 'Patient/p1');
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe('W/"2"');
    expect(headers.get('last-modified')).toMatch(/GMT$/);
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(json.name?.[0]?.family).toBe('Kernbach');
  });

  it.each([
    ['Patient/none', 404, 'not-found'],
    ['Patient/gone', 410, 'deleted'],
    ['Patient/gone/_history/2', 410, 'deleted'],
    ['Patient/p1/_history/3', 404, 'not-found'],
    ['Patient/p1/_history/x', 404, 'not-found'],
    ['Patient/none/_history', 404, 'not-found'],
  ])('of %s answers %i with an outcome', async (url, status, code) => {
    const answer = await ask(server.base, url);
    expect(answer.status).toBe(status);
    expect(answer.json.issue?.[0]?.code).toBe(code);
  });

  it('answers 304 to who has the version', async () => {
    const { headers } = await ask(server.base, 'Patient/p1');
    const asked = [
      { 'If-None-Match': 'W/"2"' },
      { 'If-None-Match': 'W/"1", W/"2"' },
      { 'If-Modified-Since': headers.get('last-modified') ?? '' },
    ];
    for (const headers of asked) {
      const answer = await ask(server.base, 'Patient/p1', { headers });
      expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([304, '', 'W/"2"']);
    }
    const other = await ask(server.base, 'Patient/p1', { headers: { 'If-None-Match': 'W/"1"' } });
    expect(other.status).toBe(200);
  });

  it('answers HEAD like GET without the body', async () => {
    const answer = await ask(server.base, 'Patient/p1', { method: 'HEAD' });
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([200, '', 'W/"2"']);
    expect((await ask(server.base, 'Patient/none', { method: 'HEAD' })).status).toBe(404);
  });

  it.each(['Patient/p1', 'Patient/p1?_format=xml', 'metadata', 'Patient?_count=1', '_history'])(
    'answers HEAD of %s with the length that GET has',
    async (url) => {
      const length = async (method: string) =>
        (await ask(server.base, url, { method })).headers.get('content-length');
      expect(await length('HEAD')).toBe(await length('GET'));
      expect(Number(await length('HEAD'))).toBeGreaterThan(100);
    },
  );

  it('answers in the format asked for, _format before Accept', async () => {
    const xml = await ask(server.base, 'Patient/p1', { headers: { Accept: 'application/xml' } });
    expect(xml.headers.get('content-type')).toBe('application/xml; charset=utf-8');
    expect(xml.text).toContain('<family value="Kernbach"/>');
    const json = await ask(server.base, 'Patient/p1?_format=json', {
      headers: { Accept: 'application/xml' },
    });
    expect(json.json.id).toBe('p1');
    const pretty = await ask(server.base, 'Patient/p1?_pretty=true');
    expect(pretty.text).toContain('\n  "id": "p1"');
    const none = await ask(server.base, 'Patient/p1?_format=html');
    expect([none.status, none.json.resourceType]).toEqual([406, 'OperationOutcome']);
  });

  it.each([
    ['_summary=true', ['active', 'birthDate', 'id', 'meta', 'name', 'photo', 'resourceType']],
    ['_summary=text', ['id', 'meta', 'resourceType', 'text']],
    ['_elements=birthDate', ['birthDate', 'id', 'meta', 'resourceType']],
    ['_elements=birthDate&_elements=name', ['birthDate', 'id', 'meta', 'name', 'resourceType']],
  ])('with %s answers that part, tagged SUBSETTED', async (query, names) => {
    const { json } = await ask(server.base, `Patient/p1?${query}`);
    expect(
      Object.keys(json)
        .filter((name) => name !== 'photo')
        .sort(),
    ).toEqual(names.filter((name) => name !== 'photo'));
    expect(json.meta?.tag?.[0]?.code).toBe('SUBSETTED');
  });

  it("answers X-Request-Id, the caller's where it is sane", async () => {
    const given = await ask(server.base, 'Patient/p1', { headers: { 'X-Request-Id': 'abc-1' } });
    expect(given.headers.get('x-request-id')).toBe('abc-1');
    const strange = await ask(server.base, 'Patient/p1', { headers: { 'X-Request-Id': 'a b<c>' } });
    expect(strange.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('logs the route, never the id or the query', async () => {
    server.lines.length = 0;
    await ask(server.base, 'Patient/p1?_elements=name');
    expect(server.lines).toHaveLength(1);
    const [line = ''] = server.lines;
    expect(JSON.parse(line)).toMatchObject({
      method: 'GET',
      route: '/fhir/:type/:id',
      status: 200,
    });
    expect(line).not.toMatch(/p1|_elements|Kern/);
  });
});

describe('vread', () => {
  it('answers each version as it was', async () => {
    const first = await ask(server.base, 'Patient/p1/_history/1');
    expect(first.headers.get('etag')).toBe('W/"1"');
    expect(first.json.name?.[0]?.family).toBe('Kern');
    const second = await ask(server.base, 'Patient/p1/_history/2');
    expect(second.json.name?.[0]?.family).toBe('Kernbach');
  });
});

describe('a server whose database is away', () => {
  it('answers 503 with Retry-After, is alive but not ready, and recovers', async () => {
    server.setReady(false);
    const read = await ask(server.base, 'Patient/p1');
    expect([read.status, read.headers.get('retry-after')]).toEqual([503, '1']);
    expect(read.json.issue?.[0]?.code).toBe('transient');
    expect((await ask(server.origin, 'health/live')).status).toBe(200);
    expect((await ask(server.origin, 'health/ready')).status).toBe(503);
    server.setReady(true);
    expect((await ask(server.origin, 'health/ready')).status).toBe(200);
    expect((await ask(server.base, 'Patient/p1')).status).toBe(200);
  });

  it('counts requests by route in its metrics', async () => {
    const { text, headers } = await ask(server.origin, 'metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(
      /http_requests_total\{method="GET",route="\/fhir\/:type\/:id",status="2xx"\}/,
    );
  });
});
