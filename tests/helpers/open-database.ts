import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, ConfigError, loadConfig } from '../../server/config.ts';
import { type Db, openDatabase, StartError } from '../../server/db/db.ts';

/** What main.ts does with the database and nothing else: a process for tests to start and kill. */

const say = (fields: object): void => console.log(JSON.stringify(fields));

async function open(config: Config): Promise<Db> {
  const migrations = process.env.MIGRATIONS;
  const db = await openDatabase({ ...config.database, ...(migrations ? { migrations } : {}) });
  await db.execute({ text: 'create table if not exists kept (n int)' });
  return db;
}

try {
  const db = await open(loadConfig());
  const slow = db.query({ text: 'insert into kept select 1 from pg_sleep(0.5)' });
  const shutDown = async (signal: string): Promise<void> => {
    await slow;
    await sleep(100);
    const [row] = await db.query({ text: 'select count(*)::int as n from kept' });
    say({ signal, ...row });
    await Promise.all([db.close(), db.close()]);
  };
  process.once('SIGTERM', () => void shutDown('SIGTERM'));
  process.once('SIGINT', () => void shutDown('SIGINT'));
  const [row] = await db.query({ text: 'select pg_postmaster_start_time()::text as since' });
  say({ ready: db.ready(), ...row });
} catch (error) {
  if (!(error instanceof StartError || error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
