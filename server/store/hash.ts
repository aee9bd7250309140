import { hash } from 'node:crypto';

/** Two generations of at most this many words each: hot words stay, others fall out. */
const GENERATION = 25_000;
/** Marks of words met before; a power of two. */
const MARKS = 65_536;
/** Of a digest: eight for the hash, six that tell words apart. */
const BYTES = 14;
/**
 * Row keys end in three zeros, so that a word of the index XOR a salt can be told not to be one
 * (`mayRefer` of search-sql-base.ts): seven of eight are not looked up.
 */
const ROW_MASK = -8n;

/**
 * The database's keyed 64-bit hash: the first 8 bytes of SHA-1 over a secret prefix and the word.
 * Keyed, because whoever may choose ids must not be able to construct a collision into another
 * patient's compartment.
 */
export class Hasher {
  readonly #prefix: string;
  #young = new Map<string, bigint>();
  #old = new Map<string, bigint>();
  readonly #view = new DataView(new ArrayBuffer(BYTES));
  readonly #marks = new Int32Array(MARKS);

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * The hash of a word as a signed 64-bit integer; cached when it comes again. Most words of a
   * resource are common ones, but those of its identifiers come once and would fill the memory.
   */
  word(text: string): bigint {
    const cached = this.#young.get(text);
    if (cached !== undefined) return cached;
    const old = this.#old.get(text);
    if (old !== undefined) return this.#keep(text, old);
    const value = this.#digest(text);
    const slot = this.#view.getUint16(8);
    const mark = this.#view.getInt32(10);
    if (this.#marks[slot] === mark) return this.#keep(text, value);
    this.#marks[slot] = mark;
    return value;
  }

  #keep(text: string, value: bigint): bigint {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
    return value;
  }

  /** Leaves the first bytes in the view. As a string of bytes: three times cheaper than a Buffer. */
  #digest(text: string): bigint {
    const digest = hash('sha1', this.#prefix + text, 'latin1');
    for (let i = 0; i < BYTES; i++) this.#view.setUint8(i, digest.charCodeAt(i));
    return this.#view.getBigInt64(0);
  }

  /** The same for texts that will not come again (contents, new ids): not cached. */
  once(text: string): bigint {
    return this.#digest(text);
  }

  /** Row key of a resource: h64('Type/id') without its last bits; not cached. */
  row(type: string, id: string): bigint {
    return this.once(`${type}/${id}`) & ROW_MASK;
  }

  /** The row key of `Type/id`, for names that come again: those of what is referred to. */
  target(name: string): bigint {
    return this.word(name) & ROW_MASK;
  }

  /** A reference in the index: SQL can compose it from a row key and the salt of the parameter. */
  reference(salt: string, target: string): bigint {
    return this.target(target) ^ this.word(salt);
  }
}
