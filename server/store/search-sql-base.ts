import type { Context } from './context.ts';

/** What all parts of search-sql.ts print with. */

/** Where conditions go: values are bound, words hashed and bound. */
export interface Printer {
  readonly context: Context;
  bind(value: unknown, cast: string): string;
  /** The hash of an index word, bound. */
  word(text: string): string;
  /** A name that no other alias of the statement has. */
  alias(): string;
}

/** The rows of the search table that a condition is about. */
export interface Scope {
  alias: string;
  /** The resource types that the alias stands for. */
  types: readonly string[];
  /**
   * The rows are found already: indexes are kept out of the planner's reach, each row is looked at
   * by itself.
   */
  filterOnly: boolean;
}

/** Rows behind the last one of a page, or of what is included, that show whether there are more. */
export const ONE_MORE = 1;

/** The rows of one type, or of several. */
export function ofTypes(out: Printer, { alias, types }: Pick<Scope, 'alias' | 'types'>): string {
  const numbers = types.map((type) => out.context.typeNumber(type));
  return numbers.length === 1
    ? `${alias}.type = ${out.bind(numbers[0], 'int2')}`
    : `${alias}.type = any(${out.bind(numbers, 'int2[]')})`;
}

/** Whether a word of the index may be a reference with this salt: its target's key ends in zeros. */
export const mayRefer = (word: string, salt: string): string => `(${word} # ${salt}) & 7 = 0`;

export const either = (conditions: readonly string[]): string => {
  const [only] = conditions;
  if (only === undefined) return 'false';
  return conditions.length === 1 ? only : `(${conditions.join(' or ')})`;
};

export const both = (conditions: readonly string[]): string =>
  conditions.length === 0 ? 'true' : `(${conditions.join(' and ')})`;

/** Looked up by what they hold; or, where the rows are found already, one by one by their key. */
export function sideRows(
  out: Printer,
  table: 'search_date' | 'search_string' | 'search_number',
  rows: { keys: readonly string[]; where: string },
  { alias, filterOnly }: Scope,
): string {
  const words = rows.keys.map((key) => out.word(key)).join(', ');
  const where = `x.k in (${words}) and ${rows.where}`;
  return filterOnly
    ? `exists (select 1 from ${table} x where x.seq = ${alias}.seq and ${where} offset 0)`
    : `${alias}.seq in (select x.seq from ${table} x where ${where})`;
}

/** Words of the token index: one that must be there, or any of several. `list` is a bigint[]. */
export function tokens(list: string, many: boolean, { alias, filterOnly }: Scope): string {
  const sql = `${alias}.tok ${many ? '&&' : '@>'} ${list}`;
  return filterOnly ? `(${sql}) is true` : sql;
}
