import type { Step } from './json-fault.ts';

/** How much a JSON text may ask for. */
export interface JsonLimits {
  /** Nested objects and arrays; default 100. */
  maxDepth?: number;
}

/** A number whose text JavaScript would print differently, with the way to it from the root. */
export interface RawPlace {
  path: Step[];
  text: string;
}

/** What a scan found out about a well-formed text. */
export interface Scan {
  /** The first `MAX_PLACES` numbers to keep as text. */
  places: RawPlace[];
  /** True where there are more of them than `places` holds. */
  more: boolean;
}

export const MAX_DEPTH = 100;
export const MAX_PLACES = 200_000;
/** Beyond this many the parse holds up everybody else for seconds; nobody has as many. */
export const MAX_KEPT = 500_000;
/** Objects and arrays: as costly, and 50 MB of real resources have a tenth of them. */
export const MAX_TREES = 2_000_000;
/** The widest type of R4, ElementDefinition, has less than half as many, `_` names included. */
export const MAX_NAMES = 1000;
export const MAX_DIGITS = 1000;
/** PostgreSQL's numeric, which sorts read, ends at 131,072 digits before and 16,383 behind the point. */
export const MAX_EXPONENT_DIGITS = 4;
