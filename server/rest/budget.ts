import { FhirError } from '../fhir/error.ts';

/** Gives room back, all but `keep` bytes of it; may be called again. */
export type Release = (keep?: number) => void;

/** Takes part of the budget; the answer gives it back. */
export interface Budget {
  acquire(bytes: number): Promise<Release>;
}

interface Waiting {
  bytes: number;
  admit: () => void;
}

/** How many large bodies may wait for room; the next one is told to come back. */
const QUEUE_MAX = 200;

/**
 * Bounds the bytes of large bodies that are in memory at one time, before they are read: parsing
 * needs several times their size. Those that do not fit wait in order, at most `waitMs`.
 *
 * @param total bytes; a single body larger than this is admitted when it is alone
 */
export function createBudget(total: number, waitMs: number): Budget {
  let free = total;
  const queue: Waiting[] = [];

  const admitWaiting = (): void => {
    for (let next = queue[0]; next && next.bytes <= free; next = queue[0]) {
      queue.shift();
      free -= next.bytes;
      next.admit();
    }
  };
  const releaser = (bytes: number): Release => {
    let held = bytes;
    return (keep = 0) => {
      const kept = Math.min(keep, held);
      free += held - kept;
      held = kept;
      admitWaiting();
    };
  };
  const wait = (bytes: number): Promise<Release> =>
    new Promise((resolve, reject) => {
      const entry: Waiting = { bytes, admit: () => {} };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(entry), 1);
        reject(tooBusy());
        admitWaiting();
      }, waitMs);
      entry.admit = () => {
        clearTimeout(timer);
        resolve(releaser(bytes));
      };
      queue.push(entry);
    });

  return {
    async acquire(wanted) {
      const bytes = Math.min(wanted, total);
      if (queue.length === 0 && bytes <= free) {
        free -= bytes;
        return releaser(bytes);
      }
      if (queue.length >= QUEUE_MAX) throw tooBusy();
      return wait(bytes);
    },
  };
}

const tooBusy = (): FhirError =>
  new FhirError('busy', 'Too many large bodies are being handled. Try again shortly.');
