import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../server/db/db.ts';
import { databaseOptions, limits } from '../helpers/databases.ts';
import { dataDirectory } from '../helpers/embedded.ts';
import { asSuperuser, openJournal, readOf } from '../helpers/journal.ts';
import { administer, freshDatabase } from '../helpers/postgres.ts';

const TABLES = ['audit', 'audit_agent', 'audit_block'];

const changes = TABLES.flatMap((table) => [
  `delete from ${table}`,
  `truncate ${table}`,
  `update ${table} set at = 0`.replace('audit_agent set at', 'audit_agent set key'),
  `drop table ${table}`,
  `alter table ${table} disable trigger append_only`,
]);

/**
 * Each way to connect, and what else it must not do. Who owns the database may drop tables of it, and
 * where Kiln may make no role, the owner may disable triggers (server/audit/README.md).
 */
const users = [
  { user: 'superuser', options: '', also: /^(drop|alter)/ },
  { user: 'may_create', options: 'createrole', also: /^alter/ },
  { user: 'ordinary', options: '', also: /^never/ },
];

describe.each(users)('with DATABASE_URL of a $user', ({ user, options, also }) => {
  let url = '';
  let drop: () => Promise<void>;
  let journal: Awaited<ReturnType<typeof openJournal>>;
  const role = `${user}_${process.pid}`;

  beforeAll(async () => {
    const fresh = await freshDatabase('template0');
    url = fresh.url;
    if (user !== 'superuser') {
      await administer(`create role ${role} login ${options}`);
      const [row] = (await asSuperuser(url, 'select current_database() as name')) as {
        name: string;
      }[];
      await administer(`alter database ${row?.name} owner to ${role}`);
      url = url.replace('//kiln@', `//${role}@`);
    }
    drop = fresh.drop;
    journal = await openJournal(url);
    await journal.audit.write([readOf('a')]);
    await journal.audit.chain();
  });
  afterAll(async () => {
    await journal.audit.close();
    await journal.db.close();
    await drop();
    if (user === 'may_create') await administer(`drop role ${role}_audit`);
    if (user !== 'superuser') await administer(`drop role ${role}`);
  });

  const expected = changes.filter((sql) => also.test(sql) || !/^(drop|alter)/.test(sql));

  test.each(expected)('%s is refused', async (sql) => {
    await expect(journal.db.execute({ text: sql })).rejects.toMatchObject({ code: '42501' });
  });

  test('a row cannot be given a place in the past of the chain', async () => {
    const sql =
      "insert into audit (at, seq, tx, kind, outcome, keys) values (1, 1, 1, 5, 0, '{1}')";
    const agent = "insert into audit_agent (key, keys, tx, content) values (1, '{}', 1, '{}')";
    for (const text of [sql, agent]) {
      await expect(journal.db.execute({ text })).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('the journal is written, chained, tidied and verified all the same', async () => {
    await journal.audit.write([readOf('b')]);
    await journal.audit.chain();
    await journal.db.tuples({ text: 'select audit_tidy(true)' });
    expect(await journal.audit.verify({})).toMatchObject({ intact: true, pending: 0 });
  });

  test('opening the database again changes nothing', async () => {
    const again = await openJournal(url, 1);
    await again.audit.write([readOf('c')]);
    await expect(again.db.execute({ text: 'delete from audit' })).rejects.toThrow();
    await again.db.close();
  });

  test('all other tables can be changed', async () => {
    await journal.db.execute({ text: "insert into setting values ('x', 'y')" });
    expect(await journal.db.execute({ text: "delete from setting where name = 'x'" })).toBe(1);
    await journal.db.execute({ text: 'analyze setting' });
    await journal.db.execute({ text: 'create table extra (n int); drop table extra' });
  });

  test('triggers refuse changes to those who have the rights, replicas included', async () => {
    const superuser = url.replace(/\/\/\w+@/, '//kiln@');
    for (const table of TABLES) {
      for (const verb of [`delete from ${table}`, `truncate ${table}`]) {
        const replica = `set session_replication_role = replica; ${verb}`;
        for (const sql of [verb, replica]) {
          await expect(asSuperuser(superuser, sql)).rejects.toThrow(/append only/);
        }
      }
    }
  });
});

test('the connections of the embedded PostgreSQL are no superuser', async () => {
  const db = await openDatabase({ ...limits, dataDir: dataDirectory() });
  try {
    const [row] = await db.tuples({
      text: `select session_user, rolsuper from pg_roles where rolname = session_user`,
    });
    expect(row).toEqual(['kiln_server', false]);
    await expect(db.execute({ text: 'delete from audit' })).rejects.toThrow(/permission denied/);
    await expect(db.execute({ text: 'set role kiln' })).rejects.toThrow(/permission denied/);
  } finally {
    await db.close();
  }
});

test('many databases are made at once', async () => {
  const fresh = await Promise.all([1, 2, 3, 4].map(() => freshDatabase('template0')));
  const dbs = await Promise.all(
    fresh.flatMap(({ url }) => [1, 2].map(() => openDatabase(databaseOptions(url)))),
  );
  for (const db of dbs) {
    await expect(db.execute({ text: 'delete from audit' })).rejects.toThrow(/permission denied/);
  }
  await Promise.all(dbs.map((db) => db.close()));
  await Promise.all(fresh.map(({ drop }) => drop()));
});
