import type { Include, Term } from '../fhir/query.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import { mayRefer, ONE_MORE, type Printer } from './search-sql-base.ts';
import { condition } from './search-sql-conditions.ts';

/** `_include` and `_revinclude` (R4 3.1.1.5.4) as selects behind a page. Part of search-sql.ts. */

/** Most resources that a page's includes may add. */
export const MAX_INCLUDED = 1000;

/** A resource as all selects return it; alias r. */
export const RESOURCE = 'r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient';

interface Salted {
  type: number;
  salt: string;
}

/** The salts of the includes' parameters, with the types that hold them, by the type wanted. */
function saltsOf(out: Printer, includes: readonly Include[]): Map<string, Salted[]> {
  const { hasher, typeNumber } = out.context;
  const groups = Map.groupBy(includes, ({ target }) => target ?? '');
  const salted = ({ source, code }: Include): Salted => ({
    type: typeNumber(source),
    salt: String(hasher.word(referenceSalt(paramKey(source, code)))),
  });
  return new Map([...groups].map(([target, list]) => [target, list.map(salted)]));
}

export interface Asked {
  include: readonly Include[];
  revinclude: readonly Include[];
  /** What of it the caller may see; absent: everything. */
  visible?: Term;
}

/** The includes with one target, and what is the same for all. */
interface Part {
  salts: readonly Salted[];
  target: string;
  visible: Term | undefined;
  blanks: string;
}

/**
 * Selects of what is included from `shown` (rk, type, tok of the resources that includes begin with).
 * The includes name their parameters; `blanks` fills the columns that only matches have.
 */
export function includeParts(out: Printer, asked: Asked, blanks: string): string[] {
  const { visible } = asked;
  const print = (list: readonly Include[], sql: typeof includeSql): string[] =>
    [...saltsOf(out, list)].map(([target, salts]) => sql(out, { salts, target, visible, blanks }));
  const parts = [...print(asked.include, includeSql), ...print(asked.revinclude, revincludeSql)];
  return parts.map((part) => `(${part})`);
}

/** Rows that are found already and may be shown. */
const shownIf = (out: Printer, visible: Term, alias: string): string =>
  condition(out, visible, { alias, types: [], filterOnly: true });

/** Targets of reference parameters: a reference's word XOR the parameter's salt is a row key. */
function includeSql(out: Printer, { salts, target, visible, blanks }: Part): string {
  const wanted: string[] = [];
  if (target) wanted.push(`r.type = ${out.bind(out.context.typeNumber(target), 'int2')}`);
  if (visible) wanted.push(shownIf(out, visible, 'o'));
  const own = visible ? '\njoin search o on o.type = r.type and o.seq = r.seq' : '';
  const types = out.bind(
    salts.map(({ type }) => type),
    'int2[]',
  );
  const words = out.bind(
    salts.map(({ salt }) => salt),
    'bigint[]',
  );
  return `select 1, ${RESOURCE}, null${blanks}
from (
  select distinct t.h # x.salt as rk
  from shown m join unnest(${types}, ${words}) x(type, salt) on x.type = m.type
  cross join unnest(m.tok) t(h)
  where ${mayRefer('t.h', 'x.salt')}
) x join resource r on r.rk = x.rk${own}
${wanted.length > 0 ? `where ${wanted.join(' and ')}\n` : ''}limit ${MAX_INCLUDED + ONE_MORE}`;
}

/**
 * Resources that refer to a shown one; the inner list is resolved first, then looked up. Their type is
 * in the salt: as a condition of its own it would tempt the planner to read all of its index.
 */
function revincludeSql(out: Printer, { salts, target, visible, blanks }: Part): string {
  const { context } = out;
  const words = out.bind(
    salts.map(({ salt }) => salt),
    'bigint[]',
  );
  const wanted = target ? ` where m.type = ${out.bind(context.typeNumber(target), 'int2')}` : '';
  return `select 2, ${RESOURCE}, null${blanks}
from search o join resource r on r.rk = o.rk
where o.tok && array(select m.rk # x.salt from shown m cross join unnest(${words}) x(salt)${wanted})${visible ? ` and ${shownIf(out, visible, 'o')}` : ''}
limit ${MAX_INCLUDED + ONE_MORE}`;
}

/** A list of resources as `shown`. */
export function shownByKeys(out: Printer, keys: readonly string[]): string {
  return `shown as materialized (
select r.rk, s.type, s.tok from resource r join search s on s.type = r.type and s.seq = r.seq
where r.rk = any(${out.bind(keys, 'bigint[]')})
)`;
}
