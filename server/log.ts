import { pino, stdTimeFunctions } from 'pino';

/**
 * Logs that can be handed to anyone: one JSON object per line on stdout, holding only the fields
 * listed here. Bodies, query values, header values and logical ids (clients choose them, and some
 * choose record numbers) have no field, so they cannot be written by mistake.
 */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof levels)[number];

/** Every field a line may carry; anything else that arrives at run time is left out. */
export interface LogFields {
  /** The id of the request, as answered in `X-Request-Id`. */
  requestId?: string;
  /** The id of the client application, once there is authentication. */
  client?: string;
  method?: string;
  /** The template, e.g. `/fhir/:type/:id`; never the path itself. */
  route?: string;
  /** The resource type the route was about. */
  type?: string;
  /** The code of a search parameter; never its value. */
  param?: string;
  status?: number;
  durationMs?: number;
  /** Bytes of a body; never the body. */
  bytes?: number;
  /** How many of whatever the message speaks of. */
  count?: number;
  attempt?: number;
  /** Which part of Kiln speaks: `http`, `db`, `load`, `mllp` ... */
  part?: string;
  /** The kind of a FhirError. */
  kind?: string;
  /** The process the line is about, where it is not Kiln itself. */
  pid?: number;
  /** Why a process of ours ended. */
  reason?: string;
  signal?: string;
  exitCode?: number;
  version?: string | number;
  dataDir?: string;
  /** A day of the audit journal, and the hash that its chain ended with (hex). */
  day?: string;
  head?: string;
  /** The address a listener is bound to. */
  address?: string;
  /** Anything thrown; `safeError` decides what of it is written. */
  error?: unknown;
}

/** The message is a constant text; what varies goes into the fields. */
type Write = (fields: LogFields, message: string) => void;

export interface Log {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
  /**
   * Writes out what is buffered, before the process ends. Never throws and does not wait longer
   * than a second: a reader that has gone or hangs must not keep the process.
   */
  flush(): Promise<void>;
}

/** What is known of a request when its answer has been sent. */
export interface RequestFacts {
  requestId: string;
  method: string;
  /** The route's template. */
  route: string;
  status: number;
  durationMs: number;
  type?: string;
  client?: string;
}

/** What a line says of something thrown. */
export interface SafeError {
  name: string;
  message?: string;
  kind?: string;
  code?: string;
  constraint?: string;
  frames?: string[];
  cause?: SafeError;
}

const allowed: ReadonlySet<string> = new Set<keyof LogFields>([
  'requestId',
  'client',
  'method',
  'route',
  'type',
  'param',
  'status',
  'durationMs',
  'bytes',
  'count',
  'attempt',
  'part',
  'kind',
  'pid',
  'reason',
  'signal',
  'exitCode',
  'version',
  'dataDir',
  'day',
  'head',
  'address',
]);

const FLUSH_MS = 200;
const FLUSH_PATIENCE_MS = 1000;
const BUFFER_BYTES = 4096;
/** A reader of stdout that hangs costs lines, not memory. */
const BACKLOG_BYTES = 8 * 1024 * 1024;
const MESSAGE_CHARACTERS = 300;
const FRAMES = 8;
const CAUSES = 3;

/**
 * A log that writes lines of `level` and above. Lines are buffered for up to 200 ms, because a
 * write per request costs more than the making of its line; warnings and errors go out at once,
 * the rest at the latest when the process exits (a `kill -9` loses those 200 ms).
 *
 * @param write takes each line, newline included, instead of stdout
 */
export function createLog(level: LogLevel, write?: (line: string) => void): Log {
  const stdout = write ? undefined : openStdout();
  const out = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stdout ?? { write: write ?? nothing },
  );
  if (stdout) {
    keepFlushed(stdout, (count) => out.warn({ count }, 'log lines dropped: stdout is not read'));
  }
  const at = (name: 'debug' | 'info' | 'warn' | 'error'): Write => {
    if (levels.indexOf(name) < levels.indexOf(level)) {
      return nothing;
    }
    const urgent = name === 'warn' || name === 'error';
    return (fields, message) => {
      out[name](safeFields(fields), message);
      if (urgent) {
        stdout?.flush();
      }
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    flush: () => (stdout ? flushed(stdout) : Promise.resolve()),
  };
}

/**
 * One line per answered request: `error` for 500, `warn` for 403 and 503, else `info`, as in the
 * table of error kinds.
 */
export function logRequest(log: Log, request: RequestFacts): void {
  log[levelOfStatus(request.status)](request, 'request');
}

/** The level of a request's line by its HTTP status. */
export function levelOfStatus(status: number): 'info' | 'warn' | 'error' {
  if (status === 403 || status === 503) {
    return 'warn';
  }
  return status >= 500 && status !== 501 ? 'error' : 'info';
}

/**
 * What of an error may be written: never the text of a FhirError (its diagnostics quote the
 * caller's values), and of other messages nothing that stood in quotes (V8 quotes the body in JSON
 * errors, PostgreSQL quotes values). PostgreSQL's `detail`, which holds row values, is left out;
 * its SQLSTATE and constraint name are ours and stay.
 */
export function safeError(thrown: unknown, depth = 1): SafeError {
  if (!(thrown instanceof Error)) {
    return { name: typeof thrown };
  }
  const extra = thrown as Error & { kind?: unknown; code?: unknown; constraint?: unknown };
  const safe: SafeError = { name: thrown.name };
  if (typeof extra.kind === 'string') {
    safe.kind = extra.kind;
  } else {
    safe.message = unquoted(thrown.message);
  }
  if (typeof extra.code === 'string') {
    safe.code = extra.code;
  }
  if (typeof extra.constraint === 'string') {
    safe.constraint = extra.constraint;
  }
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  safe.frames = frames.slice(0, FRAMES).map((line) => line.trim());
  if (thrown.cause !== undefined && depth < CAUSES) {
    safe.cause = safeError(thrown.cause, depth + 1);
  }
  return safe;
}

/** From the first to the last quote of each sort: quoted text may itself hold quotes. */
function unquoted(message: string): string {
  const cut = message.replace(/".*"/s, '"…"').replace(/'.*'/s, "'…'").replace(/`.*`/s, '`…`');
  return cut.slice(0, MESSAGE_CHARACTERS);
}

function safeFields(fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const name in fields) {
    if (allowed.has(name)) {
      safe[name] = fields[name as keyof LogFields];
    }
  }
  if (fields.error !== undefined) {
    safe.error = safeError(fields.error);
  }
  return safe;
}

type Stdout = ReturnType<typeof pino.destination>;

function openStdout(): Stdout {
  return pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxLength: BACKLOG_BYTES,
  });
}

function flushed(stdout: Stdout): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, FLUSH_PATIENCE_MS);
    stdout.flush(() => resolve());
  });
}

function keepFlushed(stdout: Stdout, report: (dropped: number) => void): void {
  let dropped = 0;
  stdout.on('drop', () => {
    dropped++;
  });
  // A reader that has gone (EPIPE): lines are lost, the server goes on.
  stdout.on('error', nothing);
  const timer = setInterval(() => {
    if (dropped > 0) {
      const count = dropped;
      dropped = 0;
      report(count);
    }
    stdout.flush();
  }, FLUSH_MS);
  timer.unref();
}

function nothing(): void {}
