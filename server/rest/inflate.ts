import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { FhirError } from '../fhir/error.ts';

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

/**
 * The bytes of a compressed body, inflated as they are asked for: what is not read is not made, so
 * a bomb stops at the reader's limit (RFC 9110 8.4.1). The stream fails where the body is garbled or
 * cut off (`garbled`). Throws FhirError unsupported-media for other encodings.
 */
export function inflated(incoming: IncomingMessage, encoding: string): Readable {
  const name = encoding.trim().toLowerCase();
  const decoder = Object.hasOwn(decoders, name) ? decoders[name]?.() : undefined;
  if (!decoder) {
    const what = `Content-Encoding "${encoding.slice(0, 80)}" is not taken.`;
    throw new FhirError('unsupported-media', `${what} Send gzip, deflate, or none.`);
  }
  // Not `pipeline`, which would close the socket before the refusal is sent.
  incoming.pipe(decoder);
  incoming.once('close', () => incoming.complete || decoder.destroy());
  return decoder;
}

/** What is wrong with a body that does not inflate. */
export const garbled = (): FhirError =>
  new FhirError('invalid', 'The body is cut off, or not encoded as Content-Encoding says.');
