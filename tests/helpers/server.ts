import { openDatabase } from '../../server/db/db.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { createLog } from '../../server/log.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createApp, type RestConfig } from '../../server/rest/app.ts';
import { type Fetch, type ListenOptions, listen } from '../../server/rest/listen.ts';
import { createStore } from '../../server/store/store.ts';
import { freshDatabase } from './postgres.ts';

/** Loaded once per test file: they are immutable. */
export const definitions = loadDefinitions();

export interface TestServer {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  /** The FHIR base URL. */
  base: string;
  port: number;
  /** Lines of the log so far. */
  lines: string[];
  /** Makes the server act as if its database were away. */
  setReady(ready: boolean): void;
  stop(): Promise<void>;
}

const MB = 1024 * 1024;

const times: Omit<ListenOptions, 'host' | 'port' | 'bodyLimit'> = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16 * 1024,
};

/** The whole server in this process, on a free port and a fresh database. */
export async function startServer(
  changes: Partial<RestConfig & ListenOptions> & { audit?: boolean } = {},
): Promise<TestServer> {
  const fresh = await freshDatabase();
  const db = await openDatabase(fresh.options);
  let origin = '';
  const base = (): string => `${origin}/fhir`;
  const lines: string[] = [];
  let ready = true;
  const { audit = false, ...settings } = changes;
  const config: RestConfig = {
    base,
    bodyLimit: 50 * MB,
    bundleMemory: 200 * MB,
    pageSize: 20,
    maxPageSize: 1000,
    handling: 'strict',
    fulltext: 'narrative',
    zoneMinutes: 0,
    version: '0.0.0-test',
    ...settings,
  };
  const { bodyLimit } = config;
  // Links hold the port, which is known once the server listens.
  let fetch: Fetch = () => new Response(null, { status: 503 });
  const listener = await listen((request, env) => fetch(request, env), {
    ...{ ...times, host: '127.0.0.1', port: 0, ...settings, bodyLimit },
  });
  origin = `http://127.0.0.1:${listener.port}`;
  const log = createLog('info', (line) => lines.push(line));
  const metrics = createMetrics();
  const store = await createStore({
    ...{ db, definitions, log, metrics },
    config: { bases: [base()], zone: 0, integrity: 'off', fulltext: config.fulltext, audit },
  });
  fetch = createApp({
    ...{ store, config, log, metrics },
    isReady: () => ready && db.ready(),
  }).fetch;
  store.reindexing.start();
  return {
    ...{ origin, base: base(), port: listener.port, lines },
    setReady: (value) => {
      ready = value;
    },
    stop: async () => {
      await listener.stop(1000);
      await store.close();
      await db.close();
      await fresh.drop();
    },
  };
}
