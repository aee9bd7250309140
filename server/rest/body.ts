import type { IncomingMessage } from 'node:http';
import { FhirError } from '../fhir/error.ts';
import type { Budget } from './budget.ts';

/** Bodies up to this size need no admission: the number of connections bounds their sum. */
const SMALL_BYTES = 64 * 1024;

export interface Body {
  bytes: Buffer;
  /** Gives the memory budget back; to be called when the request is answered. */
  release: () => void;
}

/**
 * Reads a request body straight from the socket, at most `limit` bytes. A body that announces more
 * is refused before a byte of it is read; one that does not say stops where it passes the limit.
 * Throws FhirError too-large, busy (no room within the waiting time), invalid (cut off).
 */
export async function readBody(
  incoming: IncomingMessage,
  limit: number,
  budget: Budget,
): Promise<Body> {
  const announced = incoming.headers['content-length'];
  const length = announced === undefined ? undefined : Number(announced);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  if (length !== undefined && length <= SMALL_BYTES) {
    return { bytes: await collect(incoming, limit), release: nothing };
  }
  const release = await budget.acquire(length ?? limit);
  try {
    return { bytes: await collect(incoming, limit), release };
  } catch (error) {
    release();
    throw error;
  }
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
    const cutOff = (): void =>
      fail(new FhirError('invalid', 'The connection ended before the body was complete.'));
    if (incoming.destroyed) return cutOff();
    incoming.on('data', take);
    incoming.once('end', () =>
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
    );
    incoming.once('error', cutOff);
    incoming.once('close', () => incoming.complete || cutOff());
  });
}

function tooLarge(limit: number): FhirError {
  const megabytes = Math.floor((limit / 1024 / 1024) * 10) / 10;
  return new FhirError(
    'too-large',
    `The body is larger than ${megabytes} MB. Send it in parts, or raise KILN_BODY_LIMIT.`,
  );
}

function nothing(): void {}
