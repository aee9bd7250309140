import type { SearchQuery } from '../fhir/query.ts';
import { restrict } from './access.ts';
import type { Context } from './context.ts';
import { positionOf } from './search.ts';
import { resolveTerms } from './search-resolve.ts';
import { printPlan, printSearch } from './search-sql.ts';
import { choosePlan, mayBeNear } from './search-sql-plan.ts';
import type { Actor, Explanation } from './store.ts';

/**
 * How a search would be answered, without running it: the tree as it is printed (codes and hierarchies
 * looked up already), the statement, and PostgreSQL's plan with the values known.
 */
export async function explain(
  context: Context,
  actor: Actor,
  asked: SearchQuery,
): Promise<Explanation> {
  const restricted = restrict(context.definitions, actor, asked);
  const query = await resolveTerms(context, context.db.tuples, restricted, true);
  const position = positionOf(context, query);
  const statement = printSearch(context, query, position);
  const plan = printPlan(statement);
  const [row] = await context.db.tuples(plan, plan.values);
  const tree = row?.[0] as { Plan?: { 'Total Cost'?: number; 'Plan Rows'?: number } }[];
  const [{ Plan } = {}] = tree;
  return {
    where: query.where,
    way: choosePlan(context, query).kind,
    ...(mayBeNear(context, query, position) && {
      near: printSearch(context, query, position, true).text,
    }),
    sql: statement.text,
    values: statement.values,
    plan: tree,
    cost: Plan?.['Total Cost'] ?? 0,
    rows: Plan?.['Plan Rows'] ?? 0,
  };
}
