import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../server/db/db.ts';
import { startEmbedded } from '../../server/db/embedded.ts';
import { connect, send } from '../../server/db/pg.ts';
import { databaseOptions, TEMPLATE, urlOf } from './databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of the run's PostgreSQL socket, and why there is no template if so. */
    postgres: { readonly host: string; readonly port: number; readonly fault: string };
  }
}

const log = { info: () => {}, warn: console.warn, error: console.error };

/** Nothing here has to survive a power cut. */
const hasty = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_connections: '200',
};

/** One PostgreSQL for the whole run, with a migrated template that test files clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'kiln-test-'));
  chmodSync(dataDir, 0o755); // started by root, PostgreSQL runs as another user
  const embedded = await startEmbedded({ dataDir, settings: hasty, log });
  const { host, port } = embedded.connection;
  const fault = await makeTemplate(host, port);
  project.provide('postgres', { host, port, fault });
  return async () => {
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

/** Tests that need no database run even when the migrations do not. */
async function makeTemplate(host: string, port: number): Promise<string> {
  const client = await connect({ host, port, user: 'kiln', database: 'postgres' });
  await send(client, { text: `create database ${TEMPLATE}` });
  await client.end();
  try {
    const db = await openDatabase(databaseOptions(urlOf({ host, port }, TEMPLATE)));
    await db.close();
    return '';
  } catch (error) {
    console.warn(`No template database: ${(error as Error).message}`);
    return (error as Error).message;
  }
}
