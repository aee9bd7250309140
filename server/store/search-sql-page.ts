import type { SearchQuery, Term } from '../fhir/query.ts';
import { ONE_MORE, ofTypes, type Printer, type Scope } from './search-sql-base.ts';
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
import { byPatient, choosePlan, type Pace, type Plan, paceOf } from './search-sql-plan.ts';

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

export interface PageOptions {
  position: Position | undefined;
  /** With the column that includes need. */
  withTok: boolean;
}

/** rk, seq, type, tok where it is wanted, k0.. */
function columnsOf({ keys }: Order, withTok: boolean): string {
  const sorted = keys.map((key, i) => `, ${sortable(key)} as k${i}`).join('');
  return `s.rk, s.seq, s.type${withTok ? ', s.tok' : ''}${sorted}`;
}

/** One page of matches, by the way that suits the search. */
export function pageSql(out: Printer, query: SearchQuery, options: PageOptions): Page {
  const { position, withTok } = options;
  const plan = choosePlan(out.context, query);
  const keys = plan.kind === 'string' ? [STRING_ORDER] : orderKeys(out, query);
  // `seq` breaks ties: newest first, unless the walk along an index goes the other way.
  const newestFirst = plan.kind !== 'string' && (keys[0]?.descending ?? true);
  const backwards = position?.backwards === true;
  const page = { keys, newestFirst, backwards, pace: paceOf(plan, query) };
  const columns = columnsOf(page, withTok);
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
  const { backwards } = page;
  const [type = ''] = query.types;
  const typed = `s.type = ${out.bind(out.context.typeNumber(type), 'int2')}`;
  const [direction, sign] = directionOf(page);
  const fromUndated = position !== undefined && position.values[0] === null;
  const [, ...keys] = page.keys;
  const rest = { ...page, keys };
  const byRest = orderBy(page, '', 1);
  const dated = () => {
    let after = '';
    if (position && !fromUndated) {
      const first = { ...(page.keys[0] as OrderKey), always: true as const };
      after =
        keys.length === 0
          ? ` and ${behindDate(out, sign, position)}`
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

/** Which way an index is walked, and how what follows compares. */
const directionOf = ({
  newestFirst,
  backwards,
}: Order): readonly ['desc', '<'] | readonly ['asc', '>'] =>
  newestFirst !== backwards ? ['desc', '<'] : ['asc', '>'];

/** As a comparison of rows it is a range of the date index. */
function behindDate(out: Printer, sign: '<' | '>', { values }: Position): string {
  return `(s.lo, s.seq) ${sign} (${out.bind(values[0], 'bigint')}, ${out.bind(values.at(-1), 'bigint')})`;
}

/** So many rows of an order are looked at one by one: a millisecond. */
const NEAR_ROWS = 2500;
/** The same where each is a patient whose data are looked through. */
const NEAR_PATIENTS = 200;

/**
 * A page from the first rows of its order alone (`mayBeNear`), with nothing left to plan: either it is
 * full and as `pageSql` would find it, or it says nothing.
 */
export function nearSql(out: Printer, query: SearchQuery, options: PageOptions): Page {
  const { position, withTok } = options;
  const [key] = orderKeys(out, query);
  const keys: OrderKey[] = key ? [{ ...key, always: true }] : [];
  const newestFirst = key?.descending ?? true;
  const backwards = position?.backwards === true;
  const page: Page = { keys, newestFirst, backwards, pace: 'shared', text: '' };
  const [direction, sign] = directionOf(page);
  const scope = scopeOf(query, true);
  const rows = [ofTypes(out, scope)];
  if (key) rows.push('s.lo is not null');
  if (position)
    rows.push(key ? behindDate(out, sign, position) : behind(out, page, position.values));
  const most = query.where.some(byPatient) ? NEAR_PATIENTS : NEAR_ROWS;
  const by = key ? `s.lo ${direction}, s.seq ${direction}` : `s.seq ${direction}`;
  const filters = query.where.map((term) => condition(out, term, scope));
  const from = `(\nselect s.* from search s where ${rows.join(' and ')}\norder by ${by} limit ${most}) s`;
  const text = `select ${columnsOf(page, withTok)}\nfrom ${from}\nwhere ${filters.join('\n  and ')}
order by ${orderBy(page)}\nlimit ${out.bind(query.count + ONE_MORE, 'int')}`;
  return { ...page, text };
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
