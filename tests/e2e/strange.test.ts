import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJson } from '../../server/fhir/json.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { xmlCodec } from '../../server/fhir/xml.ts';
import { strange } from '../cases/strange.ts';
import { ask } from '../helpers/http.ts';
import { definitions, startServer, type TestServer } from '../helpers/server.ts';
import { judged } from './fuzz-judge.ts';

const xml = xmlCodec(definitions);
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

describe('what is strange and right', () => {
  test.each(strange)('%s is stored, found, and read back in both formats', async (...row) => {
    const [, json, searches = []] = row;
    const { resourceType } = parseJson(json) as Resource;
    const shot = { url: resourceType, ask: { method: 'POST', body: json } };
    expect(await judged(server.base, shot, xml)).toEqual({ status: 201, fault: '' });
    for (const search of searches) {
      const { status, json: found } = await ask(server.base, `${resourceType}?${search}`);
      expect([search, status, found.entry?.length]).toEqual([search, 200, 1]);
    }
  });

  test('an id of 64 characters of every kind is taken', async () => {
    for (const id of ['a.-B'.repeat(16), '.', '...', '-', '0']) {
      const body = { resourceType: 'Basic', id, code: { text: 'x' } };
      const put = await ask(server.base, `Basic/${id}`, { method: 'PUT', body });
      expect([id, put.status]).toEqual([id, 201]);
    }
  });

  test('the resources go out as XML all together', async () => {
    const headers = { Accept: 'application/fhir+xml' };
    const answer = await ask(server.base, 'Observation?_count=1000', { headers });
    expect(answer.status).toBe(200);
    expect(xml.fromXml(Buffer.from(answer.text)).resourceType).toBe('Bundle');
  });
});
