import { createHmac, timingSafeEqual } from 'node:crypto';
import { FhirError } from '../fhir/error.ts';

const MAC_BYTES = 12;

const sign = (secret: string, text: string): Buffer =>
  createHmac('sha256', secret).update(text).digest().subarray(0, MAC_BYTES);

/**
 * A page position as the client carries it: nothing is kept on the server. `scope` is what the
 * position belongs to (the query, the history); a cursor is refused anywhere else.
 */
export function encodeCursor(secret: string, scope: string, position: unknown[]): string {
  const text = JSON.stringify(position);
  return Buffer.concat([sign(secret, `${scope}\n${text}`), Buffer.from(text)]).toString(
    'base64url',
  );
}

/** Throws FhirError invalid for a cursor that was altered or belongs to another query. */
export function decodeCursor(secret: string, scope: string, cursor: string): unknown[] {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.subarray(MAC_BYTES).toString();
  const mac = bytes.subarray(0, MAC_BYTES);
  // The decoder overlooks letters that are none of its alphabet.
  const whole = mac.length === MAC_BYTES && bytes.toString('base64url') === cursor;
  if (whole && timingSafeEqual(mac, sign(secret, `${scope}\n${text}`))) {
    return JSON.parse(text) as unknown[];
  }
  throw new FhirError(
    'invalid',
    'The page link does not belong to this query or was altered; start again from the first page.',
  );
}
