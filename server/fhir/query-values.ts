import { parseSearchDate } from './date.ts';
import { impliedPrecision } from './decimal.ts';
import type { DateValue, NumberValue } from './query.ts';

/** R4 3.1.1.4.5: how an ordered value compares; `eq` where none is given. */
const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
export type Prefix = (typeof PREFIXES)[number];

/** `ap`: within a tenth of the value, or of the time between the date and now (R4's advice). */
const APPROXIMATELY = 0.1;

/** Splits at a separator that no backslash stands before (R4 3.1.1.4.19); parts stay escaped. */
export function splitEscaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** Undoes `\,` `\|` `\$` `\\`; a backslash before anything else stands for itself. */
export function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,|$\\])/g, '$1') : text;
}

function splitPrefix(text: string): { prefix: Prefix; rest: string } {
  const start = text.slice(0, 2) as Prefix;
  return PREFIXES.includes(start)
    ? { prefix: start, rest: text.slice(2) }
    : { prefix: 'eq', rest: text };
}

/** A `+` that was not percent-encoded arrives as a space. */
const withPlus = (text: string): string => text.replace(' ', '+');

/** A date with its prefix, or undefined if it is none. `now` in unix ms, for `ap`. */
export function parseDateValue(text: string, zone: number, now: number): DateValue | undefined {
  const { prefix, rest } = splitPrefix(withPlus(text));
  const range = parseSearchDate(rest, zone);
  if (!range) return undefined;
  const { lo, hi } = range;
  if (prefix !== 'ap') return { prefix, lo, hi };
  const slack = Math.round(Math.abs(now - lo) * APPROXIMATELY);
  return { prefix, lo: lo - slack, hi: hi + slack };
}

const DECIMAL = /^[+-]?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,3})?$/;

/** A number with its prefix, or undefined if it is none. */
export function parseNumberValue(text: string): NumberValue | undefined {
  const { prefix, rest } = splitPrefix(withPlus(text));
  if (!DECIMAL.test(rest)) return undefined;
  const value = Number(rest);
  if (!Number.isFinite(value)) return undefined;
  if (prefix === 'ap') {
    const slack = Math.abs(value) * APPROXIMATELY;
    return { prefix, value, lo: value - slack, hi: value + slack };
  }
  const { lo, hi } = impliedPrecision(rest);
  return { prefix, value, lo, hi };
}

/**
 * `[prefix]number|system|code`, `number||code`, `number|system|` or `number` (R4 3.1.1.4.11: the unit
 * follows "the same pattern as token parameters").
 */
export function parseQuantityValue(text: string): NumberValue | undefined {
  const [amount = '', ...unit] = splitEscaped(text, '|').map(unescaped);
  const value = parseNumberValue(amount);
  if (!value || unit.length === 0) return value;
  const [system, code] = unit;
  if (unit.length !== 2 || (system === '' && code === '')) return undefined;
  return { ...value, unit: { ...(system && { system }), ...(code && { code }) } };
}
