/** A number, quantity or range of numbers; ends that are open are infinite. */
export interface NumberRow {
  key: string;
  lo: number;
  hi: number;
  unit?: Unit;
}

export interface Unit {
  system?: string;
  code?: string;
  unit?: string;
}

/** `part`: from a later word of a value on; it is found by, but is no value and has no order. */
export interface StringRow {
  key: string;
  value: string;
  /** The text as written, up to one character more than `MAX_STRING`, where it differs. */
  original?: string;
  part?: true;
}

/** What a resource is found by. Keys are those of `paramKey`, words those of terms.ts. */
export interface Extracted {
  /** Deduplicated words of token and uri parameters, and of composites with exact components only. */
  tokens: string[];
  /**
   * `target` is `Type/id` for a local reference (relative, or absolute under an own base; version
   * dropped), else the absolute url without version, the canonical without version and once more
   * with `|version`, or the urn. Fragments and conditional references have none.
   */
  references: { key: string; target: string }[];
  /** Inclusive unix ms; without the main date. */
  dates: { key: string; lo: number; hi: number }[];
  /** Folded by `foldString`, at most `MAX_STRING` characters. */
  strings: StringRow[];
  numbers: NumberRow[];
  /** Texts of tokens and whole uris, under `tokenTextKey` and `uriTextKey`; see `textWord`. */
  texts: { key: string; value: string }[];
  /** References to contained resources: key of the parameter, id behind the `#`. */
  fragments: { key: string; id: string }[];
  /** Codes of the parameters that have any of this, composites left out; sorted. */
  present: string[];
  /** What goes into columns of its own (`Definitions.main`). */
  main: { patient?: string; date?: { lo: number; hi: number } };
}

/**
 * The index holds this many characters of a string, and a search may have as many: an entry of a
 * PostgreSQL index ends at 2,704 bytes.
 */
export const MAX_STRING = 500;

export function emptyExtracted(): Extracted {
  return {
    tokens: [],
    references: [],
    dates: [],
    strings: [],
    numbers: [],
    texts: [],
    fragments: [],
    present: [],
    main: {},
  };
}

/** Puts one value of a known FHIR type into the rows. */
export type Sink = (value: unknown, out: Extracted) => void;

/** What the sinks of one parameter need to know. */
export interface SinkScope {
  key: string;
  /** Own base urls without a slash at the end. */
  bases: readonly string[];
  /** Minutes east of UTC where a date has no zone. */
  zone: number;
  /** Token parameters: no value has a system, so that one word says all (`bareCodes`). */
  bare?: boolean;
  /** String parameters: some parts of an address stand under parameters of their own. */
  divided?: boolean;
  /** Codes by system of a required binding, where they can be listed. */
  codes?: ReadonlyMap<string, ReadonlySet<string>>;
}
