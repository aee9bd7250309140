import { number, type Report } from './report.ts';

/** What progress is written to: a terminal gets one line that is rewritten, a file gets lines. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const TTY_MS = 200;
const LINES_MS = 5000;

/** Shows how far a load is, until `stop`. */
export class Progress {
  files = 0;
  readonly #total: number;
  readonly #report: Report;
  readonly #output: Output;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(total: number, report: Report, output: Output) {
    this.#total = total;
    this.#report = report;
    this.#output = output;
    this.#timer = setInterval(() => this.#show(), output.isTTY ? TTY_MS : LINES_MS);
  }

  /** Since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** Ends it and answers the seconds it took. */
  stop(): number {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#output.write('\r\x1b[K');
    return this.seconds;
  }

  #show(): void {
    const text = progressText(this.#report, { done: this.files, total: this.#total }, this.seconds);
    const { isTTY, columns = 80 } = this.#output;
    this.#output.write(isTTY ? `\r\x1b[K${text.slice(0, columns - 1)}` : `${text}\n`);
  }
}

/** `12/202 files  34,567 resources  4,321/s  0 refused` */
export function progressText(
  { total, counts: { refused } }: Pick<Report, 'total' | 'counts'>,
  files: { done: number; total: number },
  seconds: number,
): string {
  const rate = Math.round(total / Math.max(seconds, 0.001));
  return [
    `${number(files.done)}/${number(files.total)} files`,
    `${number(total)} resources`,
    `${number(rate)}/s`,
    `${number(refused)} refused`,
  ].join('  ');
}
