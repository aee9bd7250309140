import { GROWTH_LIMIT } from './goals.ts';
import type { Request } from './http.ts';
import { importRecords, type Loaded, nothingLoaded } from './import.ts';
import { Recorder, runLoop } from './loop.ts';
import { Meter } from './measure.ts';
import { type Growth, median, type Shape } from './results.ts';
import { type Bench, diskOf, newRunId, startEmpty } from './run.ts';
import { historyOf, readOf, readScenarios } from './scenarios-read.ts';
import {
  byCode,
  byCodeAndDate,
  byIdentifier,
  byName,
  frequentCodes,
  vitalsOf,
  withIncludes,
} from './searches.ts';
import type { Running } from './server.ts';
import { inTurn, makeSide, type Side, type World } from './world.ts';

/** One request in several variants, as the table of growth names it. */
interface Question {
  readonly name: string;
  readonly requests: (world: World) => Request[];
  /** What its p50 may grow by, given by how much the data grew; without it, it is only told. */
  readonly limit?: (growth: number) => number;
}

const steady = (): number => GROWTH_LIMIT;
const linear = (growth: number): number => growth;

const questions: readonly Question[] = [
  { name: 'read', requests: (world) => world.loaded.sampled.map(readOf), limit: steady },
  {
    name: 'search by patient',
    requests: (world) => world.loaded.patients.map((one) => vitalsOf(world, one)),
    limit: steady,
  },
  {
    name: 'search by identifier',
    requests: (world) => world.loaded.patients.map((one) => byIdentifier(world, one)),
    limit: steady,
  },
  {
    name: 'search by code',
    requests: (world) => frequentCodes.map((code) => byCode(world, code)),
    limit: steady,
  },
  {
    name: 'search by name',
    // One letter, so that pages are full at both sizes: more names must not mean longer answers.
    requests: (world) => world.loaded.patients.map((one) => byName(world, one, 1)),
    limit: steady,
  },
  {
    name: 'search with includes',
    requests: (world) => world.loaded.patients.map((one) => withIncludes(world, one)),
    limit: steady,
  },
  {
    name: 'history',
    requests: (world) => world.loaded.sampled.map((path) => historyOf(path, 1)),
    limit: steady,
  },
  {
    name: 'search by code and date (visits its matches)',
    requests: (world) => frequentCodes.map((code) => byCodeAndDate(world, code)),
    limit: linear,
  },
];

const SAMPLE = 300;

/** Loads to each size and measures the same questions there, the floor's reads beside them. */
export async function runGrowth(bench: Bench, sizes: readonly number[]): Promise<void> {
  const { workspace, report, options, say } = bench;
  const { running, emptyBytes } = await startEmpty(bench, workspace.fresh('grow'));
  const floor = await makeSide(await workspace.floor(), newRunId());
  const loaded = nothingLoaded();
  const growth = emptyGrowth(sizes);
  report.growth = growth;
  let from = 0;
  for (const size of sizes) {
    const recorder = new Recorder();
    from = await loadTo(running, { loaded, size, from, recorder }, options.importConnections);
    const { resources, seconds, errors, faults } = recorder.figures();
    say(`loaded ${loaded.resources} resources, ${errors} errors ${faults[0]?.[0] ?? ''}`);
    growth.loadRates.push(resources / seconds);
    growth.rss.push(running.rss() ?? Number.NaN);
    report.disk.push(await diskOf(running, `at ${size} resources`, emptyBytes));
    await running.sql(options.vacuum ? 'vacuum analyze' : 'checkpoint');
    await askAll(bench, { growth, loaded, running, floor });
  }
  await floor.running.stop();
  await running.stop();
}

function emptyGrowth(sizes: readonly number[]): Growth {
  const factor = (sizes.at(-1) ?? 1) / (sizes[0] ?? 1);
  const none = (): Omit<Shape, 'name'> => ({ p50: [], node: [], postgres: [], errors: [] });
  const shapes: Shape[] = questions.map(({ name, limit }) => ({
    ...{ name, ...none() },
    ...(limit ? { limit: limit(factor) } : {}),
  }));
  const control: Shape = { name: 'the floor, which does not grow', ...none() };
  return { sizes: [...sizes], shapes: [...shapes, control], rss: [], loadRates: [] };
}

interface Load {
  readonly loaded: Loaded;
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

/** Every n-th, so that old and new data are asked for alike. */
const spreadOver = <T>(list: readonly T[]): T[] => {
  const step = Math.max(1, list.length / SAMPLE);
  return Array.from(
    { length: Math.min(SAMPLE, list.length) },
    (_, n) => list[Math.floor(n * step)] as T,
  );
};

interface Stage {
  readonly growth: Growth;
  readonly loaded: Loaded;
  readonly running: Running;
  readonly floor: Side;
}

async function askAll(bench: Bench, { growth, loaded, running, floor }: Stage): Promise<void> {
  const { options } = bench;
  const { patients, sampled, resources } = loaded;
  const kiln: Side = { running, client: running.client, seeds: [] };
  const world: World = {
    ...{ options, runId: newRunId(), kiln, floor, tally: { answers: 0, entries: 0 } },
    loaded: { patients: spreadOver(patients), sampled: spreadOver(sampled), resources },
  };
  const control = await readScenarios.find(({ name }) => name === 'read')?.prepare(world, floor);
  const trials = [
    ...questions.map(({ requests }) => new Trial(running, inTurn(requests(world)))),
    ...(control ? [new Trial(floor.running, control)] : []),
  ];
  for (const trial of trials) await trial.run(options.connections, options.warmup, false);
  for (let round = 0; round < options.rounds; round++) {
    const duration = options.duration / options.rounds;
    for (const trial of trials) await trial.run(options.connections, duration, true);
  }
  for (const [at, trial] of trials.entries()) trial.report(growth.shapes[at]);
  bench.say(trials.map((trial, at) => trial.line(growth.shapes[at]?.name ?? '')).join('\n'));
}

/** A question at one size of the database, measured in several slices. */
class Trial {
  readonly #running: Running;
  readonly #next: ReturnType<typeof inTurn>;
  readonly #meter: Meter;
  readonly #p50: number[] = [];
  #requests = 0;
  #errors = 0;
  #fault = '';

  constructor(running: Running, next: ReturnType<typeof inTurn>) {
    this.#running = running;
    this.#next = next;
    this.#meter = new Meter(running);
  }

  async run(connections: number, duration: number, counts: boolean): Promise<void> {
    const recorder = new Recorder();
    const loop = () =>
      runLoop(this.#running.client, { connections, duration, next: this.#next }, recorder);
    await (counts ? this.#meter.during(loop) : loop());
    const { p50, requests, errors, faults } = recorder.figures();
    this.#errors += errors;
    this.#fault ||= faults[0]?.[0] ?? '';
    if (!counts) return;
    this.#p50.push(p50);
    this.#requests += requests;
  }

  report(shape: Shape | undefined): void {
    const cpu = this.#meter.per(this.#requests);
    shape?.p50.push(median(this.#p50));
    shape?.node.push(cpu?.node ?? Number.NaN);
    shape?.postgres.push(cpu?.postgres ?? Number.NaN);
    shape?.errors.push(this.#errors);
  }

  line(name: string): string {
    const faults = this.#errors > 0 ? `, ${this.#errors} errors: ${this.#fault}` : '';
    return `  ${name}: p50 ${median(this.#p50).toFixed(2)} ms${faults}`;
  }
}
