import type { Db } from '../db/db.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/**
 * Who acts. Make one object per caller and address and keep it: the journal writes each object down
 * once, and events name it by its key.
 */
export interface Agent {
  kind: 'anonymous' | 'system' | 'user' | 'client';
  /** The person; `fhirUser` as `Practitioner/1`. */
  user?: { id: string; name: string; fhirUser?: string };
  /** The app or system that holds the token; `fhirUser` as `Device/1`. */
  client?: { id: string; name: string; fhirUser?: string };
  /** Network address of the peer, canonical text. */
  address?: string;
  /** Id of the grant behind the token. */
  grant?: string;
  /** Purpose of use (v3-ActReason), where one was stated: `BTG`. */
  purpose?: string;
}

/** What goes along with an actor through one request. */
export interface Trail {
  agent: Agent;
  /** X-Request-Id, where the caller sent one. */
  request?: string;
  /** The request relative to the base, with its parameters: `Observation?code=1-8`. */
  query?: () => string;
}

/** What happened. The numbers stand in the table (sql of the store too): never change or reuse one. */
export const KINDS = {
  /** An AuditEvent that somebody else made and sent. */
  foreign: 0,
  create: 1,
  update: 2,
  patch: 3,
  delete: 4,
  read: 5,
  vread: 6,
  history: 7,
  search: 8,
  everything: 9,
  export: 10,
  batch: 11,
  transaction: 12,
  operation: 13,
  /** Any other request to the FHIR interface that was refused. */
  request: 14,
  login: 20,
  logout: 21,
  token: 22,
  revoke: 23,
  introspect: 24,
  launch: 25,
  consent: 26,
  breakGlass: 30,
  /** A user, role, client, key or setting of the authorization server was made or changed. */
  administration: 31,
  password: 32,
  /** Who may see what was explained to an administrator. */
  explain: 33,
} as const;
export type Kind = keyof typeof KINDS;

/** R4 audit-event-outcome: 0 success, 4 refused or at fault, 8 the server failed, 12 it went down. */
export type Outcome = 0 | 4 | 8 | 12;

/** One thing that happened. */
export interface Entry {
  kind: Kind;
  outcome: Outcome;
  agent: Agent;
  /** What it was done to; of a search the type alone. */
  about?: { type: string; id?: string; version?: number };
  /** Keys (`AuditParts.key` of `Patient/id`, decimal) of the patients whose data it gave or changed. */
  patients?: readonly string[];
  request?: string;
  detail?: Detail;
}

/** What has no column of its own; JSON. Never a secret, a token, a password. */
export interface Detail {
  /** The request of a search, history or refused attempt, relative to the base. */
  query?: string;
  /** HTTP status of what was refused. */
  status?: number;
  /** In plain words, where `kind` and `outcome` do not say it: why it was refused, what was changed. */
  text?: string;
  /** How many others of the same sort this one stands for. */
  count?: number;
  /** Name and value pairs (AuditEvent.entity.detail). */
  pairs?: readonly (readonly [string, string])[];
}

/** One row of the journal as it is read. */
export interface AuditRow {
  /** Unix milliseconds. */
  at: number;
  /** Version key (store clock), decimal; unique. */
  seq: string;
  kind: Kind;
  outcome: Outcome;
  agent: Agent;
  about?: { type: string; id?: string; version?: number };
  /** `Patient/id` of each patient; undefined in place of one whose resource is not stored here. */
  patients: readonly (string | undefined)[];
  request?: string;
  detail?: Detail;
  /** Of `foreign`: the AuditEvent as JSON text. */
  content?: string;
}

/** What the journal needs of the store, which is above it. */
export interface AuditParts {
  db: Db;
  /** The next version key; unique among all processes, in order of time. */
  next(): bigint;
  /** Row key of a resource by `Type/id`. */
  key(name: string): bigint;
  typeNumber(type: string): number;
  typeName(num: number): string;
  log?: Log | undefined;
  metrics?: Metrics | undefined;
}

/** Runs a statement, on a pool or inside a transaction; rows as arrays, bigint as text. */
export type Run = (
  statement: { name?: string; text: string },
  values: readonly unknown[],
) => Promise<readonly (readonly unknown[])[]>;

/** Which rows a search looks at: all that fit must be among them, more may be. */
export interface AuditFilter {
  /** Unix milliseconds, inclusive, of `at`. */
  since?: number;
  until?: number;
  /** Each list: at least one of these keys (agents, resources, patients; decimal) is in the row. */
  keys?: readonly (readonly string[])[];
  kinds?: readonly Kind[];
  outcomes?: readonly Outcome[];
  /** True: newest first. */
  descending: boolean;
  /** Rows behind this position, in the direction above. */
  after?: { at: number; seq: string };
  limit: number;
}

/** What `verify` found of the days asked for. */
export interface Verification {
  intact: boolean;
  blocks: number;
  events: number;
  /** Not yet chained: they are at most seconds old. */
  pending: number;
  /** Hash of the last block, hex: note it elsewhere, and the journal cannot be shortened unseen. */
  head?: string;
  /** What does not fit, the first first: day, block, and in plain words what. */
  faults: { day: string; block: number; text: string }[];
}

/** The audit journal: append only, chained by hashes. */
export interface Audit {
  /** Notes what happened in memory; it is durable within `LOSS_MS` (audit.ts). Never throws, never waits. */
  record(entry: Entry): void;
  /** Writes at once, with `run` inside the caller's transaction; it is durable when that commits. */
  write(entries: readonly Entry[], run?: Run): Promise<void>;
  /** The key of an agent, decimal, once it is written down: for statements that write rows themselves. */
  agentKey(agent: Agent): Promise<string> | string;
  /**
   * Waits until what was recorded so far is durable. Rejects with the DbError where it cannot be
   * written now; it is kept and tried again.
   */
  flush(): Promise<void>;
  /**
   * True while what happens cannot be written down within `LOSS_MS` (the database is away, or too
   * slow): nothing is to be given out then that has to be recorded (503).
   */
  overdue(): boolean;
  /** Rows that a filter lets pass, in order. */
  scan(filter: AuditFilter): Promise<AuditRow[]>;
  /** One row by the id of its AuditEvent (`idOf`, or the id of a foreign one). */
  find(id: string): Promise<AuditRow | undefined>;
  /** Keys, decimal, of agents that are one of these (`Practitioner/1`, a user's or client's id). */
  agentsOf(names: readonly string[]): Promise<string[]>;
  /** Appends what is not chained yet; any process may, one does at a time. */
  chain(): Promise<void>;
  /** Recomputes the chain of the days (`2026-11-23`, UTC, inclusive; absent: from the first, to the last). */
  verify(days: { from?: string; to?: string }): Promise<Verification>;
  /** Flushes, chains and stops. */
  close(): Promise<void>;
}
