import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, rawRequest } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const MB = 1024 * 1024;
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ bodyLimit: 12 * MB, bundleMemory: 12 * MB });
});
afterAll(() => server.stop());

/** A small resource in a body of about that many bytes. */
const patient = (size = 0) =>
  JSON.stringify({ resourceType: 'Patient', active: true }) + ' '.repeat(size);
const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
  ask(server.base, 'Patient', { method: 'POST', body, headers });

/** The head of a request that announces the largest body, and the first bytes of that. */
const begin = (first: number) =>
  `POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n` +
  `Content-Length: ${12 * MB}\r\n\r\n${' '.repeat(first)}`;

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
  ])('in %s is taken', async (encoding, compress) => {
    for (const size of [0, 2 * MB]) {
      const body = Buffer.from(compress(Buffer.from(patient(size))));
      const { status, json } = await post(body, { 'Content-Encoding': encoding });
      expect([status, json.active]).toEqual([201, true]);
    }
  });

  it('that is cut off is refused', async () => {
    const body = Buffer.from(gzipSync(Buffer.from(patient()))).subarray(0, -5);
    expect((await post(body, { 'Content-Encoding': 'gzip' })).status).toBe(400);
  });

  it('is measured as it is when inflated', async () => {
    const bomb = Buffer.from(gzipSync(Buffer.alloc(200 * MB, ' ')));
    const { status, json } = await post(bomb, { 'Content-Encoding': 'gzip' });
    expect([status, json.resourceType]).toEqual([413, 'OperationOutcome']);
  });
});

describe('a body', () => {
  it('in XML may have 10 MB', async () => {
    const xml = (size: number) => `<Patient xmlns="http://hl7.org/fhir"/>${' '.repeat(size)}`;
    const headers = { 'Content-Type': 'application/fhir+xml' };
    expect((await post(xml(9 * MB), headers)).status).toBe(201);
    expect((await post(xml(10 * MB), headers)).status).toBe(413);
  });

  it('of unknown length gives back the room that it did not need', async () => {
    const body = gzipSync(Buffer.from(patient(MB)));
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(Buffer.from(body), { 'Content-Encoding': 'gzip' })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
  });

  it('that is announced and does not come holds no room', async () => {
    const sockets = Array.from({ length: 5 }, () => connect(server.port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {}).write(begin(100));
    expect((await post(patient(11 * MB))).status).toBe(201);
    for (const socket of sockets) socket.destroy();
  });

  it('that stops coming while it holds room is given up', { timeout: 30_000 }, async () => {
    const answer = await rawRequest(server.port, begin(MB), 20_000);
    expect(answer).toMatch(/^HTTP\/1.1 408 .*OperationOutcome/s);
    expect((await post(patient(11 * MB))).status).toBe(201);
  });
});
