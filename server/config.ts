import { resolve } from 'node:path';
import {
  bytes,
  count,
  databaseUrl,
  duration,
  type Kind,
  offset,
  oneOf,
  port,
  postgresSize,
  text,
  webAddress,
} from './config-values.ts';

/**
 * Every setting: [name, what it must be, default, meaning]. An empty default is none. This is the
 * only file that reads the environment; docs/configuration.md is made from it (`npm run docs`).
 */
export const settings = [
  ['PORT', port, '8080', 'Port the server listens on.'],
  [
    'HOST',
    text,
    '127.0.0.1',
    'Address the server listens on. Without authentication only a loopback address is allowed.',
  ],
  [
    'KILN_PUBLIC_URL',
    webAddress,
    '',
    'Address clients know the server by, without `/fhir`. Unset: made from `HOST` and `PORT`.',
  ],
  [
    'KILN_AUTH',
    oneOf('none', 'smart'),
    'none',
    'Who may use the server. `none`: everybody who can reach it. `smart` is yet to come.',
  ],
  [
    'KILN_AUTH_NONE_ANYWHERE',
    oneOf('no', 'yes'),
    'no',
    '`yes` lifts that rule of `HOST`: only where something else keeps strangers out, such as a ' +
      'container whose port is published to loopback.',
  ],
  [
    'DATABASE_URL',
    databaseUrl,
    '',
    'A PostgreSQL 15 or newer. Unset, Kiln starts the one that comes with it.',
  ],
  [
    'KILN_DATA_DIR',
    text,
    './.kiln',
    'Directory of the PostgreSQL that comes with Kiln. One Kiln process per directory.',
  ],
  [
    'KILN_SHARED_BUFFERS',
    postgresSize,
    '256MB',
    'Cache of the PostgreSQL that comes with Kiln; a quarter of the memory on a server of its own.',
  ],
  [
    'KILN_DB_POOL',
    count(1, 200),
    '12',
    'Connections to PostgreSQL for writes and searches (two more serve reads). At most 16 is best.',
  ],
  [
    'KILN_DB_CONNECT_TIMEOUT',
    duration,
    '2s',
    'How long opening a connection to PostgreSQL may take.',
  ],
  [
    'KILN_DB_POOL_WAIT',
    duration,
    '10s',
    'How long a request waits for a free connection before it is answered with 503.',
  ],
  ['KILN_STATEMENT_TIMEOUT', duration, '15s', 'Longest run of one SQL statement.'],
  ['KILN_LOCK_TIMEOUT', duration, '3s', 'Longest wait for a row that another request is writing.'],
  [
    'KILN_IDLE_TRANSACTION_TIMEOUT',
    duration,
    '10s',
    'PostgreSQL ends a transaction in which nothing has happened for so long.',
  ],
  [
    'KILN_BODY_LIMIT',
    bytes,
    '50MB',
    'Largest request body, after decompression; of XML 10 MB. Beyond it: 413.',
  ],
  [
    'KILN_BUNDLE_MEMORY',
    bytes,
    '200MB',
    'Request bodies worked on at the same time, in all. Further bundles wait.',
  ],
  [
    'KILN_REFERENTIAL_INTEGRITY',
    oneOf('off', 'warn', 'on'),
    'off',
    'References to resources that do not exist: accepted, reported with the answer, or refused.',
  ],
  [
    'KILN_FULLTEXT',
    oneOf('off', 'narrative', 'content'),
    'narrative',
    'What is indexed word by word: nothing, narratives (`_text`), or all texts (`_content` too).',
  ],
  [
    'KILN_SEARCH_HANDLING',
    oneOf('strict', 'lenient'),
    'strict',
    'Unknown search parameters: refused (400), or ignored and reported; `Prefer: handling` wins.',
  ],
  ['KILN_SEARCH_COUNT_DEFAULT', count(1, 10_000), '20', 'Page size without `_count`.'],
  [
    'KILN_SEARCH_COUNT_MAX',
    count(1, 10_000),
    '1000',
    'Largest page size; a larger `_count` gets it.',
  ],
  [
    'KILN_TIME_ZONE',
    offset,
    'UTC',
    'Time zone of dates that come without one, in data and searches.',
  ],
  [
    'KILN_LOG_LEVEL',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'Least important kind of line in the log.',
  ],
  [
    'KILN_HEADERS_TIMEOUT',
    duration,
    '10s',
    'Longest time until the headers of a request are there.',
  ],
  ['KILN_REQUEST_TIMEOUT', duration, '60s', 'Longest time until the whole request is there.'],
  [
    'KILN_KEEP_ALIVE_TIMEOUT',
    duration,
    '65s',
    'How long an idle connection is kept; longer than a proxy in front keeps it.',
  ],
  [
    'KILN_CONNECTIONS_CHECK',
    duration,
    '1s',
    'How often connections are checked against these times.',
  ],
  [
    'KILN_HEADERS_LIMIT',
    bytes,
    '16kB',
    'Largest request headers, the URL included. Beyond it: 431.',
  ],
  [
    'KILN_DRAIN_TIMEOUT',
    duration,
    '15s',
    'How long requests under way may go on after SIGTERM or SIGINT.',
  ],
] as const satisfies readonly (readonly [string, Kind<unknown>, string, string])[];

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

/** A URL may hold a password, so it is not repeated. */
function faultOf(name: string, expects: string, given: string): string {
  const quoted = name === 'DATABASE_URL' ? '' : ` "${given}"`;
  return `${name}${quoted} is not ${/^`/.test(expects) ? `one of ${expects}` : expects}`;
}

/** Rules between settings. Those that could not be parsed are undefined and have been told. */
function contradictions(values: Values): string[] {
  const faults: string[] = [];
  if (values.KILN_AUTH === 'smart') {
    faults.push('KILN_AUTH "smart" is not available yet: leave it unset and keep HOST on loopback');
  }
  const open = values.KILN_AUTH === 'none' && values.KILN_AUTH_NONE_ANYWHERE !== 'yes';
  if (open && !isLoopback(values.HOST)) {
    faults.push(
      `HOST "${values.HOST}" would let everybody on the network read and write patients' data, ` +
        'as KILN_AUTH is none: set HOST to 127.0.0.1',
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

const isLoopback = (host: string): boolean =>
  /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/i.test(host);

function arrange(values: Values) {
  return {
    host: values.HOST.replace(/^\[(.*)\]$/, '$1'),
    port: values.PORT,
    publicUrl: values.KILN_PUBLIC_URL,
    auth: values.KILN_AUTH,
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
