import type { Prefix } from './query-values.ts';
import type { Issue } from './types.ts';

/**
 * The tree a search is parsed to (R4 3.1.1). Small and immutable: parsed from text in
 * `query-parse.ts`, restricted by rewriting, printed as SQL at the end.
 */
export type { Prefix } from './query-values.ts';

/** One criterion. Values inside a term are alternatives (OR); terms of a list are joined by AND. */
export type Term =
  | { kind: 'id'; ids: string[] }
  | { kind: 'lastUpdated'; values: DateValue[] }
  /** Tokens, uris and whole composites: words of `terms.ts`. */
  | { kind: 'words'; words: string[]; rare: boolean }
  /** Targets as `extract.ts` files them; `patient` where the patient column says the same. */
  | { kind: 'references'; key: string; targets: string[]; patient: boolean }
  /** `main` where the date stands in the search row itself. */
  | { kind: 'date'; keys: string[]; main: boolean; values: DateValue[] }
  /** Folded beginnings. */
  | { kind: 'string'; keys: string[]; values: string[] }
  | { kind: 'number'; keys: string[]; values: NumberValue[] }
  /** A composite with two ranged components in one row (`lo` the first, `hi` the second). */
  | { kind: 'pair'; keys: string[]; first: NumberValue; second: NumberValue }
  | { kind: 'any'; terms: Term[] }
  | { kind: 'all'; terms: Term[] };

export interface DateValue {
  prefix: Prefix;
  /** Unix ms, inclusive bounds of what the text denotes; widened already for `ap`. */
  lo: number;
  hi: number;
}

export interface NumberValue {
  prefix: Prefix;
  value: number;
  /** What the text's precision implies, half-open [lo, hi) (R4 3.1.1.4.5). */
  lo: number;
  hi: number;
  /** An absent system means any; an empty one means none. */
  unit?: { system?: string; code: string };
}

export interface SortKey {
  code: string;
  descending: boolean;
}

export interface Include {
  /** The type that holds the reference, and its parameter. */
  source: string;
  code: string;
  target?: string;
}

export type Total = 'none' | 'estimate' | 'accurate';
export type Summary = 'false' | 'true' | 'text' | 'data' | 'count';

/** A parsed search: what store.search runs and what the self link says. */
export interface SearchQuery {
  /** The types searched; more than one only for searches of the whole system. */
  types: readonly string[];
  where: Term[];
  sort: SortKey[];
  count: number;
  total: Total;
  summary: Summary;
  elements: string[];
  include: Include[];
  revinclude: Include[];
  cursor?: string;
  /** What was really applied, decoded, in order, without the cursor: the self link. */
  applied: [name: string, value: string][];
  /** What was left out under `Prefer: handling=lenient`. */
  ignored: Issue[];
}
