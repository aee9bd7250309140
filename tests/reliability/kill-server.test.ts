import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ask, until } from '../helpers/embedded.ts';
import { audit } from './audit.ts';
import { journalFaults } from './journal.ts';
import { embeddedConnection, freshDataDir, long, startKiln } from './kiln-process.ts';
import { Ledger } from './ledger.ts';
import { startWriters } from './writers.ts';

const ROUNDS = long ? 20 : 4;

/** What a killed server had sent is still carried out: it counts as done before the restart. */
async function quiet(dataDir: string): Promise<void> {
  const text = `select 1 from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid()`;
  await until(async () => (await ask(embeddedConnection(dataDir), text)).length === 0);
}

test(
  `the server keeps what it acknowledged through ${ROUNDS} times kill -9`,
  async () => {
    const dataDir = freshDataDir();
    const ledger = new Ledger();
    const seen: string[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const kiln = await startKiln({ KILN_DATA_DIR: dataDir, KILN_AUDIT: 'on' });
      const writers = startWriters({ base: kiln.base, ledger, run: `r${round}` });
      await writers.acknowledge(200 + Math.random() * 400);
      await sleep(Math.random() * 20);
      await kiln.kill();
      await writers.stop();
      await quiet(dataDir);
      expect(await journalFaults(embeddedConnection(dataDir), ledger)).toEqual([]);

      const next = await startKiln({ KILN_DATA_DIR: dataDir });
      const { faults, versions, unacknowledged } = await audit(next.base, ledger);
      expect(faults).toEqual([]);
      seen.push(`${round}: ${versions} versions, ${unacknowledged} of them unacknowledged`);
      await next.kill();
    }
    expect(ledger.faults).toEqual([]);
    console.log(
      [...seen, `${ledger.acknowledged.length} acknowledged; ${ledger.summary()}`].join('\n'),
    );
  },
  long ? 1_200_000 : 180_000,
);
