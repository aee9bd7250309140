import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { FhirError } from '../fhir/error.ts';
import type { Budget, Release } from './budget.ts';
import { garbled, inflated } from './inflate.ts';

/** Bodies up to this size need no admission: the number of connections bounds their sum. */
const SMALL_BYTES = 64 * 1024;
/** A body that holds room must not pause longer than this, ms. */
const PAUSE_MS = 5000;
/** And it must come at a pace at which all that it announced is there in this time, ms. */
const WHOLE_MS = 120_000;

export interface Body {
  bytes: Buffer;
  /** Gives the memory budget back; to be called when the request is answered. */
  release: () => void;
}

/**
 * Reads a request body straight from the socket, at most `limit` bytes, counted after decompression.
 * A body that announces more is refused before a byte of it is read; one that does not say stops
 * where it passes the limit. Throws FhirError too-large, busy (no room within the waiting time),
 * timeout (too slow while it holds room), unsupported-media (encoding), invalid (cut off, garbled).
 */
export async function readBody(
  incoming: IncomingMessage,
  limit: number,
  budget: Budget,
): Promise<Body> {
  const announced = incoming.headers['content-length'];
  const length = announced === undefined ? undefined : Number(announced);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    const source = inflated(incoming, encoding);
    return readLarge(source, { limit, budget, incoming, broken: garbled });
  }
  if (length !== undefined && length <= SMALL_BYTES) {
    return { bytes: await collect(incoming, limit), release: nothing };
  }
  const known = length === undefined ? {} : { length };
  return readLarge(incoming, { limit, budget, incoming, broken: cutOff, ...known });
}

function collect(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: FhirError): void => {
      incoming.removeListener('data', take);
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) return fail(tooLarge(limit));
      chunks.push(chunk);
    };
    if (incoming.destroyed) return fail(cutOff());
    incoming.on('data', take);
    incoming.once('end', () =>
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
    );
    incoming.once('error', () => fail(cutOff()));
    incoming.once('close', () => incoming.complete || fail(cutOff()));
  });
}

interface Large {
  limit: number;
  budget: Budget;
  /** What the body announced. */
  length?: number;
  incoming: IncomingMessage;
  /** What a failing source means. */
  broken: () => FhirError;
}

/**
 * Room is asked for only when more than a small body has come, so that who announces much and sends
 * nothing holds nothing; afterwards the body must keep its pace.
 */
async function readLarge(source: Readable, large: Large): Promise<Body> {
  const { limit, budget, length, incoming, broken } = large;
  const chunks: Buffer[] = [];
  let size = 0;
  let release: Release = nothing;
  let since: number | undefined;
  // The iterator would destroy the socket, and with it the answer to what goes wrong here.
  const next = source.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const wait = since === undefined ? undefined : patience(since, size, length);
      const { done, value } = await within(next.next(), wait);
      if (done) break;
      const chunk = value as Buffer;
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
      if (since !== undefined || size <= SMALL_BYTES) continue;
      release = await budget.acquire(length ?? limit);
      since = performance.now();
    }
    // A body that did not say how large it is holds no more than it is.
    release(size);
    return { bytes: Buffer.concat(chunks, size), release };
  } catch (error) {
    release();
    incoming.resume();
    throw error instanceof FhirError ? error : broken();
  }
}

/** How long the next piece may take, ms: a pause, or less where the body is behind its pace. */
function patience(since: number, size: number, length: number | undefined): number {
  const expected = length ?? SMALL_BYTES * (WHOLE_MS / PAUSE_MS);
  const due = since + PAUSE_MS + (size / expected) * WHOLE_MS;
  return Math.max(1, Math.min(PAUSE_MS, due - performance.now()));
}

function within<T>(promise: Promise<T>, ms: number | undefined): Promise<T> {
  if (ms === undefined) return promise;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(tooSlow()), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const cutOff = (): FhirError =>
  new FhirError('invalid', 'The connection ended before the body was complete.');

const tooSlow = (): FhirError =>
  new FhirError('timeout', 'The body comes too slowly. Send it in parts, or over a faster line.');

function tooLarge(limit: number): FhirError {
  const megabytes = Math.floor((limit / 1024 / 1024) * 10) / 10;
  return new FhirError(
    'too-large',
    `The body is larger than ${megabytes} MB. Send it in parts, or raise KILN_BODY_LIMIT.`,
  );
}

function nothing(): void {}
