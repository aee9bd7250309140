import { isNumber, numberValue } from './decimal.ts';
import type { JsonValue } from './types.ts';

interface SampledLike {
  origin?: { value?: JsonValue };
  factor?: JsonValue;
  data?: unknown;
}

/** What the instrument says of a point that it could not measure (R4 2.24.0.12). */
const BELOW = 'L';
const ABOVE = 'U';

const DATUM = /\S+/g;

const toNumber = (value: JsonValue | undefined): number | undefined =>
  isNumber(value) ? numberValue(value as number) : undefined;

/**
 * The least and the greatest value of SampledData: "just search on the bounds of the values in sampled
 * data" (R4, `Observation.value-quantity`). A point beyond what could be measured (`L`, `U`) opens its
 * end as a comparator does; one in error (`E`) says nothing. Undefined where there is no value.
 */
export function sampledBounds(found: unknown): [lo: number, hi: number] | undefined {
  const { origin, factor, data } = found as SampledLike;
  const zero = toNumber(origin?.value);
  if (zero === undefined || typeof data !== 'string') return undefined;
  const scale = toNumber(factor) ?? 1;
  let [lo, hi] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [datum] of data.matchAll(DATUM)) {
    const value = pointOf(datum, zero, scale);
    if (Number.isNaN(value)) continue;
    lo = Math.min(lo, value);
    hi = Math.max(hi, value);
  }
  return lo <= hi ? [lo, hi] : undefined;
}

function pointOf(datum: string, zero: number, scale: number): number {
  if (datum === BELOW) return Number.NEGATIVE_INFINITY;
  if (datum === ABOVE) return Number.POSITIVE_INFINITY;
  return decimalOf(zero + Number(datum) * scale);
}

/** The decimal that was meant: 0.1 * 3 is 0.30000000000000004 in binary. */
const decimalOf = (value: number): number => Number(value.toPrecision(15));
