import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const put = (type: string, id: string, active: string) =>
  ask(server.base, `${type}/${id}`, {
    method: 'PUT',
    body: { resourceType: type, id, text: narrative(active) },
  });
const narrative = (text: string) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>`,
});

beforeAll(async () => {
  server = await startServer();
  for (const text of ['1', '2', '3']) await put('Patient', 'h1', text);
  await put('Practitioner', 'o1', '1');
  await ask(server.base, 'Patient/h1', { method: 'DELETE' });
  await ask(server.base, 'Patient', { method: 'POST', body: { resourceType: 'Patient' } });
});
afterAll(() => server.stop());

const list = (bundle: Json): Json[] => itemsOf(bundle.entry);
const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link?.find?.((one) => String(one.relation) === relation)?.url as string | undefined;

describe('history of an instance', () => {
  it('lists every version, newest first, the deletion without a resource', async () => {
    const { json } = await ask(server.base, 'Patient/h1/_history');
    expect([json.type, json.total]).toEqual(['history', 4]);
    const requests = list(json).map((entry) => entry.request);
    expect(requests).toEqual([
      { method: 'DELETE', url: 'Patient/h1' },
      { method: 'PUT', url: 'Patient/h1' },
      { method: 'PUT', url: 'Patient/h1' },
      { method: 'PUT', url: 'Patient/h1' },
    ]);
    const responses = list(json).map((entry) => entry.response);
    expect(responses.map((one) => String(one?.status))).toEqual(['204', '200', '200', '201']);
    expect(responses.map((one) => String(one?.etag))).toEqual([
      ...['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"'],
    ]);
    expect(list(json)[0]?.resource).toBeUndefined();
    expect(list(json)[3]?.resource?.meta?.versionId).toBe('1');
  });

  it('pages without loss or repetition', async () => {
    const seen: unknown[] = [];
    let url: string | undefined = 'Patient/h1/_history?_count=3';
    while (url) {
      const { json }: { json: Json } = await ask(server.base, url);
      seen.push(...list(json).map((entry) => entry.response?.etag));
      url = link(json, 'next');
    }
    expect(seen).toEqual(['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
  });
});

describe('history of a type and of the system', () => {
  it('lists what belongs to it', async () => {
    const type = await ask(server.base, 'Patient/_history');
    expect(list(type.json)).toHaveLength(5);
    expect(list(type.json)[0]?.request).toEqual({ method: 'POST', url: 'Patient' });
    const system = await ask(server.base, '_history');
    expect(list(system.json)).toHaveLength(6);
    expect((await ask(server.base, 'Encounter/_history')).json.entry).toBeUndefined();
  });

  it('with _since lists what came at or after it', async () => {
    const { json } = await ask(server.base, '_history');
    const [last] = list(json);
    const since = encodeURIComponent(String(last?.response?.lastModified));
    const later = await ask(server.base, `_history?_since=${since}`);
    expect(list(later.json).map((entry) => entry.fullUrl)).toEqual([last?.fullUrl]);
    const none = await ask(server.base, '_history?_since=2999-01-01T00:00:00Z');
    expect(none.json.entry).toBeUndefined();
    const before = await ask(server.base, '_history?_at=2000');
    expect(before.json.entry).toBeUndefined();
  });

  it('with _summary=count answers the number alone', async () => {
    const { id } = (await ask(server.base, 'Patient?_count=1')).json.entry?.[0]?.resource ?? {};
    const whole = await ask(server.base, `Patient/${id}/_history`);
    const { json } = await ask(server.base, `Patient/${id}/_history?_summary=count`);
    expect([json.total, json.entry]).toEqual([list(whole.json).length, undefined]);
  });

  it.each([
    '_history?_count=-1',
    '_history?_count=x',
    '_history?_since=yesterday',
    '_history?name=x',
    'Patient/_history?_cursor=altered',
    'Patient/_history?_count=1&_count=2',
  ])('refuses %s', async (url) => {
    const { status, json } = await ask(server.base, url);
    expect([status, json.resourceType]).toEqual([400, 'OperationOutcome']);
  });
});
