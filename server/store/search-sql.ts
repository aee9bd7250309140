import { hash } from 'node:crypto';
import type { Include, SearchQuery, Term } from '../fhir/query.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import type { Context } from './context.ts';
import { condition, type Printer } from './search-sql-conditions.ts';
import { behind, type OrderKey, orderBy, orderKeys, sortable } from './search-sql-order.ts';

/**
 * Prints a search tree as one SQL statement: the only place that composes SQL text. Every value is a
 * bound parameter. What the planner may choose is decided here (docs/architecture.md, "Plans"):
 *
 * - a patient's data: one range of the patient index, tokens as a filter (`is true`);
 * - business identifiers: the token index first (materialized), then order;
 * - one string beginning and no order asked for: a walk along the string index in its order;
 * - by main date alone: a walk along the date index, then the undated;
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
  readonly types: readonly string[];
  readonly values: unknown[] = [];
  constructor(context: Context, query: SearchQuery) {
    this.context = context;
    this.types = query.types;
  }
  bind(value: unknown, cast: string): string {
    this.values.push(value);
    return `$${this.values.length}::${cast}`;
  }
  /** The hash of an index word, bound. */
  word(text: string): string {
    return this.bind(String(this.context.hasher.word(text)), 'bigint');
  }
  finish(text: string, pace: Pace): SearchStatement {
    const { values } = this;
    if (pace === 'planned') return { text, values };
    return { name: `s${hash('sha1', text).slice(0, 20)}`, text, values };
  }
}

/** Rows behind the last one of a page that show whether there are more. */
const ONE_MORE = 1;
/** Most resources that a page's includes may add. */
export const MAX_INCLUDED = 1000;

type Plan =
  | { kind: 'dated' | 'plain' }
  /** `walks`: the order asked for is that of the patient index. */
  | { kind: 'patient'; term: Extract<Term, { kind: 'references' }>; walks: boolean }
  | { kind: 'identifier'; term: Extract<Term, { kind: 'words' }> }
  | { kind: 'string'; term: Extract<Term, { kind: 'string' }> };

function choosePlan({ definitions }: Context, query: SearchQuery): Plan {
  const [only] = query.types;
  if (only === undefined || query.types.length > 1) return { kind: 'plain' };
  const [key, ...keys] = query.sort;
  const byDate = keys.length === 0 && key !== undefined && key.code === definitions.main(only).date;
  const patient = query.where.find((term) => term.kind === 'references' && term.patient);
  if (patient?.kind === 'references') {
    const walks = byDate && key.descending && patient.targets.length === 1;
    return { kind: 'patient', term: patient, walks };
  }
  const identifier = query.where.find((term) => term.kind === 'words' && term.rare);
  if (identifier?.kind === 'words') return { kind: 'identifier', term: identifier };
  const strings = query.where.filter((term) => term.kind === 'string');
  const [first] = strings;
  const walk = query.sort.length === 0 && !query.where.some((term) => term.kind === 'id');
  if (walk && first && strings.length === 1 && first.keys.length * first.values.length === 1) {
    return { kind: 'string', term: first };
  }
  return { kind: byDate ? 'dated' : 'plain' };
}

/** Columns of a page: rk, seq, type, k0.., and tok where includes need it. */
function pageSql(
  out: Statement,
  query: SearchQuery,
  position: readonly unknown[] | undefined,
): Page {
  const plan = choosePlan(out.context, query);
  const keys = plan.kind === 'string' ? [STRING_ORDER] : orderKeys(out, query);
  // `seq` breaks ties: newest first, unless the walk along an index goes the other way.
  const newestFirst = plan.kind !== 'string' && (keys[0]?.descending ?? true);
  const tok = query.include.length > 0 ? ', s.tok' : '';
  const sorted = keys.map((key, i) => `, ${sortable(key)} as k${i}`).join('');
  const columns = `s.rk, s.seq, s.type${tok}${sorted}`;
  const limit = out.bind(query.count + ONE_MORE, 'int');
  const filters = query.where
    .filter((term) => !('term' in plan && term === plan.term))
    .map((term) => condition(out, term, plan.kind === 'patient'));
  const order = orderBy(keys, newestFirst);
  const part: Part = (from, first, by = order) =>
    `select ${columns}\nfrom ${from}\nwhere ${[first, ...filters].join('\n  and ')}\n` +
    `order by ${by}\nlimit ${limit}`;
  const page = { keys, newestFirst, pace: PACES[plan.kind] };
  if (plan.kind === 'dated') {
    // No order around the parts: the undated are not looked for where the dated fill the page.
    const text = datedParts(out, part, { query, position, newestFirst });
    return { ...page, text: `select * from (\n${text}\n) p\nlimit ${limit}` };
  }
  if (position && plan.kind === 'string') filters.push(furtherAlong(out, position));
  else if (position) filters.push(behind(out, keys, position, newestFirst));
  return { ...page, text: withSource(out, query, plan, part) };
}

