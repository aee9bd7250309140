import type { JsonValue, RawNumber } from './types.ts';

/** The part of `JSON` that TypeScript's library does not declare yet. */
const rawJson = JSON as unknown as {
  isRawJSON(value: unknown): boolean;
  rawJSON(text: string): RawNumber;
};

const GRAMMAR = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** True for both ways a JSON tree holds a number. */
export function isNumber(value: JsonValue | undefined): value is number | RawNumber {
  return typeof value === 'number' || (typeof value === 'object' && rawJson.isRawJSON(value));
}

/** The number as it was written. */
export function numberText(value: number | RawNumber): string {
  return typeof value === 'number' ? String(value) : value.rawJSON;
}

/** The nearest float64; infinite where the text is beyond its range. */
export function numberValue(value: number | RawNumber): number {
  return typeof value === 'number' ? value : Number(value.rawJSON);
}

/**
 * A number of a JSON tree from its text: a `number` where JavaScript prints it back identically,
 * else a `RawNumber`; undefined where the text is no number of JSON and of R4 decimal.
 */
export function numberOf(text: string): number | RawNumber | undefined {
  const value = Number(text);
  if (String(value) === text && Number.isFinite(value)) return value;
  return GRAMMAR.test(text) ? rawJson.rawJSON(text) : undefined;
}

/** Half-open: `lo` belongs to the range, `hi` does not. */
export interface Range {
  lo: number;
  hi: number;
}

/**
 * The range a decimal stands for by its significant digits (R4 3.1.1.4.5): half a unit of the last
 * digit to either side, so 5.4 is [5.35, 5.45), 100 is [99.5, 100.5), 1e2 is [95, 105).
 *
 * The specification calls 1e2 one significant digit and yet gives it the range [95, 105), which is
 * that of two; its 5.4e-3 (+/- 0.00005) follows the digits. So the range of a lone digit with an
 * exponent is the printed one, and all others follow their digits.
 *
 * Bounds are computed on decimal digits and rounded to float64 once, so equal texts of a bound give
 * equal numbers. Infinite where beyond float64.
 * @throws RangeError where the text is no decimal, or longer than 1,000 characters
 */
export function impliedPrecision(text: string): Range {
  const { digits, exponent } = digitsOf(text);
  // In tenths of the last digit, half a unit is 5.
  const tenths = digits * 10n;
  return {
    lo: Number(`${tenths - 5n}e${exponent - 1}`),
    hi: Number(`${tenths + 5n}e${exponent - 1}`),
  };
}

/** A decimal as digits * 10^exponent, the last of `digits` being significant. */
function digitsOf(text: string): { digits: bigint; exponent: number } {
  const [, sign = '', whole, fraction = '', power = '0'] =
    /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/.exec(text) ?? [];
  if (whole === undefined || text.length > 1000) throw new RangeError(`not a decimal: ${text}`);
  const extra = /^[+-]?\d[eE]/.test(text) ? 1 : 0;
  const digits = BigInt(whole + fraction + '0'.repeat(extra));
  return {
    digits: sign === '-' ? -digits : digits,
    exponent: Number(power) - fraction.length - extra,
  };
}
