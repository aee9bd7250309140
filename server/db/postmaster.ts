import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Place, runAs } from './cluster.ts';
import { StartError } from './error.ts';
import { servesData } from './process.ts';

/** A running PostgreSQL. `exited` resolves, with what is known of the reason, when it is gone. */
export interface Postmaster {
  readonly mode: 'started' | 'attached';
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly exited: Promise<string>;
  isRunning(): boolean;
}

/** postmaster.pid, as PostgreSQL's miscadmin.h numbers its lines. */
interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly socketDir: string;
  readonly status: string;
}

/** Above the PID_MAX of Linux: a pid that no process has. */
const NOBODY = 2 ** 22 + 1;
const PORT = 5432;
const LONGEST_LOG = 16 * 1024 * 1024;

function readPidFile({ pgdata }: Place): PidFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(pgdata, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const [pid, , , port, socketDir, , , status] = lines;
  return {
    pid: Number(pid),
    port: Number(port) || PORT,
    socketDir: socketDir ?? '',
    status: (status ?? '').trim(),
  };
}

/**
 * The PostgreSQL that an earlier Kiln left running when it was killed, made ours; undefined if
 * there is none. One that runs with other settings than asked for is stopped first.
 */
export async function attach(place: Place): Promise<Postmaster | undefined> {
  const left = readPidFile(place);
  if (!left || !servesData(left.pid, place.pgdata)) return undefined;
  const postmaster: Postmaster = {
    mode: 'attached',
    pid: left.pid,
    host: left.socketDir || '127.0.0.1',
    port: left.port,
    exited: watch(left.pid, place),
    isRunning: () => servesData(left.pid, place.pgdata),
  };
  if (runsWith(place, left.port) && (await becomesReady(place, left.pid))) return postmaster;
  await terminate(postmaster);
  return undefined;
}

/** Nobody tells us when a process dies that is not our child. */
async function watch(pid: number, { pgdata }: Place): Promise<string> {
  while (servesData(pid, pgdata)) await sleep(200, undefined, { ref: false });
  return 'it is no longer there';
}

async function becomesReady(place: Place, pid: number): Promise<boolean> {
  while (servesData(pid, place.pgdata)) {
    const status = readPidFile(place)?.status;
    if (status === 'ready') return true;
    if (status === 'stopping') return false;
    await sleep(20);
  }
  return false;
}

/** postmaster.opts is the command line of the last start, each argument in double quotes. */
function runsWith(place: Place, port: number): boolean {
  const wanted = args(place, port).map((arg) => ` "${arg}"`);
  try {
    const line = readFileSync(join(place.pgdata, 'postmaster.opts'), 'utf8').trimEnd();
    return line.endsWith(wanted.join(''));
  } catch {
    return false;
  }
}

/** Starts PostgreSQL and waits until it accepts connections, crash recovery included. */
export async function launch(place: Place): Promise<Postmaster> {
  disownFiles(place);
  const port = place.socketDir === undefined ? await freePort() : PORT;
  for (let attempt = 1; ; attempt++) {
    const outcome = await launchOnce(place, port);
    if (typeof outcome !== 'string') return outcome;
    // Backends of a postmaster that was killed take a moment to notice and go.
    const passing = /still in use|is starting up|is shutting down/.test(outcome);
    if (!passing || attempt === 50) {
      throw new StartError(`PostgreSQL did not start; ${place.logFile} ends with:\n${outcome}`);
    }
    await sleep(200);
  }
}

/**
 * Makes files of a server that is gone harmless. postmaster.pid stays, as it holds the key of the
 * shared memory by which PostgreSQL finds orphaned backends; only its pid, which by now may be
 * anybody's, becomes nobody's. A zombie's pid in the socket's lock file would block the start.
 */
function disownFiles(place: Place): void {
  const pidFile = join(place.pgdata, 'postmaster.pid');
  if (existsSync(pidFile)) {
    const [, ...rest] = readFileSync(pidFile, 'utf8').split('\n');
    writeFileSync(pidFile, [NOBODY, ...rest].join('\n'));
  }
  if (place.socketDir === undefined) return;
  for (const name of [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`]) {
    rmSync(join(place.socketDir, name), { force: true });
  }
}

/** The running server, or the end of its log when it stopped instead. */
async function launchOnce(place: Place, port: number): Promise<Postmaster | string> {
  const log = openLog(place.logFile);
  const before = statSync(place.logFile).size;
  const child = spawn(place.binaries.postgres, args(place, port), {
    ...runAs(place),
    detached: true, // Ctrl-C must not reach PostgreSQL before Kiln has drained
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let gone: string | undefined;
  const exited = exitOf(child).then((reason) => {
    gone = reason;
    return reason;
  });
  while (gone === undefined) {
    const now = readPidFile(place);
    if (now?.pid === child.pid && now?.status === 'ready') {
      child.unref();
      const host = place.socketDir ?? '127.0.0.1';
      const isRunning = () => gone === undefined;
      return { mode: 'started', pid: now.pid, host, port, exited, isRunning };
    }
    await sleep(5);
  }
  const said = readFileSync(place.logFile).subarray(before).toString().trim();
  return `${said}\n(${gone})`.slice(-3000);
}

const exitOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`exit ${code ?? signal}`));
  });

/** The log outlives Kiln, which a pipe would not; it is kept from growing without end. */
function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LONGEST_LOG) renameSync(file, `${file}.old`);
  return openSync(file, 'a', 0o600);
}

function args(place: Place, port: number): string[] {
  const settings: Record<string, string> = {
    listen_addresses: place.socketDir === undefined ? '127.0.0.1' : '',
    port: String(port),
    ...(place.socketDir === undefined
      ? {}
      : { unix_socket_directories: quoted(place.socketDir), unix_socket_permissions: '0700' }),
    ...place.settings,
  };
  return [
    '-D',
    place.pgdata,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/** The setting is a list; quotes keep a comma in the path from dividing it. */
const quoted = (path: string): string => `"${path.replaceAll('"', '""')}"`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : PORT));
    });
  });
}

/**
 * Stops PostgreSQL: "fast" (open transactions are rolled back, everything is flushed), and after
 * ten seconds "immediate" (the next start recovers from the log).
 */
export async function terminate(postmaster: Postmaster): Promise<void> {
  signal(postmaster, process.platform === 'win32' ? 'SIGTERM' : 'SIGINT');
  const timer = setTimeout(() => signal(postmaster, 'SIGQUIT'), 10_000);
  await keepAliveUntil(postmaster.exited);
  clearTimeout(timer);
}

/** The child and the watch are unref'd: without this Node would leave while we wait for them. */
async function keepAliveUntil(done: Promise<unknown>): Promise<void> {
  const hold = setInterval(() => {}, 1000);
  try {
    await done;
  } finally {
    clearInterval(hold);
  }
}

function signal({ pid, isRunning }: Postmaster, name: NodeJS.Signals): void {
  try {
    if (isRunning()) process.kill(pid, name); // or else the pid may be another's by now
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
