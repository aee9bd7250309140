import { importRecords, nothingLoaded } from './import.ts';
import { type Next, Recorder, runLoop } from './loop.ts';
import { createRandom } from './random.ts';
import { median, type Soak } from './results.ts';
import { type Bench, newRunId, startEmpty } from './run.ts';
import { historyOf, readOf } from './scenarios-read.ts';
import { creates, transactions, updates } from './scenarios-write.ts';
import {
  byCodeAndDate,
  byIdentifier,
  byName,
  frequentCodes,
  vitalsOf,
  withIncludes,
} from './searches.ts';
import type { Running } from './server.ts';
import { inTurn, makeSide, subjectsOf, type World } from './world.ts';

const SAMPLE_MS = 2000;

/** A mixed load for so many minutes, with the server's memory over time. */
export async function runSoak(bench: Bench, minutes: number): Promise<void> {
  const { options, workspace, report, say } = bench;
  const { running } = await startEmpty(bench, workspace.fresh('soak'));
  const loaded = nothingLoaded();
  const { importConnections, connections, patients } = options;
  const goOn = (index: number): boolean => index < patients;
  const load = { connections: importConnections, from: 0, goOn };
  await importRecords(running.client, loaded, load, new Recorder());
  const runId = newRunId();
  const kiln = await makeSide(running, runId);
  const world: World = {
    ...{ options, runId, kiln, floor: undefined, loaded, tally: { answers: 0, entries: 0 } },
  };
  const recorder = new Recorder();
  const samples: [number, number][] = [];
  const stop = sampleMemory(running, samples);
  const duration = minutes * 60_000;
  await runLoop(running.client, { connections, duration, next: mixed(world) }, recorder);
  stop();
  const figures = recorder.figures();
  report.soak = { minutes, figures, samples, ...trendOf(samples) };
  say(`soak: ${figures.requests} requests, ${figures.errors} errors`);
  for (const [fault, count] of figures.faults) say(`  ${count} x ${fault}`);
  await running.stop();
}

function sampleMemory(running: Running, samples: [number, number][]): () => void {
  const start = performance.now();
  const sample = (): void => {
    const rss = running.rss();
    if (rss !== undefined) samples.push([(performance.now() - start) / 1000, rss]);
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return () => clearInterval(timer);
}

/** Each kind of request with its share, in percent. */
function mixed(world: World): Next {
  const { loaded, kiln, runId } = world;
  const { patients, sampled } = loaded;
  const kinds: [share: number, next: Next][] = [
    [40, inTurn(sampled.map(readOf))],
    [3, inTurn(sampled.map((path) => historyOf(path, 1)))],
    [15, inTurn(patients.map((one) => vitalsOf(world, one)))],
    [10, inTurn(patients.map((one) => byIdentifier(world, one)))],
    [3, inTurn(patients.map((one) => byName(world, one)))],
    [3, inTurn(frequentCodes.map((code) => byCodeAndDate(world, code)))],
    [4, inTurn(patients.map((one) => withIncludes(world, one)))],
    [12, creates(`soak-${runId}`, subjectsOf(kiln.seeds))],
    [8, updates(world, kiln.seeds)],
    [2, transactions(`soak-${runId}`)],
  ];
  const lots = kinds.flatMap(([share, next]) => {
    let n = 0;
    const own: Next = (worker) => next(worker, n++);
    return new Array<Next>(share).fill(own);
  });
  const random = createRandom(7);
  return (worker, n) => random.pick(lots)(worker, n);
}

export function trendOf(
  samples: readonly (readonly [number, number])[],
): Pick<Soak, 'slope' | 'secondQuarter' | 'lastQuarter'> {
  const part = (from: number, to: number) =>
    samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  const rssOf = (list: readonly (readonly [number, number])[]) => list.map(([, rss]) => rss);
  return {
    slope: slopeOf(part(0.5, 1)) * 60,
    secondQuarter: median(rssOf(part(0.25, 0.5))),
    lastQuarter: median(rssOf(part(0.75, 1))),
  };
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / list.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, value]) => value));
  const top = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const bottom = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return top / bottom;
}
