import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../server/db/db.ts';
import { checkServer, firstConnection } from '../../server/db/server.ts';
import { databaseOptions } from '../helpers/databases.ts';
import { dataDirectory } from '../helpers/embedded.ts';
import { administer, freshDatabase } from '../helpers/postgres.ts';

const good = { version: 180_004, encoding: 'UTF8', standby: false };

test.each([150_000, 150_012, 160_003, 190_000])('checkServer() accepts version %i', (version) => {
  expect(() => checkServer({ ...good, version })).not.toThrow();
});

test.each([
  [{ version: 140_018 }, /is version 14; Kiln needs 15 or newer/],
  [{ version: 90_624 }, /is version 9; Kiln needs 15/],
  [{ encoding: 'SQL_ASCII' }, /encoding SQL_ASCII; Kiln needs UTF8/],
  [{ standby: true }, /read-only standby/],
])('checkServer() refuses %o with what to do', (facts, message) => {
  expect(() => checkServer({ ...good, ...facts })).toThrow(message);
});

test('openDatabase() refuses a database of another encoding', async () => {
  const name = `latin_${process.pid}`;
  await administer(`create database ${name} template template0 encoding 'LATIN1'`);
  onTestFinished(async () => void (await administer(`drop database ${name}`)));
  const { options } = await freshDatabase('template0');
  const url = String(options.url).replace(/\/kiln_\w+/, `/${name}`);
  await expect(openDatabase({ ...options, url })).rejects.toThrow(/encoding LATIN1/);
});

test('openDatabase() says at once that the database is missing, without the password', async () => {
  const { options } = await freshDatabase('template0');
  const url = String(options.url)
    .replace(/\/kiln_\w+/, '/missing')
    .replace('kiln@', 'kiln:secret@');
  const fault = await openDatabase({ ...options, url }).catch((error: Error) => error);
  expect(fault).toHaveProperty('name', 'StartError');
  expect(String(fault)).toMatch(/DATABASE_URL \(database "missing" does not exist\)/);
  expect(String(fault)).not.toContain('secret');
});

test('firstConnection() names DATABASE_URL when nobody answers', async () => {
  const config = { host: '127.0.0.1', port: 1, user: 'kiln', database: 'kiln' };
  await expect(firstConnection(config, 300)).rejects.toThrow(
    /Cannot connect to the PostgreSQL at DATABASE_URL \(connect ECONNREFUSED 127.0.0.1:1\)/,
  );
});

/** The oldest PostgreSQL that Kiln claims to run on, where the machine happens to have it. */
const oldest = '/usr/lib/postgresql/15/bin';

test.runIf(existsSync(oldest) && process.getuid?.() === 0)(
  'openDatabase() runs on PostgreSQL 15 by DATABASE_URL',
  async () => {
    const home = dataDirectory();
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout),
    ) as [number, number];
    mkdirSync(home);
    chownSync(home, uid, gid);
    const as = { uid, gid, cwd: '/', stdio: 'ignore' } as const;
    const data = join(home, 'pg');
    spawnSync(
      `${oldest}/initdb`,
      ['-D', data, '-U', 'kiln', '-A', 'trust', '-E', 'UTF8', '-N'],
      as,
    );
    const settings = `-c fsync=off -c listen_addresses= -k ${home}`;
    spawnSync(`${oldest}/pg_ctl`, ['-D', data, '-w', '-o', settings, 'start'], as);
    onTestFinished(
      () => void spawnSync(`${oldest}/pg_ctl`, ['-D', data, '-m', 'fast', 'stop'], as),
    );

    const db = await openDatabase(
      databaseOptions(`postgresql://kiln@localhost/postgres?host=${home}`),
    );
    onTestFinished(() => db.close());
    expect(
      await db.query({ text: "select current_setting('server_version_num')::int / 10000 as v" }),
    ).toEqual([{ v: 15 }]);
  },
);
