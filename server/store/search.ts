import type { SearchQuery } from '../fhir/query.ts';
import type { Issue } from '../fhir/types.ts';
import type { Context } from './context.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { versionOf } from './rows.ts';
import { MAX_INCLUDED, printCount, printExplain, printSearch } from './search-sql.ts';
import type { Actor, SearchPage, Version } from './store.ts';

/** Up to here an estimate is a count; above it the planner's guess. */
const COUNT_EXACTLY = 10_000;

/** Columns of a page row: kind, type, rk, id, ver, vid, method, content, seq, then the sort keys. */
const ID = 3;
const SEQ = 8;

const scopeOf = ({ types, applied }: SearchQuery): string =>
  `search ${types.join()}?${JSON.stringify(applied)}`;

/** R4 3.1.1: one page of matches with what they include. */
export async function search(
  context: Context,
  _actor: Actor,
  query: SearchQuery,
): Promise<SearchPage> {
  const wantsCount = query.summary === 'count' || query.total === 'accurate';
  const total = wantsCount ? count(context, query) : estimateIfAsked(context, query);
  if (query.summary === 'count') {
    return { matches: [], included: [], issues: [], total: (await total) as number };
  }
  const [page, counted] = await Promise.all([onePage(context, query), total]);
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
  const position = query.cursor ? decodeCursor(context.secret, scope, query.cursor) : undefined;
  const statement = printSearch(context, query, position);
  const { fast, shared, steady, tuples: planned } = context.db;
  const verb = { fast, shared, steady, planned }[statement.pace];
  const rows = await verb(statement, statement.values);
  const found = rows.filter((row) => row[0] === 0);
  const shown = found.slice(0, query.count);
  const toVersion = (row: readonly unknown[]): Version =>
    versionOf(context.typeName(Number(row[1])), row.slice(ID, ID + 5));
  const page: SearchPage = { matches: shown.map(toVersion), included: [], issues: [] };
  const last = shown.at(-1);
  if (found.length > query.count && last) {
    page.next = encodeCursor(context.secret, scope, [...last.slice(SEQ + 1), last[SEQ]]);
  }
  addIncluded(page, rows, new Set(shown.map((row) => row[2])), toVersion);
  return page;
}

/** Each included resource once, and not again if it is a match of this page. */
function addIncluded(
  page: SearchPage,
  rows: readonly (readonly unknown[])[],
  seen: Set<unknown>,
  toVersion: (row: readonly unknown[]) => Version,
): void {
  for (const row of rows) {
    if (row[0] === 0 || seen.has(row[2])) continue;
    seen.add(row[2]);
    if (page.included.length === MAX_INCLUDED) {
      page.issues.push(cutOff);
      return;
    }
    page.included.push(toVersion(row));
  }
}

const cutOff: Issue = {
  severity: 'warning',
  code: 'too-costly',
  diagnostics:
    `More than ${MAX_INCLUDED} resources would be included; the rest was left out. ` +
    'Ask for fewer matches with _count, or search for the referring resources themselves.',
};
