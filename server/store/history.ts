import { loadSql, sqlList } from '../db/db.ts';
import { vidFloor } from './clock.ts';
import type { Context } from './context.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { notFound } from './not-found.ts';
import { versionOf } from './rows.ts';
import type { Actor, HistoryPage, HistoryQuery, Version } from './store.ts';

const instanceSql = loadSql(import.meta.url, 'history-instance.sql');
const countSql = loadSql(import.meta.url, 'history-count.sql');
const typesSql = loadSql(import.meta.url, 'history-types.sql');

/** Larger than any version key and any version number. */
const END = '9223372036854775807';
const LAST_VERSION = 2_147_483_647;

/** `_since`, and the two ends of `_at`, as version keys. */
function bounds({ since, at }: HistoryQuery): [from: string, upTo: string, superseded: string] {
  const from = since === undefined ? '0' : String(vidFloor(since));
  if (!at) return [from, END, '0'];
  return [from, String(vidFloor(at.hi + 1) - 1n), String(vidFloor(at.lo + 1) - 1n)];
}

const scopeOf = ({ access }: Actor, { type, id, since, at }: HistoryQuery): string =>
  `history ${access?.key ?? ''} ${type ?? ''}/${id ?? ''} ${since ?? ''} ${at ? `${at.lo}-${at.hi}` : ''}`;

/**
 * R4 3.1.0.15: newest first. Pages are cut by version key, which never changes, so they hold every
 * version once whatever is written meanwhile.
 */
export async function history(
  context: Context,
  actor: Actor,
  query: HistoryQuery,
): Promise<HistoryPage> {
  const scope = scopeOf(actor, query);
  const position = query.cursor ? decodeCursor(context.secret, scope, query.cursor) : undefined;
  const read = query.id === undefined ? ofTypes : ofInstance;
  const versions = await read(context, query, position);
  const page: HistoryPage = {
    versions: versions.slice(0, query.count).map(({ version }) => version),
  };
  const last = versions[query.count - 1];
  if (versions.length > query.count && last) {
    page.next = encodeCursor(context.secret, scope, [last.key]);
  }
  if (query.id !== undefined) {
    const total = await countInstance(context, query);
    if (total === 0) throw notFound(query.type ?? '', query.id);
    if (query.since === undefined && !query.at) page.total = total;
  }
  return page;
}

interface Keyed {
  version: Version;
  /** What the next page starts behind. */
  key: string | number;
}

async function ofInstance(
  context: Context,
  query: HistoryQuery,
  position: unknown[] | undefined,
): Promise<Keyed[]> {
  const { type = '', id = '' } = query;
  const rows = await context.db.tuples(instanceSql, [
    String(context.hasher.row(type, id)),
    id,
    position?.[0] ?? LAST_VERSION,
    ...bounds(query),
    query.count + 1,
  ]);
  return rows.map((row) => ({ version: versionOf(type, row), key: Number(row[1]) }));
}

async function ofTypes(
  context: Context,
  query: HistoryQuery,
  position: unknown[] | undefined,
): Promise<Keyed[]> {
  const types = query.type ? [query.type] : context.definitions.resourceTypes;
  const rows = await context.db.tuples(typesSql, [
    sqlList(types.map((type) => context.typeNumber(type))),
    position?.[0] ?? END,
    ...bounds(query),
    query.count + 1,
  ]);
  return rows.map((row) => ({
    version: versionOf(context.typeName(Number(row[6])), row),
    key: row[2] as string,
  }));
}

async function countInstance(
  context: Context,
  { type = '', id = '' }: HistoryQuery,
): Promise<number> {
  const [row] = await context.db.tuples(countSql, [String(context.hasher.row(type, id)), id]);
  return Number(row?.[0]);
}
