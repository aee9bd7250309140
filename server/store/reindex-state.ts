import { loadSql, sqlList } from '../db/db.ts';
import type { Context, Run } from './context.ts';

const askSql = loadSql(import.meta.url, 'reindex-ask.sql');
const statesSql = loadSql(import.meta.url, 'reindex-states.sql');

/** How far indexing a type anew has come. */
export interface ReindexState {
  type: string;
  /** `waiting` also until every process writes by the newest parameters. */
  state: 'waiting' | 'running' | 'finished';
  done: number;
  /** Resources of the type when the run began; undefined before. */
  total: number | undefined;
  /** Resources that could not be indexed; `error` is what the first one met. */
  failed: number;
  error: string | undefined;
  asked: Date;
  finished: Date | undefined;
  /** Codes of the parameters by which not all resources are found yet. */
  incomplete: string[];
}

/** Orders types to be indexed anew; `version` of the parameters where they have just changed. */
export async function askReindex(
  { typeNumber }: Pick<Context, 'typeNumber'>,
  run: Run,
  { types, version }: { types: readonly string[]; version?: number },
): Promise<void> {
  const numbers = [...new Set(types)].map(typeNumber);
  await run(askSql, [sqlList(numbers), version ?? null]);
}

/** The last run of each type that ever had one, by name. */
export async function reindexStates({ db, typeName }: Context): Promise<ReindexState[]> {
  const rows = await db.tuples(statesSql, []);
  return rows.map(([type, done, failed, total, error, asked, finished, state, incomplete]) => ({
    type: typeName(Number(type)),
    state: state as ReindexState['state'],
    done: Number(done),
    total: total === null ? undefined : Number(total),
    failed: Number(failed),
    error: (error as string | null) ?? undefined,
    asked: asked as Date,
    finished: (finished as Date | null) ?? undefined,
    incomplete: incomplete as string[],
  }));
}
