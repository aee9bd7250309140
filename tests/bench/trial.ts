import { faultOf } from './client.ts';
import { type Figures, type Next, Recorder, runLoop } from './loop.ts';
import { Meter } from './measure.ts';
import type { Options } from './options.ts';
import { median, type Trialled } from './results.ts';
import type { Running } from './server.ts';
import type { World } from './world.ts';

/** One client on its own gets so much of the time of a slice. */
const ALONE_SHARE = 0.25;

interface Question {
  readonly name: string;
  readonly running: Running;
  readonly next: Next;
  /** Where the checks of its answers count entries. */
  readonly tally?: World['tally'];
}

/** One question at one size of the database, measured in several slices. */
export class Trial {
  readonly #question: Question;
  readonly #meter: Meter;
  readonly #slices: Figures[] = [];
  readonly #alone: number[] = [];
  #errors = 0;
  #fault: string | undefined;

  constructor(question: Question) {
    this.#question = question;
    this.#meter = new Meter(question.running);
  }

  /** Sends the first request with the full check. A trial that fails it is not measured. */
  async begin(): Promise<boolean> {
    const { next, running } = this.#question;
    const request = next(0, 0);
    if (!request) this.#fault = 'the data give no request for it';
    else this.#fault = faultOf(request, await running.client.call(request), true);
    if (this.#fault !== undefined) this.#errors++;
    return this.#fault === undefined;
  }

  async warmUp(connections: number, duration: number): Promise<void> {
    if (duration > 0) await this.#loop(connections, duration);
  }

  async slice(connections: number, duration: number): Promise<void> {
    this.#slices.push(await this.#meter.during(() => this.#loop(connections, duration)));
  }

  async sliceAlone(duration: number): Promise<void> {
    this.#alone.push((await this.#loop(1, duration)).p50);
  }

  async #loop(connections: number, duration: number): Promise<Figures> {
    const { running, next } = this.#question;
    const recorder = new Recorder();
    await runLoop(running.client, { connections, duration, next }, recorder);
    const figures = recorder.figures();
    this.#errors += figures.errors;
    this.#fault ??= figures.faults[0]?.[0];
    return figures;
  }

  result(): Trialled {
    const sum = (pick: (slice: Figures) => number): number =>
      this.#slices.reduce((total, slice) => total + pick(slice), 0);
    const cpu = this.#meter.per(sum(({ requests }) => requests));
    const { answers, entries } = this.#question.tally ?? { answers: 0, entries: 0 };
    return {
      p50: median(this.#slices.map(({ p50 }) => p50)),
      alone: median(this.#alone),
      rps: sum(({ rps, seconds }) => rps * seconds) / sum(({ seconds }) => seconds),
      node: cpu?.node ?? Number.NaN,
      postgres: cpu?.postgres ?? Number.NaN,
      entries: answers > 0 ? entries / answers : undefined,
      errors: this.#errors,
      fault: this.#fault,
    };
  }

  line(): string {
    const { p50, rps, errors, fault } = this.result();
    const faults = errors > 0 ? `, ${errors} errors: ${fault}` : '';
    return `  ${this.#question.name}: p50 ${p50.toFixed(2)} ms, ${rps.toFixed(0)} /s${faults}`;
  }
}

/** Measures the trials in turns, each under load and, if `alone` is asked for, by one client. */
export async function takeTurns(
  trials: readonly Trial[],
  { connections, warmup, duration, rounds }: Options,
  alone: boolean,
): Promise<void> {
  const able: Trial[] = [];
  for (const trial of trials) if (await trial.begin()) able.push(trial);
  for (const trial of able) await trial.warmUp(connections, warmup);
  const slice = duration / rounds;
  for (let round = 0; round < rounds; round++) {
    for (const trial of able) {
      await trial.slice(connections, slice);
      if (alone) await trial.sliceAlone(slice * ALONE_SHARE);
    }
  }
}
