import { resolve } from 'node:path';
import { settings } from './config-settings.ts';
import type { Kind } from './config-values.ts';

/** The only reader of the environment; the settings stand in config-settings.ts. */

type Settings = (typeof settings)[number];
type ValueOf<R extends Settings> =
  R[1] extends Kind<infer T> ? (R[2] extends '' ? T | undefined : T) : never;
type Values = { readonly [R in Settings as R[0]]: ValueOf<R> };

export type Config = ReturnType<typeof arrange>;

/** All that is wrong with the settings, one line each. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `Kiln cannot start with these settings:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** The settings of `env`, checked and frozen. Throws ConfigError with all faults together. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, kind, fallback] of settings) {
    const given = env[name]?.trim() || fallback;
    values[name] = given === '' ? undefined : kind.parse(given);
    if (given !== '' && values[name] === undefined) faults.push(faultOf(name, kind.expects, given));
  }
  const checked = values as Values;
  faults.push(...contradictions(checked));
  if (faults.length > 0) throw new ConfigError(faults);
  return freeze(arrange(checked));
}

const HOLD_SECRETS: readonly string[] = [
  ...['DATABASE_URL', 'KILN_BOOTSTRAP_CLIENT', 'KILN_SECRET', 'KILN_IDP_CLIENT_SECRET'],
];

/** What may hold a password is not repeated. */
function faultOf(name: string, expects: string, given: string): string {
  const quoted = HOLD_SECRETS.includes(name) ? '' : ` "${given}"`;
  return `${name}${quoted} is not ${/^`/.test(expects) ? `one of ${expects}` : expects}`;
}

/** Rules between settings. Those that could not be parsed are undefined and have been told. */
function contradictions(values: Values): string[] {
  const faults: string[] = [];
  if ((values.KILN_IDP_ISSUER === undefined) !== (values.KILN_IDP_CLIENT_ID === undefined)) {
    faults.push('KILN_IDP_ISSUER and KILN_IDP_CLIENT_ID go together: one of them is missing');
  }
  if (values.KILN_SECOND_FACTOR === 'required' && !isForPasskeys(values)) {
    faults.push(
      'KILN_SECOND_FACTOR is required, but browsers take passkeys only where KILN_PUBLIC_URL has a ' +
        'name and https (https://fhir.example.org), or is http://localhost',
    );
  }
  if (values.KILN_ACCESS_TOKEN_TIME > HOUR_MS) {
    faults.push(
      'KILN_ACCESS_TOKEN_TIME is longer than an hour, the most that SMART App Launch allows',
    );
  }
  const open = values.KILN_AUTH === 'none' && values.KILN_AUTH_NONE_ANYWHERE !== 'yes';
  if (open && !isLoopback(values.HOST)) {
    faults.push(
      `HOST "${values.HOST}" would let everybody on the network read and write patients' data, ` +
        'as KILN_AUTH is none: set HOST to 127.0.0.1',
    );
  }
  const everywhere = /^(0\.0\.0\.0|\[?::\]?)$/.test(values.HOST);
  if (values.KILN_AUTH === 'smart' && everywhere && values.KILN_PUBLIC_URL === undefined) {
    faults.push(
      `KILN_PUBLIC_URL is missing: with HOST "${values.HOST}" tokens need the address that clients use`,
    );
  }
  if (values.KILN_SEARCH_COUNT_DEFAULT > values.KILN_SEARCH_COUNT_MAX) {
    faults.push('KILN_SEARCH_COUNT_DEFAULT is larger than KILN_SEARCH_COUNT_MAX');
  }
  if (values.KILN_HEADERS_TIMEOUT > values.KILN_REQUEST_TIMEOUT) {
    faults.push(
      'KILN_HEADERS_TIMEOUT is longer than KILN_REQUEST_TIMEOUT, which includes the headers',
    );
  }
  if (values.KILN_BODY_LIMIT > values.KILN_BUNDLE_MEMORY) {
    faults.push(
      'KILN_BODY_LIMIT is larger than KILN_BUNDLE_MEMORY, so such a body could never run',
    );
  }
  return faults;
}

const HOUR_MS = 3_600_000;

