import type { SearchQuery, Term } from '../fhir/query.ts';
import { referenceSalt } from '../fhir/terms.ts';
import type { Context } from './context.ts';
import { mayRefer, ONE_MORE, ofTypes, type Scope } from './search-sql-base.ts';
import { condition } from './search-sql-conditions.ts';
import { type Asked, includeParts, RESOURCE, shownByKeys } from './search-sql-include.ts';
import { orderBy } from './search-sql-order.ts';
import { nearSql, type Position, pageSql, scopeOf } from './search-sql-page.ts';
import type { Pace } from './search-sql-plan.ts';
import { type SearchStatement, Statement } from './search-sql-statement.ts';

export { MAX_INCLUDED } from './search-sql-include.ts';
export type { Position } from './search-sql-page.ts';
export type { Pace } from './search-sql-plan.ts';
export type { SearchStatement } from './search-sql-statement.ts';

/** Includes of matches only, each from one named type: they fit behind the page in its statement. */
export function areSimple({ include, revinclude }: SearchQuery): boolean {
  return ![...include, ...revinclude].some(
    ({ source, code, iterate }) => iterate || source === '*' || code === '*',
  );
}

/**
 * One page of matches with their content and, where they are simple, what they include. `near`: only
 * if it is found among the first rows of its order, else too few of them.
 */
export function printSearch(
  context: Context,
  query: SearchQuery,
  position: Position | undefined,
  near = false,
): SearchStatement & { pace: Pace } {
  const out = new Statement(context);
  const includes = query.include.length + query.revinclude.length > 0 && areSimple(query);
  const options = { position, withTok: includes && query.include.length > 0 };
  const page = near ? nearSql(out, query, options) : pageSql(out, query, options);
  const keyColumns = page.keys.map((_, i) => `, p.k${i}::text`).join('');
  const order = orderBy(page, 'p.');
  const matches = (from: string) => `select 0 as kind, ${RESOURCE}, p.seq${keyColumns}
from ${from} p join resource r on r.rk = p.rk`;
  const limit =
    query.types.length === 1 ? '' : `\nlimit ${out.bind(query.count + ONE_MORE, 'int')}`;
  if (!includes) {
    const text = `${matches(`(\n${page.text}\n)`)}\norder by ${order}${limit}`;
    return { ...out.finish(text, page.pace), pace: page.pace };
  }
  const pace = page.pace === 'planned' ? 'planned' : 'steady';
  const shown = `shown as materialized (
select * from page p order by ${order} limit ${out.bind(query.count, 'int')}
)`;
  const parts = [
    `(${matches('page')}\norder by ${order}${limit})`,
    ...includeParts(out, query, page.keys.map(() => ', null').join('')),
  ];
  const text = `with page as materialized (\n${page.text}\n), ${shown}\n${parts.join('\nunion all\n')}`;
  return { ...out.finish(text, pace), pace };
}

/** What resources of these keys include: columns as those of a page without sort keys. */
export function printIncludes(
  context: Context,
  keys: readonly string[],
  asked: Asked,
): SearchStatement | undefined {
  const out = new Statement(context);
  const shown = shownByKeys(out, keys);
  const parts = includeParts(out, asked, '');
  if (parts.length === 0) return undefined;
  return out.finish(`with ${shown}\n${parts.join('\nunion all\n')}`, 'planned');
}

/** The number of matches; with `most` set, counting stops there. */
export function printCount(context: Context, query: SearchQuery, most?: number): SearchStatement {
  const out = new Statement(context);
  const from = matchesFrom(out, query);
  const text =
    most === undefined
      ? `select count(*) ${from}`
      : `select count(*) from (select 1 ${from} limit ${out.bind(most, 'int')}) x`;
  return out.finish(text, 'planned');
}

/** Ids of the matches of a criterion, at most `most`: what conditional interactions need. */
export function printIds(context: Context, query: SearchQuery, most: number): SearchStatement {
  const out = new Statement(context);
  const { text } = pageSql(
    out,
    { ...query, count: most - ONE_MORE },
    { position: undefined, withTok: false },
  );
  return out.finish(
    `select r.id from (\n${text}\n) p join resource r on r.rk = p.rk order by p.seq`,
    'planned',
  );
}

interface Wanted {
  /** Absent where it is known that many fit. */
  target: { type: string; where: readonly Term[] } | undefined;
  /** Resources of these types that contain one. */
  around: { types: readonly string[]; term: Term } | undefined;
}

/**
 * The ends of a chain, one row: the keys of the resources that fit, and the seqs of those that contain
 * such a resource; each null where there are more than `most`.
 */
