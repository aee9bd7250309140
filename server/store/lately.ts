/** For so long something is remembered, in milliseconds. */
const REMEMBERED = 60_000;
const MOST = 1000;

/**
 * What was found out lately and need not be found out again: kept for a minute, of a thousand things at
 * most. Only for what makes a search faster, never for what it finds.
 */
export class Lately {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  /** `now`: milliseconds that only go forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  has(what: string): boolean {
    const until = this.#until.get(what);
    return until !== undefined && until > this.#now();
  }

  add(what: string): void {
    this.#until.delete(what);
    this.#until.set(what, this.#now() + REMEMBERED);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MOST && oldest !== undefined) this.#until.delete(oldest);
  }
}
