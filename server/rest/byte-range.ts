import type { IncomingMessage } from 'node:http';

/** First and last byte, both counted from 0. */
export interface ByteRange {
  first: number;
  last: number;
}

const RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * The part of so many bytes that a GET asks for (RFC 9110 14.2); undefined where the whole is to be sent:
 * a server may ignore ranges, and so it does with lists of them, with those that it does not understand
 * and with If-Range, as versions here have weak tags only (13.1.5).
 */
export function byteRange(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  length: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = RANGE.exec(headers.range ?? '') ?? [];
  const isAsked = from !== '' || to !== '';
  if (method !== 'GET' || !isAsked || headers['if-range'] !== undefined) return undefined;
  if (from === '') return suffix(Number(to), length);
  const [first, last] = [Number(from), to === '' ? Number.POSITIVE_INFINITY : Number(to)];
  if (last < first) return undefined;
  return first < length ? { first, last: Math.min(last, length - 1) } : 'unsatisfiable';
}

const suffix = (count: number, length: number): ByteRange | 'unsatisfiable' =>
  count === 0 || length === 0
    ? 'unsatisfiable'
    : { first: Math.max(0, length - count), last: length - 1 };