export function printEnds(
  context: Context,
  { target, around }: Wanted,
  most: number,
): SearchStatement {
  const out = new Statement(context);
  const limit = out.bind(most + ONE_MORE, 'int');
  const list = (what: string, types: readonly string[], where: readonly Term[]): string => {
    const scope: Scope = { alias: 's', types, filterOnly: false };
    const terms = [ofTypes(out, scope), ...where.map((term) => condition(out, term, scope))];
    return `array(select s.${what}::text from search s where ${terms.join('\n  and ')}\nlimit ${limit})`;
  };
  const keys = target ? list('rk', [target.type], target.where) : 'null::text[]';
  const seqs = around ? list('seq', around.types, [around.term]) : `'{}'::text[]`;
  const few = (name: string): string =>
    `case when cardinality(${name}) < ${limit} then ${name} end`;
  const text = `select ${few('keys')}, ${few('seqs')} from (select ${keys} as keys, ${seqs} as seqs offset 0) e`;
  return out.finish(text, 'planned');
}

/** The row keys and seqs of the resources of a type that fit, at most so many and one more. */
export function printMembers(
  context: Context,
  { type, where }: { type: string; where: readonly Term[] },
  most: number,
): SearchStatement {
  const out = new Statement(context);
  const scope: Scope = { alias: 's', types: [type], filterOnly: false };
  const terms = [ofTypes(out, scope), ...where.map((term) => condition(out, term, scope))];
  const limit = out.bind(most + ONE_MORE, 'int');
  const text = `select s.rk, s.seq from search s where ${terms.join('\n  and ')}\nlimit ${limit}`;
  return out.finish(text, 'planned');
}

/** Of more referring resources than this the references are not followed one by one. */
export const MAX_REFERRING = 500;

/** One row: how many resources refer (counting stops), and the seqs of what they refer to by the key. */
export function printReferred(
  context: Context,
  term: Extract<Term, { kind: 'has' }>,
  { types, most }: { types: readonly string[]; most: number },
): SearchStatement {
  const out = new Statement(context);
  const scope: Scope = { alias: 's', types: [term.source], filterOnly: false };
  const terms = [ofTypes(out, scope), ...term.where.map((one) => condition(out, one, scope))];
  const salt = out.word(referenceSalt(term.key));
  const numbers = out.bind(
    types.map((type) => context.typeNumber(type)),
    'int2[]',
  );
  const text = `with found as materialized (
select s.tok from search s where ${terms.join('\n  and ')}
limit ${out.bind(MAX_REFERRING + 1, 'int')}
)
select (select count(*) from found), array(
  select r.seq::text from (
    select distinct h.word # ${salt} as rk from found f cross join unnest(f.tok) h(word)
    where ${mayRefer('h.word', salt)}
  ) x
  join resource r on r.rk = x.rk where r.type = any(${numbers}) limit ${out.bind(most, 'int')})`;
  return out.finish(text, 'planned');
}

/** Those of these row keys whose resources fit: each with its version, or as read.sql has them. */
export function printVisible(
  context: Context,
  keys: readonly string[],
  term: Term,
  columns: 'version' | 'all' = 'version',
): SearchStatement {
  const out = new Statement(context);
  const own = `r.rk = any(${out.bind(keys, 'bigint[]')})`;
  const fits = condition(out, term, { alias: 's', types: [], filterOnly: true });
  const shown = columns === 'all' ? `r.id, r.ver, r.vid, r.method, r.content, r.patient` : 'r.ver';
  const text = `select r.rk, ${shown} from resource r join search s on s.type = r.type and s.seq = r.seq
where ${own} and ${fits}`;
  return out.finish(text, 'steady');
}

/** The planner's estimate of how many rows a search finds. */
export function printExplain(context: Context, query: SearchQuery): SearchStatement {
  const out = new Statement(context);
  const text = `explain (format json) select 1 ${matchesFrom(out, query)}`;
  return out.finish(text, 'planned');
}

/** The same statement, not run but planned: one row with its plan as JSON. */
export function printPlan({ text, values }: SearchStatement): SearchStatement {
  return { text: `explain (format json, settings) ${text}`, values };
}

/** All matches, without order or limit. */
function matchesFrom(out: Statement, query: SearchQuery): string {
  const patient = query.where.some((term) => term.kind === 'references' && term.patient);
  const scope = scopeOf(query, patient);
  const where = [ofTypes(out, scope), ...query.where.map((term) => condition(out, term, scope))];
  return `from search s where ${where.join('\n  and ')}`;
}
