/**
 * How the database can fail, as far as a caller must tell the cases apart.
 * - `unavailable`: no server, or it is starting, stopping or read-only: try again shortly
 * - `too-busy`: the server or the pool has no room, or a lock was not granted in time
 * - `conflict`: serialization failure or deadlock: the whole transaction may be tried again
 * - `timeout`: the statement ran longer than allowed
 * - `unique`: a unique or exclusion constraint refused the row (`constraint` says which)
 * - `other`: a fault of ours, or data that PostgreSQL cannot hold
 */
export type DbErrorKind = 'unavailable' | 'too-busy' | 'conflict' | 'timeout' | 'unique' | 'other';

export interface DbErrorDetails {
  /** SQLSTATE, where PostgreSQL gave one. */
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
  /** True where the connection was lost while a write or its COMMIT was under way. */
  readonly maybeCommitted?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Every failure of a query. `message` may quote values that were sent, so it is for the developer:
 * neither for the caller nor for the log of a production server; `kind` and `code` are for both.
 */
export class DbError extends Error {
  readonly kind: DbErrorKind;
  readonly code: string | undefined;
  readonly constraint: string | undefined;
  readonly maybeCommitted: boolean;

  constructor(kind: DbErrorKind, message: string, details: DbErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DbError';
    this.kind = kind;
    this.code = details.code;
    this.constraint = details.constraint;
    this.maybeCommitted = details.maybeCommitted ?? false;
  }
}

/** The database cannot be opened. The message says what to do; it is meant to be printed alone. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StartError';
  }
}

/** PostgreSQL appendix A; the longest prefix wins. */
const kindOfState: Readonly<Record<string, DbErrorKind>> = {
  '08': 'unavailable',
  '23505': 'unique',
  '23P01': 'unique',
  '25006': 'unavailable', // read-only: a standby that is not promoted yet
  '25P03': 'timeout',
  '25P04': 'timeout',
  '40001': 'conflict',
  '40003': 'unavailable',
  '40P01': 'conflict',
  '53': 'too-busy',
  '55P03': 'too-busy',
  '57014': 'timeout',
  '57P': 'unavailable',
  '58030': 'unavailable',
};

/** The kind of a SQLSTATE. */
export function kindOf(state: string): DbErrorKind {
  for (const length of [5, 3, 2]) {
    const kind = kindOfState[state.slice(0, length)];
    if (kind) return kind;
  }
  return 'other';
}
