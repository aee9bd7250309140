import { isNumber } from './decimal.ts';
import { checkDate, checkDateTime, checkInstant, checkTime } from './primitive-date.ts';
import type { JsonValue } from './types.ts';

/**
 * The primitive types of R4 (2.24.0.1): one function each, from a JSON value to what is wrong with it
 * and what to write instead, or undefined. All of them are linear in the length of the value.
 */
export type PrimitiveCheck = (value: JsonValue) => string | undefined;

/** R4: "Strings SHALL NOT exceed 1MB in size"; counted in UTF-16 units, which is never more. */
const MAX_STRING = 1_048_576;
const MAX_INTEGER = 2_147_483_647;
const MIN_INTEGER = -2_147_483_648;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const OID = /^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$/;
const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SPACE = 32;

/** How the JSON kind of a value is called in messages. */
export function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (isNumber(value)) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A short, single-line quotation of a text for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

const notA = (kind: string, value: JsonValue): string => `is ${kindOf(value)}; write ${kind}`;

/**
 * Characters that R4 bars from strings, below 32 other than tab, line feed and carriage return; and
 * U+FFFE and U+FFFF, which Unicode has for none and XML 1.0 cannot carry (2.2).
 */
function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < SPACE ? code !== 9 && code !== 10 && code !== 13 : code >= 0xfffe) return true;
  }
  return false;
}

function checkString(value: JsonValue): string | undefined {
  if (typeof value !== 'string') return notA('a JSON string', value);
  if (value.length === 0) return 'is empty; leave the element out';
  if (value.length > MAX_STRING) return 'is longer than 1 MB; shorten it or use an Attachment';
  if (hasControl(value))
    return 'holds a control character or U+FFFE, U+FFFF; only tab, CR and LF are allowed';
  return value.isWellFormed() ? undefined : 'holds half a surrogate pair; send whole characters';
}

const SPACES = /\s/;

/** R4 uri: any text without white space; url and canonical add nothing that can be checked here. */
function checkUri(value: JsonValue): string | undefined {
  const fault = checkString(value);
  if (fault !== undefined) return fault;
  return SPACES.test(value as string)
    ? `${quote(value as string)} holds white space; a uri has none`
    : undefined;
}

const isSpace = (code: number): boolean =>
  code === SPACE || code === 9 || code === 10 || code === 13;

/** R4 code: no white space at the ends, and single white space within. */
function checkCode(value: JsonValue): string | undefined {
  const fault = checkString(value);
  if (fault !== undefined) return fault;
  const text = value as string;
  let wasSpace = true;
  for (let i = 0; i < text.length; i++) {
    const space = isSpace(text.charCodeAt(i));
    if (space && wasSpace) return `${quote(text)} is padded; remove surplus white space`;
    wasSpace = space;
  }
  return wasSpace ? `${quote(text)} is padded; remove surplus white space` : undefined;
}

const BASE64 = (() => {
  const table = new Uint8Array(128);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  for (const letter of letters) table[letter.charCodeAt(0)] = 1;
  table['='.charCodeAt(0)] = 2;
  for (const space of ' \t\r\n') table[space.charCodeAt(0)] = 3;
  return table;
})();

/** RFC 4648 base64 with padding; white space between the characters is ignored (R4 2.24.0.1). */
function checkBase64(value: JsonValue): string | undefined {
  if (typeof value !== 'string') return notA('base64 in a JSON string', value);
  let count = 0;
  let padding = 0;
  for (let i = 0; i < value.length; i++) {
    const kind = BASE64[value.charCodeAt(i)];
    if (kind === 3) continue;
    if (!kind || (padding > 0 && kind === 1))
      return 'is not base64; use A-Z a-z 0-9 + / and = at the end';
    if (kind === 2) padding++;
    count++;
  }
  if (count === 0) return 'is empty; leave the element out';
  if (count % 4 === 0 && padding <= 2) return undefined;
  return 'is cut or badly padded; base64 has a multiple of four characters, at most two of them =';
}

const matching =
  (pattern: RegExp, rule: string): PrimitiveCheck =>
  (value) => {
    if (typeof value !== 'string') return notA('a JSON string', value);
    return pattern.test(value) ? undefined : `${quote(value)} is not allowed; ${rule}`;
  };

const dated =
  (check: (text: string) => string | undefined): PrimitiveCheck =>
  (value) => {
    if (typeof value !== 'string') return notA('a JSON string', value);
    const fault = check(value);
    return fault === undefined ? undefined : `${quote(value)} is not allowed; ${fault}`;
  };

/** 32-bit whole numbers; `1.0` and `1e3` are decimals by their text (R4 integer). */
const whole =
  (min: number): PrimitiveCheck =>
  (value) => {
    if (typeof value === 'number' && !Object.is(value, -0)) {
      if (Number.isInteger(value) && value >= min && value <= MAX_INTEGER) return undefined;
    } else if (!isNumber(value)) return notA('a JSON number', value);
    return `is out of range; write a whole number from ${min} to ${MAX_INTEGER}, without point or exponent`;
  };

function checkDecimal(value: JsonValue): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is not a number';
  return isNumber(value) ? undefined : notA('a JSON number', value);
}

function checkBoolean(value: JsonValue): string | undefined {
  return typeof value === 'boolean' ? undefined : notA('true or false, without quotes', value);
}

const idRule = 'an id has 1 to 64 characters out of A-Z a-z 0-9 - .';

/** By name of the type. `xhtml` is not here: see narrative.ts. */
export const primitives: ReadonlyMap<string, PrimitiveCheck> = new Map<string, PrimitiveCheck>([
  ['base64Binary', checkBase64],
  ['boolean', checkBoolean],
  ['canonical', checkUri],
  ['code', checkCode],
  ['date', dated(checkDate)],
  ['dateTime', dated(checkDateTime)],
  ['decimal', checkDecimal],
  ['id', matching(ID, idRule)],
  ['instant', dated(checkInstant)],
  ['integer', whole(MIN_INTEGER)],
  ['markdown', checkString],
  ['oid', matching(OID, 'write urn:oid: and the numbers of the OID')],
  ['positiveInt', whole(1)],
  ['string', checkString],
  ['time', dated(checkTime)],
  ['unsignedInt', whole(0)],
  ['uri', checkUri],
  ['url', checkUri],
  ['uuid', matching(UUID, 'write urn:uuid: and a UUID in lower case')],
]);
