import type { DateValue, NumberValue, Term } from '../fhir/query.ts';
import { referenceSalt } from '../fhir/terms.ts';
import { vidFloor } from './clock.ts';
import type { Context } from './context.ts';

/** Where conditions go: values are bound, words hashed and bound. */
export interface Printer {
  readonly context: Context;
  /** The resource types searched. */
  readonly types: readonly string[];
  bind(value: unknown, cast: string): string;
  word(text: string): string;
}

/** Periods up to this long (ms) are found by their start; longer ones have an index of their own. */
const LONG = 86_400_000;
/** The like for numbers: a point has no length. */
const POINT = 0;

/**
 * A term as a condition on alias `s` of the search table. With `filterOnly` the token index is kept
 * out of the planner's reach: the row is already found through the patient index.
 */
export function condition(out: Printer, term: Term, filterOnly: boolean): string {
  switch (term.kind) {
    case 'id':
      return ids(out, term.ids);
    case 'lastUpdated':
      return either(term.values.map((value) => lastUpdated(out, value)));
    case 'words':
      return tokens(
        out,
        term.words.map((word) => out.context.hasher.word(word)),
        filterOnly,
      );
    case 'references':
      return references(out, term, filterOnly);
    case 'date':
      return dates(out, term, filterOnly);
    case 'string':
      return strings(out, term, filterOnly);
    case 'number':
      return numbers(out, term, filterOnly);
    case 'pair':
      return pair(out, term);
    case 'any':
      return either(term.terms.map((inner) => condition(out, inner, filterOnly)));
    case 'all':
      return `(${term.terms.map((inner) => condition(out, inner, filterOnly)).join(' and ')})`;
  }
}

const either = (conditions: readonly string[]): string =>
  conditions.length === 1 ? (conditions[0] as string) : `(${conditions.join(' or ')})`;

/** `_id` names no type: each of the types searched may hold it. */
function ids(out: Printer, wanted: readonly string[]): string {
  const { hasher } = out.context;
  const keys = wanted.flatMap((id) => out.types.map((type) => String(hasher.row(type, id))));
  return `s.seq in (select r.seq from resource r where r.rk = any(${out.bind(keys, 'bigint[]')}))`;
}

function tokens(out: Printer, hashes: readonly bigint[], filterOnly: boolean): string {
  const list = out.bind(hashes.map(String), 'bigint[]');
  const sql = hashes.length === 1 ? `s.tok @> ${list}` : `s.tok && ${list}`;
  return filterOnly ? `(${sql}) is true` : sql;
}

function references(
  out: Printer,
  term: Extract<Term, { kind: 'references' }>,
  filterOnly: boolean,
): string {
  const { hasher } = out.context;
  if (term.patient) {
    const keys = term.targets.map((target) => String(hasher.word(target)));
    const [only] = keys;
    return keys.length === 1
      ? `s.patient = ${out.bind(only, 'bigint')}`
      : `s.patient = any(${out.bind(keys, 'bigint[]')})`;
  }
  const salt = referenceSalt(term.key);
  return tokens(
    out,
    term.targets.map((target) => hasher.reference(salt, target)),
    filterOnly,
  );
}

/** Version keys begin with the time, so a range of times is a range of keys. */
function lastUpdated(out: Printer, { prefix, lo, hi }: DateValue): string {
  const from = (ms: number) => out.bind(String(vidFloor(ms)), 'bigint');
  switch (prefix) {
    case 'ne':
      return `(s.vid < ${from(lo)} or s.vid >= ${from(hi + 1)})`;
    case 'gt':
    case 'sa':
      return `s.vid >= ${from(hi + 1)}`;
    case 'lt':
    case 'eb':
      return `s.vid < ${from(lo)}`;
    case 'ge':
      return `s.vid >= ${from(lo)}`;
    case 'le':
      return `s.vid < ${from(hi + 1)}`;
    default:
      return `(s.vid >= ${from(lo)} and s.vid < ${from(hi + 1)})`;
  }
}

function dates(
  out: Printer,
  { keys, main, values }: Extract<Term, { kind: 'date' }>,
  filterOnly: boolean,
): string {
  const compare = (alias: string) => either(values.map((value) => dateRange(out, alias, value)));
  if (main) return compare('s');
  return sideRows(out, 'search_date', { keys, where: compare('x'), filterOnly });
}

/**
 * R4 3.1.1.4.7 on ranges, all bounds inclusive. Conditions on the upper end are written so that an
 * index on the lower end serves them: a period no longer than LONG begins at most LONG earlier.
 */
