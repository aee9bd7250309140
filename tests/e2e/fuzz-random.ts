/** A source of chance that a seed repeats (mulberry32). */
export interface Random {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from 0 up to `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
}

export function randomOf(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)]!,
  };
}

/** Texts that have broken parsers, databases and browsers. */
export const nasty: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00x',
  '\ufffe',
  '\u202e\u0645\u0631\u062d\u0628\u0627',
  'e\u0301\u0301\u0301\u0301',
  '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}',
  '\u{10ffff}',
  '%',
  '%00',
  '_%\\',
  "' or 1=1 --",
  "'; drop table resource; --",
  '"}]}',
  '$1',
  '{}',
  'a|b,c$d\\',
  '||',
  '|',
  '\\',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'NaN',
  '-0',
  '1e999',
  '99999999999999999999',
  '-1',
  '0001-01-01',
  '9999-12-31T23:59:60Z',
  '2021-02-30',
  '2020-01-01T25:00:00Z',
  '0000',
  '10000-01-01',
  'gt2020',
  'ap',
  'http://',
  'urn:uuid:x',
  '#',
  '#x',
  'Patient/',
  'Patient?',
  'Patient?identifier=',
  'Patient/1/_history/',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '&lt;&amp;&#0;',
  ']]>',
  'a'.repeat(70),
  'x'.repeat(10_000),
  '\u00e9'.repeat(3000),
];
