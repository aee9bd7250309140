import { loadSql, sqlList } from '../db/db.ts';
import type { Term } from '../fhir/query.ts';
import type { Context, Run } from './context.ts';

/**
 * The dictionaries are asked before the search, so that the planner knows how often the words stand in
 * the index: it walks in the order of the page where they are common.
 */

const presenceSql = loadSql(import.meta.url, 'presence.sql');
const textsSql = loadSql(import.meta.url, 'texts.sql');

/** More words than this are left to the statement. */
const MAX_WORDS = 2000;

/** `:missing`: the words of all sets of parameters that have one of these, or none. */
export async function resolvePresent(
  context: Context,
  run: Run,
  term: Extract<Term, { kind: 'present' }>,
  wanted: boolean,
): Promise<Term> {
  const rows = await run(presenceSql, [context.typeNumber(term.type), term.codes, wanted]);
  const of: Term = wanted ? term : { kind: 'not', term };
  return { kind: 'hashed', words: rows.map(([h]) => h as string), of };
}

/** `:text` and `:below` of uris: the words of the texts that begin so. */
export async function resolveTexts(
  { hasher }: Context,
  run: Run,
  term: Extract<Term, { kind: 'texts' }>,
): Promise<Term> {
  const keys = sqlList(term.keys.map((key) => hasher.word(key)));
  const behind = term.values.map((value) => `${value}\u{10FFFF}`);
  const rows = await run(textsSql, [keys, term.values, behind, MAX_WORDS + 1]);
  if (rows.length > MAX_WORDS) return term;
  return { kind: 'hashed', words: rows.map(([h]) => h as string), of: term };
}
