import type { SearchQuery, SortKey } from '../fhir/query.ts';
import { sortPath } from '../fhir/query-sort.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Printer } from './search-sql-base.ts';

/** The order of a page of matches, and where the next one starts. Part of search-sql.ts. */

/** A page is in this order; every key is a column of the page: k0, k1, .. and at last seq. */
export interface OrderKey {
  sql: string;
  cast: 'bigint' | 'float8' | 'text';
  descending: boolean;
  /** Every row has a value. */
  always?: true;
}

export function orderKeys(out: Printer, query: SearchQuery): OrderKey[] {
  return query.sort.map((key) => orderKey(out, query, key));
}

function orderKey(out: Printer, query: SearchQuery, { code, descending }: SortKey): OrderKey {
  const { definitions } = out.context;
  const [type = ''] = query.types;
  if (code === '_lastUpdated') return { sql: 's.vid', cast: 'bigint', descending, always: true };
  if (code === '_id') {
    const sql = '(select r.id from resource r where r.rk = s.rk)';
    return { sql, cast: 'text', descending, always: true };
  }
  const def = definitions.searchParams(type).get(code);
  const pick = descending ? 'max' : 'min';
  if (def?.type === 'date' && definitions.main(type).date === code) {
    return { sql: 's.lo', cast: 'bigint', descending };
  }
  const from = (table: string, column: string, only = '') => {
    const keys = (def?.keys ?? [code]).map((name) => out.word(paramKey(type, name))).join(', ');
    return `(select ${pick}(x.${column}) from ${table} x where x.seq = s.seq and x.k in (${keys})${only})`;
  };
  if (def?.type === 'date') return { sql: from('search_date', 'lo'), cast: 'bigint', descending };
  if (def?.type === 'string')
    return { sql: from('search_string', 'v', ' and not x.part'), cast: 'text', descending };
  if (def?.type === 'number' || def?.type === 'quantity') {
    return { sql: from('search_number', 'lo'), cast: 'float8', descending };
  }
  const path = def ? sortPath(type, def) : undefined;
  if (path === undefined) throw new Error(`${type} cannot be sorted by ${code}`);
  return { sql: contentKey(out, path, pick), cast: 'text', descending };
}

/**
 * Tokens are hashed in the index, so their order comes from the content (jsonpath, lax). Of several
 * values the first in the order asked for counts (R4 3.1.1.5.1).
 */
function contentKey(out: Printer, path: string, pick: 'min' | 'max'): string {
  const places = ['.coding.code', '.code', '.value', '.reference', ' ? (@.type() != "object")'];
  const paths = places.map((place) => `(${out.bind(`${path}${place}`, 'jsonpath')})`).join(', ');
  return `(select ${pick}((v #>> '{}') collate "C")
    from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c
    cross join (values ${paths}) p(path)
    cross join jsonb_path_query(c.j, p.path) v)`;
}

/** Texts in the order of their code points, whatever the database's own collation is. */
export const sortable = ({ sql, cast }: OrderKey): string =>
  cast === 'text' ? `(${sql} collate "C")` : sql;

/** In which order a page is read: that asked for, or (towards the page before) its reverse. */
export interface Order {
  keys: readonly OrderKey[];
  newestFirst: boolean;
  backwards: boolean;
}

/** From the key of number `from` on: those before are the same in all rows. */
export function orderBy({ keys, newestFirst, backwards }: Order, alias = '', from = 0): string {
  const nulls = backwards ? ' nulls first' : ' nulls last';
  const parts = keys.map(({ descending, always }, i) => {
    const direction = descending !== backwards ? 'desc' : 'asc';
    return `${alias}k${i} ${direction}${always ? '' : nulls}`;
  });
  return [...parts.slice(from), `${alias}seq ${newestFirst !== backwards ? 'desc' : 'asc'}`].join(
    ', ',
  );
}

/**
 * Rows behind a position in that order: the usual unrolled comparison; missing values are last in both
 * directions, so that nothing with a value stands behind them. `values` are one per key and the seq.
 */
export function behind(
  out: Printer,
  { keys, newestFirst, backwards }: Order,
  values: readonly unknown[],
): string {
  const alternatives: string[] = [];
  let equal = '';
  const [first] = keys;
  // Said once more by itself, it is a range of an index on the key.
  const range = first?.always
    ? `${sortable(first)} ${first.descending !== backwards ? '<=' : '>='} ${out.bind(values[0], first.cast)} and `
    : '';
  keys.forEach((key, i) => {
    const value = values[i];
    const sql = sortable(key);
    if (value === null) {
      if (backwards) alternatives.push(`(${equal}${sql} is not null)`);
      equal += `${sql} is null and `;
      return;
    }
    const bound = out.bind(value, key.cast);
    const sign = key.descending !== backwards ? '<' : '>';
    const missing = backwards || key.always ? '' : ` or ${sql} is null`;
    alternatives.push(`(${equal}(${sql} ${sign} ${bound}${missing}))`);
    equal += `${sql} = ${bound} and `;
  });
  const seq = out.bind(values.at(-1), 'bigint');
  alternatives.push(`(${equal}s.seq ${newestFirst !== backwards ? '<' : '>'} ${seq})`);
  return `(${range}(${alternatives.join(' or ')}))`;
}

/** The same keys where a select has computed them as columns already. */
export const computed = (keys: readonly OrderKey[]): OrderKey[] =>
  keys.map((key, i) => ({ ...key, sql: `s.k${i}` }));

/** Keys that are looked up elsewhere, row by row. */
export const isCostly = ({ sql }: OrderKey): boolean => sql.startsWith('(');
