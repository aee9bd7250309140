import type { NumberRow, Unit } from '../fhir/extract.ts';
import { type Extracted, MAX_STRING, type StringRow } from '../fhir/extract-shape.ts';
import { laterWords } from '../fhir/extract-string.ts';
import type { DateValue, NumberValue, Term, WholeMatch } from '../fhir/query.ts';
import { foldString, tokenTextKey } from '../fhir/terms.ts';
import { type CanonicalUnit, canonicalUnit, UCUM_SYSTEM } from '../fhir/ucum.ts';

/**
 * Dates, strings, numbers and quantities on what a version would be found by: the same comparisons as
 * the conditions of search-sql-values.ts, to the bit.
 */

type OfKind<Kind extends Term['kind']> = Extract<Term, { kind: Kind }>;

interface Range {
  lo: number;
  hi: number;
}

/** R4 3.1.1.4.7. */
export function dateFits({ lo, hi }: Range, asked: DateValue): boolean {
  switch (asked.prefix) {
    case 'eq':
      return lo >= asked.lo && hi <= asked.hi;
    case 'ne':
      return lo < asked.lo || hi > asked.hi;
    case 'gt':
      return hi > asked.hi;
    case 'ge':
      return hi > asked.hi || lo >= asked.lo;
    case 'lt':
      return lo < asked.lo;
    case 'le':
      return lo < asked.lo || (lo <= asked.hi && hi <= asked.hi);
    case 'sa':
      return lo > asked.hi;
    case 'eb':
      return hi < asked.lo;
    case 'ap':
      return lo <= asked.hi && hi >= asked.lo;
  }
}

export function datesFit({ main, dates }: Extracted, term: OfKind<'date'>): boolean {
  const { date } = main;
  const ranges = term.main
    ? [...(date ? [date] : [])]
    : dates.filter(({ key }) => term.keys.includes(key));
  return ranges.some((range) => term.values.some((value) => dateFits(range, value)));
}

/** A moment to the millisecond, as `_lastUpdated` compares it: a version key is no period. */
export function momentFits(at: number, { values }: OfKind<'lastUpdated'>): boolean {
  const moment = { lo: at, hi: at };
  // `ap` is the widened range; all else says the same of a moment as of a period.
  return values.some((value) => dateFits(moment, value));
}

/** Behind every text that begins with the value. */
const LAST = '\u{10FFFF}';
const begins = (text: string, value: string): boolean =>
  text.startsWith(value) && !text.startsWith(value + LAST);

function wholly(whole: WholeMatch, text: string, value: string): boolean {
  switch (whole) {
    case 'begins':
      return begins(text, value);
    case 'ends':
      return text.endsWith(value);
    case 'equals':
      return text === value;
    case 'differs':
      return text !== value;
  }
}

export function stringsFit({ strings }: Extracted, term: OfKind<'string'>): boolean {
  const { keys, match, values, whole } = term;
  const fits = ({ value: text, part }: StringRow, value: string): boolean => {
    if (whole) return !part && wholly(whole, text, value);
    return match === 'contains' ? !part && text.includes(value) : begins(text, value);
  };
  return strings.some((row) => keys.includes(row.key) && values.some((value) => fits(row, value)));
}

export function exactFits({ strings }: Extracted, { keys, values }: OfKind<'exact'>): boolean {
  return strings.some(
    ({ key, value: text, original = text, part }) =>
      !part &&
      keys.includes(key) &&
      values.some((value) => original === value && text === foldString(value)),
  );
}

const TOKEN_TEXT = tokenTextKey('');

/** A token's text is found at the beginning of any of its words, a uri at its own. */
export function textsFit({ texts }: Extracted, { keys, values }: OfKind<'texts'>): boolean {
  return texts.some(({ key, value: text }) => {
    if (!keys.includes(key)) return false;
    const kept = text.slice(0, MAX_STRING);
    const starts = key.endsWith(TOKEN_TEXT) ? [kept, ...laterWords(kept)] : [kept];
    return starts.some((start) => values.some((value) => begins(start, value)));
  });
}

/** R4 3.1.1.4.5 and .6: equality means within the text's precision, order means the value itself. */
function numberFits(
  { lo: low, hi: high }: Range,
  { prefix, value, lo, hi }: NumberValue,
  n: (x: number) => number,
): boolean {
  const ranged = high - low > 0;
  switch (prefix) {
    case 'eq':
      return low >= n(lo) && low < n(hi) && high < n(hi);
    case 'ne':
      return low < n(lo) || high >= n(hi);
    case 'gt':
      return low > n(value) || (ranged && high > n(value));
    case 'ge':
      return low >= n(value) || (ranged && high >= n(value));
    case 'lt':
      return low < n(value);
    case 'le':
      return low <= n(value);
    case 'sa':
      return low > n(value);
    case 'eb':
      return low < n(value) && high < n(value);
    case 'ap':
      return low <= n(hi) && high >= n(lo);
  }
}

const canonicalOf = ({ system, code }: Unit): CanonicalUnit | undefined =>
  system === UCUM_SYSTEM && code !== undefined ? canonicalUnit(code) : undefined;

/** As in search-sql-values.ts: bounds are moved by less than conversions blur. */
const NOISE = 1e-12;

function quantityFits(row: NumberRow, asked: NumberValue): boolean {
  const { unit } = asked;
  if (!unit) return numberFits(row, asked, (x) => x);
  const canon = canonicalOf(unit);
  if (!canon) return hasUnit(row.unit, unit) && numberFits(row, asked, (x) => x);
  const own = row.unit && canonicalOf(row.unit);
  if (own?.canon !== canon.canon) return false;
  const { prefix } = asked;
  const by = prefix === 'gt' || prefix === 'sa' || prefix === 'le' ? NOISE : -NOISE;
  return numberFits(row, asked, (x) => {
    const there = x * canon.factor + canon.shift;
    return (there + Math.abs(there) * by - own.shift) / own.factor;
  });
}

/** R4 3.1.1.4.11: with a system the code counts; without one the code or the printed unit. */
function hasUnit(own: Unit | undefined, { system, code }: Unit): boolean {
  if (!own) return false;
  if (system !== undefined && own.system !== system) return false;
  if (code === undefined || own.code === code) return true;
  return system === undefined && own.unit === code;
}

export function numbersFit({ numbers }: Extracted, { keys, values }: OfKind<'number'>): boolean {
  return numbers.some(
    (row) => keys.includes(row.key) && values.some((value) => quantityFits(row, value)),
  );
}

/** Two ranged components of one element in one row: each compares with its own end. */
export function pairFits({ numbers }: Extracted, { keys, first, second }: OfKind<'pair'>): boolean {
  const is = (x: number, asked: NumberValue): boolean =>
    numberFits({ lo: x, hi: x }, asked, (bound) => bound);
  return numbers.some(({ key, lo, hi }) => keys.includes(key) && is(lo, first) && is(hi, second));
}

/** Mean radius of the Earth. */
const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;

/** R4 Location `near`: the distance along the sphere. */
export function nearFits({ numbers }: Extracted, term: OfKind<'near'>): boolean {
  const { latitude, longitude, km } = term;
  const sine = (degrees: number): number => Math.sin(degrees * RADIANS);
  const cosine = (degrees: number): number => Math.cos(degrees * RADIANS);
  return numbers.some(({ key, lo, hi }) => {
    if (key !== term.key) return false;
    const half =
      sine((lo - latitude) / 2) ** 2 +
      cosine(latitude) * cosine(lo) * sine((hi - longitude) / 2) ** 2;
    return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(half))) <= km;
  });
}
