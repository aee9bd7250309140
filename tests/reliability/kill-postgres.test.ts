import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { postmasterPid, until } from '../helpers/embedded.ts';
import { ask } from '../helpers/http.ts';
import { audit } from './audit.ts';
import { freshDataDir, type Kiln, long, startKiln } from './kiln-process.ts';
import { Ledger } from './ledger.ts';
import { startWriters } from './writers.ts';

const STATEMENT_TIMEOUT_MS = 10_000;
const env = { KILN_STATEMENT_TIMEOUT: `${STATEMENT_TIMEOUT_MS}ms` };
/** kill -9, "fast" and "immediate" (postgres, "Shutting Down the Server"). */
const signals: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGINT', 'SIGQUIT'];
const ROUNDS = long ? 20 : 4;

const health = (kiln: Kiln, name: string): Promise<number> =>
  fetch(`${kiln.origin}/health/${name}`).then(({ status }) => status);

test(
  `the server outlives PostgreSQL killed ${ROUNDS} times and keeps what it acknowledged`,
  async () => {
    const dataDir = freshDataDir();
    const kiln = await startKiln({ KILN_DATA_DIR: dataDir, ...env });
    const ledger = new Ledger();
    const seen: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const signal = signals[round % signals.length] ?? 'SIGKILL';
      const writers = startWriters({ base: kiln.base, ledger, run: `r${round}`, mayBeAway: true });
      await writers.acknowledge(200 + Math.random() * 200);
      await sleep(Math.random() * 20);
      const pid = postmasterPid(dataDir);
      const since = performance.now();
      process.kill(pid, signal);
      await until(() => replaced(dataDir, pid), 60_000);
      await writers.acknowledge(100);
      seen.push(`${signal}: writes again after ${Math.round(performance.now() - since)} ms`);
      await writers.stop();
      expect(await health(kiln, 'ready')).toBe(200);
    }
    const { faults, versions, unacknowledged } = await audit(kiln.base, ledger);
    expect([...ledger.faults, ...faults]).toEqual([]);
    expect(ledger.answers.has('none')).toBe(false);
    expect(ledger.slowest).toBeLessThan(STATEMENT_TIMEOUT_MS + 2000);
    expect(kiln.child.exitCode).toBeNull();
    seen.push(`${versions} versions, ${unacknowledged} of them unacknowledged`);
    console.log(
      [...seen, `${ledger.summary()}; slowest ${Math.round(ledger.slowest)} ms`].join('\n'),
    );
  },
  long ? 1_200_000 : 180_000,
);

function replaced(dataDir: string, pid: number): boolean {
  try {
    return postmasterPid(dataDir) !== pid;
  } catch {
    return false; // between the two there is no file
  }
}

/** Linux: processes whose parent is `pid`, with their titles. */
function childrenOf(pid: number): { pid: number; title: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
        const title = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')[0] ?? '';
        return Number(parent) === pid ? [{ pid: Number(name), title }] : [];
      } catch {
        return []; // it has gone meanwhile
      }
    });
}

/**
 * A process of PostgreSQL that is frozen holds the shared memory, so that no new server can start
 * until it is let go: PostgreSQL is away for as long as the test likes.
 */
test.skipIf(process.platform !== 'linux')(
  'while PostgreSQL is away the server is live, not ready, and answers 503 with Retry-After',
  async () => {
    const dataDir = freshDataDir();
    const kiln = await startKiln({ KILN_DATA_DIR: dataDir, ...env });
    const patient = { resourceType: 'Patient', id: 'p', gender: 'other' };
    const put = { method: 'PUT', body: patient };
    expect((await ask(kiln.base, 'Patient/p', put)).status).toBe(201);

    const postmaster = postmasterPid(dataDir);
    const writer = childrenOf(postmaster).find(({ title }) => /background writer/.test(title));
    expect(writer).toBeDefined();
    process.kill(Number(writer?.pid), 'SIGSTOP');
    try {
      process.kill(postmaster, 'SIGKILL');
      await until(async () => (await health(kiln, 'ready')) === 503);
      await expectAway(kiln, patient);
    } finally {
      process.kill(Number(writer?.pid), 'SIGCONT');
    }
    await until(async () => (await health(kiln, 'ready')) === 200, 60_000);
    expect((await ask(kiln.base, 'Patient/p')).json).toMatchObject(patient);
    expect((await ask(kiln.base, 'Patient/p', put)).status).toBe(200);
    expect(kiln.child.exitCode).toBeNull();
  },
  120_000,
);

async function expectAway(
  kiln: Kiln,
  patient: { resourceType: string; id: string },
): Promise<void> {
  const entry = [{ resource: patient, request: { method: 'PUT', url: 'Patient/p' } }];
  const requests: [string, Parameters<typeof ask>[2]?][] = [
    ['Patient/p'],
    ['Patient?gender=other'],
    ['Patient/p/_history'],
    ['Patient', { method: 'POST', body: { resourceType: 'Patient' } }],
    ['Patient/p', { method: 'PUT', body: { ...patient, active: true } }],
    ['Patient/p', { method: 'DELETE' }],
    ['', { method: 'POST', body: { resourceType: 'Bundle', type: 'transaction', entry } }],
    ['', { method: 'POST', body: { resourceType: 'Bundle', type: 'batch', entry } }],
  ];
  for (const [url, options] of requests) {
    const answer = await ask(kiln.base, url, options);
    expect([url, answer.status]).toEqual([url, 503]);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
  }
  expect(await health(kiln, 'live')).toBe(200);
  expect(await health(kiln, 'ready')).toBe(503);
  expect((await ask(kiln.base, 'metadata')).status).toBe(200);
}
