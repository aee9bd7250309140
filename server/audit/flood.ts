import type { Entry } from './types.ts';

const WINDOW_MS = 60_000;
/** Of one kind from one network in a minute: these are written one by one. */
const EACH = 60;
/** Of all networks together. */
const ALL = 6000;
/** Networks told apart in a minute. */
const NETWORKS = 10_000;

interface Held {
  count: number;
  held: number;
  entry: Entry;
}

export interface FloodOptions {
  /** Takes the events that stand for many, at the end of the minute. */
  note(entry: Entry): void;
  /** Unix milliseconds. */
  now?: () => number;
}

/**
 * Refused requests of nobody known cost their sender nothing, and must not fill the journal: those
 * beyond the first in a minute are counted, and written as one event when the minute is over.
 */
export class Flood {
  readonly #note: (entry: Entry) => void;
  readonly #now: () => number;
  #seen = new Map<string, Held>();
  #admitted = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ note, now = Date.now }: FloodOptions) {
    this.#note = note;
    this.#now = now;
  }

  /** Whether an event is to be written by itself; if not, it is counted here. */
  admits(entry: Entry): boolean {
    if (entry.agent.kind !== 'anonymous' || entry.outcome !== 4) return true;
    const now = this.#now();
    if (now - this.#since >= WINDOW_MS) this.#begin(now);
    const seen = this.#of(entry);
    seen.count += 1;
    if (seen.count <= EACH && this.#admitted < ALL) {
      this.#admitted += 1;
      return true;
    }
    seen.held += 1;
    this.#timer ??= setTimeout(() => this.end(), this.#since + WINDOW_MS - now).unref();
    return false;
  }

  /** Writes what was counted so far. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { held, entry } of this.#seen.values()) {
      if (held > 0) this.#note(summaryOf(entry, held));
    }
    this.#seen = new Map();
  }

  #begin(now: number): void {
    this.end();
    this.#since = now;
    this.#admitted = 0;
  }

  #of({ kind, agent }: Entry): Held {
    const network = networkOf(agent.address);
    const key = `${kind} ${network}`;
    const known = this.#seen.get(key);
    if (known) return known;
    const full = this.#seen.size >= NETWORKS;
    const fresh = { count: 0, held: 0, entry: anonymous(kind, full ? undefined : network) };
    const place = full ? `${kind} of others` : key;
    const seen = this.#seen.get(place) ?? fresh;
    this.#seen.set(place, seen);
    return seen;
  }
}

function anonymous(kind: Entry['kind'], address: string | undefined): Entry {
  const agent = { kind: 'anonymous', ...(address !== undefined && { address }) } as const;
  return { kind, outcome: 4, agent };
}

function summaryOf(entry: Entry, count: number): Entry {
  const text = 'Refused requests of the last minute beyond those that are noted one by one.';
  return { ...entry, detail: { text, count } };
}

/** An IPv4 address, or the /64 of an IPv6 address, which is one subscriber. */
function networkOf(address: string | undefined): string | undefined {
  if (!address?.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
