import { fileURLToPath } from 'node:url';
import type { PoolState } from '../metrics.ts';
import { type Embedded, startEmbedded } from './embedded.ts';
import { DbError, type DbErrorKind } from './error.ts';
import { type FastLanes, openFastLanes } from './fast.ts';
import { createHealth, type Health } from './health.ts';
import { Listener, type OnMessage } from './listen.ts';
import { type Log, silent } from './log.ts';
import { migrate } from './migrate.ts';
import {
  clientConfig,
  createPool,
  type Limits,
  type PooledClient,
  type Statement,
  send,
  type Target,
  toDbError,
  withFixedPlans,
} from './pg.ts';
import { arrangeRoles } from './roles.ts';
import { checkServer, firstConnection, probe, readFacts } from './server.ts';
import {
  type Queries,
  retryConflicts,
  runTransaction,
  type TransactionOptions,
  type Tx,
} from './transaction.ts';

export { DbError, type DbErrorKind, StartError } from './error.ts';
export type { Log } from './log.ts';
export type { Row, Statement } from './pg.ts';
export { loadSql, passingLocked, sqlList, sqlTexts } from './sql.ts';
export type { Queries, TransactionOptions, Tx } from './transaction.ts';

/** Times in milliseconds; 0 is no limit. */
export interface DatabaseOptions extends Limits {
  /** An external PostgreSQL; without it the embedded one is started in `dataDir`. */
  readonly url?: string | undefined;
  readonly dataDir: string;
  /** PostgreSQL settings of the embedded server, over Kiln's own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Connections for everything but point reads. */
  readonly poolSize: number;
  /** How long a query may wait for a connection. */
  readonly poolWait: number;
  readonly migrations?: string;
  readonly log?: Log;
}

/**
 * The database. Every verb rejects with a DbError; while the server is away, at once and with the
 * kind `unavailable`.
 */
