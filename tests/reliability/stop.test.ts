import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startOf } from '../../server/db/process.ts';
import { postmasterPid, until } from '../helpers/embedded.ts';
import { ask } from '../helpers/http.ts';
import { audit } from './audit.ts';
import {
  freshDataDir,
  type Kiln,
  runningPostmaster,
  spawnKiln,
  startKiln,
} from './kiln-process.ts';
import { Ledger } from './ledger.ts';
import { startWriters } from './writers.ts';

/** Far above what a stop may take (15 s of draining); a test that waits so long has failed. */
const HANG_MS = 30_000;

describe.each(['SIGTERM', 'SIGINT'] as const)('on %s', (signal) => {
  test('under load the server stops PostgreSQL, exits 0, and has kept every write', async () => {
    const dataDir = freshDataDir();
    const kiln = await startKiln({ KILN_DATA_DIR: dataDir });
    const pid = postmasterPid(dataDir);
    const ledger = new Ledger();
    const writers = startWriters({ base: kiln.base, ledger, run: signal, mayBeAway: true });
    await writers.acknowledge(200);
    kiln.child.kill(signal);
    expect(await within(HANG_MS, kiln.ended)).toEqual({ code: 0, signal: null });
    await writers.stop();
    expectClean(dataDir, pid);

    const next = await startKiln({ KILN_DATA_DIR: dataDir });
    expect(lastStart(dataDir)).toMatch(/database system was shut down at/);
    expect(lastStart(dataDir)).not.toMatch(/not properly shut down|interrupted/);
    const { faults, unacknowledged } = await audit(next.base, ledger);
    expect([...ledger.faults, ...faults]).toEqual([]);
    expect(unacknowledged).toBe(0); // whatever was begun was also answered
    console.log(`${signal}: ${ledger.summary()}`);
    next.child.kill(signal);
    expect(await next.ended).toEqual({ code: 0, signal: null });
  }, 120_000);

  test('requests under way are answered, and nobody new is let in', async () => {
    const dataDir = freshDataDir();
    const kiln = await startKiln({ KILN_DATA_DIR: dataDir });
    const pid = postmasterPid(dataDir);
    const idle = once((await connected(kiln.port)).resume(), 'close');
    const uploads = await Promise.all(Array.from({ length: 16 }, () => beginUpload(kiln)));
    kiln.child.kill(signal);
    await until(() => refusesConnections(kiln.port), HANG_MS);
    await within(HANG_MS, idle);
    expect(kiln.child.exitCode).toBeNull();
    const answers = await Promise.all(uploads.map((upload) => upload.finish()));
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 201 /);
      expect(answer).toMatch(/^Connection: close\r$/im);
      expect(answer).toMatch(/"resourceType":"Patient".*}$/);
    }
    expect(await within(HANG_MS, kiln.ended)).toEqual({ code: 0, signal: null });
    expectClean(dataDir, pid);
  }, 120_000);
});

test('a client that never ends its request does not hold the stop for longer than the limit', async () => {
  const kiln = await startKiln({ KILN_DATA_DIR: freshDataDir(), KILN_DRAIN_TIMEOUT: '1s' });
  const upload = await beginUpload(kiln);
  kiln.child.kill('SIGTERM');
  expect(await within(HANG_MS, kiln.ended)).toEqual({ code: 0, signal: null });
  expect(await upload.finish()).not.toMatch(/HTTP\/1\.1 2/);
}, 60_000);

test('a signal that is sent twice at once still stops in order', async () => {
  const dataDir = freshDataDir();
  const kiln = await startKiln({ KILN_DATA_DIR: dataDir });
  const pid = postmasterPid(dataDir);
  kiln.child.kill('SIGTERM');
  await sleep(5);
  kiln.child.kill('SIGTERM');
  expect(await within(HANG_MS, kiln.ended)).toEqual({ code: 0, signal: null });
  expectClean(dataDir, pid);
}, 60_000);

test('a signal during the start leaves no PostgreSQL behind', async () => {
  const dataDir = freshDataDir();
  const starting = spawnKiln({ KILN_DATA_DIR: dataDir, KILN_LOG_LEVEL: 'info' });
  await until(() => starting.said().includes('embedded PostgreSQL started'));
  const pid = postmasterPid(dataDir);
  starting.child.kill('SIGTERM');
  expect(await within(HANG_MS, starting.ended)).toEqual({ code: 0, signal: null });
  expectClean(dataDir, pid);
}, 60_000);

test('a port in use is said, and no PostgreSQL is left running', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const dataDir = freshDataDir();
  const starting = spawnKiln({ KILN_DATA_DIR: dataDir, PORT: String(port) });
  const { code } = await within(HANG_MS, starting.ended);
  expect(code).toBe(1);
  expect(starting.said()).toMatch(/^Cannot listen on port \d+ .*another process has it.*\n$/);
  expect(runningPostmaster(dataDir)).toBeUndefined();
  other.close();
}, 60_000);

test('a data directory in use is said, and its server goes on', async () => {
  const dataDir = freshDataDir();
  const first = await startKiln({ KILN_DATA_DIR: dataDir });
  const second = spawnKiln({ KILN_DATA_DIR: dataDir });
  const { code } = await within(HANG_MS, second.ended);
  expect(code).toBe(1);
  expect(second.said()).toMatch(/^The data directory .* is in use by another Kiln \(process \d+\)/);
  expect(second.said()).toContain(`process ${first.child.pid}`);
  expect(second.said()).not.toMatch(/\n\s+at /);
  const body = { resourceType: 'Patient' };
  expect((await ask(first.base, 'Patient', { method: 'POST', body })).status).toBe(201);
}, 60_000);

/** PostgreSQL is gone, and in order. */
function expectClean(dataDir: string, pid: number): void {
  expect(startOf(pid)).toBeUndefined();
  expect(existsSync(join(dataDir, 'pg/postmaster.pid'))).toBe(false);
  expect(existsSync(join(dataDir, 'kiln.lock'))).toBe(false);
}

/** What PostgreSQL said when it was last started. */
function lastStart(dataDir: string): string {
  const log = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
  return log.slice(log.lastIndexOf('starting PostgreSQL'));
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = sleep(milliseconds, undefined, { ref: false }).then(() => {
    throw new Error(`took longer than ${milliseconds} ms`);
  });
  return Promise.race([work, late]);
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const refused = new Promise<boolean>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    socket.on('connect', () => resolve(false));
  });
  const answer = await refused;
  socket.destroy();
  return answer;
}

/** A create that the server has begun to read (it said so) and that lacks the end of its body. */
async function beginUpload({ port }: Kiln): Promise<{ finish(): Promise<string> }> {
  const body = JSON.stringify({ resourceType: 'Patient', active: true });
  const socket = await connected(port);
  const head = ['POST /fhir/Patient HTTP/1.1', 'Host: kiln', 'Expect: 100-continue'];
  head.push('Content-Type: application/fhir+json', `Content-Length: ${body.length}`, '', '');
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.write(head.join('\r\n'));
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  await until(() => heard === interim);
  socket.write(body.slice(0, 10));
  return {
    finish: async () => {
      if (socket.closed) return heard.slice(interim.length);
      socket.write(body.slice(10));
      await once(socket, 'close');
      return heard.slice(interim.length);
    },
  };
}