interface Page {
  text: string;
  keys: OrderKey[];
  newestFirst: boolean;
  pace: Pace;
}

/**
 * What connections a statement may run on. `planned`: its values must be known to the planner;
 * `steady`: no choice is left, it may be planned once; `shared`: and the rows of one patient bound it;
 * `fast`: and it touches next to nothing.
 */
export type Pace = 'planned' | 'steady' | 'shared' | 'fast';

const PACES: Record<Plan['kind'], Pace> = {
  plain: 'planned',
  dated: 'planned',
  patient: 'shared',
  string: 'steady',
  identifier: 'fast',
};

/** Prints a select of the page's columns, with its filters, order and limit. */
type Part = (from: string, first: string, by?: string) => string;

const STRING_ORDER: OrderKey = { sql: 'd.v', cast: 'text', descending: false };

/**
 * By main date and nothing else: the dated rows along their index (a plain comparison of rows is a
 * range of it), and behind them those without a date. Each part stops at the page's size.
 */
function datedParts(
  out: Statement,
  part: Part,
  page: { query: SearchQuery; position: readonly unknown[] | undefined; newestFirst: boolean },
): string {
  const { query, position, newestFirst } = page;
  const [type = ''] = query.types;
  const typed = `s.type = ${out.bind(out.context.typeNumber(type), 'int2')}`;
  const [direction, sign] = newestFirst ? ['desc', '<'] : ['asc', '>'];
  const [date, seq] = position ?? [];
  const parts: string[] = [];
  if (date !== null) {
    const after = position
      ? ` and (s.lo, s.seq) ${sign} (${out.bind(date, 'bigint')}, ${out.bind(seq, 'bigint')})`
      : '';
    const by = `s.lo ${direction}, s.seq ${direction}`;
    parts.push(part('search s', `${typed} and s.lo is not null${after}`, by));
  }
  const after = date === null ? ` and s.seq ${sign} ${out.bind(seq, 'bigint')}` : '';
  parts.push(part('search s', `${typed} and s.lo is null${after}`, `s.seq ${direction}`));
  return parts.map((text) => `(${text})`).join('\nunion all\n');
}

function withSource(out: Statement, query: SearchQuery, plan: Plan, text: Part): string {
  const numbers = query.types.map((type) => out.context.typeNumber(type));
  if (plan.kind === 'string') return stringWalk(out, numbers[0] as number, plan.term, text);
  if (plan.kind === 'patient') {
    const few = `s.type = ${out.bind(numbers[0], 'int2')} and ${condition(out, plan.term, true)}`;
    // Fenced off, or dates and orders would tempt the planner to walk their own indexes.
    return plan.walks
      ? text('search s', few)
      : text(`(select * from search s where ${few} offset 0) s`, 'true');
  }
  if (plan.kind === 'identifier') {
    const few = condition(out, plan.term, false);
    const from = `(select * from search s where ${few} offset 0) s`;
    return text(from, `s.type = ${out.bind(numbers[0], 'int2')}`);
  }
  if (numbers.length === 1) return text('search s', `s.type = ${out.bind(numbers[0], 'int2')}`);
  // Ids lead to the rows of all types at once.
  if (query.where.some((term) => term.kind === 'id')) {
    return text('search s', `s.type = any(${out.bind(numbers, 'int2[]')})`);
  }
  // Several types: the first rows of each along its own index, then merged.
  const each = text('search s', 's.type = t.num').replace(/\n/g, '\n  ');
  return `select p.*\nfrom unnest(${out.bind(numbers, 'int2[]')}) as t(num)
cross join lateral (\n  ${each}\n) p`;
}

/** A comparison of rows is a range of the string index, however far the walk has come. */
function furtherAlong(out: Statement, [value, seq]: readonly unknown[]): string {
  return `(d.v, d.seq) > (${out.bind(value, 'text')}, ${out.bind(seq, 'bigint')})`;
}

/** A resource with several matching strings stands at the first of them. */
function stringWalk(
  out: Statement,
  type: number,
  term: Extract<Term, { kind: 'string' }>,
  text: Part,
): string {
  const k = out.word(term.keys[0] as string);
  const lo = out.bind(term.values[0], 'text');
  const hi = out.bind(`${term.values[0]}\u{10FFFF}`, 'text');
  const inRange = (alias: string) =>
    `${alias}.k = ${k} and ${alias}.v >= ${lo} and ${alias}.v < ${hi}`;
  const from = `search_string d join search s on s.seq = d.seq and s.type = ${out.bind(type, 'int2')}`;
  return text(
    from,
    `${inRange('d')}
  and not exists (
    select 1 from search_string e where e.seq = d.seq and ${inRange('e')}
      and (e.v, e.ctid) < (d.v, d.ctid))`,
  );
}

