/**
 * Syntax and calendar of date, dateTime, instant and time (R4 2.24.0.1). Character tests in place of
 * regular expressions: these run on every write, and the calendar (2021-02-30) needs the numbers.
 */

const DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DATE_LENGTH = 10;
const MAX_ZONE_MINUTES = 14 * 60;
const DASH = 45;
const DOT = 46;
const COLON = 58;

/** The number written in `count` digits at `at`, or -1. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** What is wrong with the calendar part that `text` starts with, `length` characters long. */
function dateFault(text: string, length: number): string | undefined {
  const year = digits(text, 0, 4);
  if (year < 0) return 'write it as YYYY, YYYY-MM or YYYY-MM-DD';
  if (year === 0) return 'there is no year 0000';
  if (length === 4) return undefined;
  const month = text.charCodeAt(4) === DASH ? digits(text, 5, 2) : -1;
  if (month < 0) return 'write it as YYYY, YYYY-MM or YYYY-MM-DD';
  if (month < 1 || month > 12) return `there is no month ${text.slice(5, 7)}`;
  if (length === 7) return undefined;
  const day = text.charCodeAt(7) === DASH ? digits(text, 8, 2) : -1;
  if (day < 0) return 'write it as YYYY, YYYY-MM or YYYY-MM-DD';
  const last = month === 2 && isLeap(year) ? 29 : (DAYS[month] ?? 0);
  return day >= 1 && day <= last
    ? undefined
    : `${text.slice(0, DATE_LENGTH)} is not in the calendar`;
}

/** The position after `hh:mm:ss[.f+]` at `at`, or -1 where it is malformed. */
function timeEnd(text: string, at: number): number {
  const hour = digits(text, at, 2);
  const minute = digits(text, at + 3, 2);
  const second = digits(text, at + 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1;
  // 60 stands for a leap second.
  if (second < 0 || second > 60) return -1;
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return -1;
  let end = at + 8;
  if (text.charCodeAt(end) !== DOT) return end;
  const first = ++end;
  while (digits(text, end, 1) >= 0) end++;
  return end === first ? -1 : end;
}

function isZone(text: string, at: number): boolean {
  const sign = text[at];
  if (sign === 'Z') return text.length === at + 1;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6) return false;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (text.charCodeAt(at + 3) !== COLON || hours < 0 || minutes < 0 || minutes > 59) return false;
  return hours * 60 + minutes <= MAX_ZONE_MINUTES;
}

/** The part after the date, from `T` on; the zone is not optional (R4: "SHALL be populated"). */
function clockFault(text: string): string | undefined {
  const end = text[DATE_LENGTH] === 'T' ? timeEnd(text, DATE_LENGTH + 1) : -1;
  if (end < 0) return 'write the time as Thh:mm:ss with seconds, 00:00:00 to 23:59:59';
  if (isZone(text, end)) return undefined;
  return 'end the time with its zone, Z or +hh:mm or -hh:mm up to 14:00';
}

/** What is wrong with a FHIR date (YYYY, YYYY-MM, YYYY-MM-DD), or undefined. */
export function checkDate(text: string): string | undefined {
  const length = text.length;
  if (length !== DATE_LENGTH && length !== 7 && length !== 4) {
    return 'write it as YYYY, YYYY-MM or YYYY-MM-DD, without a time';
  }
  return dateFault(text, length);
}

/** What is wrong with a FHIR dateTime (a date, or a full date with time and zone), or undefined. */
export function checkDateTime(text: string): string | undefined {
  if (text.length <= DATE_LENGTH) return checkDate(text);
  return dateFault(text, DATE_LENGTH) ?? clockFault(text);
}

/** What is wrong with a FHIR instant (date, time with seconds and zone, all required), or undefined. */
export function checkInstant(text: string): string | undefined {
  if (text.length <= DATE_LENGTH) return 'write it as YYYY-MM-DDThh:mm:ss and a zone (Z or +hh:mm)';
  return dateFault(text, DATE_LENGTH) ?? clockFault(text);
}

/** What is wrong with a FHIR time (hh:mm:ss, no zone), or undefined. */
export function checkTime(text: string): string | undefined {
  return timeEnd(text, 0) === text.length ? undefined : 'write it as hh:mm:ss, without a zone';
}
