import type { DateValue, NumberValue, Term, WholeMatch } from '../fhir/query.ts';
import { foldString } from '../fhir/terms.ts';
import { canonicalUnit, UCUM_SYSTEM } from '../fhir/ucum.ts';
import { either, type Printer, type Scope, sideRows } from './search-sql-base.ts';

/** Dates, strings, numbers and quantities as conditions. Part of search-sql.ts. */

/** Periods up to this long (ms) are found by their start; longer ones have an index of their own. */
const LONG = 86_400_000;
/** The like for numbers: a point has no length. */
const POINT = 0;

export function dates(
  out: Printer,
  { keys, main, values }: Extract<Term, { kind: 'date' }>,
  at: Scope,
): string {
  const compare = (alias: string) => either(values.map((value) => dateRange(out, alias, value)));
  if (main) return compare(at.alias);
  return sideRows(out, 'search_date', { keys, where: compare('x') }, at);
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

/** Values and, as `part` rows, what follows each word start: a beginning is a range of the index. */
export function strings(
  out: Printer,
  { keys, match, values, whole }: Extract<Term, { kind: 'string' }>,
  at: Scope,
): string {
  const where = values.map((value) => {
    if (whole) return `(${wholly(out, whole, value)} and not x.part)`;
    return match === 'contains'
      ? `(strpos(x.v, ${out.bind(value, 'text')}) > 0 and not x.part)`
      : beginning(out, 'x.v', value);
  });
  return sideRows(out, 'search_string', { keys, where: either(where) }, at);
}

function wholly(out: Printer, whole: WholeMatch, value: string): string {
  const text = () => out.bind(value, 'text');
  switch (whole) {
    case 'begins':
      return beginning(out, 'x.v', value);
    case 'ends':
      return `right(x.v, length(${text()})) = ${text()}`;
    case 'equals':
      return `x.v = ${text()}`;
    case 'differs':
      return `x.v <> ${text()}`;
  }
}

/** A range of texts in the order of their code points. */
export function beginning(out: Printer, column: string, value: string): string {
  const next = out.bind(`${value}\u{10FFFF}`, 'text');
  return `(${column} >= ${out.bind(value, 'text')} and ${column} < ${next})`;
}

/** The folded value leads to it, the text as it was written decides. */
export function exacts(
  out: Printer,
  { keys, values }: Extract<Term, { kind: 'exact' }>,
  at: Scope,
): string {
  const where = values.map(
    (value) =>
      `(x.v = ${out.bind(foldString(value), 'text')} and coalesce(x.o, x.v) = ${out.bind(value, 'text')} and not x.part)`,
  );
  return sideRows(out, 'search_string', { keys, where: either(where) }, at);
}

type NumberTerm = Extract<Term, { kind: 'number' }>;
type Canon = NonNullable<ReturnType<typeof canonicalUnit>>;

interface Asked {
  keys: readonly string[];
  value: NumberValue;
  canon?: Canon | undefined;
}

/** Alternatives: all that ask for one unit are one look-up, however many they are. */
export function numbers(out: Printer, terms: readonly NumberTerm[], at: Scope): string {
  const asked = terms.flatMap(({ keys, values }) =>
    values.map((value): Asked => ({ keys, value, canon: value.unit && canonicalOf(value.unit) })),
  );
  const groups = grouped(asked, ({ canon, value }) => canon?.canon ?? JSON.stringify(value.unit));
  return either(
    groups.map((group) =>
      group[0]?.canon ? canonical(out, group, at) : unconverted(out, group, at),
    ),
  );
}

function grouped<T>(items: readonly T[], name: (item: T) => string | undefined): T[][] {
  const groups = new Map<string | undefined, T[]>();
  for (const item of items) {
    const group = groups.get(name(item));
    if (group) group.push(item);
    else groups.set(name(item), [item]);
  }
  return [...groups.values()];
}

/** Values under their keys: `range` prints one value, `and` what holds for all. */
function keyed(
  out: Printer,
  asked: readonly Asked[],
  { range, and }: { range: (one: Asked) => string; and?: string },
): string {
  const sets = grouped(asked, ({ keys }) => JSON.stringify(keys));
  return either(
    sets.map((set) => {
      const words = set[0]?.keys.map((key) => out.word(key)).join(', ');
      const rest = [...(and === undefined ? [] : [and]), either(set.map(range))];
      return `x.k in (${words}) and ${rest.join(' and ')}`;
    }),
  );
}

function unconverted(out: Printer, asked: readonly Asked[], { alias, filterOnly }: Scope): string {
  const of = asked[0]?.value.unit;
  const range = ({ value }: Asked) => numberRange((x) => out.bind(x, 'float8'), value);
  const where = keyed(out, asked, { range, ...(of && { and: unit(out, of) }) });
  return filterOnly
    ? `exists (select 1 from search_number x where x.seq = ${alias}.seq and ${where} offset 0)`
    : `${alias}.seq in (select x.seq from search_number x where ${where})`;
}

/** R4 3.1.1.4.5 and .6: equality means within the text's precision, order means the value itself. */
function numberRange(
  n: (x: number) => string,
  { prefix, value, lo, hi }: NumberValue,
  [low, high] = ['x.lo', 'x.hi'],
): string {
  const ranged = `${high} - ${low} > ${POINT}`;
  switch (prefix) {
    case 'eq':
      return `(${low} >= ${n(lo)} and ${low} < ${n(hi)} and ${high} < ${n(hi)})`;
    case 'ne':
      return `(${low} < ${n(lo)} or ${high} >= ${n(hi)})`;
    case 'gt':
      return `(${low} > ${n(value)} or (${ranged} and ${high} > ${n(value)}))`;
    case 'ge':
      return `(${low} >= ${n(value)} or (${ranged} and ${high} >= ${n(value)}))`;
    case 'lt':
      return `${low} < ${n(value)}`;
    case 'le':
      return `${low} <= ${n(value)}`;
    case 'sa':
      return `${low} > ${n(value)}`;
    case 'eb':
      return `(${low} < ${n(value)} and ${high} < ${n(value)})`;
    case 'ap':
      return `(${low} <= ${n(hi)} and ${high} >= ${n(lo)})`;
  }
}

const canonicalOf = ({ system, code }: { system?: string; code?: string }) =>
  system === UCUM_SYSTEM && code !== undefined ? canonicalUnit(code) : undefined;

/** Conversions are exact to some ten digits: bounds are moved by less, so that what is on them counts. */
const NOISE = 1e-12;

/**
 * UCUM (R4 3.1.1.4.11: "canonical form"): for each unit met so far that measures the same, the value is
 * looked up in that unit, so that the index on the stored numbers serves.
 */
function canonical(out: Printer, asked: readonly Asked[], at: Scope): string {
  const where = keyed(out, asked, {
    range: ({ value, canon }) => numberRange(boundIn(out, value.prefix, canon), value),
    and: 'x.unit = u.h',
  });
  const units = `unit u where u.canon = ${out.bind(asked[0]?.canon?.canon, 'text')}`;
  return at.filterOnly
    ? `exists (select 1 from ${units} and exists (
    select 1 from search_number x where x.seq = ${at.alias}.seq and ${where} offset 0))`
    : `${at.alias}.seq in (select x.seq from (select * from ${units} offset 0) u
    cross join lateral (select x.seq from search_number x where ${where}) x)`;
}

/** Prints a number of the unit that was asked for as one of the unit `u` of the row. */
function boundIn(
  out: Printer,
  prefix: NumberValue['prefix'],
  { factor, shift }: Canon = { canon: '', factor: 1, shift: 0 },
): (x: number) => string {
  const by = prefix === 'gt' || prefix === 'sa' || prefix === 'le' ? NOISE : -NOISE;
  return (x) => {
    const there = x * factor + shift;
    return `((${out.bind(there + Math.abs(there) * by, 'float8')} - u.shift) / u.factor)`;
  };
}

/** R4 3.1.1.4.11: with a system the code counts; without one the code or the printed unit. */
function unit(out: Printer, { system, code }: { system?: string; code?: string }): string {
  const of = system === undefined ? [] : [`u.system = ${out.bind(system, 'text')}`];
  if (code !== undefined) {
    const wanted = out.bind(code, 'text');
    of.push(
      system === undefined ? `(u.code = ${wanted} or u.unit = ${wanted})` : `u.code = ${wanted}`,
    );
  }
  return `x.unit = any(array(select u.h from unit u where ${of.join(' and ')}))`;
}

/** Two ranged components of one element in one row: each compares with its own column. */
export function pair(
  out: Printer,
  { keys, first, second }: Extract<Term, { kind: 'pair' }>,
  { alias }: Scope,
): string {
  const n = (x: number) => out.bind(x, 'float8');
  const both = `${numberRange(n, first, ['y.lo', 'y.lo'])} and ${numberRange(n, second, ['y.hi', 'y.hi'])}`;
  const words = keys.map((key) => out.word(key)).join(', ');
  return `${alias}.seq in (select y.seq from search_number y where y.k in (${words}) and ${both})`;
}

/** Mean radius of the Earth and kilometres per degree of latitude. */
const EARTH_KM = 6371.0088;
const DEGREE_KM = (Math.PI * EARTH_KM) / 180;

/** R4 Location `near`: the band of latitudes by the index, then the distance along the sphere. */
export function near(
  out: Printer,
  { key, latitude, longitude, km }: Extract<Term, { kind: 'near' }>,
  at: Scope,
): string {
  const n = (x: number) => out.bind(x, 'float8');
  const band = km / DEGREE_KM;
  const [lat, lon] = [n(latitude), n(longitude)];
  const haversine = `2 * ${EARTH_KM} * asin(least(1, sqrt(
    power(sind((x.lo - ${lat}) / 2), 2) + cosd(${lat}) * cosd(x.lo) * power(sind((x.hi - ${lon}) / 2), 2))))`;
  const where = `(x.lo between ${n(latitude - band)} and ${n(latitude + band)} and ${haversine} <= ${n(km)})`;
  return sideRows(out, 'search_number', { keys: [key], where }, at);
}
