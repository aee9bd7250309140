import type { DatabaseOptions } from '../../server/db/db.ts';

export const TEMPLATE = 'kiln_template';

export interface Server {
  readonly host: string;
  readonly port: number;
}

/** A URL that both Kiln and psql understand, for a server on a Unix socket or a TCP port. */
export function urlOf({ host, port }: Server, database: string): string {
  return host.startsWith('/')
    ? `postgresql://kiln@localhost/${database}?host=${encodeURIComponent(host)}&port=${port}`
    : `postgresql://kiln@${host}:${port}/${database}`;
}

/** Options of `openDatabase` for tests: small, and with the production's timeouts. */
export function databaseOptions(url: string): DatabaseOptions {
  return { ...limits, url, dataDir: '/nonexistent' };
}

export const limits = {
  poolSize: 8,
  poolWait: 10_000,
  connectTimeout: 2000,
  statementTimeout: 15_000,
  lockTimeout: 3000,
  idleTransactionTimeout: 10_000,
} as const;
