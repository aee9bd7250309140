import type { Term } from '../fhir/query.ts';
import { fittingTargets } from '../fhir/query-canonical.ts';
import { referenceSalt } from '../fhir/terms.ts';
import type { Context } from './context.ts';
import type { NamedRow } from './search-canonical.ts';
import { both, type Scope } from './search-sql-base.ts';
import { condition } from './search-sql-conditions.ts';
import { type SearchStatement, Statement } from './search-sql-statement.ts';

/** `_has` along canonical urls where many resources refer. Part of search-sql.ts. */

/** Rows of one column: the seqs of those resources that one which fits refers to by canonical url. */
export function printNamed(
  context: Context,
  term: Extract<Term, { kind: 'has' }>,
  named: readonly NamedRow[],
): SearchStatement {
  const out = new Statement(context);
  const words = fittingWords(context, term.key, named);
  const lists = [
    named.map(({ seq }) => seq),
    words.map(([own]) => own),
    words.map(([, any]) => any),
  ];
  const from = lists.map((list) => out.bind(list, 'bigint[]')).join(', ');
  const at: Scope = { alias: 's', types: [term.source], filterOnly: true };
  // Their type is in the words: as a condition of its own it would tempt the planner to read all of it.
  const where = term.where.map((one) => condition(out, one, at));
  const text = `select n.seq from unnest(${from}) n(seq, own, plain) where exists (
select 1 from search s where s.tok && array[n.own, n.plain] and ${both(where)} offset 0)`;
  return out.finish(text, 'planned');
}

/** The words of references with the version of each and without one; twice this where it has none. */
function fittingWords(
  { hasher }: Context,
  key: string,
  named: readonly NamedRow[],
): [own: string, plain: string][] {
  const salt = referenceSalt(key);
  return named.map((one) => {
    const words = fittingTargets(one).map((target) => String(hasher.reference(salt, target)));
    return [words[0] as string, words.at(-1) as string];
  });
}
