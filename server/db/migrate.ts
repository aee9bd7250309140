import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './error.ts';
import { type Client, send } from './pg.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** Any number that is Kiln's own: "kiln" in ASCII. Held by the session, so it ends with it. */
const ADVISORY_LOCK = 0x6b696c6e;

/**
 * Brings the schema forward with the files `NNNN_name.sql` of `folder`, each in a transaction with
 * the row that says so. Any number of processes may do so at once: the others wait for the first.
 * Throws StartError when the database was migrated by a newer Kiln, or by files that have changed.
 */
export async function migrate(client: Client, folder: string): Promise<number> {
  const migrations = await readMigrations(folder);
  await send(client, { text: `select pg_advisory_lock(${ADVISORY_LOCK})` });
  try {
    const applied = await readApplied(client);
    verify(migrations, applied);
    for (const migration of migrations.slice(applied.length)) await apply(client, migration);
    return migrations.length - applied.length;
  } finally {
    await send(client, { text: `select pg_advisory_unlock(${ADVISORY_LOCK})` });
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const [, version, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
      if (Number(version) !== index + 1 || name === undefined) {
        const expected = String(index + 1).padStart(4, '0');
        throw new StartError(`migration ${file} in ${folder} should be ${expected}_name.sql`);
      }
      const text = await readFile(join(folder, file), 'utf8');
      return { version: index + 1, name, text, checksum: checksumOf(text) };
    }),
  );
}

/** Line ends do not count: Git may change them. */
const checksumOf = (text: string): string =>
  createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');

async function readApplied(client: Client): Promise<Applied[]> {
  await send(client, {
    text: `create table if not exists migration (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`,
  });
  const { rows } = await send(client, {
    text: 'select version, name, checksum from migration order by version',
  });
  return rows as Applied[];
}

function verify(migrations: readonly Migration[], applied: readonly Applied[]): void {
  const newest = applied.at(-1);
  if (newest && newest.version > migrations.length) {
    throw new StartError(
      `The database's schema (${number(newest)}) is newer than this Kiln (${migrations.length} ` +
        'migrations): start the Kiln that migrated it, or a later one.',
    );
  }
  applied.forEach((row, index) => {
    const file = migrations[index];
    if (row.version === file?.version && row.checksum === file.checksum) return;
    throw new StartError(
      `Migration ${number(row)} has changed since it was applied to this database: migrations ` +
        'are never edited. Restore the file, and put the change into a new one.',
    );
  });
}

async function apply(client: Client, migration: Migration): Promise<void> {
  try {
    await send(client, { text: 'begin' });
    await send(client, { text: migration.text });
    await send(
      client,
      { text: 'insert into migration (version, name, checksum) values ($1, $2, $3)' },
      [migration.version, migration.name, migration.checksum],
    );
    await send(client, { text: 'commit' });
  } catch (error) {
    await send(client, { text: 'rollback' });
    throw new StartError(
      `Migration ${number(migration)} failed and was rolled back: ${(error as Error).message}`,
      error,
    );
  }
}

const number = ({ version, name }: Applied): string =>
  `${String(version).padStart(4, '0')}_${name}`;
