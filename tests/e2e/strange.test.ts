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
  const rows = strange.map((row, index) => [row[0], `strange-${index}`, row] as const);

  test.each(rows)('%s is stored, found, and read back in both formats', async (_, id, row) => {
    const [, json, searches = []] = row;
    const { resourceType } = parseJson(json) as Resource;
    const body = json.replace('{', `{"id":"${id}",`);
    const shot = { url: `${resourceType}/${id}`, ask: { method: 'PUT', body } };
    expect(await judged(server.base, shot, xml)).toEqual({ status: 201, fault: '' });
    for (const search of searches) {
      const answer = await ask(server.base, `${resourceType}?${search}&_id=${id}`);
      expect([search, answer.status, answer.json.entry?.length]).toEqual([search, 200, 1]);
    }
  });

  test.each(['a.-B'.repeat(16), '...', '-', '0'])('the id %s is taken', async (id) => {
    const body = { resourceType: 'Basic', id, code: { text: 'x' } };
    const put = await ask(server.base, `Basic/${id}`, { method: 'PUT', body });
    expect(put.status).toBe(201);
  });

  test('the resources go out as XML all together', async () => {
    const headers = { Accept: 'application/fhir+xml' };
    const answer = await ask(server.base, 'Observation?_count=1000', { headers });
    expect(answer.status).toBe(200);
    expect(xml.fromXml(Buffer.from(answer.text)).resourceType).toBe('Bundle');
  });
});
