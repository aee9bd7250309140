import type { Audit, AuditRow } from '../audit/audit.ts';
import { DbError } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import type { Resource } from '../fhir/types.ts';
import { restrict } from './access.ts';
import { type Eyes, veiled } from './access-elements.ts';
import { contentOf, fits } from './access-fits.ts';
import { toAuditEvent } from './audit-event.ts';
import { type Superset, supersetOf } from './audit-filter.ts';
import { auditOf, eyesOnEvents, type Journal, settingsOf, versionOfEvent } from './audit-read.ts';
import { refuseUnsearched } from './audit-refused.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { resolveTerms } from './search-resolve.ts';
import type { Actor, SearchPage, Version } from './store.ts';
import { Turn } from './turn.ts';

/**
 * A search of the journal: rows in the order of their time, each judged as the AuditEvent that it is,
 * by what FHIR says of a search.
 */

/** Rows read at a time. */
const CHUNK = 1000;
const FIRST_CHUNK = 100;
/** How long one search may look, ms. */
const PATIENCE = 10_000;

interface Place {
  at: number;
  seq: string;
}

interface Found {
  row: AuditRow;
  resource: Resource;
}

/** A search under way. */
interface Search {
  journal: Journal;
  audit: Audit;
  query: SearchQuery;
  eyes: Eyes;
  superset: Superset;
  /** Ids that were asked for: nothing else is looked at. */
  ids: readonly string[] | undefined;
  /** When to give up, on the clock of `performance`. */
  until: number;
}

/**
 * R4 3.1.1 for AuditEvents: newest first unless `_sort` says otherwise.
 * @throws FhirError invalid for what the journal is not searched by, and for what takes too long;
 *   forbidden; not-found where the journal is switched off
 */
export async function searchEvents(
  journal: Journal,
  actor: Actor,
  asked: SearchQuery,
  patience = PATIENCE,
): Promise<SearchPage> {
  const { context } = journal;
  const restricted = restrict(context.definitions, actor, asked);
  const audit = auditOf(journal);
  refuseUnsearched(asked);
  const query = await resolveTerms(context, context.db.tuples, restricted);
  // What was recorded a moment ago is still in memory.
  if (query.cursor === undefined) await audit.flush();
  const search: Search = {
    ...{ journal, audit, query, eyes: eyesOnEvents(context, actor) },
    superset: await supersetOf({ context, audit }, query.where),
    ids: idsIn(query.where),
    until: performance.now() + patience,
  };
  const counting = query.summary === 'count' || query.total !== 'none';
  const total = counting ? await count(search) : undefined;
  if (query.summary === 'count') {
    return { matches: [], included: [], issues: [], total: total as number };
  }
  const page = await onePage(search, actor);
  return total === undefined ? page : { ...page, total };
}

const isNewestFirst = ({ sort: [first] }: SearchQuery): boolean => first?.descending ?? true;

async function count(search: Search): Promise<number> {
  let found = 0;
  for await (const _ of fitting(search, isNewestFirst(search.query))) found += 1;
  return found;
}

const [FORTH, BACK] = [0, 1];

async function onePage(search: Search, actor: Actor): Promise<SearchPage> {
  const { query, journal, eyes } = search;
  const { secret } = journal.context;
  const scope = scopeOf(query);
  const [direction, at, seq] =
    query.cursor === undefined ? [] : decodeCursor(secret, scope, query.cursor);
  const backwards = direction === BACK;
  const position = query.cursor === undefined ? undefined : { at: Number(at), seq: String(seq) };
  const found: Found[] = [];
  for await (const one of fitting(search, isNewestFirst(query) !== backwards, position)) {
    found.push(one);
    if (found.length > query.count) break;
  }
  const more = found.length > query.count;
  const shown = found.slice(0, query.count);
  if (backwards) shown.reverse();
  const versions = shown.map(({ row, resource }) => versionOfEvent(row, resource));
  const matches: Version[] = actor.access ? await veiled(eyes, versions) : versions;
  const page: SearchPage = { matches, included: [], issues: [] };
  const link = (way: number, { row }: Found): string =>
    encodeCursor(secret, scope, [way, row.at, row.seq]);
  const [first, last] = [shown[0], shown.at(-1)];
  // Who came forwards can go back, and the other way round; else only the extra row tells.
  if (last && (backwards || more)) page.next = link(FORTH, last);
  if (first && (backwards ? more : position !== undefined)) page.previous = link(BACK, first);
  return page;
}

const scopeOf = ({ compartment = '', applied, bearer = '' }: SearchQuery): string =>
  `audit ${bearer} ${compartment} ${JSON.stringify(applied)}`;

/** What fits, in order, behind a place. */
async function* fitting(
  search: Search,
  descending: boolean,
  position?: Place,
): AsyncGenerator<Found> {
  const { journal, eyes, query, until } = search;
  const { context } = journal;
  const settings = settingsOf(context);
  const term: Term = { kind: 'all', terms: query.where };
  const turn = new Turn();
  for await (const row of rows(search, descending, position)) {
    const pause = turn.over();
    if (pause) await pause;
    if (performance.now() > until) throw tooCostly();
    const resource = toAuditEvent(row, settings);
    const content = query.where.length > 0 && contentOf(context, resource);
    if (!content || (await fits(eyes, content, term)) === true) yield { row, resource };
  }
}

async function* rows(
  search: Search,
  descending: boolean,
  position: Place | undefined,
): AsyncGenerator<AuditRow> {
  const { audit, superset, ids, query } = search;
  if (ids) {
    yield* await rowsOf(search, ids, { descending, position });
    return;
  }
  let after = position;
  let limit = Math.min(Math.max(query.count + 1, FIRST_CHUNK), CHUNK);
  for (;;) {
    const filter = { ...superset, descending, limit, ...(after && { after }) };
    const chunk = await inTime(audit.scan(filter));
    yield* chunk;
    const last = chunk.at(-1);
    if (!last || chunk.length < limit) return;
    after = { at: last.at, seq: last.seq };
    limit = CHUNK;
  }
}

/** The database gives up on one statement before this search does. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DbError && error.kind === 'timeout') throw tooCostly();
    throw error;
  }
}

async function rowsOf(
  { audit, until }: Search,
  ids: readonly string[],
  { descending, position }: { descending: boolean; position: Place | undefined },
): Promise<AuditRow[]> {
  const found: AuditRow[] = [];
  for (const id of new Set(ids)) {
    if (performance.now() > until) throw tooCostly();
    const row = await audit.find(id);
    if (row) found.push(row);
  }
  const sign = descending ? -1 : 1;
  return found
    .sort((a, b) => sign * compare(a, b))
    .filter((row) => !position || sign * compare(row, position) > 0);
}

function compare(a: Place, b: Place): number {
  if (a.at !== b.at) return a.at - b.at;
  return BigInt(a.seq) < BigInt(b.seq) ? -1 : Number(a.seq !== b.seq);
}

/** Undefined where the search does not name all that it may find. */
function idsIn(where: readonly Term[]): readonly string[] | undefined {
  for (const term of where) if (term.kind === 'id') return term.ids;
  return undefined;
}

function tooCostly(): FhirError {
  const diagnostics =
    'The search looks through too much of the audit journal. Narrow it by date, patient, agent or ' +
    'entity; _total=accurate and _summary=count look at all that these leave.';
  return new FhirError('invalid', [{ severity: 'error', code: 'too-costly', diagnostics }]);
}
