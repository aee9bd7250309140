import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  await ask(server.base, 'Patient/p1', {
    method: 'PUT',
    body: {
      resourceType: 'Patient',
      id: 'p1',
      identifier: [{ system: 'http://example.org/mrn', value: 'P-1' }],
      birthDate: '1970-01-01',
    },
  });
});
afterAll(() => server.stop());

const jsonPatch = { 'Content-Type': 'application/json-patch+json' };
const replace = (value: string) => JSON.stringify([{ op: 'replace', path: '/birthDate', value }]);
const fhirPatch = (value: string) => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Patient.birthDate' },
        { name: 'value', valueDate: value },
      ],
    },
  ],
});

describe('patch', () => {
  it('applies a JSON Patch', async () => {
    const answer = await ask(server.base, 'Patient/p1', {
      ...{ method: 'PATCH', body: replace('1971-01-01'), headers: jsonPatch },
    });
    expect([answer.status, answer.json.birthDate]).toEqual([200, '1971-01-01']);
  });

  it('applies a FHIRPath Patch', async () => {
    const body = fhirPatch('1972-01-01');
    const answer = await ask(server.base, 'Patient/p1', { method: 'PATCH', body });
    expect([answer.status, answer.json.birthDate]).toEqual([200, '1972-01-01']);
  });

  it('by criteria patches the one match', async () => {
    const answer = await ask(server.base, 'Patient?identifier=http://example.org/mrn|P-1', {
      ...{ method: 'PATCH', body: replace('1973-01-01'), headers: jsonPatch },
    });
    expect([answer.status, answer.json.birthDate]).toEqual([200, '1973-01-01']);
  });

  it.each([
    ['a stale If-Match', 'Patient/p1', replace('1980-01-01'), { 'If-Match': 'W/"1"' }, 412],
    ['a path that is not there', 'Patient/p1', '[{"op":"remove","path":"/x/y"}]', {}, 422],
    ['a result that is not valid', 'Patient/p1', replace('1980-02-31'), {}, 400],
    ['no patch', 'Patient/p1', '{"a":1}', {}, 400],
    ['a resource that is not there', 'Patient/none', replace('1980-01-01'), {}, 404],
    ['no criteria', 'Patient', replace('1980-01-01'), {}, 412],
    ['criteria without a match', 'Patient?identifier=none', replace('1980-01-01'), {}, 404],
  ])('refuses %s', async (_what, url, body, headers, status) => {
    const answer = await ask(server.base, url, {
      ...{ method: 'PATCH', body, headers: { ...jsonPatch, ...headers } },
    });
    expect(answer.status).toBe(status);
    expect(answer.json.resourceType).toBe('OperationOutcome');
  });

  it('refuses an XML Patch', async () => {
    const headers = { 'Content-Type': 'application/xml-patch+xml' };
    const answer = await ask(server.base, 'Patient/p1', {
      method: 'PATCH',
      body: '<diff/>',
      headers,
    });
    expect(answer.status).toBe(415);
  });
});
