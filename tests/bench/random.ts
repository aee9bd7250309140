/** A source of chance that gives the same values for the same seed on every machine. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** A random (version 4) UUID. */
  uuid(): string;
}

/** sfc32 (PractRand), seeded by a number; a few nanoseconds per value. */
export function createRandom(seed: number): Random {
  let [a, b, c, d] = [0x9e3779b9 ^ seed, 0x243f6a88, 0xb7e15162 ^ Math.imul(seed, 0x85ebca6b), 1];
  const bits = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let round = 0; round < 12; round++) bits();
  const next = (): number => bits() / 2 ** 32;
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: <T>(list: readonly T[]) => list[int(0, list.length - 1)] as T,
    uuid: () => uuidOf(bits(), bits(), bits(), bits()),
  };
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

/** RFC 9562, section 5.4: four bits of version, two of variant. */
function uuidOf(...words: [number, number, number, number]): string {
  const [a, b, c, d] = words.map(hex) as [string, string, string, string];
  const variant = (8 + (words[2] & 3)).toString(16);
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
}
