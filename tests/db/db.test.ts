import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Db, type DbError, loadSql, openDatabase } from '../../server/db/db.ts';
import { limits } from '../helpers/databases.ts';
import { dataDirectory, postmasterPid, until } from '../helpers/embedded.ts';
import { freshDatabase } from '../helpers/postgres.ts';

const migrations = new URL('./fixtures/none', import.meta.url).pathname;

let db: Db;
let close: () => Promise<void>;

async function open(options: object = {}): Promise<{ db: Db; close: () => Promise<void> }> {
  const fresh = await freshDatabase('template0');
  const opened = await openDatabase({ ...fresh.options, migrations, ...options });
  return {
    db: opened,
    close: async () => {
      await opened.close();
      await fresh.drop();
    },
  };
}

beforeAll(async () => {
  ({ db, close } = await open());
  await db.execute({ text: 'create table account (id int primary key, amount bigint not null)' });
  await db.execute({ text: 'insert into account select g, 100 from generate_series(1, 100) g' });
});
afterAll(() => close());

const failure = (work: Promise<unknown>): Promise<DbError> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: DbError) => error,
  );

const read = { name: 'read', text: 'select id, amount from account where id = $1' };

describe('Db', () => {
  test('gives rows as objects, as arrays and as a count', async () => {
    expect(await db.query(read, [7])).toEqual([{ id: 7, amount: '100' }]);
    expect(await db.tuples(read, [7])).toEqual([[7, '100']]);
    expect(await db.fast(read, [7])).toEqual([[7, '100']]);
    expect(await db.execute({ text: 'update account set amount = 100 where id < $1' }, [4])).toBe(
      3,
    );
  });

  test('answers many fast reads at once, each with its own rows or its own error', async () => {
    const bad = { text: 'select 1 / $1::int' };
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        i % 10 === 0
          ? db.fast(bad, [0]).catch((error: DbError) => error.code)
          : db.fast(read, [(i % 100) + 1]),
      ),
    );
    results.forEach((result, i) => {
      expect(result).toEqual(i % 10 === 0 ? '22012' : [[(i % 100) + 1, '100']]);
    });
  });

  test.each([
    ['unique', '23505', 'insert into account values (1, 1)'],
    ['other', '42P01', 'select * from missing'],
    ['other', '22012', 'select 1/0'],
    ['unavailable', '25006', 'begin read only; insert into account values (0, 0)'],
  ])('reports %s (%s) for: %s', async (kind, code, text) => {
    expect(await failure(db.query({ text }))).toMatchObject({ kind, code, maybeCommitted: false });
  });

  test('names the constraint that refused a row', async () => {
    const error = await failure(db.execute({ text: 'insert into account values (1, 1)' }));
    expect(error.constraint).toBe('account_pkey');
  });

  test('ends a statement that runs too long', async () => {
    const slow = await open({ statementTimeout: 100 });
    onTestFinished(slow.close);
    const error = await failure(slow.db.query({ text: 'select pg_sleep(5)' }));
    expect(error).toMatchObject({ kind: 'timeout', code: '57014' });
  });

  test('has a lost connection fail its own query only, and says that it may be committed', async () => {
    const [row] = await db.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' });
    const end = { text: 'select pg_terminate_backend(pg_backend_pid()), $1::int' };
    const error = await failure(db.query(end, [row?.pid]));
    expect(error).toMatchObject({ kind: 'unavailable', maybeCommitted: true });
    await until(() => db.ready());
    expect(await db.tuples(read, [1])).toEqual([[1, '100']]);
  });

  test('repeats fast reads whose connection was cut', async () => {
    const whoAmI = { text: 'select pg_backend_pid()' };
    const whoIs = async (verb: Db['tuples']) => (await verb<[number]>(whoAmI, []))[0]?.[0];
    const fastPids = new Set<unknown>();
    const pooled = await whoIs(db.tuples); // the only one while nobody else is about
    await until(async () => fastPids.add(await whoIs(db.fast)).size > 2 || !fastPids.has(pooled));
    fastPids.delete(pooled);
    const cut = { text: 'select pg_terminate_backend(pid) from unnest($1::int[]) pid' };
    const reads = Promise.all(Array.from({ length: 200 }, () => db.fast(read, [1])));
    await db.query(cut, [[...fastPids]]);
    expect(await reads).toEqual(Array.from({ length: 200 }, () => [[1, '100']]));
    expect(await db.fast(read, [1])).toEqual([[1, '100']]);
  });

  test('turns callers away when no connection comes free in time', async () => {
    const small = await open({ poolSize: 1, poolWait: 100 });
    onTestFinished(small.close);
    const holder = small.db.transaction(() => sleep(1000));
    expect(await failure(small.db.query(read, [1]))).toMatchObject({ kind: 'too-busy' });
    await holder;
  });

  test('rejects at once after it was closed, also when closed twice', async () => {
    const other = await open();
    await Promise.all([other.db.close(), other.db.close()]);
    expect(other.db.ready()).toBe(false);
    expect(await failure(other.db.query(read, [1]))).toMatchObject({ kind: 'unavailable' });
    await other.close();
  });
});

