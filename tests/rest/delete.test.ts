import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const put = (id: string, family = 'X') =>
  ask(server.base, `Patient/${id}`, {
    method: 'PUT',
    body: { resourceType: 'Patient', id, name: [{ family }] },
  });
const remove = (url: string, headers: Record<string, string> = {}) =>
  ask(server.base, url, { method: 'DELETE', headers });

describe('delete', () => {
  it('answers 204, then reads answer 410, history stays', async () => {
    await put('d1');
    const answer = await remove('Patient/d1');
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([204, '', 'W/"2"']);
    expect((await ask(server.base, 'Patient/d1')).status).toBe(410);
    expect((await ask(server.base, 'Patient/d1/_history/1')).status).toBe(200);
    expect((await ask(server.base, 'Patient?_id=d1')).json.entry).toBeUndefined();
  });

  it('of what is not there, or gone, answers 204', async () => {
    expect((await remove('Patient/never')).status).toBe(204);
    await put('d2');
    await remove('Patient/d2');
    expect((await remove('Patient/d2')).status).toBe(204);
  });

  it('answers an outcome where it is preferred', async () => {
    await put('d3');
    const answer = await remove('Patient/d3', { Prefer: 'return=OperationOutcome' });
    expect([answer.status, answer.json.resourceType]).toEqual([200, 'OperationOutcome']);
  });

  it('with If-Match deletes that version only', async () => {
    await put('d4');
    expect((await remove('Patient/d4', { 'If-Match': 'W/"9"' })).status).toBe(412);
    expect((await remove('Patient/d4', { 'If-Match': 'W/"1"' })).status).toBe(204);
  });

  it('by criteria deletes every match, and nothing without criteria', async () => {
    await Promise.all([put('c1', 'Many'), put('c2', 'Many'), put('c3', 'Other')]);
    expect((await remove('Patient')).status).toBe(412);
    expect((await remove('Patient?name=')).status).toBe(412);
    expect((await remove('Patient?unknown=1')).status).toBeGreaterThanOrEqual(400);
    expect((await remove('Patient?family=Many')).status).toBe(204);
    const codes = ['c1', 'c2', 'c3'].map((id) => ask(server.base, `Patient/${id}`));
    expect((await Promise.all(codes)).map(({ status }) => status)).toEqual([410, 410, 200]);
    expect((await remove('Patient?family=Many')).status).toBe(204);
  });
});
