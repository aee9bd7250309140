import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './helpers/http.ts';
import { type FreshDatabase, freshDatabase } from './helpers/postgres.ts';

/** The whole process, as `npm start` runs it, on a database of the test's PostgreSQL. */
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

interface Running {
  child: ChildProcess;
  out: string;
  err: string;
  /** Resolves with the exit code. */
  ended: Promise<number | null>;
}

function start(env: Record<string, string>): Running {
  const child = spawn(process.execPath, ['server/main.ts'], {
    env: { PATH: process.env.PATH ?? '', DATABASE_URL: database.url, PORT: '0', ...env },
  });
  const running: Running = {
    ...{ child, out: '', err: '' },
    ended: once(child, 'exit').then(([code]) => code as number | null),
  };
  child.stdout?.on('data', (chunk) => {
    running.out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    running.err += chunk;
  });
  return running;
}

async function baseOf(running: Running): Promise<string> {
  const find = (): string | undefined => /ready at (http:\S+)/.exec(running.out)?.[1];
  await expect.poll(find, { timeout: 20_000 }).toBeTruthy();
  return find() ?? '';
}

const open = { KILN_AUTH: 'none' };

describe('the server process', () => {
  it('lets nobody in by default, and prints a link for the first administrator', async () => {
    const running = start({});
    const base = await baseOf(running);
    await expect.poll(() => running.out).toMatch(/\/auth\/setup\?token=[\w-]{43}\n/);
    expect((await ask(base, 'Patient')).status).toBe(401);
    expect((await ask(base, 'metadata')).status).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says where it is, serves, and exits 0 on %s',
    async (signal) => {
      const running = start(open);
      const base = await baseOf(running);
      expect(running.out).toMatch(/open to everybody on this machine/);
      const body = { resourceType: 'Patient', id: signal };
      const made = await ask(base, `Patient/${signal}`, { method: 'PUT', body });
      expect(made.status).toBe(201);
      expect(made.headers.get('location')).toBe(`${base}/Patient/${signal}/_history/1`);
      running.child.kill(signal);
      expect(await running.ended).toBe(0);
    },
  );

  it('finishes what is under way before it exits', async () => {
    const running = start(open);
    const base = await baseOf(running);
    const entry = Array.from({ length: 2000 }, (_, i) => ({
      resource: { resourceType: 'Patient', id: `drain-${i}` },
      request: { method: 'PUT', url: `Patient/drain-${i}` },
    }));
    const body = { resourceType: 'Bundle', type: 'transaction', entry };
    const pending = ask(base, '', { method: 'POST', body });
    await expect.poll(() => ask(base, 'metadata').then(({ status }) => status)).toBe(200);
    running.child.kill('SIGTERM');
    expect((await pending).status).toBe(200);
    expect(await running.ended).toBe(0);
  });

  it.each([
    ['PORT', 'many', /PORT "many" is not a TCP port/],
    ['HOST', '0.0.0.0', /KILN_PUBLIC_URL is missing: with HOST "0.0.0.0"/],
    ['DATABASE_URL', 'postgresql://127.0.0.1:1/none', /./],
  ])('with %s=%s says so and exits 1', async (name, value, message) => {
    const running = start({ [name]: value, KILN_DB_CONNECT_TIMEOUT: '100ms' });
    expect(await running.ended).toBe(1);
    expect(running.err).toMatch(message);
    expect(running.err).not.toMatch(/\n\s+at /);
  });

  it('on a port that is taken says so and exits 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const running = start({ PORT: String(port) });
    expect(await running.ended).toBe(1);
    expect(running.err).toMatch(/Cannot listen on port \d+ .*another process has it/);
    other.close();
  });
});
