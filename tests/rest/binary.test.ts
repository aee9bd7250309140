import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const stored = {
  ...{ resourceType: 'Binary', id: 'b1', contentType: 'image/png' },
  securityContext: { reference: 'Patient/p1' },
  data: bytes.toString('base64'),
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  await ask(server.base, 'Binary/b1', { method: 'PUT', body: stored });
});
afterAll(() => server.stop());

const read = (accept: string | undefined, url = 'Binary/b1') =>
  fetch(`${server.base}/${url}`, accept === undefined ? {} : { headers: { Accept: accept } });

describe('a Binary', () => {
  it.each(['image/png', 'image/*', 'application/pdf', 'text/html, image/png, */*;q=0.1'])(
    'is read as its bytes under Accept %s',
    async (accept) => {
      const answer = await read(accept);
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'image/png',
        'content-length': '256',
        'x-security-context': 'Patient/p1',
        'content-security-policy': "default-src 'none'; sandbox",
        etag: 'W/"1"',
      });
    },
  );

  it('is read in parts, and whole by HEAD', async () => {
    const ask = (headers: Record<string, string>, method = 'GET') =>
      fetch(`${server.base}/Binary/b1`, { method, headers: { Accept: 'image/png', ...headers } });
    const part = await ask({ Range: 'bytes=-2' });
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(254));
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 254-255/256']);
    const beyond = await ask({ Range: 'bytes=256-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */256']);
    const head = await ask({ Range: 'bytes=0-1' }, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '256']);
    expect(head.headers.get('accept-ranges')).toBe('bytes');
    const known = await ask({ 'If-None-Match': 'W/"1"', Range: 'bytes=0-1' });
    expect([known.status, await known.text()]).toEqual([304, '']);
  });

  it.each([undefined, '*/*', 'application/fhir+json', 'application/json', 'image/*;q=0.5, */*'])(
    'is read as a resource under Accept %s',
    async (accept) => {
      expect(await (await read(accept)).json()).toMatchObject(stored);
    },
  );

  it('is read as a resource where _format says so, in a bundle, and where it is not there', async () => {
    expect(await (await read('image/png', 'Binary/b1?_format=json')).json()).toMatchObject(stored);
    const { json } = await ask(server.base, '', {
      method: 'POST',
      headers: { Accept: 'application/fhir+json' },
      body: {
        ...{ resourceType: 'Bundle', type: 'batch' },
        entry: [{ request: { method: 'GET', url: 'Binary/b1' } }],
      },
    });
    expect(json.entry?.[0]?.resource).toMatchObject(stored);
    expect((await read('image/png', 'Binary/none')).status).toBe(404);
    expect((await read('image/png', 'Binary?_count=1')).status).toBe(406);
  });

  it('is made of a body of any other media type', async () => {
    const headers = { 'Content-Type': 'image/jpeg', 'X-Security-Context': 'Patient/p1' };
    const created = await ask(server.base, 'Binary', { method: 'POST', body: bytes, headers });
    const { id, meta, ...rest } = created.json;
    expect(created.status).toBe(201);
    expect(rest).toEqual({ ...rest, contentType: 'image/jpeg', data: stored.data });
    const put = { method: 'PUT', body: Buffer.from('new'), headers };
    const updated = await ask(server.base, `Binary/${id}`, put);
    expect([updated.status, updated.json.data]).toEqual([200, 'bmV3']);
    const old = await read('image/jpeg', `Binary/${id}/_history/1`);
    expect(Buffer.from(await old.arrayBuffer())).toEqual(bytes);
  });
});
