import { hash } from 'node:crypto';
import type { Include, SearchQuery, Term } from '../fhir/query.ts';
import { referenceSalt } from '../fhir/terms.ts';
import type { Context } from './context.ts';
import { ONE_MORE, ofTypes, type Printer, type Scope } from './search-sql-base.ts';
import { condition } from './search-sql-conditions.ts';
import { includeParts, RESOURCE, shownByKeys } from './search-sql-include.ts';
import { orderBy } from './search-sql-order.ts';
import { type Position, pageSql, scopeOf } from './search-sql-page.ts';
import type { Pace } from './search-sql-plan.ts';

export { MAX_INCLUDED } from './search-sql-include.ts';
export type { Position } from './search-sql-page.ts';
export type { Pace } from './search-sql-plan.ts';

/**
 * Prints a search tree as one SQL statement: the only place that composes SQL text. Every value is a
 * bound parameter. What the planner may choose is decided here (docs/architecture.md, "Plans"):
 *
 * - a patient's data: one range of the patient index, tokens as a filter (`is true`);
 * - a compartment: the token index with all its references first, then types and order;
 * - business identifiers: the token index first (fenced), then order;
 * - one string beginning and no order asked for: a walk along the string index in its order;
 * - by main date first: a walk along the date index, then the undated;
 * - all else: left to the planner with the values known (unnamed statement, custom plan).
 */
export interface SearchStatement {
  /** Absent for statements that must be planned with their values known. */
  name?: string;
  text: string;
  values: unknown[];
}

class Statement implements Printer {
  readonly context: Context;
  readonly values: unknown[] = [];
  #aliases = 0;
  constructor(context: Context) {
    this.context = context;
  }
  bind(value: unknown, cast: string): string {
    this.values.push(value);
    return `$${this.values.length}::${cast}`;
  }
  /** The hash of an index word, bound. */
  word(text: string): string {
    return this.bind(String(this.context.hasher.word(text)), 'bigint');
  }
  alias(): string {
    this.#aliases += 1;
    return `t${this.#aliases}`;
  }
  finish(text: string, pace: Pace): SearchStatement {
    const { values } = this;
    if (pace === 'planned') return { text, values };
    return { name: `s${hash('sha1', text).slice(0, 20)}`, text, values };
  }
}

/** Includes of matches only, each from one named type: they fit behind the page in its statement. */
export function areSimple({ include, revinclude }: SearchQuery): boolean {
  return ![...include, ...revinclude].some(
    ({ source, code, iterate }) => iterate || source === '*' || code === '*',
  );
}

/** One page of matches with their content and, where they are simple, what they include. */
export function printSearch(
  context: Context,
  query: SearchQuery,
  position: Position | undefined,
): SearchStatement & { pace: Pace } {
  const out = new Statement(context);
  const includes = query.include.length + query.revinclude.length > 0 && areSimple(query);
  const page = pageSql(out, query, position, includes && query.include.length > 0);
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
  asked: { include: readonly Include[]; revinclude: readonly Include[] },
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
  const { text } = pageSql(out, { ...query, count: most - ONE_MORE }, undefined, false);
  return out.finish(
    `select r.id from (\n${text}\n) p join resource r on r.rk = p.rk order by p.seq`,
    'planned',
  );
}

interface Wanted {
  target: { type: string; where: readonly Term[] };
  /** Resources of these types that contain one. */
  around: { types: readonly string[]; term: Term } | undefined;
}

/**
 * The ends of a chain: rows of 0 and the key of a resource that fits, and of 1 and the seq of one that
 * contains such a resource; of each at most `most`, in no order.
 */
export function printEnds(
  context: Context,
  { target, around }: Wanted,
  most: number,
): SearchStatement {
  const out = new Statement(context);
  const limit = out.bind(most, 'int');
  const part = (what: string, types: readonly string[], where: readonly Term[]): string => {
    const scope: Scope = { alias: 's', types, filterOnly: false };
    const terms = [ofTypes(out, scope), ...where.map((term) => condition(out, term, scope))];
    return `(select ${what} from search s where ${terms.join('\n  and ')}\nlimit ${limit})`;
  };
  const parts = [part('0, s.rk', [target.type], target.where)];
  if (around) parts.push(part('1, s.seq', around.types, [around.term]));
  return out.finish(parts.join('\nunion all\n'), 'planned');
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
  select r.seq::text from (select distinct h.word # ${salt} as rk from found f cross join unnest(f.tok) h(word)) x
  join resource r on r.rk = x.rk where r.type = any(${numbers}) limit ${out.bind(most, 'int')})`;
  return out.finish(text, 'planned');
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
