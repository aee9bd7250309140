import { type DateRange, dateRange, periodRange, type TimingLike, timingRange } from './date.ts';
import { isNumber, numberValue } from './decimal.ts';
import { sampledBounds } from './extract-sampled.ts';
import type { Extracted, NumberRow, Sink, SinkScope, Unit } from './extract-shape.ts';
import type { JsonValue } from './types.ts';

/** Rows of date, number and quantity parameters (R4 3.1.1.4.7, 3.1.1.4.6, 3.1.1.4.11). */

const CURRENCIES = 'urn:iso:std:iso:4217';

interface QuantityLike {
  value?: JsonValue;
  comparator?: unknown;
  system?: unknown;
  code?: unknown;
  unit?: unknown;
}

type ToRange = (value: unknown, zone: number) => DateRange | undefined;

const periodOf: ToRange = (value, zone) => {
  const { start, end } = value as { start?: unknown; end?: unknown };
  return periodRange(start, end, zone);
};

const textRange: ToRange = (value, zone) =>
  typeof value === 'string' ? dateRange(value, zone) : undefined;

const dates: Record<string, ToRange> = {
  date: textRange,
  dateTime: textRange,
  instant: textRange,
  Period: periodOf,
  Timing: (value, zone) => timingRange(value as TimingLike, zone),
};

/**
 * The sink of a date parameter for values of the FHIR type. With `main`, the first value goes to
 * `main.date` and only further ones to rows.
 */
export function dateSink(type: string, scope: SinkScope, main: boolean): Sink | undefined {
  const toRange = dates[type];
  const { key, zone } = scope;
  if (!toRange) return undefined;
  return (value, out) => {
    const range = toRange(value, zone);
    if (!range) return;
    if (main && !out.main.date) out.main.date = range;
    else out.dates.push({ key, lo: range.lo, hi: range.hi });
  };
}

function toNumber(value: unknown): number | undefined {
  return isNumber(value as JsonValue) ? numberValue(value as number) : undefined;
}

function unitOf({ system, code, unit }: QuantityLike): Unit | undefined {
  const found: Unit = {};
  if (typeof system === 'string') found.system = system;
  if (typeof code === 'string') found.code = code;
  if (typeof unit === 'string') found.unit = unit;
  return Object.keys(found).length > 0 ? found : undefined;
}

function add(out: Extracted, row: NumberRow, unit: Unit | undefined): void {
  out.numbers.push(unit ? { ...row, unit } : row);
}

/** More than conversions between units blur (search-sql-values.ts), less than any measurement tells. */
const NEXT = 1e-10;

/** A little towards minus infinity, so that `< 5` does not hold 5, not even as 5000 of another unit. */
const below = (value: number): number => value - Math.max(Math.abs(value) * NEXT, Number.MIN_VALUE);

/** `Quantity.comparator` opens one end. */
function bounds(value: number, comparator: unknown): [lo: number, hi: number] {
  switch (comparator) {
    case '<':
      return [Number.NEGATIVE_INFINITY, below(value)];
    case '<=':
      return [Number.NEGATIVE_INFINITY, value];
    case '>=':
      return [value, Number.POSITIVE_INFINITY];
    case '>':
      return [-below(-value), Number.POSITIVE_INFINITY];
    default:
      return [value, value];
  }
}

function quantitySinkOf({ key }: SinkScope): Sink {
  return (found, out) => {
    const quantity = found as QuantityLike;
    const value = toNumber(quantity.value);
    if (value === undefined) return;
    const [lo, hi] = bounds(value, quantity.comparator);
    add(out, { key, lo, hi }, unitOf(quantity));
  };
}

/** Money: the currency is a code of ISO 4217. */
function moneySink({ key }: SinkScope): Sink {
  return (found, out) => {
    const { value, currency } = found as { value?: unknown; currency?: unknown };
    const number = toNumber(value);
    if (number === undefined) return;
    const unit = typeof currency === 'string' ? { system: CURRENCIES, code: currency } : undefined;
    add(out, { key, lo: number, hi: number }, unit);
  };
}

/** Range: an absent end is open (R4 2.24.0.7). */
function rangeSink({ key }: SinkScope): Sink {
  return (found, out) => {
    const { low, high } = found as { low?: QuantityLike; high?: QuantityLike };
    const lo = toNumber(low?.value);
    const hi = toNumber(high?.value);
    if (lo === undefined && hi === undefined) return;
    const row = { key, lo: lo ?? Number.NEGATIVE_INFINITY, hi: hi ?? Number.POSITIVE_INFINITY };
    add(out, row, unitOf(low ?? {}) ?? unitOf(high ?? {}));
  };
}

/** The unit is that of the origin. */
function sampledSink({ key }: SinkScope): Sink {
  return (found, out) => {
    const range = sampledBounds(found);
    if (!range) return;
    const [lo, hi] = range;
    add(out, { key, lo, hi }, unitOf((found as { origin: QuantityLike }).origin));
  };
}

function plainSink({ key }: SinkScope): Sink {
  return (value, out) => {
    const number = toNumber(value);
    if (number !== undefined) out.numbers.push({ key, lo: number, hi: number });
  };
}

/** A place (`near`): latitude and longitude in one row. */
function positionSink({ key }: SinkScope): Sink {
  return (found, out) => {
    const { latitude, longitude } = found as { latitude?: unknown; longitude?: unknown };
    const lo = toNumber(latitude);
    const hi = toNumber(longitude);
    if (lo !== undefined && hi !== undefined) out.numbers.push({ key, lo, hi });
  };
}

/** The sink of a special parameter for values of the FHIR type: of `near`. */
export function specialSink(type: string, scope: SinkScope): Sink | undefined {
  return type === 'Location.position' ? positionSink(scope) : undefined;
}

const numbers: Record<string, (scope: SinkScope) => Sink> = {
  integer: plainSink,
  positiveInt: plainSink,
  unsignedInt: plainSink,
  decimal: plainSink,
  Money: moneySink,
  Range: rangeSink,
  SampledData: sampledSink,
};
for (const type of ['Quantity', 'SimpleQuantity', 'MoneyQuantity', 'Age', 'Count', 'Distance']) {
  numbers[type] = quantitySinkOf;
}
numbers.Duration = quantitySinkOf;

/** The sink of a number or quantity parameter for values of the FHIR type; undefined where it has none. */
export function numberSink(type: string, scope: SinkScope): Sink | undefined {
  return numbers[type]?.(scope);
}
