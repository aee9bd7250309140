import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type Embedded, type EmbeddedOptions, startEmbedded } from '../../server/db/embedded.ts';
import { silent } from '../../server/db/log.ts';
import { connect, send } from '../../server/db/pg.ts';

/** A directory for a test's data, that also the account PostgreSQL drops to can reach. */
export function dataDirectory(name = 'data'): string {
  const parent = mkdtempSync(join(tmpdir(), 'kiln-db-'));
  chmodSync(parent, 0o755);
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, name);
}

/** `startEmbedded`, stopped when the test ends. */
export async function start(
  dataDir: string,
  options: Partial<EmbeddedOptions> = {},
): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, log: silent, ...options });
  onTestFinished(() => embedded.stop());
  return embedded;
}

/** Runs one statement on a connection of its own. */
export async function ask(connection: object, text: string): Promise<unknown[]> {
  const client = await connect(connection);
  try {
    return (await send(client, { text })).rows;
  } finally {
    await client.end();
  }
}

/** Resolves when `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limit = 20_000,
): Promise<void> {
  const end = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await sleep(20);
  }
}

/** Pid in the data directory's postmaster.pid. */
export const postmasterPid = (dataDir: string): number =>
  Number.parseInt(readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8'), 10);

export interface Kiln {
  readonly child: ChildProcess;
  /** Next line of its output, parsed. */
  line(): Promise<Record<string, unknown>>;
  /** Exit code, signal and what it said on stderr. */
  end(): Promise<{ code: number | null; signal: string | null; errors: string }>;
}

const PROGRAM = fileURLToPath(new URL('./open-database.ts', import.meta.url));

/** Another process that opens the database in `dataDir` as the server does. */
export function otherKiln(dataDir: string, env: Record<string, string> = {}): Kiln {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, ...env, KILN_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as a terminal gives it
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close');
  onTestFinished(() => {
    if (child.exitCode === null) child.kill('SIGKILL');
  });
  return {
    child,
    line: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`it ended: ${errors}`);
      return JSON.parse(value) as Record<string, unknown>;
    },
    end: async () => {
      const [code, signal] = await ended;
      return { code, signal, errors };
    },
  };
}
