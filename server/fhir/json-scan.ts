import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  CR,
  DOT,
  ESCAPABLE,
  LF,
  MINUS,
  NINE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLAIN,
  PROTO_HASH,
  QUOTE,
  SPACE,
  TAB,
  ZERO,
} from './json-bytes.ts';
import { jsonFault, type Step } from './json-fault.ts';
import {
  type JsonLimits,
  MAX_DEPTH,
  MAX_DIGITS,
  MAX_EXPONENT_DIGITS,
  MAX_KEPT,
  MAX_NAMES,
  MAX_PLACES,
  MAX_TREES,
  type RawPlace,
  type Scan,
} from './json-limits.ts';

/** Names an object may have before duplicates are looked up in a Set instead of side by side. */
const NARROW = 64;

/** Marks in `ends` for a step that is not a name. */
const INDEX = -1;
const NO_STEP = -2;

/**
 * Checks the grammar of RFC 8259 and the stricter rules of this house over the bytes of a text, and
 * builds nothing: `JSON.parse` does that afterwards, faster than code in JavaScript could. A scan
 * touches each byte about once; scan and parse together outrun a parser written here.
 */
class Scanner {
  private readonly bytes: Buffer;
  private readonly end: number;
  private readonly maxDepth: number;
  private depth = 0;
  /** By depth: where the current name starts and ends, or the index and INDEX. */
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  /** Hashes and offsets of the names of the open objects, innermost last. */
  private readonly hashes: Int32Array;
  private readonly offsets: Int32Array;
  private top = 0;
  readonly places: RawPlace[] = [];
  private kept = 0;
  private trees = 0;

