import { loadSql, sqlList } from '../db/db.ts';
import type { Term } from '../fhir/query.ts';
import { canonicalTypes, fittingTargets } from '../fhir/query-canonical.ts';
import type { Context, Run } from './context.ts';
import {
  allNamed,
  canonicalCode,
  canonicalsIn,
  namesOfKeys,
  seqsNamed,
} from './search-canonical.ts';
import { refused } from './search-refused.ts';
import { MAX_REFERRING, printEnds } from './search-sql.ts';
import { printNamed } from './search-sql-canonical.ts';

/**
 * Chains and `_has` along references by canonical url. SQL cannot compute one end from the other, so
 * the urls of the resources are looked up between them; many of these are no condition of a search.
 */

const readSql = loadSql(import.meta.url, 'read.sql');

/** Columns of read.sql. */
const CONTENT = 5;

/** More resources than this are not looked up by their urls. */
const MAX_NAMED = 1000;

type ChainTerm = Extract<Term, { kind: 'chain' }>;
type HasTerm = Extract<Term, { kind: 'has' }>;

/**
 * The references by canonical url to the ends of a chain that were found, beside those by row key;
 * undefined where the parameter or the types have none. `ends` are in the order of the term's targets.
 * @throws FhirError invalid (too-costly) where the ends are many
 */
export async function resolveNamedChain(
  context: Context,
  run: Run,
  { key, targets }: ChainTerm,
  ends: readonly { keys?: readonly string[] }[],
): Promise<Term | undefined> {
  const code = canonicalCode(context, key);
  if (code === undefined) return undefined;
  const types = new Set(
    canonicalTypes(
      context.definitions,
      targets.map(({ type }) => type),
    ),
  );
  const keys: string[] = [];
  for (const [i, target] of targets.entries()) {
    if (!types.has(target.type)) continue;
    // That they were many lately is no reason to refuse: they are counted now.
    const found = ends[i]?.keys ?? (await keysOf(context, run, target, MAX_NAMED));
    if (!found) throw tooMany(code, `resources of type ${target.type} fit, which ${code} may mean`);
    keys.push(...found);
  }
  const names = await namesOfKeys(run, keys);
  if (names.length === 0) return undefined;
  const fitting = new Set(names.flatMap(fittingTargets));
  return { kind: 'references', key, targets: [...fitting], patient: false };
}

/**
 * The resources that those which fit refer to by canonical url; undefined where the parameter or the
 * types have none. Few referring ones tell their urls; else each resource that could be meant is asked
 * for in turn.
 * @throws FhirError invalid (too-costly) where both are many
 */
export async function resolveNamedHas(
  context: Context,
  run: Run,
  term: HasTerm,
  among: readonly string[],
): Promise<Term | undefined> {
  const code = canonicalCode(context, term.key);
  const { targets } = context.definitions.searchParams(term.source).get(code ?? '') ?? {};
  const possible = among.filter((type) => !targets || targets.includes(type));
  const types = canonicalTypes(context.definitions, possible);
  if (code === undefined || types.length === 0) return undefined;
  const canonicals = await fewReferredTo(context, run, term, code);
  const seqs = canonicals
    ? await seqsNamed(context, run, { canonicals, types, most: MAX_NAMED })
    : await manyReferredTo(context, run, term, types);
  if (!seqs) throw tooMany(code, `resources of type ${types.join()} may be meant by ${code}`);
  return { kind: 'rows', seqs };
}

/** The row keys of the resources that fit; undefined where there are more than `most`. */
async function keysOf(
  context: Context,
  run: Run,
  target: { type: string; where: readonly Term[] },
  most: number,
): Promise<readonly string[] | undefined> {
  const statement = printEnds(context, { target, around: undefined }, most);
  const [row] = await run(statement, statement.values);
  return (row?.[0] as string[] | null) ?? undefined;
}

/** The canonical urls that the resources which fit refer to; undefined where these are many. */
async function fewReferredTo(
  context: Context,
  run: Run,
  { source, where }: HasTerm,
  code: string,
): Promise<Set<string> | undefined> {
  const keys = await keysOf(context, run, { type: source, where }, MAX_REFERRING);
  if (!keys) return undefined;
  const rows = await run(readSql, [sqlList(keys)]);
  const contents = rows.map((row) => row[CONTENT] as string);
  return canonicalsIn(context, contents, code);
}

async function manyReferredTo(
  context: Context,
  run: Run,
  term: HasTerm,
  types: readonly string[],
): Promise<string[] | undefined> {
  const named = await allNamed(context, run, { types, most: MAX_NAMED });
  if (!named) return undefined;
  const statement = printNamed(context, term, named);
  const rows = await run(statement, statement.values);
  return rows.map(([seq]) => seq as string);
}

const tooMany = (code: string, which: string) =>
  refused(code, 'too-costly', `more than ${MAX_NAMED} ${which}; narrow the search down`);
