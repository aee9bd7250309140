import type { SearchQuery, SortKey } from '../fhir/query.ts';
import { sortPath } from '../fhir/query-sort.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Printer } from './search-sql-conditions.ts';

/** The order of a page of matches, and where the next one starts. Part of search-sql.ts. */

/** A page is in this order; every key is a column of the page: k0, k1, .. and at last seq. */
export interface OrderKey {
  sql: string;
  cast: 'bigint' | 'float8' | 'text';
  descending: boolean;
}

export function orderKeys(out: Printer, query: SearchQuery): OrderKey[] {
  return query.sort.map((key) => orderKey(out, query, key));
}

function orderKey(out: Printer, query: SearchQuery, { code, descending }: SortKey): OrderKey {
  const { definitions } = out.context;
  const [type = ''] = query.types;
  if (code === '_lastUpdated') return { sql: 's.vid', cast: 'bigint', descending };
  if (code === '_id') {
    return { sql: '(select r.id from resource r where r.rk = s.rk)', cast: 'text', descending };
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

export function orderBy(keys: readonly OrderKey[], newestFirst: boolean, alias = ''): string {
  const column = (i: number) => `${alias}k${i}`;
  const parts = keys.map((key, i) => `${column(i)} ${key.descending ? 'desc' : 'asc'} nulls last`);
  return [...parts, `${alias}seq ${newestFirst ? 'desc' : 'asc'}`].join(', ');
}

/**
 * Rows behind a position: the usual unrolled comparison, with missing values last in both
 * directions. `position` holds one value per key and the seq.
 */
export function behind(
  out: Printer,
  keys: readonly OrderKey[],
  position: readonly unknown[],
  newestFirst: boolean,
): string {
  const seq = position.at(-1);
  const alternatives: string[] = [];
  let equal = '';
  keys.forEach((key, i) => {
    const value = position[i];
    const sql = sortable(key);
    if (value === null) {
      equal += `${sql} is null and `;
      return;
    }
    const bound = out.bind(value, key.cast);
    const sign = key.descending ? '<' : '>';
    alternatives.push(`(${equal}(${sql} ${sign} ${bound} or ${sql} is null))`);
    equal += `${sql} = ${bound} and `;
  });
  const after = `s.seq ${newestFirst ? '<' : '>'} ${out.bind(seq, 'bigint')}`;
  alternatives.push(`(${equal}${after})`);
  return `(${alternatives.join(' or ')})`;
}
