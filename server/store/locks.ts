/**
 * Turns of use by key inside this process: writers of one resource queue here instead of failing
 * each other's version checks in the database. Only an economy: between processes the checks decide.
 */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` while holding all keys; taken in sorted order, so that no two callers deadlock. */
  hold<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    return keys.length === 0 ? work() : this.#holdAll(keys, work);
  }

  async #holdAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const sorted = [...new Set(keys)].sort();
    const releases: (() => void)[] = [];
    try {
      for (const key of sorted) releases.push(await this.#take(key));
      return await work();
    } finally {
      for (const release of releases) release();
    }
  }

  async #take(key: string): Promise<() => void> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    if (before) await before;
    return () => {
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
      resolve();
    };
  }
}
