import { type Client, createClient, ServerAway } from './client.ts';
import { deliver } from './deliver.ts';
import type { Input } from './files.ts';
import { inStages } from './order.ts';
import { type Read, readInput } from './read.ts';
import type { Report } from './report.ts';
import type { Shipment } from './shipment.ts';
import type { TokenSource } from './token.ts';

export interface LoadOptions {
  base: string;
  /** Requests under way at one time. */
  connections: number;
  /** ms */
  patience: number;
  /** Unix ms by the server's clock; see `deliver`. */
  since: number;
  report: Report;
  onFile: () => void;
  /** Aborted: what is under way is finished, nothing new begun. */
  signal: AbortSignal;
  /** Where the server asks who calls. */
  tokens?: TokenSource | undefined;
}

/** A part of a file on its way. */
interface Parcel {
  file: OpenFile;
  shipment: Shipment;
}

interface OpenFile {
  path: string;
  /** Parcels under way, and one for the reader. */
  pending: number;
}

/**
 * Loads the files, stage by stage. Resolves when everything is stored or refused, or the signal is
 * aborted; rejects with ServerAway.
 */
export async function load(inputs: readonly Input[], options: LoadOptions): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const client = createClient({ ...options, signal });
  for (const stage of await inStages(inputs)) {
    const parcels = parcelsOf(stage, options);
    const lanes = new Lanes();
    const work = Array.from({ length: options.connections }, async () => {
      for await (const parcel of parcels) {
        if (signal.aborted) return;
        await lanes.inTurn(parcel.shipment, () => send(client, parcel, options));
      }
    });
    const ends = await Promise.allSettled(work.map((each) => each.catch(failing(stop))));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (signal.aborted) return;
  }
}

/** Nothing is begun any more once the server is given up; being told to stop is no failure. */
function failing(stop: AbortController): (error: unknown) => void {
  return (error) => {
    const told = (error as Error).name === 'AbortError';
    stop.abort();
    if (!told) throw error;
  };
}

async function send(
  client: Client,
  { file, shipment }: Parcel,
  options: LoadOptions,
): Promise<void> {
  try {
    options.report.add(file.path, await deliver(client, shipment, options.since));
  } catch (error) {
    if (error instanceof ServerAway) error.message += ` Stopped at ${file.path}.`;
    throw error;
  }
  closeOne(file, options);
}

function closeOne(file: OpenFile, { onFile }: LoadOptions): void {
  file.pending -= 1;
  if (file.pending === 0) onFile();
}

/** Read on demand, so that no more is in memory than is being sent. */
async function* parcelsOf(inputs: readonly Input[], options: LoadOptions): AsyncGenerator<Parcel> {
  for (const input of inputs) {
    const file: OpenFile = { path: input.path, pending: 1 };
    for await (const read of readInput(input)) {
      if (options.signal.aborted) return;
      if ('shipment' in read) {
        file.pending += 1;
        yield { file, shipment: read.shipment };
      } else note(options.report, input.path, read);
    }
    closeOne(file, options);
  }
}

function note(report: Report, file: string, read: Exclude<Read, { shipment: Shipment }>): void {
  if ('skipped' in read) report.skipped.push({ file, why: read.skipped });
  else report.unreadable(file, read.at, read.why);
}

/** Shipments that write the same resource go one after the other, in the order of the files. */
class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();

  async inTurn(shipment: Shipment, work: () => Promise<void>): Promise<void> {
    const urls = shipment.entries.flatMap((shipped) => urlOf(shipped));
    const before = urls.flatMap((url) => this.#last.get(url) ?? []);
    const done = Promise.all(before).then(work);
    const settled = done.catch(() => {});
    for (const url of urls) this.#last.set(url, settled);
    try {
      await done;
    } finally {
      for (const url of urls) if (this.#last.get(url) === settled) this.#last.delete(url);
    }
  }
}

function urlOf({ entry, once }: Shipment['entries'][number]): string[] {
  const { method, url } = (entry?.['request'] ?? {}) as Record<string, unknown>;
  const writes = once === undefined && method !== 'POST' && method !== 'GET';
  return writes && typeof url === 'string' ? [url] : [];
}
