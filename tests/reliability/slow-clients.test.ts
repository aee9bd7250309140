import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, rawRequest } from '../helpers/http.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { type Kiln, long, startKiln } from './kiln-process.ts';
import { type SlowClientOptions, slowClient } from './slow-client.ts';

const LIMIT = 1024 * 1024;
/** Far above the times that are set below. */
const HANG_MS = 60_000;

let database: FreshDatabase;
let kiln: Kiln;
beforeAll(async () => {
  database = await freshDatabase();
  kiln = await startKiln({
    DATABASE_URL: database.url,
    KILN_HEADERS_TIMEOUT: long ? '10s' : '1s',
    KILN_REQUEST_TIMEOUT: long ? '10s' : '2s',
    KILN_KEEP_ALIVE_TIMEOUT: '1s',
    KILN_CONNECTIONS_CHECK: '100ms',
    KILN_BODY_LIMIT: '1MB',
    KILN_BUNDLE_MEMORY: '4MB',
  });
  const body = { resourceType: 'Patient', id: 'p' };
  expect((await ask(kiln.base, 'Patient/p', { method: 'PUT', body })).status).toBe(201);
});
afterAll(async () => {
  await kiln.kill();
  await database.drop();
});

const HEAD = 'Host: kiln\r\nContent-Type: application/fhir+json\r\n';
const POST = `POST /fhir/Patient HTTP/1.1\r\n${HEAD}`;
const GET = `GET /fhir/Patient/p HTTP/1.1\r\n${HEAD}`;
const METADATA = `GET /fhir/metadata HTTP/1.1\r\n${HEAD}\r\n`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
/** The server takes 10,000 connections; some of them for those who read meanwhile. */
const MANY = long ? 9900 : 300;

/** Reads, one after the other, while `work` is going on; all of them must be answered. */
async function whileReading(work: Promise<unknown>): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  work.then(end, end);
  while (!over) {
    expect((await ask(kiln.base, 'Patient/p')).status).toBe(200);
    await sleep(10);
  }
  await work;
}

async function withinHang(work: Promise<unknown>, what: string): Promise<void> {
  const late = sleep(HANG_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${what} after ${HANG_MS} ms`);
  });
  await Promise.race([work, late]);
}

describe('the server lets go of clients', () => {
  type Case = [
    what: string,
    count: number,
    answer: RegExp,
    client: Omit<SlowClientOptions, 'port'>,
  ];
  const late = /^HTTP\/1\.1 408 .*OperationOutcome/s;
  const cases: Case[] = [
    ['whose headers drip', MANY, late, { first: `${GET}X-Slow: `, drip: 'a' }],
    ['that say nothing', 100, late, {}],
    ['that are idle after an answer', 100, /^HTTP\/1\.1 200 /, { first: `${GET}\r\n` }],
    ['whose body drips', 100, late, { first: `${POST}Content-Length: 5000\r\n\r\n{`, drip: ' ' }],
    [
      'whose chunks drip',
      100,
      late,
      { first: `${POST}Transfer-Encoding: chunked\r\n\r\n${chunk('{')}`, drip: chunk(' ') },
    ],
    [
      'that never read their answers',
      20,
      /^$/,
      { first: METADATA.repeat(50), drip: METADATA, reads: false },
    ],
  ];
  test.each(cases)(
    '%s',
    async (_what, count, answer, options) => {
      const { port } = kiln;
      const clients = Array.from({ length: count }, () => slowClient({ port, ...options }));
      const gone = Promise.all(clients.map((client) => client.gone));
      try {
        await whileReading(withinHang(gone, 'connections are still held'));
      } finally {
        for (const { socket } of clients) socket.destroy();
      }
      // One that is cut while it writes may miss what it was told.
      expect(clients.map((client) => client.heard())).toContainEqual(expect.stringMatching(answer));
    },
    120_000,
  );
});

describe('the server refuses', () => {
  test.each([
    ['a header that is too long', `${GET}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['too many headers', `${GET}${'X-More: a\r\n'.repeat(3000)}\r\n`],
    ['a URL that is too long', `GET /fhir/Patient?name=${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`],
    ['what is not HTTP', '\x16\x03\x01\x02\x00\x01'],
  ])('%s and goes on', async (_what, request) => {
    const flood = Array.from({ length: 50 }, () => rawRequest(kiln.port, request));
    await whileReading(Promise.all(flood));
    for (const answer of await Promise.all(flood)) {
      expect(answer).toMatch(/^HTTP\/1\.1 4(00|31) /);
      expect(answer).toContain('OperationOutcome');
    }
  });

  test('a body that grows beyond the limit without having said so, and goes on', async () => {
    const upload = async (): Promise<string> => {
      const client = slowClient({
        port: kiln.port,
        first: `${POST}Transfer-Encoding: chunked\r\n\r\n`,
        drip: chunk(' '.repeat(64 * 1024)),
        every: 1,
      });
      await withinHang(client.gone, 'an upload is still taken');
      return client.heard();
    };
    const uploads = Array.from({ length: 8 }, upload);
    await whileReading(Promise.all(uploads));
    for (const answer of await Promise.all(uploads)) expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  }, 120_000);
});

test('connections reset in the middle of a body leave nothing behind', async () => {
  const heads = ['Content-Length: 500\r\n\r\n{', `Content-Length: ${LIMIT}\r\n\r\n{`];
  heads.push(`Transfer-Encoding: chunked\r\n\r\n${chunk('{')}`);
  const resets = Array.from({ length: 90 }, async (_, at) => {
    const socket = connect(kiln.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`${POST}${heads[at % heads.length]}`);
    await sleep(at % 30);
    socket.resetAndDestroy();
  });
  await whileReading(Promise.all(resets));
  // Were their room in memory not given back, a large body would find none.
  const text = JSON.stringify({ resourceType: 'Patient' }).padEnd(LIMIT - 1);
  const large = await Promise.all(
    Array.from({ length: 8 }, () => ask(kiln.base, 'Patient', { method: 'POST', body: text })),
  );
  expect(large.map(({ status }) => status)).toEqual(new Array(8).fill(201));
}, 60_000);

test('pipelined requests are answered in their order', async () => {
  const count = 50;
  for (let n = 0; n < count; n++) {
    const body = { resourceType: 'Patient', id: `pipe-${n}` };
    await ask(kiln.base, `Patient/pipe-${n}`, { method: 'PUT', body });
  }
  const requests = Array.from({ length: count }, (_, n) => {
    const close = n === count - 1 ? 'Connection: close\r\n' : '';
    return `GET /fhir/Patient/pipe-${n} HTTP/1.1\r\n${HEAD}${close}\r\n`;
  });
  const answer = await rawRequest(kiln.port, requests.join(''), HANG_MS);
  const ids = [...answer.matchAll(/"id":"(pipe-\d+)"/g)].map(([, id]) => id);
  expect(ids).toEqual(requests.map((_, n) => `pipe-${n}`));
});
