import { loadSql, sqlList } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import { asResource, parseJson } from '../fhir/json.ts';
import type { Context, Run } from './context.ts';
import type { Dictionary } from './dictionary.ts';
import { buildRow, type Row, versionOf, writeValues } from './rows.ts';
import { Turn } from './turn.ts';

const totalSql = loadSql(import.meta.url, 'reindex-total.sql');
const pageSql = loadSql(import.meta.url, 'reindex-page.sql');
const rewriteSql = loadSql(import.meta.url, 'reindex.sql');
const reportSql = loadSql(import.meta.url, 'reindex-report.sql');
const finishSql = loadSql(import.meta.url, 'reindex-finish.sql');

/** Writers of the same resources wait for one batch at most: some ten milliseconds. */
const BATCH_ROWS = 250;
const BATCH_BYTES = 4_000_000;
export const LEASE_SECONDS = 15;

/** A type that this process indexes anew, as it took it over. */
export interface Job {
  type: string;
  typeNumber: number;
  round: number;
  /** Names this process in the table. */
  owner: string;
  /** seq of the last resource done. */
  position: string;
  counted: boolean;
}

/** Another process has taken the job, or it was begun anew. */
class Lost extends Error {}

/**
 * Indexes the next resources of the type anew, from `job.position` on; what is done and how far it
 * got is one transaction, so that whoever goes on after a crash begins exactly there.
 *
 * @returns whether there is more to do for this job
 */
export async function reindexBatch(
  context: Context,
  dictionary: Dictionary,
  job: Job,
): Promise<boolean> {
  const { db } = context;
  const owned = [job.typeNumber, job.owner, job.round];
  if (!job.counted) await db.execute(totalSql, owned);
  job.counted = true;
  const page = await db.tuples(pageSql, [job.typeNumber, job.position, BATCH_ROWS, BATCH_BYTES]);
  const last = page.at(-1);
  if (!last) {
    await db.execute(finishSql, owned);
    return false;
  }
  const { rows, failed, error } = await indexAnew(context, job.type, page);
  const words = dictionary.add(rows);
  if (words) await words;
  const position = last[SEQ] as string;
  const report = [...owned, position, page.length, failed, error ?? null, LEASE_SECONDS];
  try {
    await db.transaction(async (tx) => {
      if (rows.length > 0) await rewrite(tx.tuples, rows);
      const known = await tx.tuples(reportSql, report);
      if (known.length === 0) throw new Lost();
    });
  } catch (lost) {
    if (lost instanceof Lost) return false;
    throw lost;
  }
  job.position = position;
  return true;
}

/** Columns of reindex-page.sql: rk, id, ver, vid, seq, method, content. */
const [ID, VERSION, VID, SEQ, METHOD, CONTENT] = [1, 2, 3, 4, 5, 6];

interface Anew {
  rows: Row[];
  /** Those that are found by nothing new, and those that one parameter could not be evaluated on. */
  failed: number;
  /** Of the first that failed. */
  error?: string;
}

async function indexAnew(
  context: Context,
  type: string,
  page: readonly (readonly unknown[])[],
): Promise<Anew> {
  const turn = new Turn();
  const anew: Anew = { rows: [], failed: 0 };
  const fail = (id: string, why = ''): void => {
    anew.failed += 1;
    anew.error ??= `${type}/${id}: ${why}`.slice(0, 500);
  };
  for (const found of page) {
    const pause = turn.over();
    if (pause) await pause;
    const { faults } = context.extractor;
    const before = faults.count;
    try {
      anew.rows.push(rowOf(context, type, found));
      if (faults.count > before) fail(String(found[ID]), faults.last);
    } catch (error) {
      if (!(error instanceof FhirError) || error.kind === 'busy') throw error;
      fail(String(found[ID]), error.message);
    }
  }
  return anew;
}

/** As for a new version that says the same, which is then not written. */
function rowOf(context: Context, type: string, found: readonly unknown[]): Row {
  const columns = [found[ID], found[VERSION], found[VID], found[METHOD], found[CONTENT]];
  const current = versionOf(type, columns);
  const { id, version, content } = current;
  const vid = BigInt(found[VID] as string);
  const standing = { id, version, vid, seq: found[SEQ] as string, current };
  const resource = asResource(parseJson(content));
  return buildRow(context, { type, id, resource, method: 'PUT', standing });
}

/** The values of insert.sql that are not of the version itself; the rest stays as it is. */
async function rewrite(run: Run, rows: readonly Row[]): Promise<void> {
  const values = writeValues(rows.map((row) => ({ ...row, content: '' })));
  const [rk, , , , , , id, , , , ...columns] = values;
  const [patient, lo, hi, tok, sides, _sum, ...parts] = columns;
  const bases = sqlList(rows.map(({ base }) => base));
  await run(rewriteSql, [rk, bases, id, patient, lo, hi, tok, sides, ...parts]);
}
