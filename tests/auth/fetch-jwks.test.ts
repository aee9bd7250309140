import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASSERTION_TYPE } from '../../server/auth/assertion.ts';
import { maxAge } from '../../server/auth/fetch-jwks.ts';
import { routes } from '../../server/auth/token.ts';
import { type Answers, hostOf, jwtBy, type Pair, pairOf } from '../helpers/assertions.ts';
import { newClient, type OpenAuth, openAuth, postForm, type TestAuth } from '../helpers/auth.ts';
import type { Answer } from '../helpers/http.ts';

const first = pairOf('EC', 'first');
const second = pairOf('EC', 'second');

let auth: OpenAuth;
let service: TestAuth;
let host: Answers;
/** What the host of the keys answers. */
let respond: Parameters<typeof hostOf>[0];
let client = '';
let count = 0;

beforeAll(async () => {
  auth = await openAuth([routes], { fetchAllow: ['127.0.0.1'] });
  ({ service } = auth);
});
afterAll(() => auth.stop());
beforeEach(async () => {
  client = `system-${++count}`;
  host = await hostOf((request, response) => respond(request, response));
  await newClient(service, {
    ...{ id: client, auth: 'key', jwksUri: host.url, grants: ['client_credentials'] },
    scopes: 'system/*.rs',
  });
});
afterEach(() => host.stop());

const answering =
  (pairs: Pair[], headers: Record<string, string> = {}): typeof respond =>
  (_, response) => {
    response.writeHead(200, headers).end(JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) }));
  };

function ask(pair: Pair, header: Record<string, unknown> = {}): Promise<Answer> {
  const aud = `${auth.origin}/auth/token`;
  const exp = service.now() / 1000 + 60;
  const claims = { iss: client, sub: client, aud, exp, jti: `${client}-${++count}` };
  const { kid } = pair.jwk;
  return postForm(aud, {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: jwtBy(pair.privateKey, { alg: 'ES384', kid, ...header }, claims),
  });
}

const statusOf = async (pair: Pair): Promise<number> => (await ask(pair)).status;

