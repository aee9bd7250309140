/**
 * Dates as periods (R4 2.24.0.1 date, dateTime, instant; 3.1.1.4.7 date search): every text denotes
 * an interval of time, as long as its precision. Bounds are unix milliseconds, both inclusive.
 */

export interface DateRange {
  lo: number;
  /** The last millisecond that belongs to the period. */
  hi: number;
}

export type DatePrecision = 'year' | 'month' | 'day' | 'minute' | 'second' | 'fraction';

export interface SearchDate extends DateRange {
  precision: DatePrecision;
}

/** The ends of JavaScript's time line, for periods that are open on one side. */
export const MIN_MS = -8.64e15;
export const MAX_MS = 8.64e15;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** R4 limits zones to +-14:00. */
const MAX_ZONE_MINUTES = 14 * 60;
const DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The two digits at `at`, or NaN, so that a fault shows in every later comparison. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return DAYS[month] ?? Number.NaN;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Days since 1970-01-01 of a proleptic Gregorian date; Date.UTC maps the years 0-99 elsewhere. */
function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leaps + dayOfYear - 719_468;
}

/** Minutes east of UTC that the zone at `at` states, `fallback` without one, NaN where malformed. */
function zoneAt(text: string, at: number, fallback: number): number {
  if (at === text.length) return fallback;
  const sign = text[at];
  if (sign === 'Z') return at + 1 === text.length ? 0 : Number.NaN;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':') {
    return Number.NaN;
  }
  const minutes = two(text, at + 4);
  const offset = two(text, at + 1) * 60 + minutes;
  if (!(minutes <= 59 && offset <= MAX_ZONE_MINUTES)) return Number.NaN;
  return sign === '+' ? offset : -offset;
}

/** From the first digit after the point: `[first ms, last ms, position of the zone]`. */
function fractionAt(text: string, start: number): [number, number, number] {
  let at = start;
  let ms = 0;
  let unit = 100;
  for (; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) break;
    ms += digit * unit;
    unit = Math.floor(unit / 10);
  }
  if (at === start) return [Number.NaN, Number.NaN, at];
  const digits = at - start;
  return [ms, digits === 1 ? ms + 99 : digits === 2 ? ms + 9 : ms, at];
}

const range = (lo: number, length: number, precision: DatePrecision): SearchDate | undefined =>
  Number.isNaN(lo) ? undefined : { lo, hi: lo + length - 1, precision };

/** The part from `T` on, for the day that starts at `dayMs` (UTC). */
function withTime(text: string, dayMs: number, fallback: number): SearchDate | undefined {
  const hour = two(text, 11);
  const minute = two(text, 14);
  if (text[10] !== 'T' || text[13] !== ':' || !(hour <= 23 && minute <= 59)) return undefined;
  const base = dayMs + (hour * 60 + minute) * MINUTE_MS;
  if (text[16] !== ':') {
    return range(base - zoneAt(text, 16, fallback) * MINUTE_MS, MINUTE_MS, 'minute');
  }
  // A leap second (60) is allowed by the type; it falls on the first second of the next minute.
  const second = two(text, 17);
  if (!(second <= 60)) return undefined;
  if (text[19] !== '.') {
    const lo = base + second * 1000 - zoneAt(text, 19, fallback) * MINUTE_MS;
    return range(lo, 1000, 'second');
  }
  const [first, last, end] = fractionAt(text, 20);
  const lo = base + second * 1000 + first - zoneAt(text, end, fallback) * MINUTE_MS;
  return range(lo, last - first + 1, 'fraction');
}

/**
 * The period a date of a query denotes, with its precision (`ap` needs it). Partial dates and times
 * without seconds are accepted (3.1.1.4.7); texts without a zone are in `zoneOffsetMinutes`.
 * Undefined where the text is no date. A `+` that URL decoding turned into a space is the caller's.
 */
export function parseSearchDate(text: string, zoneOffsetMinutes = 0): SearchDate | undefined {
  const length = text.length;
  const year = two(text, 0) * 100 + two(text, 2);
  if (!(year >= 1)) return undefined;
  const zone = zoneOffsetMinutes * MINUTE_MS;
  if (length === 4) {
    const start = dayNumber(year, 1, 1);
    return range(start * DAY_MS - zone, (dayNumber(year + 1, 1, 1) - start) * DAY_MS, 'year');
  }
  const month = two(text, 5);
  if (text[4] !== '-' || !(month >= 1 && month <= 12)) return undefined;
  const days = daysInMonth(year, month);
  if (length === 7) {
    return range(dayNumber(year, month, 1) * DAY_MS - zone, days * DAY_MS, 'month');
  }
  const day = two(text, 8);
  if (text[7] !== '-' || !(day >= 1 && day <= days)) return undefined;
  const dayMs = dayNumber(year, month, day) * DAY_MS;
  if (length === 10) return range(dayMs - zone, DAY_MS, 'day');
  return withTime(text, dayMs, zoneOffsetMinutes);
}

/**
 * The period that a date, dateTime or instant of a resource denotes; `zoneOffsetMinutes` (east of
 * UTC) stands in where the text has no zone. Undefined where the text is no date.
 */
export function dateRange(text: string, zoneOffsetMinutes = 0): DateRange | undefined {
  const parsed = parseSearchDate(text, zoneOffsetMinutes);
  return parsed && { lo: parsed.lo, hi: parsed.hi };
}

/**
 * The bounds of a Period (R4 2.24.0.8): an absent end is open (MIN_MS, MAX_MS). Undefined where
 * neither end is a date, or where the period would end before it starts.
 */
export function periodRange(
  start?: unknown,
  end?: unknown,
  zoneOffsetMinutes = 0,
): DateRange | undefined {
  const from = typeof start === 'string' ? parseSearchDate(start, zoneOffsetMinutes) : undefined;
  const to = typeof end === 'string' ? parseSearchDate(end, zoneOffsetMinutes) : undefined;
  if (!from && !to) return undefined;
  const lo = from ? from.lo : MIN_MS;
  const hi = to ? to.hi : MAX_MS;
  return lo <= hi ? { lo, hi } : undefined;
}

/** A Timing as search needs it (R4 2.24.0.10). */
export interface TimingLike {
  event?: unknown;
  repeat?: { boundsPeriod?: { start?: unknown; end?: unknown } };
}

/**
 * The outer bounds of a Timing (3.1.1.4.7: "the outer limits"): its events and its bounding period.
 * Undefined where it states neither (`twice a day`).
 */
export function timingRange(timing: TimingLike, zoneOffsetMinutes = 0): DateRange | undefined {
  const events = Array.isArray(timing.event) ? timing.event : [];
  const ranges = events.map((event) => periodRangeOf(event, zoneOffsetMinutes));
  const bounds = timing.repeat?.boundsPeriod;
  if (bounds) ranges.push(periodRange(bounds.start, bounds.end, zoneOffsetMinutes));
  const known = ranges.filter((one) => one !== undefined);
  if (known.length === 0) return undefined;
  return {
    lo: known.reduce((lo, one) => Math.min(lo, one.lo), MAX_MS),
    hi: known.reduce((hi, one) => Math.max(hi, one.hi), MIN_MS),
  };
}

const periodRangeOf = (event: unknown, zone: number): DateRange | undefined =>
  typeof event === 'string' ? dateRange(event, zone) : undefined;
