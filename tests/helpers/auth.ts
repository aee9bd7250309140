import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import { inject } from 'vitest';
import { hashClientSecret } from '../../server/auth/client-secret.ts';
import { saveClient } from '../../server/auth/clients.ts';
import { issueCode } from '../../server/auth/codes.ts';
import { createGrant, type NewGrant } from '../../server/auth/grants.ts';
import { type AuthRoute, answerRoute } from '../../server/auth/route.ts';
import { hashOf, newSecret } from '../../server/auth/secrets.ts';
import type { AuthConfig, AuthService, Client, User } from '../../server/auth/types.ts';
import { saveUser } from '../../server/auth/users.ts';
import { openDatabase } from '../../server/db/db.ts';
import { createLog } from '../../server/log.ts';
import { type ListenOptions, listen } from '../../server/rest/listen.ts';
import { databaseOptions, urlOf } from './databases.ts';
import { type Answer, ask } from './http.ts';
import { BASE, type OpenStores, openStores } from './store.ts';

/** An AuthService on a fresh database (`openStores`), whose clock tests move. */
export interface TestAuth extends AuthService {
  config: AuthConfig;
  /** Lets so many seconds pass. */
  pass(seconds: number): void;
  /** Lines of the log so far. */
  lines: string[];
}

const DAY = 24 * 60 * 60;

const defaults: AuthConfig = {
  origin: new URL(BASE).origin,
  base: BASE,
  accessToken: 3600,
  systemToken: 300,
  refreshToken: 92 * DAY,
  code: 60,
  launch: 300,
  session: DAY / 2,
  bootstrapClient: undefined,
  zone: 0,
  secret: undefined,
  trustedProxies: [],
  fetchAllow: [],
};

/** The authorization server's parts on the stores of a test, with the production's times. */
export function authService(
  open: Pick<OpenStores, 'db' | 'stores'>,
  overrides: Partial<AuthConfig> = {},
): TestAuth {
  let passed = 0;
  const lines: string[] = [];
  return {
    db: open.db,
    store: open.stores[0],
    log: createLog('info', (line) => lines.push(line)),
    config: { ...defaults, ...overrides },
    now: () => Date.now() + passed,
    pass: (seconds) => {
      passed += seconds * 1000;
    },
    lines,
  };
}

/** The authorization server's parts for the tests of a file, and whatever of it is served. */
export interface OpenAuth {
  service: TestAuth;
  /** `http://127.0.0.1:PORT`, where routes were given; else that of the configuration. */
  origin: string;
  stop(): Promise<void>;
}

/** Opens them on a fresh database and serves these lists of routes on a real socket. */
export async function openAuth(
  lists: readonly (readonly AuthRoute[])[] = [],
  overrides: Partial<AuthConfig> = {},
): Promise<OpenAuth> {
  const open = await openStores();
  const service = authService(open, overrides);
  const served = lists.length > 0 ? await serve(service, ...lists) : undefined;
  return {
    ...{ service, origin: service.config.origin },
    stop: async () => {
      await served?.stop();
      await open.close();
    },
  };
}

/**
 * A second process on the same database, with the clock of the first; `close` it before the first.
 */
export async function otherProcess(
  first: TestAuth,
): Promise<TestAuth & { close: () => Promise<void> }> {
  const [row] = await first.db.query<{ name: string }>({
    text: 'select current_database() as name',
  });
  const db = await openDatabase(databaseOptions(urlOf(inject('postgres'), row?.name ?? '')));
  return { ...first, db, now: () => first.now(), close: () => db.close() };
}

/** A client that is known to the server from now on; by default a public app. */
export async function newClient(
  service: AuthService,
  changes: Partial<Client> & { id: string },
): Promise<Client> {
  const client: Client = {
    name: `App ${changes.id}`,
    auth: 'none',
    secretHash: undefined,
    jwks: undefined,
    jwksUri: undefined,
    redirectUris: [CALLBACK],
    launchUris: ['https://app.example/launch'],
    grants: ['authorization_code', 'refresh_token'],
    scopes: 'openid fhirUser launch launch/patient offline_access online_access patient/*.cruds',
    roles: [],
    settings: {},
    ...changes,
  };
  await saveClient(service, client);
  return client;
}

/** A confidential client; its secret is `secret`. */
export const newConfidential = (
  service: AuthService,
  changes: Partial<Client> & { id: string },
): Promise<Client> =>
  newClient(service, {
    auth: 'secret',
    secretHash: hashClientSecret('secret'),
    ...changes,
  });

/** A user who may sign in as soon as they have a password. */
export async function newUser(
  service: AuthService,
  changes: Partial<User> & { id: string },
): Promise<User> {
  const user: User = {
    login: changes.id,
    name: `User ${changes.id}`,
    fhirUser: `Practitioner/${changes.id}`,
    roles: [],
    branches: [],
    ...changes,
  };
  await saveUser(service, user);
  return user;
}

export const VERIFIER = 'v'.repeat(43);
export const CALLBACK = 'https://app.example/callback';

/** A code as authorize gives it after the user agreed; its verifier is `VERIFIER`. */
export async function newCode(
  service: AuthService,
  { redirectUri = CALLBACK, nonce, ...wish }: NewGrant & { redirectUri?: string; nonce?: string },
): Promise<string> {
  const grant = await createGrant(service, wish);
  const challenge = createHash('sha256').update(VERIFIER).digest('base64url');
  return issueCode(service, { grantId: grant.id, redirectUri, challenge, nonce });
}

/** Posts a form. `basic` is `id:secret`. */
export function postForm(
  url: string,
  fields: Record<string, string>,
  { basic, ...more }: Record<string, string> = {},
): Promise<Answer> {
  const headers: Record<string, string> = {
    'Content-Type': 'application/x-www-form-urlencoded',
    ...more,
  };
  if (basic !== undefined) headers['Authorization'] = `Basic ${btoa(basic)}`;
  return ask('', url, { method: 'POST', headers, body: new URLSearchParams(fields).toString() });
}

/** A session of a user in some browser; its id. */
export async function newSession(service: AuthService, userId: string): Promise<string> {
  const id = crypto.randomUUID();
  await service.db.execute(
    {
      text:
        'insert into auth_session (hash, id, user_id, methods, signed_in, expires_at) ' +
        "values ($1, $2, $3, '{pwd}', to_timestamp($4), to_timestamp($5))",
    },
    [
      ...[hashOf(newSecret()), id, userId, service.now() / 1000],
      service.now() / 1000 + service.config.session,
    ],
  );
  return id;
}

export interface Served {
  /** `http://127.0.0.1:PORT`; also `config.origin` of the service from then on. */
  origin: string;
  stop(): Promise<void>;
}

const sizes: ListenOptions = {
  host: '127.0.0.1',
  port: 0,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16 * 1024,
  bodyLimit: 1024 * 1024,
};

/**
 * Serves lists of routes on a real socket. `config.origin` and `config.base` of the service become
 * those of the socket.
 */
export async function serve(
  service: TestAuth,
  ...lists: (readonly AuthRoute[])[]
): Promise<Served> {
  const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>();
  for (const route of lists.flat()) {
    app.on(route.method, route.path, (context) => answerRoute(service, route, context));
  }
  const listener = await listen((request, env) => app.fetch(request, env), sizes);
  const origin = `http://127.0.0.1:${listener.port}`;
  Object.assign(service.config, { origin, base: `${origin}/fhir` });
  return { origin, stop: () => listener.stop(100) };
}
