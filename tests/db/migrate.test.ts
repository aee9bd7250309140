import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../server/db/db.ts';
import { migrate } from '../../server/db/migrate.ts';
import { type Client, connect, send } from '../../server/db/pg.ts';
import { dataDirectory } from '../helpers/embedded.ts';
import { freshDatabase } from '../helpers/postgres.ts';

const files = {
  '0001_first.sql': 'create table a (n int); insert into a values (1);',
  '0002_second.sql': 'create table b (n int); -- why\ninsert into b select n + 1 from a;',
};

function folderOf(content: Record<string, string>): string {
  const folder = dataDirectory('migrations');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(content)) writeFileSync(join(folder, name), text);
  return folder;
}

/** An empty database and a way to open connections to it. */
async function emptyDatabase(): Promise<() => Promise<Client>> {
  const { url, drop } = await freshDatabase('template0');
  onTestFinished(drop);
  return async () => {
    const client = await connect({ connectionString: url, pipeline: true });
    onTestFinished(() => client.end());
    return client;
  };
}

const rows = async (client: Client, text: string): Promise<unknown[]> =>
  (await send(client, { text })).rows;

test('migrate() applies each file once, in order, and records it', async () => {
  const client = await (await emptyDatabase())();
  expect(await migrate(client, folderOf(files))).toBe(2);
  expect(await migrate(client, folderOf(files))).toBe(0);
  expect(await rows(client, 'select n from b')).toEqual([{ n: 2 }]);
  expect(await rows(client, 'select version, name from migration order by 1')).toEqual([
    { version: 1, name: 'first' },
    { version: 2, name: 'second' },
  ]);
});

test('migrate() from several processes at once runs each file once', async () => {
  const open = await emptyDatabase();
  const clients = await Promise.all([open(), open(), open(), open()]);
  const counts = await Promise.all(clients.map((client) => migrate(client, folderOf(files))));
  expect(counts.sort()).toEqual([0, 0, 0, 2]);
  expect(await rows(clients[0]!, 'select n from a')).toEqual([{ n: 1 }]);
});

test('migrate() leaves nothing of a file that fails, and goes on from there when it is mended', async () => {
  const client = await (await emptyDatabase())();
  const broken = { ...files, '0003_third.sql': 'create table c (n int); select 1/0;' };
  await expect(migrate(client, folderOf(broken))).rejects.toThrow(
    /0003_third failed and was rolled back: division by zero/,
  );
  expect(await rows(client, "select to_regclass('c') as c")).toEqual([{ c: null }]);
  const mended = { ...files, '0003_third.sql': 'create table c (n int);' };
  expect(await migrate(client, folderOf(mended))).toBe(1);
});

test('migrate() refuses a schema newer than itself', async () => {
  const client = await (await emptyDatabase())();
  await migrate(client, folderOf(files));
  const older = folderOf({ '0001_first.sql': files['0001_first.sql'] });
  await expect(migrate(client, older)).rejects.toThrow(/schema \(0002_second\) is newer than this/);
});

test('migrate() refuses a file that was edited after it was applied', async () => {
  const client = await (await emptyDatabase())();
  await migrate(client, folderOf(files));
  const edited = { ...files, '0001_first.sql': 'create table a (n bigint);' };
  await expect(migrate(client, folderOf(edited))).rejects.toThrow(/0001_first has changed/);
  const otherLineEnds = {
    ...files,
    '0002_second.sql': files['0002_second.sql'].replace('\n', '\r\n'),
  };
  expect(await migrate(client, folderOf(otherLineEnds))).toBe(0);
});

test.each([
  { '0002_second.sql': '' },
  { '0001_first.sql': '', '0001_other.sql': '' },
  { 'first.sql': '' },
])('migrate() refuses files that are not numbered one by one: %o', async (content) => {
  const client = await (await emptyDatabase())();
  await expect(migrate(client, folderOf(content))).rejects.toThrow(/should be 000\d_name.sql/);
});

test('openDatabase() from several processes at once brings an empty database to the schema', async () => {
  const { options, drop } = await freshDatabase('template0');
  onTestFinished(drop);
  const dbs = await Promise.all([1, 2, 3].map(() => openDatabase(options)));
  const applied = await dbs[0]!.query({ text: 'select version from migration' });
  expect(applied).toContainEqual({ version: 1 });
  await Promise.all(dbs.map((db) => db.close()));
});
