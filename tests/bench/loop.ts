import { type Client, faultOf } from './client.ts';
import type { Request } from './http.ts';

/** The next request of a worker, or undefined when there is no more work. `n` counts over all. */
export type Next = (worker: number, n: number) => Request | undefined;

export interface LoopOptions {
  readonly connections: number;
  /** Milliseconds; without it until `next` gives no more. */
  readonly duration?: number;
  readonly next: Next;
  /** One answer in so many gets the full check. */
  readonly checkEvery?: number;
}

export interface Figures {
  readonly requests: number;
  readonly errors: number;
  /** The most frequent ones with their number. */
  readonly faults: readonly (readonly [fault: string, count: number])[];
  readonly seconds: number;
  /** Answers per second that passed their check. */
  readonly rps: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly bytesPerAnswer: number;
  readonly resources: number;
  /** CPU that the generator itself took, in percent of one core. */
  readonly clientCpu: number;
}

/** Collects one scenario's answers, over several slices of time. */
export class Recorder {
  #times = new Float64Array(4096);
  #requests = 0;
  #errors = 0;
  #faults = new Map<string, number>();
  #bytes = 0;
  #resources = 0;
  #seconds = 0;
  #cpu = 0;

  answered(milliseconds: number, bytes: number): void {
    if (this.#requests === this.#times.length) {
      const larger = new Float64Array(this.#times.length * 2);
      larger.set(this.#times);
      this.#times = larger;
    }
    this.#times[this.#requests++] = milliseconds;
    this.#bytes += bytes;
  }

  passed(resources: number): void {
    this.#resources += resources;
  }

  failed(fault: string): void {
    this.#errors++;
    const text = fault.slice(0, 300);
    this.#faults.set(text, (this.#faults.get(text) ?? 0) + 1);
  }

  slice(seconds: number, cpu: number): void {
    this.#seconds += seconds;
    this.#cpu += cpu;
  }

  get requests(): number {
    return this.#requests;
  }

  get hopeless(): boolean {
    return this.#errors > 200 && this.#errors >= this.#requests;
  }

  figures(): Figures {
    const sorted = this.#times.slice(0, this.#requests).sort();
    const at = (part: number): number =>
      sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
    const seconds = this.#seconds;
    return {
      requests: this.#requests,
      errors: this.#errors,
      faults: [...this.#faults].sort(([, a], [, b]) => b - a).slice(0, 5),
      seconds,
      rps: Math.max(0, this.#requests - this.#errors) / seconds,
      ...{ p50: at(0.5), p95: at(0.95), p99: at(0.99) },
      bytesPerAnswer: this.#bytes / Math.max(1, this.#requests),
      resources: this.#resources,
      clientCpu: (100 * this.#cpu) / seconds,
    };
  }
}

/**
 * A closed loop: every connection sends its next request as soon as its last one is answered. A
 * request fails if it has no 2xx status, breaks, or does not pass its check.
 */
export async function runLoop(
  client: Client,
  options: LoopOptions,
  recorder: Recorder,
): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + (options.duration ?? Number.POSITIVE_INFINITY);
  const counter = { n: 0 };
  await Promise.all(
    Array.from({ length: options.connections }, (_, worker) =>
      runWorker(client, { ...options, worker, counter, end, recorder }),
    ),
  );
  const used = process.cpuUsage(cpu);
  recorder.slice((performance.now() - start) / 1000, (used.user + used.system) / 1e6);
}

interface Worker extends LoopOptions {
  readonly worker: number;
  readonly counter: { n: number };
  readonly end: number;
  readonly recorder: Recorder;
}

async function runWorker(client: Client, options: Worker): Promise<void> {
  const { worker, counter, end, recorder, next, checkEvery = 10 } = options;
  const connection = client.connect();
  while (performance.now() < end && !recorder.hopeless) {
    const n = counter.n++;
    const request = next(worker, n);
    if (!request) break;
    const sent = performance.now();
    try {
      const answer = await client.send(connection, request);
      recorder.answered(performance.now() - sent, answer.body.length);
      const fault = faultOf(request, answer, spread(n) < 2 ** 32 / checkEvery);
      if (fault === undefined) recorder.passed(request.resources ?? 0);
      else recorder.failed(fault);
    } catch (error) {
      recorder.answered(performance.now() - sent, 0);
      recorder.failed((error as Error).message);
    }
  }
  connection.close();
}

/** So that "one in ten" does not keep step with a list of requests taken in turn. */
const spread = (n: number): number => Math.imul(n, 0x9e3779b1) >>> 0;
