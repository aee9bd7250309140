/**
 * Literal references (R4 2.3.0.1): what a text in Reference.reference denotes. Syntax only; whether
 * the type exists is the caller's question. On the path of every search row: one pass, no regular
 * expression for the common `Type/id`.
 */

export type Reference =
  | { kind: 'relative'; type: string; id: string; version?: string }
  /** An absolute url; `type` and `id` where it has the shape of a RESTful FHIR address. */
  | { kind: 'absolute'; url: string; type?: string; id?: string; version?: string }
  /** urn:uuid:, urn:oid: and other names without an address. */
  | { kind: 'urn'; urn: string }
  /** `#id` of a contained resource; the empty id is the containing resource. */
  | { kind: 'fragment'; id: string }
  /** `Type?query` of a transaction (R4 3.1.0.11.2). */
  | { kind: 'conditional'; type: string; query: string }
  | { kind: 'invalid' };

export interface ReferenceOptions {
  /** Own base urls without a slash at the end: absolute references below them become relative. */
  bases?: readonly string[];
}

const HASH = 35;
const MAX_ID = 64;
const INVALID: Reference = { kind: 'invalid' };
const HISTORY = '/_history/';
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/;
const URN = /^urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[^\s]+$/i;

/** `[A-Za-z0-9\-.]{1,64}` in text[start, end). */
function isIdIn(text: string, start: number, end: number): boolean {
  if (end <= start || end - start > MAX_ID) return false;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90);
    if (!(letter || (c >= 48 && c <= 57) || c === 45 || c === 46)) return false;
  }
  return true;
}

/** An upper-case letter and letters, as all resource types are. */
function isTypeIn(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  if (end <= start || first < 65 || first > 90) return false;
  for (let i = start + 1; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 97 && c <= 122) || (c >= 65 && c <= 90))) return false;
  }
  return true;
}

/** True for a logical id: `[A-Za-z0-9\-.]{1,64}` (R4 id). */
export function isId(text: string): boolean {
  return isIdIn(text, 0, text.length);
}

interface Address {
  type: string;
  id: string;
  version?: string;
}

/** `Type/id` or `Type/id/_history/version` from `start` to the end of the text. */
function addressAt(text: string, start: number): Address | undefined {
  const slash = text.indexOf('/', start);
  if (slash < 0 || !isTypeIn(text, start, slash)) return undefined;
  const next = text.indexOf('/', slash + 1);
  const end = next < 0 ? text.length : next;
  if (!isIdIn(text, slash + 1, end)) return undefined;
  const address = { type: text.slice(start, slash), id: text.slice(slash + 1, end) };
  if (next < 0) return address;
  const versionAt = next + HISTORY.length;
  if (!text.startsWith(HISTORY, next) || !isIdIn(text, versionAt, text.length)) return undefined;
  return { ...address, version: text.slice(versionAt) };
}

/** Where `Type/id` may start in an absolute url: after the last slash but one, history aside. */
function restfulAt(url: string): number {
  const history = url.lastIndexOf(HISTORY);
  const end = history < 0 ? url.length : history;
  const slash = url.lastIndexOf('/', end - 1);
  return slash <= 0 ? -1 : url.lastIndexOf('/', slash - 1) + 1;
}

function parseAbsolute(text: string, bases: readonly string[] | undefined): Reference {
  if (URN.test(text)) return { kind: 'urn', urn: text };
  if (!SCHEME.test(text)) return INVALID;
  for (const base of bases ?? []) {
    if (text.startsWith(base) && text[base.length] === '/') {
      const own = addressAt(text, base.length + 1);
      if (own) return { kind: 'relative', ...own };
    }
  }
  const web = text.startsWith('http://') || text.startsWith('https://');
  const at = web ? restfulAt(text) : -1;
  // The type may not be the host: http://Patient/1.
  const address = at > 'https://'.length ? addressAt(text, at) : undefined;
  return { kind: 'absolute', url: text, ...address };
}

function parseConditional(text: string, mark: number): Reference {
  if (!isTypeIn(text, 0, mark) || mark === text.length - 1 || /\s/.test(text)) return INVALID;
  return { kind: 'conditional', type: text.slice(0, mark), query: text.slice(mark + 1) };
}

/** Reads a literal reference; never throws. `invalid` is what matches none of R4's forms. */
export function parseReference(text: string, options?: ReferenceOptions): Reference {
  if (text.charCodeAt(0) === HASH) {
    const id = text.slice(1);
    return id === '' || isId(id) ? { kind: 'fragment', id } : INVALID;
  }
  const address = addressAt(text, 0);
  if (address) return { kind: 'relative', ...address };
  const mark = text.indexOf('?');
  const colon = text.indexOf(':');
  if (mark > 0 && (colon < 0 || mark < colon)) return parseConditional(text, mark);
  return colon > 0 ? parseAbsolute(text, options?.bases) : INVALID;
}
