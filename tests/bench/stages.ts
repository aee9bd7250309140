import { rmSync } from 'node:fs';
import type { Request } from './http.ts';
import { importRecords, type Loaded, type Loading, nothingLoaded } from './import.ts';
import { Recorder } from './loop.ts';
import type { Disk } from './results.ts';
import { type Bench, diskOf, newRunId, startEmpty } from './run.ts';
import { readSeed } from './scenarios-read.ts';
import type { Running } from './server.ts';
import { Trial } from './trial.ts';
import { inTurn, makeSide, type Side, type World } from './world.ts';

/** A database that has grown to one of the sizes. */
export interface Stage {
  readonly size: number;
  readonly loaded: Loaded;
  readonly running: Running;
  readonly floor: Side;
  readonly disk: Disk;
  /** Resources per second of the load that led here, and MiB after it. */
  readonly loadRate: number;
  readonly rss: number;
}

/** Loads a new database to each size in turn; `visit` measures there. The floor runs beside it. */
export async function atSizes(
  bench: Bench,
  { name, sizes }: { name: string; sizes: readonly number[] },
  visit: (stage: Stage) => Promise<void>,
): Promise<void> {
  const { workspace, options, say } = bench;
  const directory = workspace.fresh(name);
  const { running, emptyBytes } = await startEmpty(bench, directory);
  const floor = await makeSide(await workspace.floor(), newRunId());
  const loaded = nothingLoaded();
  let from = 0;
  for (const size of sizes) {
    const recorder = new Recorder();
    from = await loadTo(running, { loaded, size, from, recorder }, options.importConnections);
    const { resources, seconds, errors, faults } = recorder.figures();
    say(`loaded ${loaded.resources} resources, ${errors} errors ${faults[0]?.[0] ?? ''}`);
    const rss = running.rss() ?? Number.NaN;
    const disk = await diskOf(running, `at ${size} resources`, emptyBytes);
    await visit({ size, loaded, running, floor, disk, loadRate: resources / seconds, rss });
  }
  await floor.running.stop();
  await running.stop();
  rmSync(directory, { recursive: true, force: true }); // room for the next part of the run
}

interface Load {
  readonly loaded: Loading;
  readonly size: number;
  readonly from: number;
  readonly recorder: Recorder;
}

function loadTo(
  { client }: Running,
  { loaded, size, from, recorder }: Load,
  connections: number,
): Promise<number> {
  const goOn = (): boolean => loaded.resources < size;
  return importRecords(client, loaded, { connections, from, goOn }, recorder);
}

const SAMPLE = 300;

/** Every n-th, so that old and new data are asked for alike. */
const spreadOver = <T>(list: readonly T[]): T[] => {
  const step = Math.max(1, list.length / SAMPLE);
  return Array.from(
    { length: Math.min(SAMPLE, list.length) },
    (_, n) => list[Math.floor(n * step)] as T,
  );
};

/** Requests in turn over a sample of the records, as a trial. */
export function trialOf(
  { options }: Bench,
  { loaded, running, floor }: Stage,
  { name, requests }: { name: string; requests: (world: World) => Request[] },
): Trial {
  const kiln: Side = { running, client: running.client, seeds: [] };
  const world: World = {
    ...{ options, runId: newRunId(), kiln, floor, tally: { answers: 0, entries: 0 } },
    loaded: {
      ...loaded,
      patients: spreadOver(loaded.patients),
      sampled: spreadOver(loaded.sampled),
    },
  };
  return new Trial({ name, running, next: inTurn(requests(world)), tally: world.tally });
}

export const CONTROL = 'the floor, which does not grow';

/** The floor's reads: they tell how steady the machine was. */
export function controlOf({ floor }: Stage): Trial {
  return new Trial({
    name: CONTROL,
    running: floor.running,
    next: inTurn(floor.seeds.map(readSeed)),
  });
}
