import type { Term } from '../fhir/query.ts';
import { forbidden, type Interaction, limitOf, withinLimit } from './access.ts';
import type { Context, Run } from './context.ts';
import { resolveTerm } from './search-resolve.ts';
import { printVisible } from './search-sql.ts';
import type { Actor } from './store.ts';

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
  const resolved = await resolveTerm(context, run, term);
  const statement = printVisible(context, keys, resolved);
  const rows = await run(statement, statement.values);
  return new Map(rows.map(([rk, version]) => [rk as string, Number(version)]));
}

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