function isForPasskeys({ KILN_PUBLIC_URL: url, HOST }: Values): boolean {
  const site = URL.parse(url ?? `http://${HOST}`);
  const isNumber = /^[\d.]+$|^\[/.test(site?.hostname ?? '');
  return site?.hostname === 'localhost' || (site?.protocol === 'https:' && !isNumber);
}

const isLoopback = (host: string): boolean =>
  /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/i.test(host);

function arrange(values: Values) {
  return {
    host: values.HOST.replace(/^\[(.*)\]$/, '$1'),
    port: values.PORT,
    publicUrl: values.KILN_PUBLIC_URL,
    auth: values.KILN_AUTH,
    audit: values.KILN_AUDIT === 'auto' ? values.KILN_AUTH === 'smart' : values.KILN_AUDIT === 'on',
    /** Times in milliseconds. */
    authorization: {
      bootstrapClient: values.KILN_BOOTSTRAP_CLIENT,
      secret: values.KILN_SECRET,
      trustedProxies: values.KILN_TRUSTED_PROXIES ?? [],
      fetchAllow: values.KILN_FETCH_ALLOW ?? [],
      upstream: upstreamOf(values),
      secondFactor: values.KILN_SECOND_FACTOR,
      accessToken: values.KILN_ACCESS_TOKEN_TIME,
      refreshToken: values.KILN_REFRESH_TOKEN_TIME,
      session: values.KILN_SESSION_TIME,
    },
    logLevel: values.KILN_LOG_LEVEL,
    bodyLimit: values.KILN_BODY_LIMIT,
    bundleMemory: values.KILN_BUNDLE_MEMORY,
    referentialIntegrity: values.KILN_REFERENTIAL_INTEGRITY,
    fulltext: values.KILN_FULLTEXT,
    timeZone: values.KILN_TIME_ZONE,
    search: {
      handling: values.KILN_SEARCH_HANDLING,
      countDefault: values.KILN_SEARCH_COUNT_DEFAULT,
      countMax: values.KILN_SEARCH_COUNT_MAX,
    },
    http: {
      headersTimeout: values.KILN_HEADERS_TIMEOUT,
      requestTimeout: values.KILN_REQUEST_TIMEOUT,
      keepAliveTimeout: values.KILN_KEEP_ALIVE_TIMEOUT,
      connectionsCheckingInterval: values.KILN_CONNECTIONS_CHECK,
      maxHeaderSize: values.KILN_HEADERS_LIMIT,
      drainTimeout: values.KILN_DRAIN_TIMEOUT,
    },
    /** As `openDatabase` takes it. */
    database: {
      url: values.DATABASE_URL,
      dataDir: resolve(values.KILN_DATA_DIR),
      settings: { shared_buffers: values.KILN_SHARED_BUFFERS },
      poolSize: values.KILN_DB_POOL,
      poolWait: values.KILN_DB_POOL_WAIT,
      connectTimeout: values.KILN_DB_CONNECT_TIMEOUT,
      statementTimeout: values.KILN_STATEMENT_TIMEOUT,
      lockTimeout: values.KILN_LOCK_TIMEOUT,
      idleTransactionTimeout: values.KILN_IDLE_TRANSACTION_TIMEOUT,
    },
  } as const;
}

/** The identity provider, where one is named. */
function upstreamOf(values: Values) {
  const { KILN_IDP_ISSUER: issuer, KILN_IDP_CLIENT_ID: clientId } = values;
  if (issuer === undefined || clientId === undefined) return undefined;
  return {
    ...{ issuer, clientId, clientSecret: values.KILN_IDP_CLIENT_SECRET },
    ...{ name: values.KILN_IDP_NAME, scope: values.KILN_IDP_SCOPE },
    ...{ algorithm: values.KILN_IDP_ALGORITHM, groups: values.KILN_IDP_GROUPS },
    ...{ roles: values.KILN_IDP_ROLES, acr: values.KILN_IDP_ACR },
  };
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part) freeze(part);
  return Object.freeze(value);
}

/** The address clients know the server by; `port` is the one it really listens on. */
export function publicUrl(config: Config, port: number): string {
  if (config.publicUrl !== undefined) return config.publicUrl;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return `http://${host}:${port}`;
}

/** Names that look like settings of Kiln and are none: spelling mistakes, worth a warning. */
export function unknownSettings(env: NodeJS.ProcessEnv = process.env): string[] {
  const known = new Set<string>(settings.map(([name]) => name));
  return Object.keys(env).filter((name) => name.startsWith('KILN_') && !known.has(name));
}
