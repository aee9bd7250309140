import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../server/db/db.ts';
import { until } from '../helpers/embedded.ts';
import { administer, type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';

let fresh: FreshDatabase;
let here: Db;
let there: Db;

beforeAll(async () => {
  fresh = await freshDatabase();
  here = await openDatabase(fresh.options);
  there = await openDatabase(fresh.options);
});
afterAll(async () => {
  await Promise.all([here.close(), there.close()]);
  await fresh.drop();
});

interface Heard {
  messages: string[];
  losses: number;
  end(): void;
}

/** Listens, and waits until it does. */
async function hear(db: Db, channel: string): Promise<Heard> {
  const heard: Heard = { messages: [], losses: 0, end: () => {} };
  heard.end = db.listen(
    channel,
    (payload) => heard.messages.push(payload),
    () => {
      heard.losses++;
    },
  );
  await until(() => heard.losses > 0);
  return heard;
}

const notify = (db: Db, channel: string, payload: string): Promise<unknown> =>
  db.query({ text: 'select pg_notify($1, $2)' }, [channel, payload]);

/** Breaks the connection that listens, and no other. */
const cut = (): Promise<unknown[]> =>
  administer(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' " +
      `and datname = '${new URL(fresh.url).pathname.slice(1)}'`,
  );

test('listen() hears what any process says on its channel, in order', async () => {
  const one = await hear(here, 'one');
  const same = await hear(here, 'one');
  const two = await hear(here, 'two');
  for (const payload of ['a', 'b', '']) await notify(there, 'one', payload);
  await notify(here, 'two', 'own');
  await until(() => two.messages.length === 1);
  expect([one.messages, same.messages, two.messages]).toEqual([
    ['a', 'b', ''],
    ['a', 'b', ''],
    ['own'],
  ]);
  for (const heard of [one, same, two]) heard.end();
});

test('listen() tells of a message only when its transaction is committed', async () => {
  const heard = await hear(here, 'committed');
  await there
    .transaction(async (tx) => {
      await tx.query({ text: 'select pg_notify($1, $2)' }, ['committed', 'undone']);
      throw new Error('no');
    })
    .catch(() => {});
  await notify(there, 'committed', 'done');
  await until(() => heard.messages.length > 0);
  expect(heard.messages).toEqual(['done']);
  heard.end();
});

test('listen() says that messages may be missing when its connection breaks, and goes on', async () => {
  const heard = await hear(here, 'broken');
  const before = heard.losses;
  await cut();
  await until(() => heard.losses >= before + 2); // lost, and there again
  await notify(there, 'broken', 'after');
  await until(() => heard.messages.length > 0);
  expect(heard.messages).toEqual(['after']);
  heard.end();
});

test('listen() is quiet after its end', async () => {
  const ended = await hear(here, 'ended');
  const other = await hear(here, 'ended');
  ended.end();
  await notify(there, 'ended', 'x');
  await until(() => other.messages.length > 0);
  expect(ended.messages).toEqual([]);
  other.end();
});

test('listen() takes no name that would have to be quoted', () => {
  const nothing = (): void => {};
  expect(() => here.listen('a"; drop', nothing, nothing)).toThrow('not the name of a channel');
});
