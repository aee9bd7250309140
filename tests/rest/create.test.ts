import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const patient = (family: string, identifier?: string) => ({
  resourceType: 'Patient',
  ...(identifier ? { identifier: [{ system: 'http://example.org/mrn', value: identifier }] } : {}),
  name: [{ family }],
});

describe('create', () => {
  it('answers 201 with Location, ETag, Last-Modified and the resource', async () => {
    const { status, headers, json } = await ask(server.base, 'Patient', {
      method: 'POST',
      body: patient('Kern'),
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${server.base}/Patient/${json.id}/_history/1`);
    expect(headers.get('etag')).toBe('W/"1"');
    const modified = Date.parse(headers.get('last-modified') ?? '');
    expect(Math.abs(modified - Date.parse(String(json.meta?.lastUpdated)))).toBeLessThan(1000);
    expect(json).toMatchObject({ resourceType: 'Patient', name: [{ family: 'Kern' }] });
  });

  it('gives the resource an id of its own, whatever id it has', async () => {
    const body = { ...patient('Own'), id: 'mine' };
    const { status, json } = await ask(server.base, 'Patient', { method: 'POST', body });
    expect(status).toBe(201);
    expect(json.id).not.toBe('mine');
    expect((await ask(server.base, `Patient/${json.id}`)).status).toBe(200);
  });

  it('answers as preferred', async () => {
    const create = (value: string) =>
      ask(server.base, 'Patient', {
        method: 'POST',
        body: patient('Prefer'),
        headers: { Prefer: value },
      });
    const minimal = await create('return=minimal');
    expect([minimal.status, minimal.text]).toEqual([201, '']);
    expect(minimal.headers.get('location')).toContain('/Patient/');
    const outcome = await create('return=OperationOutcome');
    expect(outcome.status).toBe(201);
    expect(outcome.json.resourceType).toBe('OperationOutcome');
    expect((await create('return=representation')).json.resourceType).toBe('Patient');
  });

  it('takes and gives XML without touching a decimal', async () => {
    const xml =
      '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="x"/></code>' +
      '<valueQuantity><value value="1.00"/></valueQuantity></Observation>';
    const { status, text, headers } = await ask(server.base, 'Observation', {
      method: 'POST',
      body: xml,
      headers: { 'Content-Type': 'application/fhir+xml', Accept: 'application/fhir+xml' },
    });
    expect(status).toBe(201);
    expect(headers.get('content-type')).toBe('application/fhir+xml; charset=utf-8');
    expect(text).toContain('<value value="1.00"/>');
    const url = headers.get('location')?.replace(/\/_history.*/, '') ?? '';
    expect((await ask(server.base, url)).text).toContain('"value":1.00');
  });

  it('with If-None-Exist creates once, then answers 200 with the match, then refuses two', async () => {
    const create = (family: string) =>
      ask(server.base, 'Patient', {
        method: 'POST',
        body: patient(family, 'A-1'),
        headers: { 'If-None-Exist': 'identifier=http://example.org/mrn|A-1' },
      });
    const first = await create('First');
    const second = await create('Second');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json).toEqual(first.json);
    await ask(server.base, 'Patient', { method: 'POST', body: patient('Third', 'A-1') });
    expect((await create('Fourth')).status).toBe(412);
  });

  it('with If-None-Exist gives one resource to 50 parallel callers', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        ask(server.base, 'Patient', {
          method: 'POST',
          body: patient('Race', 'R-1'),
          headers: { 'If-None-Exist': 'identifier=http://example.org/mrn|R-1' },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
  });
});
