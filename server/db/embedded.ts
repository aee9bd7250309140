import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DATABASE,
  ensureCluster,
  findPlace,
  makeDataDir,
  type Place,
  removeSocketDir,
  USER,
} from './cluster.ts';
import { StartError } from './error.ts';
import { acquireLock } from './lock.ts';
import type { Log } from './log.ts';
import { attach, launch, type Postmaster, terminate } from './postmaster.ts';

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** PostgreSQL settings, over those that Kiln chooses. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: Log;
  /** PostgreSQL has gone without being asked; it is being started again. */
  readonly onDown?: () => void;
  /** It is back. */
  readonly onUp?: () => void;
}

/** Where to connect; a shape that `pg` takes. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface Embedded {
  readonly connection: Connection;
  /** Whether PostgreSQL was started or was still running after an earlier Kiln was killed. */
  readonly mode: 'started' | 'attached';
  /** Process id of the postmaster now. */
  pid(): number;
  /** Stops PostgreSQL; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * What PostgreSQL runs with. Durability is spelled out, so that a line in postgresql.conf cannot
 * take it away. Parallel workers would need more shared memory than a container has (64 MB). The
 * log has no failed statements and no details in it, since both quote patients' data.
 */
const settings: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  autovacuum_naptime: '10s', // fresh statistics soon after a bulk load
  max_connections: '50',
  random_page_cost: '1.1',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * Starts the PostgreSQL that comes along, on a Unix socket, and keeps it running until `stop()`.
 * Throws StartError where the data directory cannot be used: held by another Kiln, not reachable,
 * of another major version.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const dataDir = makeDataDir(options.dataDir);
  const release = own(dataDir);
  try {
    const place = await findPlace(dataDir, { ...settings, ...options.settings });
    await ensureCluster(place);
    const postmaster = (await attach(place)) ?? (await launch(place));
    options.log.info(
      { pid: postmaster.pid, dataDir, version: place.binaries.major },
      `embedded PostgreSQL ${postmaster.mode}`,
    );
    return supervise(place, postmaster, { ...options, release });
  } catch (error) {
    release();
    throw error;
  }
}

/** One data directory, one Kiln. */
function own(dataDir: string): () => void {
  const file = join(dataDir, 'kiln.lock');
  let lock: ReturnType<typeof acquireLock>;
  try {
    lock = acquireLock(file);
  } catch (error) {
    throw new StartError(
      `The data directory ${dataDir} cannot be written (${(error as Error).message}): set ` +
        'KILN_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL of yours.',
      error,
    );
  }
  if ('release' in lock) return lock.release;
  throw new StartError(
    `The data directory ${dataDir} is in use by another Kiln (process ${lock.heldBy.pid}): stop ` +
      'that one, or give this one its own KILN_DATA_DIR. To run several Kiln servers on the same ' +
      'data, set DATABASE_URL to a PostgreSQL server that they share.',
  );
}

/** How long PostgreSQL must have run for its next end to count as the first. */
const STEADY_MS = 10_000;

const longer = (delay: number): number => Math.min(5000, delay * 2 || 100);

function supervise(
  place: Place,
  first: Postmaster,
  { log, onDown, onUp, release }: EmbeddedOptions & { readonly release: () => void },
): Embedded {
  let current = first;
  let stopped: Promise<void> | undefined;
  const { promise: stopping, resolve: wake } = Promise.withResolvers<void>();

  const keepRunning = async (): Promise<void> => {
    for (let delay = 0; ; ) {
      const since = performance.now();
      const reason = await current.exited;
      if (stopped) return;
      log.error({ pid: current.pid, reason }, 'PostgreSQL stopped unexpectedly; restarting it');
      onDown?.();
      delay = performance.now() - since > STEADY_MS ? 0 : longer(delay);
      while (!(await restarted(delay))) delay = longer(delay);
      if (stopped) return;
      log.info({ pid: current.pid }, 'PostgreSQL is running again');
      onUp?.();
    }
  };

  /** True when there is nothing more to do: it runs, or nobody wants it to. */
  const restarted = async (delay: number): Promise<boolean> => {
    await Promise.race([sleep(delay), stopping]);
    if (stopped) return true;
    try {
      current = await launch(place);
      return true;
    } catch (error) {
      log.error({ reason: (error as Error).message }, 'PostgreSQL could not be restarted');
      return false;
    }
  };

  const running = keepRunning();
  const halt = async (): Promise<void> => {
    wake();
    await terminate(current);
    await running; // a restart under way may have brought up another one
    await terminate(current);
    removeSocketDir(place);
    release();
    log.info({}, 'embedded PostgreSQL stopped');
  };

  return {
    connection: { host: first.host, port: first.port, user: USER, database: DATABASE },
    mode: first.mode,
    pid: () => current.pid,
    stop: () => {
      stopped ??= Promise.resolve().then(halt);
      return stopped;
    },
  };
}