describe('keys at a jwks_uri', () => {
  it.each([
    ['no header', {}],
    ['no-store', { 'Cache-Control': 'no-store' }],
    ['no-store beside max-age', { 'Cache-Control': 'max-age=600, no-store' }],
    ['no-cache', { 'Cache-Control': 'no-cache' }],
    ['max-age=0', { 'Cache-Control': 'max-age=0' }],
  ])('are fetched each time with %s, so a key that is gone ends at once', async (_, headers) => {
    respond = answering([first], headers);
    expect([await statusOf(first), await statusOf(first)]).toEqual([200, 200]);
    expect(host.asked).toHaveLength(2);
    respond = answering([second], headers);
    expect(await statusOf(first)).toBe(401);
  });

  it('are kept for max-age and not a second longer', async () => {
    respond = answering([first], { 'Cache-Control': 'public, max-age=60' });
    expect(await statusOf(first)).toBe(200);
    respond = answering([second], { 'Cache-Control': 'public, max-age=60' });
    service.pass(50);
    expect(await statusOf(first)).toBe(200);
    expect(host.asked).toHaveLength(1);
    service.pass(11);
    expect(await statusOf(first)).toBe(401);
    expect(host.asked).toHaveLength(2);
  });

  it('are fetched again for a kid that is not among them, once a minute', async () => {
    const headers = { 'Cache-Control': 'max-age=3600' };
    respond = answering([first], headers);
    expect(await statusOf(first)).toBe(200);
    respond = answering([second], headers);
    expect(await statusOf(second)).toBe(200);
    expect(host.asked).toHaveLength(2);
    for (const round of [1, 2, 3]) expect([round, await statusOf(first)]).toEqual([round, 401]);
    expect(host.asked).toHaveLength(2);
    service.pass(61);
    expect(await statusOf(first)).toBe(401);
    expect(host.asked).toHaveLength(3);
  });

  it('are those that came last, whatever was to be kept before', async () => {
    respond = answering([first], { 'Cache-Control': 'max-age=3600' });
    expect(await statusOf(first)).toBe(200);
    respond = answering([second], { 'Cache-Control': 'no-store' });
    expect(await statusOf(second)).toBe(200);
    expect(await statusOf(first)).toBe(401);
  });

  it('stay known when the host fails while they are fetched for a kid nobody has', async () => {
    respond = answering([first], { 'Cache-Control': 'max-age=3600' });
    expect(await statusOf(first)).toBe(200);
    respond = (_, response) => response.writeHead(500).end();
    expect(await statusOf(second)).toBe(401);
    expect(await statusOf(first)).toBe(200);
  });

  it('are not known any longer when the host fails after max-age', async () => {
    respond = answering([first], { 'Cache-Control': 'max-age=60' });
    expect(await statusOf(first)).toBe(200);
    service.pass(61);
    respond = (_, response) => response.writeHead(500).end();
    expect(await statusOf(first)).toBe(401);
  });

  it('are asked for once by many assertions at the same time', async () => {
    respond = (request, response) => setTimeout(() => answering([first])(request, response), 100);
    const statuses = await Promise.all(Array.from({ length: 10 }, () => statusOf(first)));
    expect(statuses).toEqual(Array(10).fill(200));
    expect(host.asked.length).toBeLessThan(10);
  });

  it('are those of the registered address, which jku may repeat', async () => {
    respond = answering([first]);
    expect((await ask(first, { jku: host.url })).status).toBe(200);
    const { status, json } = await ask(first, { jku: `${host.url}?x` });
    expect([status, json['error']]).toEqual([401, 'invalid_client']);
  });

  const faults: [string, typeof respond][] = [
    ['a redirect', (_, response) => response.writeHead(302, { Location: host.url }).end()],
    ['ten megabytes', (_, response) => response.end(' '.repeat(10_000_000))],
    ['no JSON', (_, response) => response.end('<html>')],
    ['a list', (_, response) => response.end('[]')],
    ['no keys', (_, response) => response.end('{}')],
    ['keys that are none', (_, response) => response.end('{"keys":["x",null]}')],
    [
      'a thousand keys',
      (_, response) => response.end(JSON.stringify({ keys: Array(1000).fill({ kid: 'x' }) })),
    ],
    ['nothing at all for three seconds', () => undefined],
  ];
  it.each(faults)('cannot be %s', async (_what, answer) => {
    respond = answer;
    const { status, json } = await ask(first);
    expect([status, json['error']]).toEqual([401, 'invalid_client']);
    expect(json['error_description']).toMatch(/could not be fetched/);
    expect(service.lines.at(-1)).toContain('keys of a client not fetched');
  });

  it.each([
    ['inside the network', 'https://localhost/jwks'],
    ['of the cloud it runs in', 'https://169.254.169.254/jwks'],
    ['in another spelling of the own machine', 'https://0x7f000001/jwks'],
    ['without TLS', 'http://keys.example/jwks'],
  ])('are not fetched from an address %s', async (_what, jwksUri) => {
    await newClient(service, { id: client, auth: 'key', jwksUri, grants: ['client_credentials'] });
    const { json } = await ask(first);
    expect(json['error_description']).toMatch(/could not be fetched/);
  });
});

describe('maxAge()', () => {
  it.each([
    ['max-age=60', undefined, 60],
    ['public, Max-Age=60, must-revalidate', undefined, 60],
    ['max-age="60"', undefined, 60],
    ['max-age=60', '20', 40],
    ['max-age=60', '90', -30],
    ['max-age=60, max-age=10', undefined, 10],
    ['max-age=99999999', undefined, 3600],
    ['s-maxage=60', undefined, 0],
    ['max-age=-1', undefined, 0],
    ['max-age=x', undefined, 0],
    ['no-cache="set-cookie", max-age=60', undefined, 0],
    ['', undefined, 0],
    [undefined, undefined, 0],
  ])('of %s with the age %s is %s', (header, age, seconds) => {
    expect(maxAge(header, age)).toBe(seconds);
  });
});
