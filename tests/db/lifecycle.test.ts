import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startOf } from '../../server/db/process.ts';
import { dataDirectory, otherKiln, postmasterPid } from '../helpers/embedded.ts';

const env = { MIGRATIONS: new URL('./fixtures/none', import.meta.url).pathname };

test.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s to the process group, PostgreSQL outlives what is under way and then stops',
  async (signal) => {
    const dataDir = dataDirectory();
    const kiln = otherKiln(dataDir, env);
    expect(await kiln.line()).toMatchObject({ ready: true });
    const pid = postmasterPid(dataDir);
    process.kill(-Number(kiln.child.pid), signal); // as Ctrl-C in a terminal does
    expect(await kiln.line()).toEqual({ signal, n: 1 });
    expect(await kiln.end()).toEqual({ code: 0, signal: null, errors: '' });
    expect(startOf(pid)).toBeUndefined();
    expect(existsSync(join(dataDir, 'pg/postmaster.pid'))).toBe(false);
    expect(existsSync(join(dataDir, 'kiln.lock'))).toBe(false);
  },
);

test('after kill -9 the next process joins the same PostgreSQL and stops it in the end', async () => {
  const dataDir = dataDirectory();
  const first = otherKiln(dataDir, env);
  const before = await first.line();
  first.child.kill('SIGKILL');
  await first.end();
  const pid = postmasterPid(dataDir);
  expect(startOf(pid)).toBeDefined();

  const second = otherKiln(dataDir, env);
  expect(await second.line()).toEqual(before);
  second.child.kill('SIGTERM');
  expect(await second.end()).toMatchObject({ code: 0 });
  expect(startOf(pid)).toBeUndefined();
});

test('two processes that start at once on one directory: one runs, one is refused', async () => {
  const dataDir = dataDirectory();
  const both = [otherKiln(dataDir, env), otherKiln(dataDir, env)];
  const lines = await Promise.allSettled(both.map((kiln) => kiln.line()));
  expect(lines.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const winner = both[lines.findIndex(({ status }) => status === 'fulfilled')];
  const loser = both.find((kiln) => kiln !== winner);
  expect(await loser?.end()).toMatchObject({ code: 1 });
  winner?.child.kill('SIGTERM');
  expect(await winner?.end()).toMatchObject({ code: 0 });
});
