import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The programs as processes of their own, to be run and killed as a user would. */
const program = (name: string): string =>
  fileURLToPath(new URL(`../../server/${name}`, import.meta.url));

function start(name: string, args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [program(name), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  return child;
}

export interface ServerProcess {
  child: ChildProcess;
  base: string;
  port: number;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** `npm start` on a database; port 0 is any free one. Ends with the test at the latest. */
export async function serverProcess(databaseUrl: string, port = 0): Promise<ServerProcess> {
  const child = start('main.ts', [], {
    ...{ DATABASE_URL: databaseUrl, PORT: String(port), HOST: '127.0.0.1' },
    ...{ KILN_LOG_LEVEL: 'silent', KILN_AUTH: 'none' },
  });
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'exit');
  const base = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [, url] = /^Kiln is ready at (\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
    void ended.then(() => reject(new Error(`the server ended: ${errors}`)));
  });
  return {
    ...{ child, base, port: Number(new URL(base).port) },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
  };
}

export interface LoadProcess {
  child: ChildProcess;
  /** Exit code and all that was written. */
  end: Promise<{ code: number | null; signal: string | null; output: string; errors: string }>;
}

/** `npm run load -- args`. Ends with the test at the latest. */
export function loadProcess(
  args: readonly string[],
  env: Record<string, string> = {},
): LoadProcess {
  const child = start('load.ts', args, env);
  let output = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, output, errors }));
  return { child, end };
}
