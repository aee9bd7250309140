import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Fetch, type ListenOptions, listen } from '../../server/rest/listen.ts';
import { rawRequest } from '../helpers/http.ts';

const options: ListenOptions = {
  host: '127.0.0.1',
  port: 0,
  headersTimeout: 300,
  requestTimeout: 600,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 50,
  maxHeaderSize: 16 * 1024,
  bodyLimit: 1024,
};
const hello: Fetch = () => new Response('hello');

/** Answers when it is told to. */
function slow(): { fetch: Fetch; begun: Promise<void>; answer: () => void } {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Response>();
  const fetch: Fetch = () => {
    begun.resolve();
    return end.promise;
  };
  return { fetch, begun: begun.promise, answer: () => end.resolve(new Response('late')) };
}

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('listen()', () => {
  it('rejects with what to do where the port is taken', async () => {
    const first = await listen(hello, options);
    const second = listen(hello, { ...options, port: first.port });
    await expect(second).rejects.toThrow(/port \d+ of 127.0.0.1: another process has it/);
    await first.stop(0);
  });

  it('cuts off headers that come too slowly, answering 408', async () => {
    const { port, stop } = await listen(hello, options);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => rawRequest(port, 'GET / HTTP/1.1\r\nHost: x\r\nA: ', 8000)),
    );
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 408 .*OperationOutcome/s);
    await stop(0);
  });

  it('serves others while slow clients are connected', async () => {
    const { port, stop } = await listen(hello, {
      ...options,
      headersTimeout: 5000,
      requestTimeout: 5000,
    });
    const sockets = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {}).write('GET / HTTP/1.1\r\nHo');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
    for (const socket of sockets) socket.destroy();
    await stop(0);
  });

  it('at the stop lets a request finish and takes no more', async () => {
    const { fetch, begun, answer } = slow();
    const { port, stop } = await listen(fetch, options);
    const pending = rawRequest(port, get);
    await begun;
    const stopped = stop(5000);
    await expect(rawRequest(port, get)).rejects.toThrow(/ECONNREFUSED/);
    answer();
    expect(await pending).toMatch(/^HTTP\/1.1 200 .*Connection: close.*late$/s);
    await stopped;
  });

  it('at the stop closes idle connections', async () => {
    const { port, stop } = await listen(hello, options);
    const idle = rawRequest(port, get);
    await expect
      .poll(() => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status))
      .toBe(200);
    await stop(5000);
    expect(await idle).toContain('hello');
  });

  it('at the stop cuts off a request that lasts longer than the time to drain', async () => {
    const { fetch, begun } = slow();
    const { port, stop } = await listen(fetch, options);
    const pending = rawRequest(port, get);
    await begun;
    await stop(50);
    expect(await pending).toBe('');
  });
});
