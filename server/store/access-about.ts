import { loadSql, sqlList } from '../db/db.ts';
import type { Term } from '../fhir/query.ts';
import { referenceSalt } from '../fhir/terms.ts';
import type { Context, Run } from './context.ts';

/**
 * What rows are about, before it is asked whether all of that may be seen: of the conditions for each
 * type, chains among them, those of a few are left. These are the types that anything was found to be
 * about so far, or what is hidden would be told from what is absent by the statement.
 */

const typesSql = loadSql(import.meta.url, 'about-types.sql');

type About = Extract<Term, { kind: 'about' }>;

/** By the salt of the parameter: grows to the types in use, which are few. */
const met = new WeakMap<Context, Map<string, Set<string>>>();

/** The term with those conditions only that the rows can come to. */
export async function onSubjectsOf(
  context: Context,
  run: Run,
  keys: readonly string[],
  term: Term,
): Promise<Term> {
  const abouts = aboutsIn(term);
  if (abouts.length === 0) return term;
  const saltOf = ({ key }: About): string => String(context.hasher.word(referenceSalt(key)));
  const salts = [...new Set(abouts.map(saltOf))];
  const rows = await run(typesSql, [sqlList(keys), sqlList(salts)]);
  const known = met.get(context) ?? new Map<string, Set<string>>();
  met.set(context, known);
  for (const [salt, type] of rows) {
    const types = known.get(salt as string) ?? new Set();
    known.set(salt as string, types.add(context.typeName(Number(type))));
  }
  return rewritten(term, (about) => {
    const types = known.get(saltOf(about)) ?? new Set();
    const of = about.of.flatMap((one) => {
      const left = one.types.filter((type) => types.has(type));
      return left.length > 0 ? [{ ...one, types: left }] : [];
    });
    return { ...about, of };
  });
}

function aboutsIn(term: Term): About[] {
  switch (term.kind) {
    case 'about':
      return [term];
    case 'any':
    case 'all':
      return term.terms.flatMap(aboutsIn);
    case 'not':
      return aboutsIn(term.term);
    case 'typed':
      return term.of.flatMap(({ term: inner }) => (inner ? aboutsIn(inner) : []));
    default:
      return [];
  }
}

/** Of the rows themselves: what stands behind a chain or a `_has` is about something else. */
function rewritten(term: Term, change: (about: About) => Term): Term {
  const inner = (one: Term): Term => rewritten(one, change);
  switch (term.kind) {
    case 'about':
      return change(term);
    case 'any':
    case 'all':
      return { ...term, terms: term.terms.map(inner) };
    case 'not':
      return { ...term, term: inner(term.term) };
    case 'typed':
      return {
        ...term,
        of: term.of.map((one) => (one.term ? { ...one, term: inner(one.term) } : one)),
      };
    default:
      return term;
  }
}
