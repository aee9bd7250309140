import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const patient = (id: string, family: string) => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
});
const put = (id: string, family: string, headers: Record<string, string> = {}) =>
  ask(server.base, `Patient/${id}`, { method: 'PUT', body: patient(id, family), headers });

describe('update', () => {
  it("creates under the client's id, then makes versions, and keeps one where nothing differs", async () => {
    const answers = [await put('u1', 'One'), await put('u1', 'Two'), await put('u1', 'Two')];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('etag'))).toEqual(['W/"1"', 'W/"2"', 'W/"2"']);
    expect(answers[0]?.headers.get('location')).toBe(`${server.base}/Patient/u1/_history/1`);
  });

  it.each(['a', 'A-1.b', '-', '...', '9'.repeat(64)])('takes the id %s', async (id) => {
    expect((await put(id, 'Id')).status).toBe(201);
    expect((await ask(server.base, `Patient/${id}`)).json.id).toBe(id);
  });

  it('keeps the version where only the order of members differs, not where a value does', async () => {
    const send = (body: string, headers = {}) =>
      ask(server.base, 'Observation/order', { method: 'PUT', body, headers });
    const text = (value: string) =>
      `{"resourceType":"Observation","id":"order","valueQuantity":{"unit":"kg","value":${value}},` +
      `"code":{"text":"weight"},"status":"final","effectiveDateTime":"2020-01-02"}`;
    expect((await send(text('1.20'))).headers.get('etag')).toBe('W/"1"');
    const headers = { 'Content-Type': 'application/fhir+xml' };
    const xml = await ask(server.base, 'Observation/order?_format=xml');
    expect((await send(xml.text, headers)).headers.get('etag')).toBe('W/"1"');
    expect((await send(text('1.02'))).headers.get('etag')).toBe('W/"2"');
    const moved = text('1.02').replace('01-02', '02-01');
    expect((await send(moved)).headers.get('etag')).toBe('W/"3"');
  });

  it('with If-Match changes that version only', async () => {
    await put('m1', 'One');
    expect((await put('m1', 'Two', { 'If-Match': 'W/"1"' })).status).toBe(200);
    const late = await put('m1', 'Three', { 'If-Match': 'W/"1"' });
    expect(late.status).toBe(412);
    expect(late.json.issue?.[0]?.diagnostics).toBeTruthy();
    expect((await put('m1', 'Four', { 'If-Match': '"7", W/"2"' })).status).toBe(200);
    expect((await put('m1', 'Five', { 'If-Match': '*' })).status).toBe(200);
  });

  it('with If-Match creates nothing', async () => {
    expect((await put('absent', 'X', { 'If-Match': 'W/"1"' })).status).toBe(412);
    expect((await put('absent', 'X', { 'If-Match': '*' })).status).toBe(412);
    expect((await ask(server.base, 'Patient/absent')).status).toBe(404);
  });

  it('with If-None-Match: * creates only', async () => {
    expect((await put('n1', 'One', { 'If-None-Match': '*' })).status).toBe(201);
    expect((await put('n1', 'Two', { 'If-None-Match': '*' })).status).toBe(412);
  });

  it('with If-Match has one winner among 50 parallel callers', async () => {
    await put('race', 'Zero');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => put('race', `N${i}`, { 'If-Match': 'W/"1"' })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49);
  });

  it('brings a deleted resource back as the next version', async () => {
    await put('back', 'One');
    await ask(server.base, 'Patient/back', { method: 'DELETE' });
    const again = await put('back', 'Two');
    expect([again.status, again.headers.get('etag')]).toEqual([201, 'W/"3"']);
  });

  it('refuses a body whose id or type is another', async () => {
    const send = (body: object) =>
      ask(server.base, 'Patient/x1', { method: 'PUT', body: JSON.stringify(body) });
    const other = await send(patient('x2', 'A'));
    expect([other.status, other.json.issue?.[0]?.expression]).toEqual([400, ['Patient.id']]);
    expect((await send({ resourceType: 'Patient' })).status).toBe(400);
    expect((await send({ resourceType: 'Group', id: 'x1' })).status).toBe(400);
  });

  it('by criteria creates, changes the match, and refuses several', async () => {
    const body = (birthDate: string) => ({
      resourceType: 'Patient',
      identifier: [{ system: 'http://example.org/mrn', value: 'C-1' }],
      birthDate,
    });
    const send = (birthDate: string) =>
      ask(server.base, 'Patient?identifier=http://example.org/mrn|C-1', {
        method: 'PUT',
        body: body(birthDate),
      });
    const first = await send('1970-01-01');
    const second = await send('1971-01-01');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json.id).toBe(first.json.id);
    await ask(server.base, 'Patient', { method: 'POST', body: body('1972-01-01') });
    expect((await send('1973-01-01')).status).toBe(412);
    const empty = await ask(server.base, 'Patient', { method: 'PUT', body: body('1970-01-01') });
    expect(empty.status).toBe(412);
  });

  it('by criteria that match nothing leaves what has the id of the body as it is', async () => {
    const send = (value: string) =>
      ask(server.base, `Patient?identifier=${value}`, {
        method: 'PUT',
        body: { resourceType: 'Patient', id: 'own', identifier: [{ value }] },
      });
    expect((await send('O-1')).status).toBe(201);
    expect((await send('O-2')).status).toBe(409);
    expect((await ask(server.base, 'Patient/own')).json.identifier?.[0]?.value).toBe('O-1');
  });
});
