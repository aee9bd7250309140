/** How long a piece of work may keep everybody else waiting, ms. */
const TURN_MS = 10;

/**
 * Shares the event loop: long work over many items asks before each item, and where its turn is over
 * waits until the others had theirs.
 */
export class Turn {
  #since = performance.now();

  /** Undefined while the turn lasts; else to be awaited. */
  over(): Promise<void> | undefined {
    if (performance.now() - this.#since < TURN_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#since = performance.now();
        resolve();
      });
    });
  }
}
