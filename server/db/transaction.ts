import { setTimeout as sleep } from 'node:timers/promises';
import { DbError } from './error.ts';
import { type PooledClient, type Row, type Statement, send } from './pg.ts';

/** The three ways to run a statement. Values stand for $1, $2, .. */
export interface Queries {
  /** Rows as objects. `bigint` comes as a string, `timestamptz` as a Date. */
  query<R = Row>(statement: Statement, values?: readonly unknown[]): Promise<R[]>;
  /** Rows as arrays in the order of the columns, which is cheaper. */
  tuples<R extends readonly unknown[] = readonly unknown[]>(
    statement: Statement,
    values?: readonly unknown[],
  ): Promise<R[]>;
  /** The number of rows inserted, updated or deleted. */
  execute(statement: Statement, values?: readonly unknown[]): Promise<number>;
}

/** Statements of one transaction; those sent without awaiting travel together, in order. */
export type Tx = Queries;

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** How often the whole is run again after a serialization failure or deadlock; default 0. */
  readonly retries?: number;
  /** Milliseconds for each statement, in place of the pool's; 0 is no limit. */
  readonly statementTimeout?: number;
}

/** Lends `client` to `fn` between BEGIN and COMMIT (ROLLBACK when it throws), then releases it. */
export async function runTransaction<T>(
  client: PooledClient,
  fn: (tx: Tx) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const tx = createTx(client, options.statementTimeout);
  let clean = true;
  try {
    // Not awaited: BEGIN travels with the first statement.
    const begun = begin(client, options);
    begun.catch(() => {});
    const result = await fn(tx);
    tx.close();
    await begun;
    await commit(client);
    return result;
  } catch (error) {
    tx.close();
    clean = await send(client, { text: 'rollback' }).then(
      () => true,
      () => false,
    );
    throw error;
  } finally {
    client.release(!clean);
  }
}

async function begin(client: PooledClient, options: TransactionOptions): Promise<void> {
  const level = options.isolation ? ` isolation level ${options.isolation}` : '';
  const limit =
    options.statementTimeout === undefined
      ? ''
      : `; set local statement_timeout = ${Number(options.statementTimeout)}`;
  await send(client, { text: `begin${level}${limit}` });
}

/** PostgreSQL answers COMMIT with ROLLBACK when a statement had failed, even if fn caught it. */
async function commit(client: PooledClient): Promise<void> {
  const { command } = await send(client, { text: 'commit' }, undefined, { mayCommit: true });
  if (command === 'ROLLBACK') {
    throw new DbError('other', 'a statement failed, so the transaction could not be committed', {
      code: '25P02',
    });
  }
}

function createTx(client: PooledClient, limit: number | undefined): Tx & { close(): void } {
  let open = true;
  // setTimeout knows no "never"; this is the longest it can do (24 days).
  const timeout = limit === 0 ? 2 ** 31 - 5000 : limit;
  const run = async (statement: Statement, values?: readonly unknown[], array = false) => {
    if (!open) throw new DbError('other', 'the transaction is over');
    return send(client, statement, values, { array, timeout });
  };
  return {
    query: async <R>(statement: Statement, values?: readonly unknown[]) =>
      (await run(statement, values)).rows as R[],
    tuples: async <R>(statement: Statement, values?: readonly unknown[]) =>
      (await run(statement, values, true)).rows as R[],
    execute: async (statement, values) => (await run(statement, values)).rowCount ?? 0,
    close() {
      open = false;
    },
  };
}

/** Runs `attempt` again, after a short random pause, while it fails for a conflict. */
export async function retryConflicts<T>(retries: number, attempt: () => Promise<T>): Promise<T> {
  for (let left = retries; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left <= 0 || !(error instanceof DbError) || error.kind !== 'conflict') throw error;
      await sleep(Math.random() * 20 * (retries - left + 1));
    }
  }
}
