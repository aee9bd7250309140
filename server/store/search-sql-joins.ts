import type { Term } from '../fhir/query.ts';
import { referenceSalt } from '../fhir/terms.ts';
import { both, either, mayRefer, ofTypes, type Printer, type Scope } from './search-sql-base.ts';

/**
 * Chains and `_has` (R4 3.1.1.4.15, .16) with many resources at the other end (search-resolve-joins.ts
 * looks up few of them beforehand): each row is looked at along its own references. A reference's word
 * is the row key of its target XOR the salt of the parameter, so either end can be computed in SQL.
 */

/** Prints the condition of a term on another alias: search-sql-conditions.ts gives its own. */
export type Inner = (term: Term, at: Scope) => string;

type Chain = Extract<Term, { kind: 'chain' }>;
type Has = Extract<Term, { kind: 'has' }>;
type About = Extract<Term, { kind: 'about' }>;

/** The condition on the other end, of one type, under a new alias. */
function other(
  out: Printer,
  { type, where }: { type: string; where: readonly Term[] },
  inner: Inner,
): { alias: string; print(filterOnly: boolean): string } {
  const alias = out.alias();
  const typed = ofTypes(out, { alias, types: [type] });
  const print = (filterOnly: boolean): string =>
    both([typed, ...where.map((one) => inner(one, { alias, types: [type], filterOnly }))]);
  return { alias, print };
}

export function chain(out: Printer, term: Chain, at: Scope, inner: Inner): string {
  return either(
    term.targets.map((target) => {
      const { alias: t, print } = other(out, target, inner);
      const join = `join search ${t} on ${t}.type = q.type and ${t}.seq = q.seq`;
      if (!term.patient) {
        const salt = out.word(referenceSalt(term.key));
        const from = `unnest(${at.alias}.tok) h(word) join resource q on q.rk = h.word # ${salt}`;
        return `exists (select 1 from ${from} ${join} where ${mayRefer('h.word', salt)} and ${print(true)} offset 0)`;
      }
      const { alias } = at;
      return at.filterOnly
        ? `exists (select 1 from resource q ${join} where q.rk = ${alias}.patient and ${print(true)} offset 0)`
        : `${alias}.patient in (select ${t}.rk from search ${t} where ${print(false)})`;
    }),
  );
}

export function has(out: Printer, term: Has, at: Scope, inner: Inner): string {
  const { alias: t, print } = other(out, { type: term.source, where: term.where }, inner);
  const { alias } = at;
  if (!term.patient) {
    const salt = out.word(referenceSalt(term.key));
    const refers = `${t}.tok @> array[${alias}.rk # ${salt}]`;
    return `exists (select 1 from search ${t} where ${refers} and ${print(true)} offset 0)`;
  }
  // Left open: the planner begins at either end, by what it knows of the values.
  return at.filterOnly
    ? `exists (select 1 from search ${t} where ${t}.patient = ${alias}.rk and ${print(true)} offset 0)`
    : `exists (select 1 from search ${t} where ${t}.patient = ${alias}.rk and ${print(false)})`;
}

/** Looked at row by row. What was deleted has no row of its own to fit: `t` is empty. */
export function about(out: Printer, term: About, at: Scope, inner: Inner): string {
  const t = out.alias();
  const salt = out.word(referenceSalt(term.key));
  const of: Term = { kind: 'typed', of: term.of };
  const fits = inner(of, { alias: t, types: [], filterOnly: true });
  const beside = out.bind(term.beside.map(out.context.typeNumber), 'int2[]');
  const rk = `h.word # ${salt}`;
  return `(select bool_and((${t}.seq is not null and ${fits}) is true)
from unnest(${at.alias}.tok) h(word) cross join lateral (
  select a.type, a.seq from resource a where a.rk = ${rk}
  union all select d.type, null from history d where d.rk = ${rk} and d.method = 'D'
  order by 2 nulls last limit 1
) q left join search ${t} on ${t}.type = q.type and ${t}.seq = q.seq
where ${mayRefer('h.word', salt)} and q.type <> all(${beside})) is true`;
}
