import { type Client, faultOf, snippet } from './client.ts';
import { type Next, Recorder, runLoop } from './loop.ts';
import type { Usage } from './process.ts';
import { type Floor, median, type Result } from './results.ts';
import { scenarioOf } from './scenarios.ts';
import type { Running } from './server.ts';
import type { Scenario, Side, World } from './world.ts';

/** CPU that a server used while something ran. */
export class Meter {
  readonly #running: Running;
  #node = 0;
  #postgres = 0;
  #known = false;

  constructor(running: Running) {
    this.#running = running;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#running.usage();
    const result = await work();
    const after = this.#running.usage();
    if (before && after) {
      this.#node += after.node - before.node;
      this.#postgres += after.postgres - before.postgres;
      this.#known = true;
    }
    return result;
  }

  /** CPU milliseconds for each of `units`; undefined where the system does not tell. */
  per(units: number): Usage | undefined {
    if (!this.#known) return undefined;
    const each = Math.max(1, units);
    return { node: this.#node / each, postgres: this.#postgres / each };
  }
}

/** Runs a scenario, in turns with its floor; never throws, but says what failed. */
export async function measure(world: World, scenario: Scenario): Promise<Result> {
  const { name } = scenario;
  world.tally.answers = 0;
  world.tally.entries = 0;
  try {
    const kiln = await prepare(world, world.kiln, scenario);
    if (typeof kiln === 'string') return { name, unsupported: kiln };
    const floor = await prepareFloor(world, scenario);
    return { name, ...(await takeTurns(world, kiln, floor)) };
  } catch (error) {
    return { name, failed: (error as Error).message };
  }
}

/** One side of a scenario, ready to be measured. */
export class Lane {
  readonly meter: Meter;
  readonly recorder = new Recorder();
  readonly rates: number[] = [];
  readonly #client: Client;
  readonly #next: Next;
  readonly #connections: number;

  constructor(side: Side, next: Next, connections: number) {
    this.meter = new Meter(side.running);
    this.#client = side.client;
    this.#next = next;
    this.#connections = connections;
  }

  async warmUp(duration: number): Promise<void> {
    if (duration > 0) await this.#run(duration, new Recorder());
  }

  async slice(duration: number): Promise<void> {
    const before = this.recorder.requests;
    const start = performance.now();
    await this.meter.during(() => this.#run(duration, this.recorder));
    const seconds = (performance.now() - start) / 1000;
    this.rates.push((this.recorder.requests - before) / seconds);
  }

  #run(duration: number, recorder: Recorder): Promise<void> {
    const [next, connections] = [this.#next, this.#connections];
    return runLoop(this.#client, { connections, duration, next }, recorder);
  }
}

const MISSING = new Set([400, 404, 405, 410, 501]);

/**
 * Sends one request with the full check. An answer that says there is no such thing is returned as
 * text; a wrong one throws.
 */
export async function prepare(
  world: World,
  side: Side,
  scenario: Scenario,
): Promise<Lane | string> {
  const next = await scenario.prepare(world, side);
  const request = next(0, 0);
  if (!request) return 'the data gives no request for it';
  const answer = await side.client.call(request);
  if (MISSING.has(answer.status)) {
    return `${request.path.slice(0, 80)}: HTTP ${answer.status} ${snippet(answer.body)}`;
  }
  const fault = faultOf(request, answer, true);
  if (fault !== undefined) throw new Error(fault);
  return new Lane(side, next, world.options.connections);
}

async function prepareFloor(world: World, { floor }: Scenario): Promise<Lane | undefined> {
  if (!floor || !world.floor) return undefined;
  const lane = await prepare(world, world.floor, scenarioOf(floor));
  if (typeof lane === 'string') throw new Error(`floor: ${lane}`);
  return lane;
}

async function takeTurns(
  world: World,
  kiln: Lane,
  floor: Lane | undefined,
): Promise<Omit<Result, 'name'>> {
  const { duration, warmup, rounds } = world.options;
  const lanes = floor ? [floor, kiln] : [kiln];
  for (const lane of lanes) await lane.warmUp(warmup);
  for (let round = 0; round < rounds; round++) {
    for (const lane of lanes) await lane.slice(duration / rounds);
  }
  const { answers, entries } = world.tally;
  return {
    figures: kiln.recorder.figures(),
    cpu: kiln.meter.per(kiln.recorder.requests),
    entries: answers > 0 ? entries / answers : undefined,
    ...(floor ? { floor: floorOf(kiln, floor) } : {}),
  };
}

const floorOf = (kiln: Lane, floor: Lane): Floor => ({
  figures: floor.recorder.figures(),
  cpu: floor.meter.per(floor.recorder.requests),
  ratio: median(kiln.rates.map((rate, round) => rate / (floor.rates[round] ?? Number.NaN))),
});
