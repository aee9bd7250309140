import type { SearchQuery } from '../fhir/query.ts';
import { restrict } from './access.ts';
import type { Context } from './context.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { incompleteIssues } from './params-incomplete.ts';
import { versionOf } from './rows.ts';
import { includedBy } from './search-include.ts';
import { resolveTerms } from './search-resolve.ts';
import { type Position, printCount, printExplain, printSearch } from './search-sql.ts';
import { mayBeNear } from './search-sql-plan.ts';
import type { Actor, SearchPage, Version } from './store.ts';

/** Up to here an estimate is a count; above it the planner's guess. */
const COUNT_EXACTLY = 10_000;

/**
 * Columns of a page row: kind, type, rk, id, ver, vid, method, content, patient, seq, then the sort
 * keys.
 */
const ID = 3;
const SEQ = 9;

const scopeOf = ({ types, compartment = '', applied, bearer = '' }: SearchQuery): string =>
  `search ${bearer} ${compartment} ${types.join()}?${JSON.stringify(applied)}`;

/** R4 3.1.1: one page of matches with what they include. */
export async function search(
  context: Context,
  actor: Actor,
  asked: SearchQuery,
): Promise<SearchPage> {
  const notes = await incompleteIssues(context, actor, asked);
  const restricted = restrict(context.definitions, actor, asked);
  const query = await resolveTerms(context, context.db.tuples, restricted, true);
  const wantsCount = query.summary === 'count' || query.total === 'accurate';
  const total = wantsCount ? count(context, query) : estimateIfAsked(context, query);
  if (query.summary === 'count') {
    return { matches: [], included: [], issues: notes, total: (await total) as number };
  }
  const [page, counted] = await Promise.all([onePage(context, query), total]);
  page.issues.push(...notes);
  return counted === undefined ? page : { ...page, total: counted };
}

async function count(context: Context, query: SearchQuery): Promise<number> {
  const statement = printCount(context, query);
  const [row] = await context.db.tuples(statement, statement.values);
  return Number(row?.[0]);
}

async function estimateIfAsked(context: Context, query: SearchQuery): Promise<number | undefined> {
  if (query.total !== 'estimate') return undefined;
  const some = printCount(context, query, COUNT_EXACTLY + 1);
  const [row] = await context.db.tuples(some, some.values);
  const counted = Number(row?.[0]);
  if (counted <= COUNT_EXACTLY) return counted;
  const explain = printExplain(context, query);
  const [plan] = await context.db.tuples(explain, explain.values);
  return Math.max(counted, plannedRows(plan?.[0]));
}

/** `explain (format json)`: the row estimate of the outermost node. */
function plannedRows(plan: unknown): number {
  const [{ Plan } = {}] = plan as { Plan?: { 'Plan Rows'?: number } }[];
  return Plan?.['Plan Rows'] ?? 0;
}

async function onePage(context: Context, query: SearchQuery): Promise<SearchPage> {
  const scope = scopeOf(query);
  const position = positionOf(context, query);
  const backwards = position?.backwards === true;
  const rows =
    (await nearRows(context, query, position)) ??
    (await run(context, printSearch(context, query, position)));
  const found = rows.filter((row) => row[0] === 0);
  const shown = found.slice(0, query.count);
  if (backwards) shown.reverse();
  const more = found.length > query.count;
  const toVersion = (row: readonly unknown[]): Version =>
    versionOf(context.typeName(Number(row[1])), row.slice(ID, SEQ));
  const alongside = rows.filter((row) => row[0] !== 0);
  const included = await includedBy(context, query, { shown, alongside });
  const page: SearchPage = {
    matches: shown.map(toVersion),
    included: included.rows.map(toVersion),
    issues: included.issues,
  };
  const link = (back: boolean, row: readonly unknown[]) =>
    encodeCursor(context.secret, scope, [back ? BACK : FORTH, ...row.slice(SEQ + 1), row[SEQ]]);
  const [first, last] = [shown[0], shown.at(-1)];
  // Who came forwards can go back, and the other way round; else only the extra row tells.
  if (last && (backwards || more)) page.next = link(false, last);
  if (first && (backwards ? more : position !== undefined)) page.previous = link(true, first);
  return page;
}

type Statement = ReturnType<typeof printSearch>;

function run(context: Context, statement: Statement): Promise<(readonly unknown[])[]> {
  const { fast, shared, steady, tuples: planned } = context.db;
  const verb = { fast, shared, steady, planned }[statement.pace];
  return verb(statement, statement.values);
}

/** What is rare or old stays so; the dates asked for move on. */
const nearKey = ({ types, sort, where, bearer }: SearchQuery): string =>
  JSON.stringify([
    types,
    sort,
    where.filter(({ kind }) => kind !== 'date' && kind !== 'typed'),
    bearer,
  ]);

/** The rows of a page that is full by what stands first in its order; undefined: ask for all. */
async function nearRows(
  context: Context,
  query: SearchQuery,
  position: Position | undefined,
): Promise<(readonly unknown[])[] | undefined> {
  const { far } = context;
  if (!mayBeNear(context, query, position)) return undefined;
  const key = nearKey(query);
  if (far.has(key)) return undefined;
  const rows = await run(context, printSearch(context, query, position, true));
  if (rows.filter((row) => row[0] === 0).length > query.count) return rows;
  far.add(key);
  return undefined;
}

const [FORTH, BACK] = [0, 1];

/** Throws FhirError invalid for a cursor of another query. */
export function positionOf(context: Context, query: SearchQuery): Position | undefined {
  if (query.cursor === undefined) return undefined;
  const [direction, ...values] = decodeCursor(context.secret, scopeOf(query), query.cursor);
  return { backwards: direction === BACK, values };
}
