import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, accountFor, barrier } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { StartError } from './error.ts';
import { makePrivate, syncDirectory, withUmask } from './files.ts';

/** PostgreSQL's own superuser and database in the embedded server. */
export const USER = 'kiln';
export const DATABASE = 'postgres';

/** Where the embedded PostgreSQL lives and as whom it runs. */
export interface Place {
  readonly dataDir: string;
  /** The data directory proper, a real path. */
  readonly pgdata: string;
  /** Directory of the Unix socket; undefined on Windows, where it is a loopback port. */
  readonly socketDir: string | undefined;
  readonly logFile: string;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
  /** Settings as `-c name=value`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Makes the Kiln data directory, so that the lock file has a place. Returns its real path. */
export function makeDataDir(dataDir: string): string {
  try {
    // Not private: the account that PostgreSQL drops to must be able to walk through.
    withUmask(0o022, () => mkdirSync(dataDir, { recursive: true, mode: 0o755 }));
    return realpathSync(dataDir);
  } catch (error) {
    throw unusable(dataDir, error);
  }
}

/** Finds out everything about the place; throws a StartError where it cannot be used. */
export async function findPlace(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<Place> {
  const pgdata = join(dataDir, 'pg');
  const account = accountFor(pgdata);
  const wall = account && barrier(dataDir, account);
  if (wall !== undefined) {
    throw new StartError(
      `KILN_DATA_DIR is ${dataDir}, but PostgreSQL, which runs as "${account?.name}" because ` +
        `Kiln runs as root, may not enter ${wall}: set KILN_DATA_DIR to a directory that all ` +
        'users may reach (for example /var/lib/kiln), or start Kiln as an ordinary user.',
    );
  }
  return {
    dataDir,
    pgdata,
    account,
    settings,
    socketDir: socketDirectory(dataDir, account),
    logFile: join(dataDir, 'postgres.log'),
    binaries: await findBinaries(dataDir, account),
  };
}

/** sun_path holds 104 bytes on macOS, 108 on Linux, the socket's own name included. */
const LONGEST_SOCKET_DIR = 80;

/** A private directory for the socket: with the data, or among temporary files if that is deep. */
function socketDirectory(dataDir: string, account: Account | undefined): string | undefined {
  if (process.platform === 'win32') return undefined;
  const beside = join(dataDir, 'run');
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const path =
    Buffer.byteLength(beside) <= LONGEST_SOCKET_DIR ? beside : join(tmpdir(), `kiln-${hash}`);
  try {
    if (!makePrivate(path, account?.uid)) {
      throw new StartError(`${path} belongs to somebody else or is open to others: remove it.`);
    }
    if (account) chownSync(path, account.uid, account.gid);
  } catch (error) {
    throw error instanceof StartError ? error : unusable(dataDir, error);
  }
  return path;
}

/** Leaves nothing among the temporary files. */
export function removeSocketDir({ socketDir, dataDir }: Place): void {
  if (socketDir === undefined || socketDir.startsWith(dataDir)) return;
  rmSync(socketDir, { recursive: true, force: true });
}

/**
 * Makes the database cluster on the first start, and checks on later ones that this PostgreSQL can
 * read it. initdb works in a directory of another name, so that an interrupted first start leaves
 * nothing that looks like a cluster.
 */
export async function ensureCluster(place: Place): Promise<void> {
  if (existsSync(place.pgdata)) return checkVersion(place);
  const unfinished = `${place.pgdata}.new`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    if (place.account) chownSync(unfinished, place.account.uid, place.account.gid);
  } catch (error) {
    throw unusable(place.dataDir, error);
  }
  await initdb(place, unfinished);
  await rename(unfinished, place.pgdata);
  syncDirectory(place.dataDir);
}

function checkVersion({ pgdata, binaries }: Place): void {
  let version: string;
  try {
    version = readFileSync(join(pgdata, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(pgdata, error);
    throw new StartError(
      `${pgdata} is not a PostgreSQL data directory (no PG_VERSION in it): set KILN_DATA_DIR to ` +
        'another directory, or move this one away.',
    );
  }
  if (Number(version) === binaries.major) return;
  throw new StartError(
    `${pgdata} was written by PostgreSQL ${version}, and this Kiln brings PostgreSQL ` +
      `${binaries.major}, which cannot read it. Nothing was changed. Run the Kiln that wrote it, ` +
      `move the data with pg_dump or pg_upgrade, or set KILN_DATA_DIR to a new directory.`,
  );
}

function initdb(place: Place, target: string): Promise<void> {
  const sync = place.settings.fsync === 'off' ? ['--no-sync'] : [];
  const options = ['-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions', ...sync];
  const child = spawn(place.binaries.initdb, ['-D', target, '-U', USER, ...options], {
    ...runAs(place),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new StartError(`initdb: ${error.message}`, error)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new StartError(`initdb could not make ${target}: ${explain(said)}`));
    });
  });
}

const explain = (said: string): string =>
  said.includes('could not look up effective user ID')
    ? 'PostgreSQL needs a user with a name, and the user that Kiln runs as is only a number ' +
      '(no passwd entry). Run Kiln as a named user, or set DATABASE_URL.'
    : said.trim().slice(-1000);

/** Options of `spawn` that make the child the right user in a neutral environment. */
export function runAs({ account }: Place): {
  uid?: number;
  gid?: number;
  cwd?: string;
  env: NodeJS.ProcessEnv;
} {
  if (process.platform === 'win32') return { env: { ...process.env, TZ: 'UTC' } };
  const who = account ? { uid: account.uid, gid: account.gid } : {};
  return { ...who, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
}

function unusable(path: string, error: unknown): StartError {
  return new StartError(
    `The data directory ${path} cannot be used (${(error as Error).message}): set KILN_DATA_DIR ` +
      'to a directory that the user of Kiln may write, or DATABASE_URL to a PostgreSQL of yours.',
    error,
  );
}
