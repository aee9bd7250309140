import { FhirError } from '../fhir/error.ts';

const SLOT_BITS = 8n;
const COUNTER_BITS = 12n;
const COUNTERS = 1 << 12;
const SHIFT = SLOT_BITS + COUNTER_BITS;

/** Unix milliseconds of a version key: meta.lastUpdated. */
export function vidTime(vid: bigint): number {
  return Number(vid >> SHIFT);
}

/** The smallest version key of a millisecond. */
export function vidFloor(ms: number): bigint {
  return BigInt(Math.min(Math.max(ms, 0), 8.64e12)) << SHIFT;
}

/**
 * Makes version keys: (unix ms << 20) | (process slot << 12) | counter. They rise within a process
 * even when the machine's clock steps back, and never repeat between processes, because each holds
 * a leased slot of its own.
 */
export class VersionClock {
  #slot = 0n;
  #leasedUntil = 0;
  #ms = 0;
  #counter = 0;

  /** Called by the lease keeper; `until` is in unix ms of this machine's clock. */
  lease(slot: number, until: number): void {
    this.#slot = BigInt(slot);
    this.#leasedUntil = until;
  }

  /**
   * The next version key, later than `after` (the version it replaces) as well.
   * Throws FhirError busy when the slot's lease has run out: another process may hold it by now.
   */
  next(after = 0n): bigint {
    const now = Date.now();
    if (now > this.#leasedUntil) {
      throw new FhirError('busy', 'The server has lost its lease on the database; try again soon.');
    }
    const floor = vidTime(after) + (after === 0n ? 0 : 1);
    const ms = Math.max(now, this.#ms, floor);
    if (ms > this.#ms) {
      this.#ms = ms;
      this.#counter = 0;
    } else if (++this.#counter === COUNTERS) {
      this.#ms++;
      this.#counter = 0;
    }
    return (BigInt(this.#ms) << SHIFT) | (this.#slot << COUNTER_BITS) | BigInt(this.#counter);
  }
}
