/**
 * Gathers single operations that arrive together into one statement (group commit): while `lanes`
 * statements are in flight, further items wait and go out together with the next. A lone item goes
 * at once, so nothing waits for a timer.
 */
export interface BatcherOptions<Item, Result> {
  /** Runs the items in one statement; results in the order of the items. */
  run(items: Item[]): Promise<Result[]>;
  /** Statements in flight at once. */
  lanes: number;
  /** Items per statement. */
  most: number;
  /** Whether a failed statement surely did nothing, so that its items may be tried one by one. */
  splits(error: unknown): boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #running = 0;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      if (this.#queue.length === 1 && this.#running < this.#options.lanes) {
        // After the current turn of the event loop: requests read from other sockets in it join.
        setImmediate(() => this.#flush());
      }
    });
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#running < this.#options.lanes) {
      const batch = this.#queue.splice(0, this.#options.most);
      this.#running++;
      this.#options
        .run(batch.map((waiting) => waiting.item))
        .then(
          (results) => {
            for (const [i, waiting] of batch.entries()) waiting.resolve(results[i] as Result);
          },
          (error) => this.#alone(batch, error),
        )
        .finally(() => {
          this.#running--;
          this.#flush();
        });
    }
  }

  /** One bad item must not fail its neighbours: after an error each is tried by itself. */
  async #alone(batch: Waiting<Item, Result>[], error: unknown): Promise<void> {
    if (batch.length === 1 || !this.#options.splits(error)) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    for (const waiting of batch) {
      await this.#options.run([waiting.item]).then(
        (results) => waiting.resolve(results[0] as Result),
        (reason) => waiting.reject(reason),
      );
    }
  }
}
