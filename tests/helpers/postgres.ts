import { inject } from 'vitest';
import { type DatabaseOptions, type Db, openDatabase } from '../../server/db/db.ts';
import { connect, send } from '../../server/db/pg.ts';
import { databaseOptions, TEMPLATE, urlOf } from './databases.ts';

export interface FreshDatabase {
  /** For `DATABASE_URL`. */
  readonly url: string;
  /** For `openDatabase`. */
  readonly options: DatabaseOptions;
  /** Removes the database, whoever is still connected. */
  drop(): Promise<void>;
}

let made = 0;

/**
 * A database of its own in the run's PostgreSQL, cloned from the migrated template (or empty, with
 * `template0`). Takes about 30 ms.
 */
export async function freshDatabase(template = TEMPLATE): Promise<FreshDatabase> {
  const server = inject('postgres');
  if (template === TEMPLATE && server.fault) throw new Error(server.fault);
  const name = `kiln_${process.pid}_${++made}`;
  await administer(`create database ${name} template ${template} encoding 'UTF8'`);
  const url = urlOf(server, name);
  return {
    url,
    options: databaseOptions(url),
    drop: async () => {
      await administer(`drop database if exists ${name} with (force)`);
    },
  };
}

/** A fresh database, opened; `close` closes and drops it. */
export async function openFreshDatabase(
  options: Partial<DatabaseOptions> = {},
): Promise<{ readonly db: Db; readonly url: string; close(): Promise<void> }> {
  const fresh = await freshDatabase();
  const db = await openDatabase({ ...fresh.options, ...options });
  return {
    db,
    url: fresh.url,
    close: async () => {
      await db.close();
      await fresh.drop();
    },
  };
}

/** Runs one statement as the superuser in the database `postgres`. */
export async function administer(text: string): Promise<unknown[]> {
  const { host, port } = inject('postgres');
  const client = await connect({ host, port, user: 'kiln', database: 'postgres' });
  try {
    return (await send(client, { text })).rows;
  } finally {
    await client.end();
  }
}
