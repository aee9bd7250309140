import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Client } from './client.ts';
import { memoryOfTree, rssOf, type Usage, usageOf } from './process.ts';

/** A server process on an embedded PostgreSQL of its own. */
export interface Running {
  readonly client: Client;
  readonly pid: number;
  /** Milliseconds from the start of the process to its first successful answer. */
  readonly startMs: number;
  postmaster(): number;
  usage(): Usage | undefined;
  /** MiB. */
  rss(): number | undefined;
  postgresMemory(): number | undefined;
  /** Bytes of its database, indexes included. */
  databaseBytes(): Promise<number>;
  /** Runs one statement in its database. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Orderly; PostgreSQL stops too. */
  stop(): Promise<void>;
  /** `kill -9`; PostgreSQL goes on. */
  kill(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 120_000;

interface Program {
  /** Arguments of Node: flags, script, arguments of the script. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly directory: string;
  /** What must be answered before it counts as ready. */
  readonly probe?: string;
}

/** Requests are not logged: the floor logs none. */
function kilnIn(directory: string, own: NodeJS.ProcessEnv = {}): Program {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const settings = { PORT: '0', HOST: '127.0.0.1', KILN_DATA_DIR: directory };
  const env = { KILN_LOG_LEVEL: 'warn', KILN_AUTH: 'none', ...inherited, ...settings, ...own };
  return { args: startArguments(), env, directory, probe: 'metadata' };
}

/** What `npm start` runs: `node <flags> server/main.ts`. */
function startArguments(): string[] {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { scripts } = JSON.parse(file) as { scripts: { start: string } };
  return scripts.start.split(' ').slice(1);
}

function floorIn(directory: string): Program {
  const script = fileURLToPath(new URL('./floor.ts', import.meta.url));
  return { args: [script, directory], env: process.env, directory };
}

interface Started {
  readonly child: ChildProcess;
  readonly began: number;
  readonly ended: Promise<void>;
}

function spawnProgram({ args, env }: Program): Started {
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, began, ended: once(child, 'close').then(() => {}) };
}

async function whenReady(started: Started, { probe, directory }: Program): Promise<Running> {
  const client = new Client(await addressOf(started));
  if (probe !== undefined) {
    const { status } = await client.call({ path: probe });
    if (status !== 200) throw new Error(`${probe} is answered with HTTP ${status}`);
  }
  const startMs = performance.now() - started.began;
  return running(started, { client, startMs, directory });
}

/** The address that the process prints when it is ready; throws with what it said if it ends. */
async function addressOf({ child, ended }: Started): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  const hear = (line: string): void => {
    said = `${said}${line}\n`.slice(-2000);
    const [address] = /http:\/\/\S+\/fhir/.exec(line) ?? [];
    if (line.includes('is ready at') && address) resolve(address);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', hear);
  }
  ended.then(() => reject(new Error(`the server ended: ${said}`)));
  const timer = setTimeout(() => reject(new Error(`the server does not start: ${said}`)), READY_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

interface Facts {
  readonly client: Client;
  readonly startMs: number;
  readonly directory: string;
}

function running({ child, ended }: Started, { client, startMs, directory }: Facts): Running {
  const pid = child.pid ?? 0;
  const postmaster = (): number => pidFile(directory).pid;
  const sql = (text: string): Promise<Record<string, unknown>[]> => ask(directory, text);
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    client.close();
    child.kill(signal);
    await ended;
  };
  return {
    ...{ client, pid, startMs, postmaster, sql },
    usage: () => usageOf(pid, postmaster()),
    rss: () => rssOf(pid),
    postgresMemory: () => memoryOfTree(postmaster()),
    databaseBytes: async () => {
      const [row] = await sql('select pg_database_size(current_database()) as bytes');
      return Number(row?.bytes);
    },
    stop: end('SIGTERM'),
    kill: end('SIGKILL'),
  };
}

/** postmaster.pid: line 1 is the process, 4 the port, 5 the socket's directory. */
function pidFile(directory: string): { pid: number; port: number; host: string } {
  const lines = readFileSync(join(directory, 'pg/postmaster.pid'), 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), host: lines[4] || '127.0.0.1' };
}

async function ask(directory: string, text: string): Promise<Record<string, unknown>[]> {
  const { host, port } = pidFile(directory);
  const client = new pg.Client({ host, port, user: 'kiln', database: 'postgres' });
  client.on('error', () => {}); // whoever waits for an answer is told as well
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** Where servers keep their data, and all servers that run on it. */
export interface Workspace {
  /** The path of a directory that does not exist yet. */
  fresh(name: string): string;
  /** Kiln as `npm start` runs it, on a free port. */
  kiln(directory: string, settings?: NodeJS.ProcessEnv): Promise<Running>;
  /** The floor on a directory of its own. */
  floor(): Promise<Running>;
  /** Ends whatever still runs, a PostgreSQL left behind included, and removes the data. */
  remove(): Promise<void>;
}

export function createWorkspace(): Workspace {
  const parent = mkdtempSync(join(tmpdir(), 'kiln-bench-'));
  chmodSync(parent, 0o755); // the account that PostgreSQL drops to must get through
  const made: string[] = [];
  const children: Started[] = [];
  const starts: Promise<Running>[] = [];
  let removed: Promise<void> | undefined;
  const fresh = (name: string): string => {
    const path = join(parent, `${name}-${made.length}`);
    made.push(path);
    return path;
  };
  const start = (program: Program): Promise<Running> => {
    if (removed) throw new Error('the run is over');
    const started = spawnProgram(program);
    children.push(started);
    const ready = whenReady(started, program);
    starts.push(ready);
    return ready;
  };
  const remove = async (): Promise<void> => {
    await Promise.allSettled(starts); // killed half-way, a server would leave an initdb at work
    await Promise.all(children.map(({ child, ended }) => child.kill('SIGTERM') && ended));
    for (const directory of made) await stopLeftover(directory);
    rmSync(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  return {
    fresh,
    kiln: async (directory, settings) => start(kilnIn(directory, settings)),
    floor: async () => start(floorIn(fresh('floor'))),
    remove: () => {
      removed ??= remove();
      return removed;
    },
  };
}

/** After `kill -9` of a server its PostgreSQL runs on. Ours is what works in our directory. */
async function stopLeftover(directory: string): Promise<void> {
  const isOurs = (pid: number): boolean => {
    try {
      const theirs = statSync(`/proc/${pid}/cwd`);
      const ours = statSync(join(directory, 'pg'));
      return theirs.ino === ours.ino && theirs.dev === ours.dev;
    } catch {
      return false;
    }
  };
  try {
    const { pid } = pidFile(directory);
    if (!isOurs(pid)) return;
    process.kill(pid, 'SIGINT');
    for (let waited = 0; isOurs(pid) && waited < 10_000; waited += 50) await sleep(50);
  } catch {
    // no pid file: nothing runs
  }
}
