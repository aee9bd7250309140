import type { SearchQuery, Term } from '../fhir/query.ts';
import { ONE_MORE, type Printer, type Scope } from './search-sql-base.ts';
import { condition } from './search-sql-conditions.ts';
import {
  behind,
  computed,
  isCostly,
  type Order,
  type OrderKey,
  orderBy,
  orderKeys,
  sortable,
} from './search-sql-order.ts';
import { choosePlan, type Pace, type Plan, paceOf } from './search-sql-plan.ts';

/** One page of matches as a select: the ways of search-sql-plan.ts. Part of search-sql.ts. */

/** A page is what follows the row with these values, or (backwards) what stands before it. */
export interface Position {
  backwards: boolean;
  /** One per sort key, then the seq. */
  values: readonly unknown[];
}

export interface Page {
  text: string;
  keys: OrderKey[];
  newestFirst: boolean;
  backwards: boolean;
  pace: Pace;
}

/** Prints a select of the page's columns, with its filters, order and limit. */
type Part = (from: string, first: string, by?: string) => string;

const STRING_ORDER: OrderKey = { sql: 'd.v', cast: 'text', descending: false };

export const scopeOf = (query: SearchQuery, filterOnly: boolean): Scope => ({
  alias: 's',
  types: query.types,
  filterOnly,
});

/** Columns of a page: rk, seq, type, k0.., and tok where includes need it. */
export function pageSql(
  out: Printer,
  query: SearchQuery,
  position: Position | undefined,
  withTok: boolean,
): Page {
  const plan = choosePlan(out.context, query);
  const keys = plan.kind === 'string' ? [STRING_ORDER] : orderKeys(out, query);
  // `seq` breaks ties: newest first, unless the walk along an index goes the other way.
  const newestFirst = plan.kind !== 'string' && (keys[0]?.descending ?? true);
  const backwards = position?.backwards === true;
  const page = { keys, newestFirst, backwards, pace: paceOf(plan, query) };
  const sorted = keys.map((key, i) => `, ${sortable(key)} as k${i}`).join('');
  const columns = `s.rk, s.seq, s.type${withTok ? ', s.tok' : ''}${sorted}`;
  const limit = out.bind(query.count + ONE_MORE, 'int');
  const scope = scopeOf(query, plan.kind === 'patient' || plan.kind === 'compartment');
  const filters = query.where
    .filter((term) => !('term' in plan && term === plan.term))
    .map((term) => condition(out, term, scope));
  const order = orderBy(page);
  const select = (from: string, first: string) =>
    `select ${columns}\nfrom ${from}\nwhere ${[first, ...filters].join('\n  and ')}`;
  const part: Part = (from, first, by = order) =>
    `${select(from, first)}\norder by ${by}\nlimit ${limit}`;
  if (plan.kind === 'dated') {
    // No order around the parts: the farther one is not looked for where the nearer fills the page.
    const text = datedParts(out, part, { query, page, position });
    return { ...page, text: `select * from (\n${text}\n) p\nlimit ${limit}` };
  }
  if (keys.some(isCostly)) {
    const further = { ...page, keys: computed(keys) };
    const where = position ? `\nwhere ${behind(out, further, position.values)}` : '';
    const once: Part = (from, first) =>
      `select * from (\n${select(from, first)}\noffset 0) s${where}\norder by ${order}\nlimit ${limit}`;
    return { ...page, text: withSource(out, query, plan, once) };
  }
  if (position && plan.kind === 'string') filters.push(furtherAlong(out, position));
  else if (position) filters.push(behind(out, page, position.values));
  return { ...page, text: withSource(out, query, plan, part) };
}

/**
 * By main date first: the dated rows along their index (by date alone, a plain comparison of rows is a
 * range of it; by more keys, each date is sorted by itself), and behind them those without a date. Each
 * part stops at the page's size.
 */