/** One page of matches with their content and, in the same round trip, the included resources. */
export function printSearch(
  context: Context,
  query: SearchQuery,
  position: readonly unknown[] | undefined,
): SearchStatement & { pace: Pace } {
  const out = new Statement(context, query);
  const page = pageSql(out, query, position);
  const keyColumns = page.keys.map((_, i) => `p.k${i}::text`).join(', ');
  const keyTexts = keyColumns === '' ? '' : `, ${keyColumns}`;
  const order = orderBy(page.keys, page.newestFirst, 'p.');
  const resource = 'r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content';
  const matches = (from: string) => `select 0 as kind, ${resource}, p.seq${keyTexts}
from ${from} p join resource r on r.rk = p.rk`;
  const limit =
    query.types.length === 1 ? '' : `\nlimit ${out.bind(query.count + ONE_MORE, 'int')}`;
  if (query.include.length + query.revinclude.length === 0) {
    const text = `${matches(`(\n${page.text}\n)`)}\norder by ${order}${limit}`;
    return { ...out.finish(text, page.pace), pace: page.pace };
  }
  const pace = page.pace === 'planned' ? 'planned' : 'steady';
  const blanks = page.keys.map(() => ', null').join('');
  const shown = `shown as materialized (
select * from page p order by ${order} limit ${out.bind(query.count, 'int')}
)`;
  const parts = [
    `(${matches('page')}\norder by ${order}${limit})`,
    ...query.include.map((include) => `(${includeSql(out, include, resource, blanks)})`),
    ...query.revinclude.map((include) => `(${revincludeSql(out, include, resource, blanks)})`),
  ];
  const text = `with page as materialized (\n${page.text}\n), ${shown}\n${parts.join('\nunion all\n')}`;
  return { ...out.finish(text, pace), pace };
}

/** Targets of a reference parameter: a reference's word XOR the parameter's salt is a row key. */
function includeSql(out: Statement, include: Include, resource: string, blanks: string): string {
  const { context } = out;
  const def = context.definitions.searchParams(include.source).get(include.code);
  const targets = include.target ? [include.target] : def?.targets;
  const types = targets?.map((type) => context.typeNumber(type));
  const wanted = types ? ` and r.type = any(${out.bind(types, 'int2[]')})` : '';
  const salt = out.word(referenceSalt(paramKey(include.source, include.code)));
  return `select 1, ${resource}, null${blanks}
from (
  select distinct t.h # ${salt} as rk from shown m cross join unnest(m.tok) as t(h)
  where m.type = ${out.bind(context.typeNumber(include.source), 'int2')}
) x join resource r on r.rk = x.rk
where true${wanted}
limit ${MAX_INCLUDED + ONE_MORE}`;
}

/**
 * Resources that refer to a match; the inner list is resolved first, then looked up. The type is in
 * the salt: as a condition of its own it would tempt the planner to read all of its index.
 */
function revincludeSql(out: Statement, include: Include, resource: string, blanks: string): string {
  const { context } = out;
  const salt = out.word(referenceSalt(paramKey(include.source, include.code)));
  const target = include.target
    ? ` where m.type = ${out.bind(context.typeNumber(include.target), 'int2')}`
    : '';
  return `select 2, ${resource}, null${blanks}
from search o join resource r on r.rk = o.rk
where o.tok && array(select m.rk # ${salt} from shown m${target})
limit ${MAX_INCLUDED + ONE_MORE}`;
}

/** The number of matches; with `most` set, counting stops there. */
export function printCount(context: Context, query: SearchQuery, most?: number): SearchStatement {
  const out = new Statement(context, query);
  const from = matchesFrom(out, query);
  const text =
    most === undefined
      ? `select count(*) ${from}`
      : `select count(*) from (select 1 ${from} limit ${out.bind(most, 'int')}) x`;
  return out.finish(text, 'planned');
}

/** Ids of the matches of a criterion, at most `most`: what conditional interactions need. */
export function printIds(context: Context, query: SearchQuery, most: number): SearchStatement {
  const out = new Statement(context, query);
  const { text } = pageSql(out, { ...query, count: most - ONE_MORE, include: [] }, undefined);
  return out.finish(
    `select r.id from (\n${text}\n) p join resource r on r.rk = p.rk order by p.seq`,
    'planned',
  );
}

/** The planner's estimate of how many rows a search finds. */
export function printExplain(context: Context, query: SearchQuery): SearchStatement {
  const out = new Statement(context, query);
  const text = `explain (format json) select 1 ${matchesFrom(out, query)}`;
  return out.finish(text, 'planned');
}

/** All matches, without order or limit. */
function matchesFrom(out: Statement, query: SearchQuery): string {
  const patient = query.where.some((term) => term.kind === 'references' && term.patient);
  const types = query.types.map((type) => out.context.typeNumber(type));
  const typed =
    types.length === 1
      ? `s.type = ${out.bind(types[0], 'int2')}`
      : `s.type = any(${out.bind(types, 'int2[]')})`;
  const where = [typed, ...query.where.map((term) => condition(out, term, patient))];
  return `from search s where ${where.join('\n  and ')}`;
}