export interface Db extends Queries {
  /**
   * A point read (rows as arrays) on connections that many callers share; only for reads of well
   * under a millisecond. Repeated once when its connection breaks.
   */
  fast<R extends readonly unknown[] = readonly unknown[]>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<R[]>;
  /**
   * As `fast`, on connections of their own: for searches that one patient's rows bound. One that takes
   * longer than a second after all is asked again on the `steady` connections, so that those behind it
   * wait no longer.
   */
  shared<R extends readonly unknown[] = readonly unknown[]>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<R[]>;
  /**
   * Rows as arrays, on connections that plan a statement once, without looking at its values: for
   * statements that leave the planner no choice (a fifth of a millisecond saved each time).
   */
  steady<R extends readonly unknown[] = readonly unknown[]>(
    statement: Statement,
    values?: readonly unknown[],
  ): Promise<R[]>;
  /**
   * Runs `fn` in a transaction and resolves after COMMIT. With `retries`, `fn` may run several
   * times. `maybeCommitted` of a DbError tells that the connection broke during COMMIT.
   */
  transaction<T>(fn: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Calls `onMessage` with the payload of each NOTIFY on the channel (`select pg_notify(..)`), from
   * whichever process, and `onLost` whenever some may have been missed: when the connection that
   * listens breaks, and each time it has begun to listen, the first included. Returns a function that
   * ends this.
   */
  listen(channel: string, onMessage: OnMessage, onLost: () => void): () => void;
  /** The pools by name, to be looked at now and then. */
  readonly pools: Readonly<Record<'main' | 'steady', () => PoolState>>;
  ready(): boolean;
  /** Calls `listener` whenever `ready()` changes; returns a function that ends this. */
  onChange(listener: (ready: boolean) => void): () => void;
  /** Waits for what is under way, closes the connections, stops the embedded server. Idempotent. */
  close(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const FAST_LANES = 2;
const SHARED_LANES = 2;
const SHARED_TIMEOUT_MS = 1000;
const STEADY_POOL = 4;
const PATIENCE_MS = 10_000;
const CLOSE_MS = 10_000;

/**
 * Opens the database: starts the embedded PostgreSQL if no URL is given, checks that the server is
 * one Kiln can run on, brings the schema forward. Throws StartError with what to do.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Db> {
  let health: Health | undefined;
  const embedded =
    options.url === undefined ? await startOwn(options, () => health?.lost()) : undefined;
  try {
    const target = { url: options.url, connection: embedded?.connection };
    const config = await prepare(target, options);
    health = createHealth(() => probe(config));
    return createDb({ config, options, health, embedded });
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** Migrations take what they take. */
const unlimited = { statementTimeout: 0, lockTimeout: 0, idleTransactionTimeout: 0 };

function startOwn(options: DatabaseOptions, onDown: () => void): Promise<Embedded> {
  const { dataDir, poolSize, log = silent } = options;
  const room = String(Math.max(50, poolSize + 20)); // lanes, probes, migrations, a visitor's psql
  const settings = { max_connections: room, ...options.settings };
  return startEmbedded({ dataDir, settings, log, onDown });
}

/** Brings the schema forward; returns how the connections that serve are made. */
async function prepare(
  target: Target,
  options: DatabaseOptions,
): Promise<ReturnType<typeof clientConfig>> {
  const { migrations = MIGRATIONS, log = silent } = options;
  const patient = clientConfig(target, { ...options, ...unlimited });
  const client = await firstConnection(patient, PATIENCE_MS);
  try {
    checkServer(await readFacts(client));
    const count = await migrate(client, migrations);
    if (count > 0) log.info({ count }, 'schema migrated');
    const embedded = target.url === undefined;
    return await arrangeRoles(client, clientConfig(target, options), { embedded });
  } finally {
    await client.end();
  }
}

interface Parts {
  readonly config: ReturnType<typeof clientConfig>;
  readonly options: DatabaseOptions;
  readonly health: Health;
  readonly embedded: Embedded | undefined;
}

function createDb({ config, options, health, embedded }: Parts): Db {
  const limits = { waitTimeout: options.poolWait, onLost: health.suspect };
  const pool = createPool(config, { ...limits, max: options.poolSize });
  const steadyPool = createPool(withFixedPlans(config), { ...limits, max: STEADY_POOL });
  const fixed = withFixedPlans(config);
  const lanes = openFastLanes(fixed, FAST_LANES);
  const impatient = { ...fixed, statement_timeout: SHARED_TIMEOUT_MS };
  const sharedLanes = openFastLanes(impatient, SHARED_LANES);
  const listener = new Listener(config);
  const checkout = (): Promise<PooledClient> => checkOut(pool, health);
  const queries = createQueries(checkout, health);
  const steady = createQueries(() => checkOut(steadyPool, health), health);
  return {
    ...queries,
    steady: steady.tuples,
    fast: viaLanes(lanes, health, queries, ['unavailable']),
    shared: viaLanes(sharedLanes, health, steady, ['unavailable', 'timeout']),
    transaction: (fn, settings = {}) =>
      retryConflicts(settings.retries ?? 0, () =>
        noticing(
          health,
          checkout().then((client) => runTransaction(client, fn, settings)),
        ),
      ),
    listen: (channel, onMessage, onLost) => listener.listen(channel, onMessage, onLost),
    pools: { main: () => stateOf(pool), steady: () => stateOf(steadyPool) },
    ready: health.ready,
    onChange: health.onChange,
    close: once(async () => {
      health.close();
      await atMost(
        CLOSE_MS,
        Promise.all([
          ...[listener.close(), lanes.close(), sharedLanes.close()],
          ...[pool.end(), steadyPool.end()],
        ]),
      );
      await embedded?.stop();
    }),
  };
}

const stateOf = (pool: ReturnType<typeof createPool>): PoolState => ({
  ...{ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount },
});

function checkOut(pool: ReturnType<typeof createPool>, health: Health): Promise<PooledClient> {
  return new Promise((resolve, reject) => {
    if (!health.ready()) return reject(new DbError('unavailable', 'the database is away'));
    pool.connect((error, client) => (client ? resolve(client) : reject(toDbError(error))));
  });
}

/** Statements that are each a transaction of their own. */
function createQueries(checkout: () => Promise<PooledClient>, health: Health): Queries {
  const sendAlone = async (statement: Statement, values?: readonly unknown[], array = false) => {
    const client = await checkout();
    let broken = false;
    try {
      return await send(client, statement, values, { array, mayCommit: true });
    } catch (error) {
      broken = isBroken(error);
      throw error;
    } finally {
      client.release(broken);
    }
  };
  const run = (statement: Statement, values?: readonly unknown[], array = false) =>
    noticing(health, sendAlone(statement, values, array));
  return {
    query: async <R>(statement: Statement, values?: readonly unknown[]) =>
      (await run(statement, values)).rows as R[],
    tuples: async <R>(statement: Statement, values?: readonly unknown[]) =>
      (await run(statement, values, true)).rows as R[],
    execute: async (statement, values) => (await run(statement, values)).rowCount ?? 0,
  };
}

/** Every failure passes here, so that none that means "the server is gone" goes unnoticed. */
async function noticing<T>(health: Health, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isBroken(error)) health.suspect();
    throw error;
  }
}

/** Asks on the lanes, and on the pool what fails there for one of the kinds in `passedOn`. */
function viaLanes(
  lanes: FastLanes,
  health: Health,
  ...[pool, passedOn]: [Queries, readonly DbErrorKind[]]
) {
  const pass = (error: unknown): undefined => {
    if (!(error instanceof DbError) || !passedOn.includes(error.kind)) throw error;
  };
  return async <R extends readonly unknown[]>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<R[]> => {
    const sent = health.ready() ? await lanes.send(statement, values)?.catch(pass) : undefined;
    return sent ? (sent.rows as R[]) : pool.tuples<R>(statement, values);
  };
}

const isBroken = (error: unknown): boolean =>
  error instanceof DbError && error.kind === 'unavailable';

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}

async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([work, late]);
  clearTimeout(timer);
}
