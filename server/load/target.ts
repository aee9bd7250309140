import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The server that a load goes to. */
export interface Target {
  base: string;
  /** Its time, Unix ms. */
  now: number;
  /** Stops it if it was started for the load. */
  close(): Promise<void>;
}

/** There is no server to load into; the message is for people. */
export class NoServer extends Error {}

const STARTING_MS = 120_000;
/** Clocks that differ by less are the same clock: `Date` headers hold whole seconds. */
const SAME_CLOCK_MS = 2000;

/** A server that runs: waits while it is starting. Undefined where nothing listens. */
export async function findServer(base: string): Promise<Target | undefined> {
  const end = performance.now() + STARTING_MS;
  for (;;) {
    const response = await metadata(base);
    if (!response) return undefined;
    const text = await response.text();
    if (response.ok && text.includes('"CapabilityStatement"')) {
      return { base, now: clockOf(response), close: async () => {} };
    }
    if (response.status !== 503) {
      throw new NoServer(
        `${base} is not a FHIR server: it answers ${response.status} to metadata.`,
      );
    }
    if (performance.now() > end) throw new NoServer(`${base} is not ready (503).`);
    await sleep(250);
  }
}

async function metadata(base: string): Promise<Response | undefined> {
  try {
    return await fetch(`${base}/metadata`, { headers: { Accept: 'application/fhir+json' } });
  } catch {
    return undefined;
  }
}

function clockOf(response: Response): number {
  const there = Date.parse(response.headers.get('date') ?? '');
  const here = Date.now();
  return Number.isNaN(there) || Math.abs(there - here) < SAME_CLOCK_MS ? here : there;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const TETHER = new URL('./tether.ts', import.meta.url).href;

/**
 * Starts a server with the settings of this process, for as long as the load takes. Out of the
 * terminal's process group, so that Ctrl-C lets the load finish what is under way; should the load
 * die, the tether stops it. Rejects with NoServer; the server itself has said why on stderr.
 */
export async function startServer(base: string | undefined): Promise<Target> {
  const child = spawn(process.execPath, ['--import', TETHER, MAIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    windowsHide: true,
  });
  const own = await addressOf(child);
  const target = await findServer(base ?? own).catch(() => undefined);
  if (!target) {
    await stop(child);
    throw new NoServer(`The server started for the load does not answer at ${base ?? own}.`);
  }
  return { ...target, close: () => stop(child) };
}

/** The address in the line that the server writes when it is ready; later lines are its log. */
async function addressOf(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const [, base] = /^Kiln is ready at (\S+)/.exec(line) ?? [];
      if (base !== undefined) resolve(base);
    });
    child.once('error', reject);
    child.once('exit', () =>
      reject(new NoServer('No server was running, and none could be started.')),
    );
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