  constructor(bytes: Buffer, maxDepth: number) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.maxDepth = maxDepth;
    const room = maxDepth === MAX_DEPTH ? shared : makeRoom(maxDepth);
    this.starts = room.starts;
    this.ends = room.ends;
    this.hashes = room.hashes;
    this.offsets = room.offsets;
  }

  /** True where there are more numbers to keep than `places` holds. */
  get more(): boolean {
    return this.kept > MAX_PLACES;
  }

  document(): void {
    const after = this.blank(this.value(this.blank(0)));
    if (after < this.end) {
      this.fail(after, 'text follows the end of the JSON value', 'Send one value only');
    }
  }

  /** Returns the offset after the value that starts at `at`, as the other methods do. */
  private value(at: number): number {
    const byte = at < this.end ? (this.bytes[at] as number) : 0;
    if (byte === QUOTE) return this.string(at + 1);
    if (byte === OPEN_OBJECT) return this.object(at);
    if (byte === OPEN_ARRAY) return this.array(at);
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return this.number(at);
    return this.literal(at);
  }

  private blank(from: number): number {
    const { bytes, end } = this;
    let at = from;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte > SPACE || (byte !== SPACE && byte !== LF && byte !== CR && byte !== TAB)) break;
      at++;
    }
    return at;
  }

  private literal(at: number): number {
    const { bytes } = this;
    if (
      bytes[at] === 116 &&
      bytes[at + 1] === 114 &&
      bytes[at + 2] === 117 &&
      bytes[at + 3] === 101
    )
      return at + 4;
    const word = bytes.toString('latin1', at, at + 5);
    if (word === 'false') return at + 5;
    if (word.startsWith('null')) return at + 4;
    return this.notValue(at);
  }

  private object(open: number): number {
    const { bytes, starts, ends } = this;
    const depth = this.enter(open);
    const base = this.top;
    let wide: Set<string> | undefined;
    let at = this.blank(open + 1);
    if (bytes[at] === CLOSE_OBJECT) return this.leave(base, at);
    for (;;) {
      ends[depth] = NO_STEP;
      if (bytes[at] !== QUOTE) this.notName(at);
      const start = at + 1;
      let hash = 0;
      for (at = start; at < this.end && PLAIN[bytes[at] as number] === 1; at++) {
        hash = (hash * 31 + (bytes[at] as number)) | 0;
      }
      const plain = bytes[at] === QUOTE;
      if (!plain) at = this.string(at) - 1;
      starts[depth] = start;
      ends[depth] = at;
      if (wide === undefined && (!plain || this.top - base >= NARROW)) wide = this.widen(base);
      if (wide === undefined) this.narrowName(base, hash, at);
      else this.wideName(wide, depth);
      at = this.blank(at + 1);
      if (bytes[at] !== COLON) this.fail(at, 'a name without ":"', 'Write "name": value');
      at = this.blank(this.value(this.blank(at + 1)));
      if (bytes[at] === CLOSE_OBJECT) return this.leave(base, at);
      if (bytes[at] !== COMMA) this.notNext(at, '}');
      at = this.blank(at + 1);
    }
  }

  private array(open: number): number {
    const { bytes, starts, ends } = this;
    const depth = this.enter(open);
    let at = this.blank(open + 1);
    if (bytes[at] === CLOSE_ARRAY) return this.leave(this.top, at);
    for (let index = 0; ; index++) {
      starts[depth] = index;
      ends[depth] = INDEX;
      at = this.blank(this.value(at));
      if (bytes[at] === CLOSE_ARRAY) return this.leave(this.top, at);
      if (bytes[at] !== COMMA) this.notNext(at, ']');
      at = this.blank(at + 1);
    }
  }

  private enter(at: number): number {
    if (this.depth >= this.maxDepth) {
      this.fail(at, `more than ${this.maxDepth} nested levels`, 'Send a flatter structure');
    }
    if (++this.trees > MAX_TREES) {
      this.fail(at, `more than ${MAX_TREES} objects and arrays`, 'Send it in parts');
    }
    this.depth++;
    this.ends[this.depth] = NO_STEP;
    return this.depth;
  }

  private leave(base: number, at: number): number {
    this.top = base;
    this.depth--;
    return at + 1;
  }

  /** Compares a new name with its siblings: by hash first, by bytes where the hashes agree. */
  private narrowName(base: number, hash: number, end: number): void {
    const { bytes, hashes, offsets, top } = this;
    const start = this.starts[this.depth] as number;
    for (let slot = base; slot < top; slot++) {
      if (hashes[slot] !== hash) continue;
      const other = offsets[slot] as number;
      // The quote is part of the comparison, so that a prefix is not taken for the name.
      if (bytes.compare(bytes, other, other + end - start + 1, start, end + 1) === 0) {
        this.duplicate(bytes.toString('utf8', start, end));
      }
    }
    if (hash === PROTO_HASH) this.refuseProto(bytes.toString('utf8', start, end));
    hashes[top] = hash;
    offsets[top] = start;
    this.top = top + 1;
  }

  private wideName(names: Set<string>, depth: number): void {
    const name = this.stepAt(depth) as string;
    if (names.has(name)) this.duplicate(name);
    if (names.size >= MAX_NAMES) {
      const remedy = 'No element of FHIR has as many; remove what is none';
      this.fail(this.starts[depth] as number, `more than ${MAX_NAMES} names in an object`, remedy);
    }
    this.refuseProto(name);
    names.add(name);
  }

  private widen(base: number): Set<string> {
    const names = new Set<string>();
    for (let slot = base; slot < this.top; slot++) {
      const start = this.offsets[slot] as number;
      names.add(this.bytes.toString('utf8', start, this.bytes.indexOf(QUOTE, start)));
    }
    return names;
  }

  private duplicate(name: string): never {
    return this.fail(
      (this.starts[this.depth] as number) - 1,
      `the name "${name.slice(0, 80)}" stands twice in one object`,
      'Keep one of them; what repeats is written as an array',
    );
  }

  private refuseProto(name: string): void {
    if (name !== '__proto__') return;
    this.fail((this.starts[this.depth] as number) - 1, 'the name "__proto__"', 'Remove it');
  }

  /** From the first character of a string to the offset after its closing quote. */
  private string(from: number): number {
    const { bytes, end } = this;
    let at = from;
    for (;;) {
      while (at < end && PLAIN[bytes[at] as number] === 1) at++;
      if (at >= end) this.fail(end, 'a string without its closing quote', 'Close it with "');
      if (bytes[at] === QUOTE) return at + 1;
      if (bytes[at] !== BACKSLASH) this.control(at);
      at = this.escape(at);
    }
  }

  private escape(at: number): number {
    const next = at + 1 < this.end ? (this.bytes[at + 1] as number) : 0;
    if (ESCAPABLE[next] === 1) return at + 2;
    const unit = this.unit(at);
    if (unit < 0) {
      this.fail(at, 'an unknown escape in a string', 'Write \\\\ for a backslash, or \\uXXXX');
    }
    if (unit === 0) this.fail(at, 'the character U+0000 in a string', 'Remove it');
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    const low = unit < 0xdc00 ? this.unit(at + 6) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
      this.fail(at, 'half of a surrogate pair in a string', 'Write both halves, or the character');
    }
    return at + 12;
  }

  /** The UTF-16 unit of a `\uXXXX` at the offset, or -1. */
  private unit(at: number): number {
    const text = this.bytes.toString('latin1', at, at + 6);
    return /^\\u[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text.slice(2), 16) : -1;
  }

  private number(start: number): number {
    const { bytes } = this;
    const first = bytes[start] === MINUS ? start + 1 : start;
    const dot = this.digits(first, start);
    if (bytes[first] === ZERO && dot > first + 1) this.notNumber(start, 'leading zeros');
    let at = dot;
    if (bytes[at] === DOT) at = this.digits(at + 1, start);
    const mark = at < this.end ? (bytes[at] as number) | 32 : 0;
    const plainEnd = at;
    if (mark === 101) {
      const sign = bytes[at + 1];
      const power = sign === 43 || sign === MINUS ? at + 2 : at + 1;
      at = this.digits(power, start);
      if (at - power > MAX_EXPONENT_DIGITS) this.notNumber(start, 'a huge exponent');
    }
    if (at - start > MAX_DIGITS) this.notNumber(start, `more than ${MAX_DIGITS} characters`);
    if (at !== plainEnd || !this.printsAlike(start, dot, at)) this.keep(start, at);
    return at;
  }

  private digits(from: number, start: number): number {
    const { bytes, end } = this;
    let at = from;
    while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
    if (at === from) this.notNumber(start, 'a digit missing');
    return at;
  }

  /**
   * Whether JavaScript prints a number without exponent as it stands: up to 15 digits do, save for
   * trailing zeros behind the point, seven leading ones, and minus zero.
   */
  private printsAlike(start: number, dot: number, end: number): boolean {
    const { bytes } = this;
    if (end - start > 15) return false;
    if (dot === end) return bytes[start] !== MINUS || bytes[start + 1] !== ZERO;
    if (bytes[end - 1] === ZERO) return false;
    return bytes[dot - 1] !== ZERO || bytes[dot + 1] !== ZERO || end - dot < 7;
  }

  private keep(start: number, end: number): void {
    const text = this.bytes.toString('latin1', start, end);
    if (String(Number(text)) === text) return;
    this.kept++;
    if (this.kept > MAX_KEPT)
      this.fail(start, `more than ${MAX_KEPT} decimals`, 'Send it in parts');
    if (this.kept <= MAX_PLACES) this.places.push({ path: this.path(), text });
  }

  private path(): Step[] {
    const path: Step[] = [];
    for (let depth = 1; depth <= this.depth; depth++) {
      if (this.ends[depth] !== NO_STEP) path.push(this.stepAt(depth));
    }
    return path;
  }

  private stepAt(depth: number): Step {
    const start = this.starts[depth] as number;
    const end = this.ends[depth] as number;
    if (end === INDEX) return start;
    const text = this.bytes.toString('utf8', start, end);
    return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
  }

  private notValue(at: number): never {
    if (at >= this.end) return this.fail(this.end, 'the text ends too early', 'Send all of it');
    const rest = this.bytes
      .toString('utf8', at, Math.min(at + 12, this.end))
      .replace(/\s[\s\S]*/, '');
    if (rest.startsWith('/')) return this.fail(at, 'a comment', 'Remove it: JSON has no comments');
    if (rest.startsWith(']') || rest.startsWith('}')) {
      return this.fail(at, `"${rest[0]}" where a value belongs`, 'Remove the comma before it');
    }
    if (/^[+.N-]/.test(rest)) return this.notNumber(at, 'no JSON number');
    return this.fail(at, `"${rest}" where a value belongs`, 'Quote strings with "');
  }

  private notName(at: number): never {
    if (at >= this.end) return this.notValue(at);
    const hint =
      this.bytes[at] === CLOSE_OBJECT ? 'Remove the comma before it' : 'Quote names with "';
    return this.fail(at, 'a name missing in an object', hint);
  }

  private notNext(at: number, close: string): never {
    if (at >= this.end) return this.notValue(at);
    return this.fail(at, `neither "," nor "${close}" after a value`, 'Separate values by commas');
  }

  private notNumber(at: number, what: string): never {
    return this.fail(at, `a number that is none in JSON (${what})`, 'Write it like -12.50 or 1e3');
  }

  private control(at: number): never {
    const code = (this.bytes[at] as number).toString(16).padStart(4, '0').toUpperCase();
    return this.fail(at, `the control character U+${code} in a string`, `Escape it: \\u${code}`);
  }

  private fail(at: number, what: string, remedy: string): never {
    throw jsonFault(this.bytes, { at, path: this.path(), what, remedy });
  }
}

function makeRoom(maxDepth: number) {
  const names = (maxDepth + 1) * NARROW;
  return {
    starts: new Int32Array(maxDepth + 1),
    ends: new Int32Array(maxDepth + 1),
    hashes: new Int32Array(names),
    offsets: new Int32Array(names),
  };
}

/** Scans are synchronous, so one room serves them all. */
const shared = makeRoom(MAX_DEPTH);

/**
 * Checks a text in UTF-8 (without BOM, already known to be valid UTF-8).
 * @throws FhirError `invalid` naming line, column, path and remedy
 */
export function scanJson(bytes: Buffer, limits: JsonLimits = {}): Scan {
  const scanner = new Scanner(bytes, limits.maxDepth ?? MAX_DEPTH);
  scanner.document();
  return { places: scanner.places, more: scanner.more };
}