describe('Db.transaction()', () => {
  const amount = async (id: number): Promise<unknown> => (await db.tuples(read, [id]))[0]?.[1];
  const add = { name: 'add', text: 'update account set amount = amount + $2 where id = $1' };

  test('commits what fn did and gives its result', async () => {
    const result = await db.transaction(async (tx) => {
      const counts = await Promise.all([tx.execute(add, [10, 5]), tx.execute(add, [11, -5])]);
      expect(await tx.tuples(read, [10])).toEqual([[10, '105']]);
      return counts;
    });
    expect(result).toEqual([1, 1]);
    expect([await amount(10), await amount(11)]).toEqual(['105', '95']);
  });

  test('rolls back when fn throws, and passes its error on', async () => {
    const fault = new Error('changed my mind');
    const work = db.transaction(async (tx) => {
      await tx.execute(add, [12, 1]);
      throw fault;
    });
    await expect(work).rejects.toBe(fault);
    expect(await amount(12)).toBe('100');
  });

  test('does not report success when fn overlooked a failed statement', async () => {
    const work = db.transaction(async (tx) => {
      await tx.execute(add, [13, 1]);
      await tx.query({ text: 'select 1/0' }).catch(() => {});
    });
    expect(await failure(work)).toMatchObject({ kind: 'other', code: '25P02' });
    expect(await amount(13)).toBe('100');
  });

  test('refuses statements after its end', async () => {
    const tx = await db.transaction(async (tx) => tx);
    expect(await failure(tx.query(read, [1]))).toMatchObject({ kind: 'other' });
  });

  test('runs the whole again after conflicts, so that no increment is lost', async () => {
    const increment = () =>
      db.transaction(
        async (tx) => {
          const [row] = await tx.tuples<[number, string]>(read, [14]);
          await tx.execute({ text: 'update account set amount = $2 where id = $1' }, [
            14,
            Number(row?.[1]) + 1,
          ]);
        },
        { isolation: 'serializable', retries: 50 },
      );
    await Promise.all(Array.from({ length: 10 }, increment));
    expect(await amount(14)).toBe('110');
  });

  test('reports a conflict without retries', async () => {
    const meet = Promise.withResolvers<void>();
    const slow = db.transaction(
      async (tx) => {
        await tx.query(read, [15]);
        await meet.promise;
        await tx.execute(add, [15, 1]);
      },
      { isolation: 'repeatable read' },
    );
    await db.execute(add, [15, 1]);
    meet.resolve();
    // The snapshot may have been taken after the update when the two crossed on their way.
    const outcome = await slow.then(
      () => 'done',
      (error: DbError) => error.kind,
    );
    expect(['conflict', 'done']).toContain(outcome);
  });

  test('detects deadlocks and resolves them by retries', async () => {
    const transfer = (from: number, to: number) =>
      db.transaction(
        async (tx) => {
          await tx.execute(add, [from, -1]);
          await sleep(50);
          await tx.execute(add, [to, 1]);
        },
        { retries: 5 },
      );
    await Promise.all([transfer(16, 17), transfer(17, 16)]);
    expect([await amount(16), await amount(17)]).toEqual(['100', '100']);
  });

  test('can be given more time for its statements', async () => {
    const slow = await open({ statementTimeout: 100 });
    onTestFinished(slow.close);
    const sleeper = { text: 'select 1 as n from pg_sleep(0.3)' };
    const work = slow.db.transaction((tx) => tx.query(sleeper), { statementTimeout: 0 });
    expect(await work).toEqual([{ n: 1 }]);
    expect(await failure(slow.db.query(sleeper))).toMatchObject({ kind: 'timeout' });
  });
});

test('while PostgreSQL is being restarted every verb rejects as unavailable, and then works again', async () => {
  const dataDir = dataDirectory();
  const own = await openDatabase({ ...limits, dataDir, migrations });
  onTestFinished(() => own.close());
  await own.execute({ text: 'create table kept as select 1 as n' });
  const changes: boolean[] = [];
  own.onChange((ready) => changes.push(ready));
  const select = { text: 'select n from kept' };

  process.kill(postmasterPid(dataDir), 'SIGKILL');
  const kinds = new Set<string>();
  await until(async () => {
    const verbs = [
      own.query(select),
      own.fast(select, []),
      own.transaction((tx) => tx.query(select)),
    ];
    for (const result of await Promise.allSettled(verbs)) {
      if (result.status === 'rejected') kinds.add((result.reason as DbError).kind);
    }
    return changes.includes(true) && own.ready();
  });
  expect([...kinds]).toEqual(['unavailable']);
  expect(changes.slice(0, 2)).toEqual([false, true]);
  expect(await own.query(select)).toEqual([{ n: 1 }]);
});

test('loadSql() names a statement after its folder and file', () => {
  const folder = dataDirectory('store');
  mkdirSync(join(folder, 'sql'), { recursive: true });
  writeFileSync(join(folder, 'sql/read.sql'), '-- one row\nselect 1\n');
  expect(loadSql(pathToFileURL(join(folder, 'store.ts')).href, 'read.sql')).toEqual({
    name: 'store.read',
    text: '-- one row\nselect 1',
  });
});
