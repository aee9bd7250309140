import { setTimeout as sleep } from 'node:timers/promises';
import { importRecords, nothingLoaded } from './import.ts';
import { Recorder } from './loop.ts';
import type { Start } from './results.ts';
import { type Bench, startEmpty } from './run.ts';
import type { Running } from './server.ts';

const PATIENTS = 10;

/** How a server comes to its end before it is started again. */
const endings: readonly [kind: string, end: (running: Running) => Promise<void>][] = [
  ['next, after SIGTERM', (running) => running.stop()],
  ['next, after kill -9 of the server (PostgreSQL runs on)', (running) => running.kill()],
  ['next, after kill -9 of server and PostgreSQL', killBoth],
];

/** Start-up times: on an empty directory, and on data after each kind of end. */
export async function runStarts(bench: Bench, repeat: number): Promise<void> {
  const { workspace, report, say } = bench;
  const note = (start: Start): void => {
    report.starts.push(start);
    say(`${start.kind}: ${start.times.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  };
  const first: number[] = [];
  for (let turn = 0; turn < repeat; turn++) {
    const running = await workspace.kiln(workspace.fresh('first'));
    first.push(running.startMs);
    await running.stop();
  }
  note({ kind: 'first, empty directory', times: first });

  const directory = workspace.fresh('start');
  let { running } = await startEmpty(bench, directory);
  const load = { connections: 4, from: 0, goOn: (index: number) => index < PATIENTS };
  await importRecords(running.client, nothingLoaded(), load, new Recorder());
  for (const [kind, end] of endings) {
    const times: number[] = [];
    for (let turn = 0; turn < repeat; turn++) {
      await end(running);
      running = await workspace.kiln(directory);
      times.push(running.startMs);
    }
    note({ kind, times });
  }
  await running.stop();
}

async function killBoth(running: Running): Promise<void> {
  const postmaster = running.postmaster();
  const isThere = (): boolean => running.usage() !== undefined;
  process.kill(postmaster, 'SIGKILL');
  await running.kill();
  for (let waited = 0; isThere() && waited < 5000; waited += 20) await sleep(20);
}
