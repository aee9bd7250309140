import { hash } from 'node:crypto';

/** Two generations of at most this many words each: hot words stay, one-time words fall out. */
const GENERATION = 25_000;

/**
 * The database's keyed 64-bit hash: the first 8 bytes of SHA-1 over a secret prefix and the word.
 * Keyed, because whoever may choose ids must not be able to construct a collision into another
 * patient's compartment.
 */
export class Hasher {
  readonly #prefix: string;
  #young = new Map<string, bigint>();
  #old = new Map<string, bigint>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The hash of a word as a signed 64-bit integer; cached. */
  word(text: string): bigint {
    const cached = this.#young.get(text);
    if (cached !== undefined) return cached;
    const value = this.#old.get(text) ?? this.once(text);
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
    return value;
  }

  /** The same for texts that will not come again (contents, new ids): not cached. */
  once(text: string): bigint {
    return hash('sha1', this.#prefix + text, 'buffer').readBigInt64BE(0);
  }

  /** Row key of a resource: h64('Type/id'). */
  row(type: string, id: string): bigint {
    return this.once(`${type}/${id}`);
  }

  /** A reference in the index: SQL can compose it from a row key and the salt of the parameter. */
  reference(salt: string, target: string): bigint {
    return this.word(target) ^ this.word(salt);
  }
}
