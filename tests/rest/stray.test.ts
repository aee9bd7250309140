import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, rawRequest } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

describe('a method that the path does not take', () => {
  it.each([
    ['PUT', 'metadata', 'GET, HEAD, OPTIONS'],
    ['DELETE', '_history', 'GET, HEAD, OPTIONS'],
    ['POST', 'Patient/_history', 'GET, HEAD, OPTIONS'],
    ['PUT', 'Patient/_history', 'GET, HEAD, OPTIONS'],
    ['GET', 'Patient/_search', 'POST, OPTIONS'],
  ])('a 405 of %s %s says what is allowed', async (method, url, allow) => {
    const body = method === 'GET' ? {} : { body: '{}' };
    const answer = await ask(server.base, url, { method, ...body });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
  });

  it('a 405 says what is allowed, as does OPTIONS', async () => {
    const answer = await ask(server.base, 'Patient/p1', { method: 'POST', body: '{}' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
    const options = await ask(server.base, 'Patient/p1', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([
      ...[204, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
    ]);
  });

  it('is refused with an outcome, be it CONNECT', async () => {
    const answer = await rawRequest(server.port, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 1000);
    expect(answer).toMatch(/^HTTP\/1.1 400 .*OperationOutcome/s);
  });
});

describe('an operation that is not there', () => {
  it.each([
    ['GET', '$export'],
    ['POST', '$convert'],
    ['POST', 'Patient/$validate'],
    ['POST', 'Patient/p1/$validate'],
  ])('is named: %s %s', async (method, url) => {
    const body = method === 'GET' ? {} : { body: '{"resourceType":"Parameters"}' };
    const { status, text } = await ask(server.base, url, { method, ...body });
    expect(status).toBe(404);
    expect(text).toContain(`The operation ${url.slice(url.indexOf('$'))} does not exist here`);
  });
});