function datedParts(
  out: Printer,
  part: Part,
  asked: { query: SearchQuery; page: Order; position: Position | undefined },
): string {
  const { query, page, position } = asked;
  const { newestFirst, backwards } = page;
  const [type = ''] = query.types;
  const typed = `s.type = ${out.bind(out.context.typeNumber(type), 'int2')}`;
  const [direction, sign] = newestFirst !== backwards ? ['desc', '<'] : ['asc', '>'];
  const fromUndated = position !== undefined && position.values[0] === null;
  const [, ...keys] = page.keys;
  const rest = { ...page, keys };
  const byRest = orderBy(page, '', 1);
  const dated = () => {
    let after = '';
    if (position && !fromUndated) {
      const [date, seq] = [position.values[0], position.values.at(-1)];
      const first = { ...(page.keys[0] as OrderKey), always: true as const };
      after =
        keys.length === 0
          ? ` and (s.lo, s.seq) ${sign} (${out.bind(date, 'bigint')}, ${out.bind(seq, 'bigint')})`
          : ` and ${behind(out, { ...page, keys: [first, ...keys] }, position.values)}`;
    }
    const by = keys.length === 0 ? `s.seq ${direction}` : byRest;
    return part('search s', `${typed} and s.lo is not null${after}`, `s.lo ${direction}, ${by}`);
  };
  const undated = () => {
    const after = fromUndated ? ` and ${behind(out, rest, position.values.slice(1))}` : '';
    const by = keys.length === 0 ? `s.seq ${direction}` : byRest;
    return part('search s', `${typed} and s.lo is null${after}`, by);
  };
  const near = fromUndated ? [undated] : [dated];
  const far = fromUndated === backwards ? [fromUndated ? dated : undated] : [];
  const parts = [...near, ...far].map((print) => `(${print()})`);
  return parts.join('\nunion all\n');
}

function withSource(out: Printer, query: SearchQuery, plan: Plan, text: Part): string {
  const numbers = query.types.map((type) => out.context.typeNumber(type));
  if (plan.kind === 'string') return stringWalk(out, numbers[0] as number, plan.term, text);
  if (plan.kind === 'patient') {
    const typed = `s.type = ${out.bind(numbers[0], 'int2')}`;
    const few = `${typed} and ${condition(out, plan.term, scopeOf(query, true))}`;
    // Fenced off, or dates and orders would tempt the planner to walk their own indexes.
    return plan.walks
      ? text('search s', few)
      : text(`(select * from search s where ${few} offset 0) s`, 'true');
  }
  if (plan.kind === 'compartment') {
    const few = condition(out, plan.term, scopeOf(query, false));
    const from = `(select * from search s where ${few} offset 0) s`;
    return text(from, `s.type = any(${out.bind(numbers, 'int2[]')})`);
  }
  if (plan.kind === 'identifier') {
    const few = condition(out, plan.term, scopeOf(query, false));
    const from = `(select * from search s where ${few} offset 0) s`;
    return text(from, `s.type = ${out.bind(numbers[0], 'int2')}`);
  }
  if (numbers.length === 1) return text('search s', `s.type = ${out.bind(numbers[0], 'int2')}`);
  // What leads to few rows leads to those of all types at once.
  if (query.where.some((term) => ACROSS.has(term.kind))) {
    return text('search s', `s.type = any(${out.bind(numbers, 'int2[]')})`);
  }
  // Several types: the first rows of each along its own index, then merged.
  const each = text('search s', 's.type = t.num').replace(/\n/g, '\n  ');
  return `select p.*\nfrom unnest(${out.bind(numbers, 'int2[]')}) as t(num)
cross join lateral (\n  ${each}\n) p`;
}

const ACROSS: ReadonlySet<Term['kind']> = new Set(['id', 'references', 'rows', 'linked'] as const);

/** A comparison of rows is a range of the string index, however far the walk has come. */
function furtherAlong(out: Printer, { backwards, values }: Position): string {
  const [value, seq] = values;
  const sign = backwards ? '<' : '>';
  return `(d.v, d.seq) ${sign} (${out.bind(value, 'text')}, ${out.bind(seq, 'bigint')})`;
}

/** A resource with several matching strings stands at the first of them. */
function stringWalk(
  out: Printer,
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
