import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClient, isPassing, ServerAway } from '../../server/load/client.ts';

type Reply = (response: ServerResponse) => void;

/** A client of a server that answers the first requests so, and all others with 200. */
async function clientOf(replies: Reply[], { patience = 5000, signal = never } = {}) {
  let asked = 0;
  const server = createServer((request, response) => {
    const reply = replies[asked++] ?? status(200);
    request.resume().on('end', () => reply(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: createClient({ base, patience, signal }), asked: () => asked };
}

const never = new AbortController().signal;
const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (response) =>
    void response.writeHead(code, headers).end('{"resourceType":"Bundle"}');
const hangUp: Reply = (response) => void response.socket?.destroy();
const halfAnswer: Reply = (response) => {
  response.writeHead(200, { 'Content-Length': '100' }).write('{');
  setTimeout(() => response.socket?.destroy(), 10);
};

describe('post()', () => {
  it('answers the first time when all is well', async () => {
    const { client } = await clientOf([]);
    const body = { resourceType: 'Bundle' };
    expect(await client.post({})).toEqual({ status: 200, body, repeated: false });
  });

  it.each([
    ['503', status(503, { 'Retry-After': '0' })],
    ['429', status(429)],
    ['a proxy without a server', status(502)],
    ['a conflict', status(409)],
    ['a connection that breaks', hangUp],
    ['an answer that is cut off', halfAnswer],
  ])('goes on after %s', async (_what, reply) => {
    const { client, asked } = await clientOf([reply, reply]);
    expect(await client.post({})).toMatchObject({ status: 200, repeated: true });
    expect(asked()).toBe(3);
  });

  it.each([400, 412, 413, 500])('takes %d for an answer', async (code) => {
    const { client, asked } = await clientOf([status(code)]);
    expect(await client.post({})).toMatchObject({ status: code, repeated: false });
    expect(asked()).toBe(1);
  });

  it('gives up when its patience is at an end, and says why', async () => {
    const replies = Array.from({ length: 50 }, () => status(503));
    const { client } = await clientOf(replies, { patience: 300 });
    await expect(client.post({})).rejects.toThrow(ServerAway);
    await expect(client.post({})).rejects.toThrow('it answers 503');
  });

  it('gives up at once when it is told to stop', async () => {
    const stop = new AbortController();
    const replies = Array.from({ length: 50 }, () => status(503));
    const { client } = await clientOf(replies, { signal: stop.signal });
    const posting = client.post({});
    stop.abort();
    await expect(posting).rejects.toThrow('aborted');
  });
});

describe('isPassing()', () => {
  it('has less patience with conflicts than with a server that is away', () => {
    expect([503, 409, 412].map((code) => isPassing(code, 1))).toEqual([true, true, false]);
    expect([503, 409, 412].map((code) => isPassing(code, 100))).toEqual([true, false, false]);
  });
});
