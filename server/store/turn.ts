/** How long a piece of work may keep everybody else waiting, ms. */
const TURN_MS = 10;

/**
 * Shares the event loop: long work over many items asks before each item, and where its turn is over
 * waits until the others had theirs. Work that goes on side by side may share one turn.
 */
export class Turn {
  #since = performance.now();
  #pause: Promise<void> | undefined;

  /** Undefined while the turn lasts; else to be awaited. */
  over(): Promise<void> | undefined {
    if (this.#pause) return this.#pause;
    if (performance.now() - this.#since < TURN_MS) return undefined;
    this.#pause = new Promise((resolve) => {
      setImmediate(() => {
        this.#since = performance.now();
        this.#pause = undefined;
        resolve();
      });
    });
    return this.#pause;
  }
}
