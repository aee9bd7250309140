import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { acquireLock } from '../../server/db/lock.ts';
import { startOf } from '../../server/db/process.ts';
import { dataDirectory } from '../helpers/embedded.ts';

function lockFile(content?: string): string {
  const folder = dataDirectory();
  mkdirSync(folder);
  const file = join(folder, 'kiln.lock');
  if (content !== undefined) writeFileSync(file, content);
  return file;
}

test('acquireLock() holds until released and leaves nothing behind', () => {
  const file = lockFile();
  const lock = acquireLock(file);
  const me = { pid: process.pid, start: startOf(process.pid) };
  expect(acquireLock(file)).toEqual({ heldBy: me });
  if ('release' in lock) lock.release();
  expect(readdirSync(join(file, '..'))).toEqual([]);
  expect(acquireLock(file)).toHaveProperty('release');
});

test.each([
  ['a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, start: 'x/1' })],
  ['an earlier process with our pid', JSON.stringify({ pid: process.pid, start: 'x/1' })],
  ['nobody, being empty', ''],
  ['nobody, being torn', '{"pid":'],
])('acquireLock() takes over the lock of %s', (_, content) => {
  const file = lockFile(content);
  expect(acquireLock(file)).toHaveProperty('release');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('pid', process.pid);
  expect(readdirSync(join(file, '..'))).toEqual(['kiln.lock']);
});

test('acquireLock() gives a stale lock to one of many that want it', async () => {
  const file = lockFile(JSON.stringify({ pid: 2 ** 22 + 1, start: 'x/1' }));
  const lock = new URL('../../server/db/lock.ts', import.meta.url).href;
  const program = `
    const { acquireLock } = await import(${JSON.stringify(lock)});
    const at = ${Date.now() + 1500};
    while (Date.now() < at);
    console.log('release' in acquireLock(process.argv[1]) ? 'won' : 'lost');
    await new Promise((resolve) => setTimeout(resolve, 1500));`;
  const run = promisify(execFile);
  const args = ['--input-type=module', '-e', program, file];
  const results = await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, args)));
  expect(results.filter(({ stdout }) => stdout.trim() === 'won')).toHaveLength(1);
});