function dateRange(out: Printer, a: string, { prefix, lo, hi }: DateValue): string {
  const ms = (value: number) => out.bind(String(value), 'bigint');
  const longer = `${a}.hi - ${a}.lo > ${LONG}`;
  switch (prefix) {
    case 'eq':
      return `(${a}.lo between ${ms(lo)} and ${ms(hi)} and ${a}.hi <= ${ms(hi)})`;
    case 'ne':
      return `(${a}.lo < ${ms(lo)} or ${a}.hi > ${ms(hi)})`;
    case 'gt':
      return `((${a}.lo > ${ms(hi - LONG)} and ${a}.hi > ${ms(hi)}) or (${longer} and ${a}.hi > ${ms(hi)}))`;
    case 'ge':
      return (
        `((${a}.lo > ${ms(Math.min(hi - LONG, lo - 1))} and (${a}.hi > ${ms(hi)} or ${a}.lo >= ${ms(lo)}))` +
        ` or (${longer} and ${a}.hi > ${ms(hi)}))`
      );
    case 'lt':
      return `${a}.lo < ${ms(lo)}`;
    case 'le':
      return `(${a}.lo < ${ms(lo)} or (${a}.lo between ${ms(lo)} and ${ms(hi)} and ${a}.hi <= ${ms(hi)}))`;
    case 'sa':
      return `${a}.lo > ${ms(hi)}`;
    case 'eb':
      return `${a}.hi < ${ms(lo)}`;
    case 'ap':
      return `(${a}.lo <= ${ms(hi)} and ${a}.hi >= ${ms(lo)})`;
  }
}

function strings(
  out: Printer,
  { keys, values }: Extract<Term, { kind: 'string' }>,
  filterOnly: boolean,
): string {
  const ranges = values.map((value) => {
    const next = out.bind(`${value}\u{10FFFF}`, 'text');
    return `(x.v >= ${out.bind(value, 'text')} and x.v < ${next})`;
  });
  return sideRows(out, 'search_string', { keys, where: either(ranges), filterOnly });
}

/** Looked up by what they hold; or, where the rows are found already, one by one by their key. */
function sideRows(out: Printer, table: string, rows: SideRows): string {
  const words = rows.keys.map((key) => out.word(key)).join(', ');
  const where = `x.k in (${words}) and ${rows.where}`;
  return rows.filterOnly
    ? `exists (select 1 from ${table} x where x.seq = s.seq and ${where} offset 0)`
    : `s.seq in (select x.seq from ${table} x where ${where})`;
}

interface SideRows {
  keys: readonly string[];
  where: string;
  filterOnly: boolean;
}

function numbers(
  out: Printer,
  { keys, values }: Extract<Term, { kind: 'number' }>,
  filterOnly: boolean,
): string {
  const compare = values.map((value) => {
    const range = numberRange(out, value);
    return value.unit ? `(${range} and ${unit(out, value.unit)})` : range;
  });
  return sideRows(out, 'search_number', { keys, where: either(compare), filterOnly });
}

/** R4 3.1.1.4.5 and .6: equality means within the text's precision, order means the value itself. */
function numberRange(out: Printer, { prefix, value, lo, hi }: NumberValue): string {
  const n = (x: number) => out.bind(x, 'float8');
  const ranged = `x.hi - x.lo > ${POINT}`;
  switch (prefix) {
    case 'eq':
      return `(x.lo >= ${n(lo)} and x.lo < ${n(hi)} and x.hi < ${n(hi)})`;
    case 'ne':
      return `(x.lo < ${n(lo)} or x.hi >= ${n(hi)})`;
    case 'gt':
      return `(x.lo > ${n(value)} or (${ranged} and x.hi > ${n(value)}))`;
    case 'ge':
      return `(x.lo >= ${n(value)} or (${ranged} and x.hi >= ${n(value)}))`;
    case 'lt':
      return `x.lo < ${n(value)}`;
    case 'le':
      return `x.lo <= ${n(value)}`;
    case 'sa':
      return `x.lo > ${n(value)}`;
    case 'eb':
      return `(x.lo < ${n(value)} and x.hi < ${n(value)})`;
    case 'ap':
      return `(x.lo <= ${n(hi)} and x.hi >= ${n(lo)})`;
  }
}

/** R4 3.1.1.4.12: with a system the code counts; without one the code or the printed unit. */
function unit(out: Printer, { system, code }: { system?: string; code: string }): string {
  const wanted = out.bind(code, 'text');
  const named =
    system === undefined
      ? `(u.code = ${wanted} or u.unit = ${wanted})`
      : `u.system = ${out.bind(system, 'text')} and u.code = ${wanted}`;
  return `x.unit = any(array(select u.h from unit u where ${named}))`;
}

/** Two ranged components of one element in one row: each compares with its own column. */
function pair(out: Printer, { keys, first, second }: Extract<Term, { kind: 'pair' }>): string {
  const column = (name: string, value: NumberValue) =>
    `exists (select 1 from (select ${name} as lo, ${name} as hi) x where ${numberRange(out, value)})`;
  const both = `${column('y.lo', first)} and ${column('y.hi', second)}`;
  const words = keys.map((key) => out.word(key)).join(', ');
  return `s.seq in (select y.seq from search_number y where y.k in (${words}) and ${both})`;
}
