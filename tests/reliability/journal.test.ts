import { expect, test } from 'vitest';
import { LOSS_MS } from '../../server/audit/audit.ts';
import { until } from '../helpers/embedded.ts';
import { ask } from '../helpers/http.ts';
import { requestsIn } from './journal.ts';
import { embeddedConnection, freshDataDir, type Kiln, long, startKiln } from './kiln-process.ts';

const READERS = 4;
const ROUNDS = long ? 10 : 2;

/** A read that was answered: its X-Request-Id, and when the answer was there. */
interface Acknowledged {
  request: string;
  at: number;
}

interface Readers {
  acknowledged: Acknowledged[];
  stop(): Promise<void>;
}

/** Readers who ask as fast as they are answered, until they are stopped or the server is gone. */
function startReaders({ base }: Kiln, run: string): Readers {
  const acknowledged: Acknowledged[] = [];
  let stopping = false;
  const work = Array.from({ length: READERS }, async (_, reader) => {
    for (let n = 0; !stopping; n++) {
      const request = `${run}-${reader}-${n}`;
      const url = n % 2 === 0 ? 'Patient/p' : 'Patient?_id=p';
      const answer = await ask(base, url, { headers: { 'X-Request-Id': request } }).catch(() => {
        stopping = true;
      });
      if (answer?.status === 200) acknowledged.push({ request, at: Date.now() });
    }
  });
  return {
    acknowledged,
    stop: async () => {
      stopping = true;
      await Promise.all(work);
    },
  };
}

async function begin(dataDir: string): Promise<Kiln> {
  const kiln = await startKiln({ KILN_DATA_DIR: dataDir, KILN_AUDIT: 'on' });
  const body = { resourceType: 'Patient', id: 'p' };
  const { status } = await ask(kiln.base, 'Patient/p', { method: 'PUT', body });
  expect([200, 201]).toContain(status);
  return kiln;
}

const missing = (told: readonly Acknowledged[], there: readonly string[]): string[] => {
  const found = new Set(there);
  return told.filter(({ request }) => !found.has(request)).map(({ request }) => request);
};

test(`of what was read longer than ${LOSS_MS} ms before kill -9 nothing is missing`, async () => {
  const dataDir = freshDataDir();
  const connection = (): object => embeddedConnection(dataDir);
  for (let round = 1; round <= ROUNDS; round++) {
    const kiln = await begin(dataDir);
    const readers = startReaders(kiln, `r${round}`);
    const isOld = ({ at }: Acknowledged): boolean => at < Date.now() - LOSS_MS;
    await until(() => readers.acknowledged.filter(isOld).length > 100);
    const killed = Date.now();
    await kiln.kill();
    await readers.stop();
    const due = readers.acknowledged.filter(({ at }) => at < killed - LOSS_MS);
    // What the server had sent is still carried out.
    await until(async () => missing(due, await requestsIn(connection())).length === 0).catch(
      () => {},
    );
    const there = await requestsIn(connection());
    expect(missing(due, there)).toEqual([]);
    const all = missing(readers.acknowledged, there).length;
    console.log(`${round}: ${readers.acknowledged.length} reads, ${all} of the last not noted`);
    expect(new Set(there).size).toBe(there.length);
    const next = await startKiln({ KILN_DATA_DIR: dataDir });
    await next.kill();
  }
}, 300_000);

test('after SIGTERM every read that was answered has its event', async () => {
  const dataDir = freshDataDir();
  const kiln = await begin(dataDir);
  const readers = startReaders(kiln, 'stop');
  await until(() => readers.acknowledged.length > 200);
  kiln.child.kill('SIGTERM');
  expect(await kiln.ended).toEqual({ code: 0, signal: null });
  await readers.stop();
  // That server took its PostgreSQL along.
  const next = await startKiln({ KILN_DATA_DIR: dataDir });
  expect(missing(readers.acknowledged, await requestsIn(embeddedConnection(dataDir)))).toEqual([]);
  await next.kill();
}, 120_000);
