import type { Include } from '../fhir/query.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import type { Printer } from './search-sql-base.ts';

/** `_include` and `_revinclude` (R4 3.1.1.5.4) as selects behind a page. Part of search-sql.ts. */

/** Most resources that a page's includes may add. */
export const MAX_INCLUDED = 1000;
const ONE_MORE = 1;

/** A resource as all selects return it; alias r. */
export const RESOURCE = 'r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content';

interface Salted {
  type: number;
  salt: string;
}

/** The salts of all reference parameters that an include means, with the type that holds them. */
function saltsOf(out: Printer, { source, code }: Include, types: readonly string[]): Salted[] {
  const { definitions, hasher } = out.context;
  const sources = source === '*' ? types : [source];
  return sources.flatMap((type) => {
    const codes =
      code === '*'
        ? [...definitions.searchParams(type).values()]
            .filter((def) => def.type === 'reference' && !def.keys)
            .map((def) => def.code)
        : [code];
    return codes.map((one) => ({
      type: out.context.typeNumber(type),
      salt: String(hasher.word(referenceSalt(paramKey(type, one)))),
    }));
  });
}

const byTarget = (includes: readonly Include[]): Map<string, Include[]> =>
  Map.groupBy(includes, ({ target }) => target ?? '');

/**
 * Selects of what is included from `shown` (rk, type, tok of the resources that includes begin with).
 * `types` are those of the shown resources; `blanks` fills the columns that only matches have.
 */
export function includeParts(
  out: Printer,
  asked: { include: readonly Include[]; revinclude: readonly Include[]; types: readonly string[] },
  blanks: string,
): string[] {
  const parts: string[] = [];
  for (const [target, includes] of byTarget(asked.include)) {
    const salts = includes.flatMap((one) => saltsOf(out, one, asked.types));
    if (salts.length > 0) parts.push(includeSql(out, salts, target, blanks));
  }
  for (const [target, includes] of byTarget(asked.revinclude)) {
    const all = out.context.definitions.resourceTypes;
    const salts = includes.flatMap((one) => saltsOf(out, one, all));
    if (salts.length > 0) parts.push(revincludeSql(out, salts, target, blanks));
  }
  return parts.map((part) => `(${part})`);
}

/** Targets of reference parameters: a reference's word XOR the parameter's salt is a row key. */
function includeSql(
  out: Printer,
  salts: readonly Salted[],
  target: string,
  blanks: string,
): string {
  const wanted = target
    ? `where r.type = ${out.bind(out.context.typeNumber(target), 'int2')}\n`
    : '';
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
) x join resource r on r.rk = x.rk
${wanted}limit ${MAX_INCLUDED + ONE_MORE}`;
}

/**
 * Resources that refer to a shown one; the inner list is resolved first, then looked up. Their type is
 * in the salt: as a condition of its own it would tempt the planner to read all of its index.
 */
function revincludeSql(
  out: Printer,
  salts: readonly Salted[],
  target: string,
  blanks: string,
): string {
  const { context } = out;
  const words = out.bind(
    salts.map(({ salt }) => salt),
    'bigint[]',
  );
  const wanted = target ? ` where m.type = ${out.bind(context.typeNumber(target), 'int2')}` : '';
  return `select 2, ${RESOURCE}, null${blanks}
from search o join resource r on r.rk = o.rk
where o.tok && array(select m.rk # x.salt from shown m cross join unnest(${words}) x(salt)${wanted})
limit ${MAX_INCLUDED + ONE_MORE}`;
}

/** A list of resources as `shown`. */
export function shownByKeys(out: Printer, keys: readonly string[]): string {
  return `shown as materialized (
select r.rk, s.type, s.tok from resource r join search s on s.type = r.type and s.seq = r.seq
where r.rk = any(${out.bind(keys, 'bigint[]')})
)`;
}
