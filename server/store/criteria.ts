import { loadSql, sqlList } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery } from '../fhir/query.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import { restrict } from './access.ts';
import type { Context, Run } from './context.ts';
import { resolveTerms } from './search-resolve.ts';
import { printIds } from './search-sql.ts';
import type { Actor } from './store.ts';

const lockSql = loadSql(import.meta.url, 'criteria-lock.sql');
const unlockSql = loadSql(import.meta.url, 'criteria-unlock.sql');

/** More matches than this are not deleted by one conditional delete. */
export const MAX_CONDITIONAL_DELETE = 10_000;

/** A criterion of a conditional interaction (R4 3.1.0.8.1): one type, one query. */
export interface Criterion {
  type: string;
  /** The query text as the client wrote it, still encoded. */
  text: string;
  query: SearchQuery;
  /** Equal for criteria that say the same in the same words. */
  key: string;
}

/**
 * Parses the query of a conditional interaction.
 * @throws FhirError invalid for faulty or unknown parameters, precondition for no criteria at all
 */
export function parseCriterion(context: Context, type: string, text: string): Criterion {
  checkEscapes(text);
  const params = [...new URLSearchParams(text.replace(/^\?/, ''))];
  const query = parseQuery({
    definitions: context.definitions,
    bases: context.bases,
    fulltext: context.fulltext,
    zone: context.zone,
    now: Date.now(),
    types: [type],
    params,
    lenient: false,
    count: 2,
    maxCount: 2,
  });
  if (query.where.length === 0 || query.where.length < params.length) {
    throw new FhirError(
      'precondition',
      `The criteria "${text.slice(0, 200)}" select nothing in particular: give search parameters ` +
        'that identify the resource, and no others.',
    );
  }
  const sorted = params.map(([name, value]) => `${name}=${value}`).sort();
  return { type, text, query, key: `${type}?${sorted.join('&')}` };
}

/** URLSearchParams overlooks broken escapes: the criteria would mean something else than was meant. */
function checkEscapes(text: string): void {
  try {
    if (!decodeURIComponent(text).includes('\0')) return;
  } catch {
    // Said below.
  }
  throw new FhirError(
    'invalid',
    `The criteria "${text.slice(0, 200)}" hold NUL or a "%" that begins no percent-encoded UTF-8; ` +
      'encode each byte as %XX.',
  );
}

/** Holds criteria against other writers until the transaction ends. */
export async function lockCriteria(
  context: Context,
  run: Run,
  criteria: readonly Criterion[],
): Promise<() => Promise<unknown>> {
  const hashes = [...new Set(criteria.map(({ key }) => String(context.hasher.word(key))))];
  if (hashes.length === 0) return async () => undefined;
  await run(lockSql, [sqlList(hashes)]);
  return () => run(unlockSql, [sqlList(hashes)]);
}

/** Ids of the matches of each criterion, at most `most` of each; equal criteria are asked once. */
export async function matchCriteria(
  context: Context,
  run: Run,
  actor: Actor,
  criteria: readonly { criterion: Criterion; most: number }[],
): Promise<string[][]> {
  const asked = new Map<string, Promise<string[]>>();
  return Promise.all(
    criteria.map(({ criterion, most }) => {
      const key = `${most} ${criterion.key}`;
      const running = asked.get(key) ?? matchOne({ context, run, actor }, criterion, most);
      asked.set(key, running);
      return running;
    }),
  );
}

async function matchOne(
  { context, run, actor }: { context: Context; run: Run; actor: Actor },
  { query }: Criterion,
  most: number,
): Promise<string[]> {
  const resolved = await resolveTerms(context, run, restrict(context.definitions, actor, query));
  const statement = printIds(context, resolved, most);
  const rows = await run(statement, statement.values);
  return [...new Set(rows.map(([id]) => id as string))];
}
