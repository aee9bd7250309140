import type { Prefix } from './query-values.ts';
import type { Issue } from './types.ts';

/**
 * The tree a search is parsed to (R4 3.1.1). Small and immutable: parsed from text in
 * `query-parse.ts`, restricted by rewriting, printed as SQL at the end.
 */
export type { Prefix } from './query-values.ts';

/** One criterion. Values inside a term are alternatives (OR); terms of a list are joined by AND. */
export type Term =
  /** With `type` only resources of that type, which may be one of several searched. */
  | { kind: 'id'; ids: string[]; type?: string }
  | { kind: 'lastUpdated'; values: DateValue[] }
  /** Tokens, uris and whole composites: words of `terms.ts`. */
  | { kind: 'words'; words: string[]; rare: boolean }
  /** `:text`, uris `:below`: what is filed under a text that begins with one of these (terms.ts). */
  | { kind: 'texts'; keys: string[]; values: string[] }
  /** Targets as `extract.ts` files them; `patient` where the patient column says the same. */
  | { kind: 'references'; key: string; targets: string[]; patient: boolean }
  /** `main` where the date stands in the search row itself. */
  | { kind: 'date'; keys: string[]; main: boolean; values: DateValue[] }
  /** Folded texts; each matches at the start of a value or of one of its words, or anywhere. */
  | {
      kind: 'string';
      keys: string[];
      match: 'start' | 'contains';
      values: string[];
      /** In place of `match`: one value as it stands, no word of it; for `_filter` (R4 3.1.3.2). */
      whole?: WholeMatch;
    }
  /** `:exact`: whole values as they were written. */
  | { kind: 'exact'; keys: string[]; values: string[] }
  | { kind: 'number'; keys: string[]; values: NumberValue[] }
  /** A composite with two ranged components in one row (`lo` the first, `hi` the second). */
  | { kind: 'pair'; keys: string[]; first: NumberValue; second: NumberValue }
  /** A place at most `km` away; positions are filed as a number row of latitude and longitude. */
  | { kind: 'near'; key: string; latitude: number; longitude: number; km: number }
  /** One of the parameters has a value; `:missing=true` is its negation. */
  | { kind: 'present'; type: string; codes: string[] }
  /** Words in the narrative (`_text`) or anywhere (`_content`), in the syntax of a web search. */
  | { kind: 'fulltext'; of: 'text' | 'content'; query: string }
  | { kind: 'any'; terms: Term[] }
  | { kind: 'all'; terms: Term[] }
  | { kind: 'not'; term: Term }
  /** It refers by `key` to a resource of one of these types that fits; R4 3.1.1.4.15. */
  | Chain
  /** A resource of type `source` that fits refers to it by `key`: `_has` (R4 3.1.1.4.16), `_list`. */
  | { kind: 'has'; source: string; key: string; patient: boolean; where: Term[] }
  /** Of each type what fits its own term, all where it has none; of other types nothing. */
  | { kind: 'typed'; of: { types: string[]; term?: Term }[] }
  /**
   * It refers by `key` to resources that are there, and all of them fit `of`; those of the types
   * `beside` do not count, what was deleted fits nothing.
   */
  | { kind: 'about'; key: string; of: { types: string[]; term?: Term }[]; beside: string[] }
  /** Words looked up in a dictionary: their hashes as decimal text; and `of` what. */
  | { kind: 'hashed'; words: readonly string[]; of?: Term }
  /** A chain (`of`) looked up: it refers by `key` to one of these row keys (decimal text). */
  | { kind: 'linked'; key: string; patient: boolean; keys: readonly string[]; of?: Chain }
  /** A `_has`, or a chain (`of`) into contained resources, looked up: rows as decimal text of seq. */
  | { kind: 'rows'; seqs: readonly string[]; of?: Chain }
  /** Still to be looked up in the store, which puts `words` in its place (`codesTerm`). */
  | { kind: 'codes'; type: string; code: string; of: CodeSource; within?: Term }
  /**
   * Still to be looked up: puts `references` in its place. `target` is `Type/id`. Of this, and of value
   * sets and code systems, only those count that fit `within`, where it is there.
   */
  | {
      kind: 'hierarchy';
      type: string;
      code: string;
      direction: Direction;
      target: string;
      within?: Term;
    };

export interface Chain {
  kind: 'chain';
  key: string;
  patient: boolean;
  targets: { type: string; where: Term[] }[];
}

/** A whole value begins with it, ends with it, equals it, or is another. */
export type WholeMatch = 'begins' | 'ends' | 'equals' | 'differs';

export type Direction = 'above' | 'below';

/** The codes that `:in`, `:above` and `:below` of a token mean. */
export type CodeSource =
  | { valueSet: string }
  | { direction: Direction; system: string; code: string };

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
  /** What is absent may be any: `code` alone is a code or a printed unit; `system` alone is allowed. */
  unit?: { system?: string; code?: string };
}

export interface SortKey {
  code: string;
  descending: boolean;
}

export interface Include {
  /** The type that holds the reference, and its parameter; '*' means all of them. */
  source: string;
  code: string;
  target?: string;
  /** `:iterate`: also from what was included (R4 3.1.1.5.4). */
  iterate?: boolean;
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
  /** `Patient/1`: the compartment searched, whose term stands in `where` (R4 3.1.1.2). */
  compartment?: string;
  /** What may be included; absent: everything. */
  visible?: Term;
  /** Parameters (`paramKey`) that an include of all does not follow. */
  concealed?: ReadonlySet<string>;
  /** Whose pages these are: a cursor belongs to it. */
  bearer?: string;
  /** `_explain=true`: how it would be run is asked for, not what it finds. */
  explain?: boolean;
  /** What was really applied, decoded, in order, without the cursor: the self link. */
  applied: [name: string, value: string][];
  /** What was left out under `Prefer: handling=lenient`. */
  ignored: Issue[];
}
