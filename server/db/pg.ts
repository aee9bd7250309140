import type { Duplex } from 'node:stream';
import pg from 'pg';
import { DbError, kindOf } from './error.ts';

/**
 * The only file that knows the driver. What leaves it are rows and DbErrors.
 */

export interface Statement {
  /** Prepared once per connection under this name; one name must always have the same text. */
  readonly name?: string;
  readonly text: string;
}

export type Row = Readonly<Record<string, unknown>>;

export interface Target {
  readonly url?: string | undefined;
  readonly connection?: object | undefined;
}

export interface Limits {
  readonly connectTimeout: number;
  readonly statementTimeout: number;
  readonly lockTimeout: number;
  readonly idleTransactionTimeout: number;
}

export type Client = pg.Client;
export type PooledClient = pg.PoolClient;

/** The server enforces its timeouts; this much later the connection itself is taken for dead. */
const GRACE_MS = 2000;

/** A client with the house's session settings. Values in milliseconds, 0 is no limit. */
export function clientConfig(target: Target, limits: Limits): pg.ClientConfig {
  return {
    ...(target.url === undefined ? target.connection : { connectionString: target.url }),
    application_name: 'kiln',
    connectionTimeoutMillis: limits.connectTimeout,
    statement_timeout: limits.statementTimeout,
    lock_timeout: limits.lockTimeout,
    idle_in_transaction_session_timeout: limits.idleTransactionTimeout,
    ...(limits.statementTimeout > 0 ? { query_timeout: limits.statementTimeout + GRACE_MS } : {}),
    options: '-c jit=off',
    keepAlive: true,
    pipeline: true,
  };
}

/** The same for connections whose statements are planned once, for all values. */
export function withFixedPlans(config: pg.ClientConfig): pg.ClientConfig {
  return { ...config, options: `${config.options} -c plan_cache_mode=force_generic_plan` };
}

/**
 * A pool of at most `max` connections. `connectTimeout` of the limits is for the connection alone;
 * `waitTimeout` is how long a caller may wait for its turn.
 */
export function createPool(
  config: pg.ClientConfig,
  { max, waitTimeout, onLost }: { max: number; waitTimeout: number; onLost: () => void },
): pg.Pool {
  class PoolClient extends pg.Client {
    constructor() {
      super(config);
      // A connection that breaks while it is in use says so twice: by its query, and here.
      this.on('error', onLost);
    }
  }
  const pool = new pg.Pool({
    ...config,
    max,
    Client: PoolClient,
    connectionTimeoutMillis: waitTimeout,
    idleTimeoutMillis: 60_000,
  });
  pool.on('error', onLost);
  return pool;
}

/** Opens one connection; throws DbError. `onLost` is called, perhaps twice, when it is gone. */
export async function connect(
  config: pg.ClientConfig,
  onLost: (client: Client) => void = () => {},
): Promise<Client> {
  const client = new pg.Client(config);
  client.on('error', () => onLost(client));
  client.on('end', () => onLost(client));
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw toDbError(error);
  }
}

const gathering = new WeakSet<Client>();

/**
 * Holds what is sent on a pipelined connection until all sockets that are ready now have been read:
 * the statements of many requests leave in one system call, which costs more than the rest of them.
 */
export function gather(client: Client): void {
  if (gathering.has(client)) return;
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  gathering.add(client);
  stream.cork();
  setImmediate(() => {
    gathering.delete(client);
    stream.uncork();
  });
}

export interface SendOptions {
  readonly array?: boolean;
  /** True where a lost connection leaves it unknown whether the statement was carried out. */
  readonly mayCommit?: boolean;
  /** Milliseconds; over the client's own. */
  readonly timeout?: number | undefined;
}

export interface Outcome {
  readonly rows: unknown[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** Sends one statement. Several may be sent without waiting: they travel together, in order. */
export function send(
  client: Client | PooledClient,
  statement: Statement,
  values?: readonly unknown[],
  options: SendOptions = {},
): Promise<Outcome> {
  const config = {
    text: statement.text,
    ...(statement.name === undefined ? {} : { name: statement.name }),
    ...(values === undefined ? {} : { values: values as unknown[] }),
    ...(options.array ? { rowMode: 'array' as const } : {}),
    ...(options.timeout === undefined ? {} : { query_timeout: options.timeout + GRACE_MS }),
  };
  return new Promise((resolve, reject) => {
    client.query(config, (error, result) => {
      if (error) reject(toDbError(error, options.mayCommit));
      else resolve(result);
    });
  });
}

/** What a driver's error is to us. `mayCommit`: a write or COMMIT was under way. */
export function toDbError(error: unknown, mayCommit = false): DbError {
  if (error instanceof DbError) return error;
  if (error instanceof pg.DatabaseError && error.code !== undefined) {
    return new DbError(kindOf(error.code), error.message, {
      code: error.code,
      constraint: error.constraint,
      cause: error,
      // 57P01, 57P02: the server cut the connection; everything else it tells us is a refusal
      maybeCommitted: mayCommit && /^(08|57P0[12]|40003)/.test(error.code),
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('timeout exceeded when trying to connect')) {
    return new DbError('too-busy', 'no connection became free in time', { cause: error });
  }
  const lost = isSocketError(error) || lostMessages.test(message);
  return new DbError(lost ? 'unavailable' : 'other', message, {
    cause: error,
    maybeCommitted: lost && mayCommit && !neverSent.test(message),
  });
}

const isSocketError = (error: unknown): boolean =>
  error instanceof AggregateError || (error as NodeJS.ErrnoException)?.syscall !== undefined;

/** The driver has no codes for these. */
const lostMessages = new RegExp(
  [
    '^Connection terminated',
    '^timeout expired',
    '^Query read timeout',
    'not queryable$',
    'calling end on the pool',
    'before secure TLS connection',
    'write after end',
    'socket has been ended',
  ].join('|'),
);
const neverSent = /not queryable$|calling end on the pool/;
