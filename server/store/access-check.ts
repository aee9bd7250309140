import { sqlList } from '../db/db.ts';
import type { Term } from '../fhir/query.ts';
import { forbidden, type Interaction, type Limited, limitOf, withinLimit } from './access.ts';
import { onSubjectsOf } from './access-about.ts';
import { shapeOf } from './access-rowwise.ts';
import { hasJoin } from './access-terms.ts';
import type { Context, Run } from './context.ts';
import { versionOf } from './rows.ts';
import { resolveTerm } from './search-resolve.ts';
import { printVisible } from './search-sql.ts';
import type { Actor, Version } from './store.ts';

/** Looks which stored resources an actor may reach by their keys: for all verbs but search. */

/**
 * Those of the row keys whose current resources fit the term, with their versions: what is read before
 * or after it, in a statement of its own, may be another version, which was another's perhaps.
 */
export async function fitting(
  context: Context,
  run: Run,
  keys: readonly string[],
  term: Term,
): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map();
  const rows = await asRows(context, run, keys, term);
  return versionsBy(await look(context, run, { keys, term: rows, columns: 'version' }));
}

const versionsBy = (rows: readonly (readonly unknown[])[]): Map<string, number> =>
  new Map(rows.map(([rk, version]) => [rk as string, Number(version)]));

/** The term as it is looked at row by row. */
async function asRows(
  context: Context,
  run: Run,
  keys: readonly string[],
  term: Term,
): Promise<Term> {
  const asked = await onSubjectsOf(context, run, keys, term);
  return shapeOf(context, asked) ?? resolveTerm(context, run, asked);
}

interface Looked {
  keys: readonly string[];
  /** Row by row. */
  term: Term;
  columns: 'version' | 'all';
}

async function look(
  context: Context,
  run: Run,
  { keys, term, columns }: Looked,
): Promise<readonly (readonly unknown[])[]> {
  const known = context.reach.statements[columns];
  const statement = known.get(term) ?? printVisible(context, [], term, columns);
  known.set(term, statement);
  const [, ...values] = statement.values;
  return run(statement, [sqlList(keys), ...values]);
}

/**
 * The current resource if the actor may read it, judged and read in one; `any` where that does not hang
 * on what is stored, undefined where it may not.
 * @throws FhirError forbidden where its type as a whole is out of reach
 */
export async function visibleResource(
  context: Context,
  actor: Actor,
  { type, id }: { type: string; id: string },
): Promise<Version | 'any' | undefined> {
  const limit = limitOf(actor, type, 'r');
  if (limit === 'all') return 'any';
  if (limit === 'none') throw forbidden(type, 'r');
  const keys = [String(context.hasher.row(type, id))];
  const run = context.db.shared;
  const term = await asRows(context, run, keys, withinLimit(type, limit));
  const [row] = await look(context, run, { keys, term, columns: 'all' });
  return row?.[1] === id ? versionOf(type, row.slice(1)) : undefined;
}

/** A row key with the type of its resource. */
export interface Named {
  type: string;
  key: string;
}

/**
 * Those of the resources that the actor may read or search as they stand, by their row keys, type by
 * type: each has a statement of its own that is planned once. Of types that are all to be seen nothing
 * is looked up: they are not among the answers.
 * @param kept for reading only: limits may be as they were found seconds ago (access-reach.ts)
 */
export async function readable(
  { context, run, kept = false }: { context: Context; run: Run; kept?: boolean },
  actor: Limited,
  named: readonly Named[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const groups = [...Map.groupBy(named, ({ type }) => type)];
  const lookAt = async ([type, group]: [string, readonly Named[]]): Promise<void> => {
    const limit = limitOf(actor, type, 'r', 's');
    if (typeof limit === 'string') return;
    const keys = group.map(({ key }) => key);
    const reached =
      kept && !hasJoin(limit, 'about')
        ? await context.reach.limit(context, run, { term: limit, type })
        : limit;
    const term = withinLimit(type, reached);
    const rows =
      reached === limit
        ? await fitting(context, run, keys, term)
        : versionsBy(await look(context, run, { keys, term, columns: 'version' }));
    for (const [key, version] of rows) found.set(key, version);
  };
  await Promise.all(groups.map(lookAt));
  return found;
}

/** Whether all of the type may be read or searched. */
export const isOpen = (actor: Limited, type: string): boolean =>
  limitOf(actor, type, 'r', 's') === 'all';

/**
 * The version of the current resource if the actor may do this to it: `any` where that does not hang on
 * what is stored, undefined where it may not.
 * @throws FhirError forbidden where its type as a whole is out of reach
 */
export async function visibleVersion(
  context: Context,
  actor: Actor,
  { type, id }: { type: string; id: string },
  interaction: Interaction,
): Promise<number | 'any' | undefined> {
  const limit = limitOf(actor, type, interaction);
  if (limit === 'all') return 'any';
  if (limit === 'none') throw forbidden(type, interaction);
  const rk = String(context.hasher.row(type, id));
  const found = await fitting(context, context.db.steady, [rk], withinLimit(type, limit));
  return found.get(rk);
}
