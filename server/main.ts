import { readFileSync } from 'node:fs';
import { type Auth, type AuthService, anonymousActors, createAuth } from './auth/auth.ts';
import { type Config, ConfigError, loadConfig, publicUrl, unknownSettings } from './config.ts';
import { type Db, openDatabase, StartError } from './db/db.ts';
import { loadDefinitions } from './fhir/load-definitions.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createApp } from './rest/app.ts';
import { type Fetch, ListenError, type Listener, listen } from './rest/listen.ts';
import { createStore, type Store } from './store/store.ts';

/**
 * The composition root: settings, database, definitions, store, HTTP, orderly stop. Exits 0 after
 * SIGTERM or SIGINT, 1 with one clear message where it cannot start.
 */
async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog(config.logLevel);
  process.on('uncaughtException', (error) => crash(log, error));
  for (const name of unknownSettings()) {
    process.stderr.write(`Kiln knows no setting ${name}: a spelling mistake? It is ignored.\n`);
  }
  // The port first: a second server on one machine is told so before PostgreSQL starts.
  const server: Server = { config, log, fetch: starting };
  const { host, port, bodyLimit, http } = config;
  const { drainTimeout: _, ...times } = http;
  const listener = await listen((request, env) => server.fetch(request, env), {
    ...{ host, port, bodyLimit, ...times },
  });
  // A signal that comes during the start is heard when there is something to stop.
  const started = start(server, listener);
  onStop(log, () => started.then((stop) => stop()));
  await started;
}

interface Server {
  config: Config;
  log: Log;
  fetch: Fetch;
}

const starting: Fetch = () =>
  new Response('Kiln is starting.\n', { status: 503, headers: { 'Retry-After': '1' } });

type Stop = () => Promise<void>;

async function start(server: Server, listener: Listener): Promise<Stop> {
  const db = await openDatabase({ ...server.config.database, log: server.log });
  try {
    return await serve(server, listener, db);
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function serve(server: Server, listener: Listener, db: Db): Promise<Stop> {
  const { config, log } = server;
  const origin = publicUrl(config, listener.port);
  const base = `${origin}/fhir`;
  const zone = zoneMinutes(config.timeZone);
  const metrics = createMetrics();
  const store = await createStore({
    ...{ db, definitions: loadDefinitions(), log, metrics },
    config: {
      bases: [base],
      zone,
      integrity: config.referentialIntegrity,
      fulltext: config.fulltext,
      audit: config.audit,
    },
  });
  let stopping = false;
  for (const [name, read] of Object.entries(db.pools)) metrics.watchPool(name, read);
  const auth =
    config.auth === 'smart'
      ? await createAuth(authService({ config, db, log, store, origin }))
      : undefined;
  const app = createApp({
    ...{ store, log, metrics },
    authenticate: auth?.authenticate,
    anonymous: anonymousActors(config.authorization.trustedProxies),
    isReady: db.ready,
    isStopping: () => stopping,
    config: {
      base: () => base,
      bodyLimit: config.bodyLimit,
      bundleMemory: config.bundleMemory,
      pageSize: config.search.countDefault,
      maxPageSize: config.search.countMax,
      handling: config.search.handling,
      fulltext: config.fulltext,
      zoneMinutes: zone,
      version: versionOfPackage(),
      security: auth?.security,
    },
  });
  server.fetch = auth ? auth.inFrontOf(app.fetch) : app.fetch;
  store.reindexing.start();
  announce(config, listener);
  await announceSetup(auth);
  return async () => {
    stopping = true;
    await listener.stop(config.http.drainTimeout);
    auth?.close();
    await store.close();
    await db.close();
  };
}

function announce(config: Config, { port }: Listener): void {
  const open = config.auth === 'none' ? ' (open to everybody on this machine: KILN_AUTH=none)' : '';
  process.stdout.write(`Kiln is ready at ${publicUrl(config, port)}/fhir${open}\n`);
}

/** Lives of what is not a setting, in seconds. */
const SYSTEM_TOKEN = 300; // the most that SMART App Launch 2.2 allows
const CODE = 60;
const LAUNCH = 300;

function authService(parts: {
  config: Config;
  db: Db;
  log: Log;
  store: Store;
  origin: string;
}): AuthService {
  const { db, log, store, origin } = parts;
  const { accessToken, refreshToken, session, ...settings } = parts.config.authorization;
  return {
    ...{ db, log, store, now: Date.now },
    config: {
      ...{ ...settings, origin, base: `${origin}/fhir` },
      ...{ systemToken: SYSTEM_TOKEN, code: CODE, launch: LAUNCH },
      zone: zoneMinutes(parts.config.timeZone),
      accessToken: accessToken / 1000,
      refreshToken: refreshToken / 1000,
      session: session / 1000,
    },
  };
}

/** To the terminal only, where nobody has administrated yet: no log must hold the link. */
async function announceSetup(auth: Auth | undefined): Promise<void> {
  const link = await auth?.setupLink();
  if (link !== undefined) {
    process.stdout.write(
      `Nobody administrates this server yet. Open this link, once:\n  ${link}\n`,
    );
  }
}

/** Process managers and terminals may send a signal twice; that is not impatience. */
const IMPATIENT_MS = 1000;

/** The first signal stops in order; a later one does not wait. */
function onStop(log: Log, stop: Stop): void {
  let since: number | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    if (since !== undefined && performance.now() - since > IMPATIENT_MS) process.exit(1);
    if (since !== undefined) return;
    since = performance.now();
    log.info({ signal }, 'stopping');
    stop().then(
      () => exit(log, 0),
      (error: unknown) => crash(log, error),
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

function exit(log: Log, code: number): void {
  log.flush().finally(() => process.exit(code));
}

/** What was acknowledged is on disk; a process in an unknown state has nothing left to offer. */
function crash(log: Log, error: unknown): void {
  log.error({ error, exitCode: 1 }, 'crashed');
  exit(log, 1);
}

/** `+01:00` as minutes east of UTC. */
function zoneMinutes(offset: string): number {
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number);
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

function versionOfPackage(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

main().catch((error: unknown) => {
  const told = [ConfigError, StartError, ListenError].some((kind) => error instanceof kind);
  const { message, stack } = error as Error;
  process.stderr.write(`${told ? message : stack}\n`);
  process.exit(1);
});
