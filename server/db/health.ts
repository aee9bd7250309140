import { setTimeout as sleep } from 'node:timers/promises';

/** Whether the database can be used now, as far as we know. */
export interface Health {
  ready(): boolean;
  /** Calls `listener` at each change; returns a function that ends this. */
  onChange(listener: (ready: boolean) => void): () => void;
  /** Something failed: find out whether the database as a whole is gone. */
  suspect(): void;
  /** It is gone for certain. */
  lost(): void;
  /** Not ready from now on. */
  close(): void;
}

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/**
 * Watches without traffic of its own: `probe` (rejects when the database cannot be used) runs only
 * when there is a suspicion, and then until it succeeds. One broken connection alone thus turns
 * nobody away.
 */
export function createHealth(probe: () => Promise<void>): Health {
  const listeners = new Set<(ready: boolean) => void>();
  let isReady = true;
  let probing = false;
  let closed = false;

  const set = (next: boolean): void => {
    if (isReady === next) return;
    isReady = next;
    for (const listener of listeners) listener(next);
  };

  const probeUntilReady = async (): Promise<void> => {
    for (let pause = FIRST_PAUSE_MS; !closed; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      try {
        await probe();
        return set(!closed);
      } catch {
        set(false);
        await sleep(pause, undefined, { ref: false });
      }
    }
  };

  const suspect = (): void => {
    if (probing || closed) return;
    probing = true;
    void probeUntilReady().finally(() => {
      probing = false;
    });
  };

  return {
    ready: () => isReady,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    suspect,
    lost() {
      set(false);
      suspect();
    },
    close() {
      closed = true;
      set(false);
    },
  };
}
