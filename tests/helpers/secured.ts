import { anonymousActors, createAuth } from '../../server/auth/auth.ts';
import { createGrant, type NewGrant } from '../../server/auth/grants.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import type { ClientSettings, User } from '../../server/auth/types.ts';
import { type Db, openDatabase } from '../../server/db/db.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createApp } from '../../server/rest/app.ts';
import { type Fetch, listen } from '../../server/rest/listen.ts';
import { createStore, type Store, type StoreConfig } from '../../server/store/store.ts';
import { authService, newClient, newUser, type TestAuth } from './auth.ts';
import { type Answer, type Ask, ask } from './http.ts';
import { freshDatabase } from './postgres.ts';
import { actor, definitions, put } from './store.ts';

/** The whole server as it stands in a hospital: store, authorization server, REST, on a socket. */
export interface Secured {
  base: string;
  service: TestAuth;
  store: Store;
  /** Texts of all statements so far, without those of the journal. */
  statements: string[];
  /** Stores resources under their ids, past all access rules. */
  seed(resources: readonly object[]): Promise<void>;
  /** An access token of a real grant. */
  tokenFor(bearer: Bearer): Promise<string>;
  /** One request with a token in the header. */
  as(token: string, url: string, options?: Ask): Promise<Answer>;
  stop(): Promise<void>;
}

/** Whose token: a user with roles, or without `roles` a system. */
export interface Bearer extends Partial<Pick<User, 'branches' | 'fhirUser'>> {
  roles?: readonly string[];
  /** Roles of a system. */
  systemRoles?: readonly string[];
  scope: string;
  /** Id of the patient of the launch. */
  patient?: string;
}

const MB = 1024 * 1024;
const HOUR = 3600;

export async function startSecured(config: Partial<StoreConfig> = {}): Promise<Secured> {
  const fresh = await freshDatabase();
  const { db, statements } = told(await openDatabase(fresh.options));
  let fetch: Fetch = () => new Response(null, { status: 503 });
  const listener = await listen((request, env) => fetch(request, env), {
    ...{ host: '127.0.0.1', port: 0, bodyLimit: MB, headersTimeout: 10_000 },
    ...{ requestTimeout: 60_000, keepAliveTimeout: 65_000 },
    ...{ connectionsCheckingInterval: 1000, maxHeaderSize: 16 * 1024 },
  });
  const origin = `http://127.0.0.1:${listener.port}`;
  const base = `${origin}/fhir`;
  const settings = { bases: [base], zone: 0, integrity: 'off' as const, audit: true, ...config };
  const store = await createStore({ db, definitions, config: settings });
  const service = authService({ db, stores: [store] }, { origin, base });
  const auth = await createAuth(service);
  const app = createApp({
    ...{ store, log: service.log, metrics: createMetrics(), isReady: db.ready },
    authenticate: auth.authenticate,
    anonymous: anonymousActors(service.config.trustedProxies),
    config: {
      ...{ base: () => base, bodyLimit: MB, bundleMemory: 20 * MB, pageSize: 20 },
      ...{ maxPageSize: 1000, handling: 'strict', zoneMinutes: 0, version: '0.0.0-test' },
      ...{ fulltext: settings.fulltext ?? 'narrative', security: auth.security },
    },
  });
  fetch = auth.inFrontOf(app.fetch);
  return {
    ...{ base, service, store, statements },
    seed: async (resources) => {
      await store.commit(actor, (resources as (Resource & { id: string })[]).map(put));
    },
    tokenFor: (bearer) => tokenFor(service, bearer),
    as: (token, url, options = {}) =>
      ask(base, url, {
        ...options,
        headers: { ...options.headers, Authorization: `Bearer ${token}` },
      }),
    stop: async () => {
      await listener.stop(100);
      await store.close();
      await db.close();
      await fresh.drop();
    },
  };
}

let made = 0;

async function tokenFor(service: TestAuth, bearer: Bearer): Promise<string> {
  const { roles, systemRoles = [], scope, patient, branches = [], fhirUser } = bearer;
  const id = `bearer-${++made}`;
  const settings: ClientSettings = {
    ...{ branches: [...branches] },
    ...(fhirUser !== undefined && { fhirUser }),
  };
  await newClient(service, { id, roles: [...systemRoles], settings });
  if (roles) await newUser(service, { id, roles, branches, fhirUser });
  const wish: NewGrant = {
    ...{ clientId: id, scope, offline: true, context: patient === undefined ? {} : { patient } },
    ...(roles && { userId: id }),
  };
  const grant = await createGrant(service, wish);
  return (await issueTokens(service, grant, { scope, lifetime: HOUR })).access;
}

interface Statement {
  name?: string;
  text: string;
}

const VERBS = ['fast', 'shared', 'steady', 'tuples', 'execute', 'query'] as const;

/**
 * The database, with what is asked of it outside of transactions, but for what the journal writes
 * whenever it likes.
 */
function told(db: Db): { db: Db; statements: string[] } {
  const statements: string[] = [];
  const telling: Partial<Record<(typeof VERBS)[number], unknown>> = {};
  for (const verb of VERBS) {
    telling[verb] = (statement: Statement, ...rest: unknown[]): unknown => {
      if (!statement.name?.startsWith('audit.')) statements.push(statement.text);
      return (db[verb] as (...values: unknown[]) => unknown)(statement, ...rest);
    };
  }
  return { db: Object.assign(Object.create(db) as Db, telling), statements };
}
