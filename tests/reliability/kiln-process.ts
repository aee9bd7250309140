import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { servesData } from '../../server/db/process.ts';
import { postmasterPid, until } from '../helpers/embedded.ts';

const PROGRAM = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** Tests here run short in CI, and long when asked to with `KILN_TEST_LONG=1`. */
export const long = Boolean(process.env.KILN_TEST_LONG);

/** The whole server as a child process. */
export interface Kiln {
  readonly child: ChildProcess;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The FHIR base URL. */
  readonly base: string;
  readonly port: number;
  /** What it wrote on stdout (its log included) and stderr so far. */
  said(): string;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  /** kill -9, and waits until the process is gone. */
  kill(): Promise<void>;
}

/** A child that need not become ready. */
export type Starting = Pick<Kiln, 'child' | 'said' | 'ended'>;

const running = new Set<ChildProcess>();
const dataDirs = new Set<string>();

// A test that fails leaves processes behind, and a server that was killed leaves its PostgreSQL.
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  for (const dataDir of dataDirs) await removeDataDir(dataDir);
});

/** A directory for the embedded PostgreSQL, which goes, with its server, after the file's tests. */
export function freshDataDir(): string {
  const parent = mkdtempSync(join(tmpdir(), 'kiln-rel-'));
  chmodSync(parent, 0o755); // started by root, PostgreSQL runs as another user
  dataDirs.add(parent);
  return join(parent, 'data');
}

async function removeDataDir(parent: string): Promise<void> {
  const pid = runningPostmaster(join(parent, 'data'));
  if (pid !== undefined) {
    process.kill(pid, 'SIGQUIT');
    await until(() => runningPostmaster(join(parent, 'data')) === undefined);
  }
  rmSync(parent, { recursive: true, force: true });
}

/** Pid of the PostgreSQL that serves the data directory, if one does. */
export function runningPostmaster(dataDir: string): number | undefined {
  try {
    const pid = postmasterPid(dataDir);
    return servesData(pid, realpathSync(join(dataDir, 'pg'))) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Where to connect to the embedded PostgreSQL: lines 4 and 5 of its postmaster.pid. */
export function embeddedConnection(dataDir: string): object {
  const [, , , port, host] = readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8').split('\n');
  return { host: host || '127.0.0.1', port: Number(port), user: 'kiln', database: 'postgres' };
}

/** Starts the process; settings are those given and defaults, on a free port. */
export function spawnKiln(env: Record<string, string>): Starting {
  const child = spawn(process.execPath, [PROGRAM], {
    env: {
      ...{ PATH: process.env.PATH ?? '', PORT: '0', KILN_LOG_LEVEL: 'error', KILN_AUTH: 'none' },
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let said = '';
  const hear = (chunk: Buffer): void => {
    said += chunk;
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code, signal } as { code: number | null; signal: string | null };
  });
  return { child, ended, said: () => said };
}

/** Starts the process and waits until it says that it is ready. */
export async function startKiln(env: Record<string, string>): Promise<Kiln> {
  const starting = spawnKiln(env);
  const { child, said, ended } = starting;
  const address = (): RegExpExecArray | null =>
    /ready at (http:\/\/[^\s/]+:(\d+))\/fhir/.exec(said());
  await until(() => address() !== null || child.exitCode !== null, 60_000);
  const found = address();
  if (!found) throw new Error(`the server ended: ${said()}`);
  const origin = String(found[1]);
  return {
    ...{ child, said, ended, origin, base: `${origin}/fhir`, port: Number(found[2]) },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
