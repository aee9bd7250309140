import {
  type Audit,
  type AuditParts,
  createAudit,
  type Trail,
  type Verification,
} from '../audit/audit.ts';
import type { Db } from '../db/db.ts';
import type { Plan } from '../fhir/bundle.ts';
import type { Definitions } from '../fhir/definitions.ts';
import type { Patch } from '../fhir/patch.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import type { Issue, Resource } from '../fhir/types.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Access } from './access.ts';
import { veiledPage, veiledReads } from './access-elements.ts';
import { journaled } from './audit-verbs.ts';
import { type Days, verifyJournal } from './audit-verify.ts';
import { Committer } from './commit.ts';
import type { Context } from './context.ts';
import { Dictionary } from './dictionary.ts';
import { Everything } from './everything.ts';
import { guarded } from './guard.ts';
import { history } from './history.ts';
import { openContext } from './open.ts';
import { Reader } from './read.ts';
import { Reindexer } from './reindex.ts';
import { search } from './search.ts';
import { explain } from './search-explain.ts';
import { recorded } from './trail.ts';
import { Writer } from './write.ts';

export type { Access, Interaction, Rule } from './access.ts';
export { AUDIT_EVENT, UNSEARCHED } from './audit-refused.ts';
export type { Days } from './audit-verify.ts';
export type { Reindexer } from './reindex.ts';
export type { ReindexState } from './reindex-state.ts';
export { Turn } from './turn.ts';

/** Who asks. Every verb takes one, so that no path to the data can leave it out. */
export interface Actor {
  kind: 'anonymous' | 'system' | 'user' | 'client';
  name: string;
  /** What it may see and change; absent: everything. */
  access?: Access;
  /** By whose name what it does is noted in the audit journal; absent: nothing is noted. */
  trail?: Trail;
}

export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One version of a resource as stored. `content` is the JSON text to serve; '' for a deletion. */
export interface Version {
  type: string;
  id: string;
  version: number;
  /** Unix milliseconds; equals meta.lastUpdated. */
  lastUpdated: number;
  method: Method;
  content: string;
  /** Row key of the patient whose it was then, decimal; of a Patient its own. For the audit. */
  patient?: string | undefined;
}

interface ChangeTarget {
  type: string;
  /** Bundle.entry.fullUrl: what other entries of the same commit may refer to. */
  fullUrl?: string;
  /** Where the change stands in the request, for messages: `Bundle.entry[3]`; absent for one alone. */
  path?: string;
}

/** R4 3.1.0.8 create; `ifNoneExist` is the query text of a conditional create. */
export interface CreateChange extends ChangeTarget {
  method: 'create';
  resource: Resource;
  ifNoneExist?: string;
}

/** R4 3.1.0.4 update: by id or (conditional) by criteria. `ifMatch` lists acceptable versions. */
export interface UpdateChange extends ChangeTarget {
  method: 'update';
  resource: Resource;
  id?: string;
  criteria?: string;
  ifMatch?: readonly string[];
  /** `If-None-Match: *`: only if nothing is there yet (create with a client's id). */
  mustNotExist?: boolean;
}

/** R4 3.1.0.6 patch. */
export interface PatchChange extends ChangeTarget {
  method: 'patch';
  patch: Patch;
  id?: string;
  criteria?: string;
  ifMatch?: readonly string[];
}

/** R4 3.1.0.7 delete; with criteria `multiple` says whether more than one match may go. */
export interface DeleteChange extends ChangeTarget {
  method: 'delete';
  id?: string;
  criteria?: string;
  multiple?: boolean;
  ifMatch?: readonly string[];
}

export type Change = CreateChange | UpdateChange | PatchChange | DeleteChange;

export interface ChangeResult {
  /** 201 created, 200 updated or matched, 204 deleted or nothing there to delete. */
  status: 200 | 201 | 204;
  /** False where nothing was written: no-op update, conditional create that matched, empty delete. */
  changed: boolean;
  /**
   * The current version after the commit; the tombstone of a delete; absent if there is none. Its
   * content is '' where the actor did not send it and may not read it.
   */
  version?: Version;
  /** How many resources a (conditional) delete removed. */
  deleted?: number;
  /** Warnings for the caller, e.g. of referential integrity `warn`. */
  issues?: Issue[];
}

export interface CommitOptions {
  /** The plan of a transaction Bundle: links between its entries follow the ids decided here. */
  plan?: Plan;
  /** Runs inside the same database transaction, after the writes and before COMMIT. */
  within?: (tx: Transaction) => Promise<void>;
}

export interface Transaction {
  /** Rows as arrays. */
  query(
    statement: { name?: string; text: string },
    values: readonly unknown[],
  ): Promise<readonly (readonly unknown[])[]>;
}

export interface HistoryQuery {
  /** Absent: the whole system. */
  type?: string;
  /** With `type`: one resource. */
  id?: string;
  /** Unix ms, inclusive: versions made at or after (R4 3.1.0.15.1 `_since`). */
  since?: number;
  /** Versions that were current at some time in the period (`_at`), unix ms inclusive. */
  at?: { lo: number; hi: number };
  count: number;
  /** From a previous page's `next`; refused with FhirError invalid if altered. */
  cursor?: string;
}

export interface HistoryPage {
  versions: Version[];
  next?: string;
  /** Number of versions, only for one resource without `_since`/`_at`; else absent. */
  total?: number;
}

/** Types whose whole record can be asked for. */
export type CompartmentRoot = 'Patient' | 'Encounter';

/** R4 Patient-everything, Encounter-everything. */
export interface EverythingQuery {
  type: CompartmentRoot;
  id: string;
  /** Absent: all types. */
  types?: readonly string[];
  /** Unix ms, inclusive: what was made or changed at or after. */
  since?: number;
  /** Dates of care, unix ms inclusive; what has no such date stays in. */
  period?: { lo: number; hi: number };
  /** At least 1. */
  count: number;
  /** From a previous page's `next`; refused with FhirError invalid if altered. */
  cursor?: string;
}

export interface SearchPage {
  matches: Version[];
  included: Version[];
  total?: number;
  next?: string;
  previous?: string;
  /** What the caller should know about the result, e.g. that includes were cut off. */
  issues: Issue[];
}

/** What `explain` tells of a search that was not run. */
export interface Explanation {
  /** The criteria as they are printed: a list joined by AND. */
  where: readonly Term[];
  /** The way chosen (docs/architecture.md, "Plans"). */
  way: string;
  /** Asked first: its rows count if they fill the page. */
  near?: string;
  sql: string;
  values: readonly unknown[];
  /** PostgreSQL's plan as JSON, with its cost and the rows it expects. */
  plan: unknown;
  cost: number;
  rows: number;
}

/** The verbs (ARCHITECTURE 1). Refusals are FhirErrors; nothing is half-written. */
export interface Store {
  /** The current version. Throws not-found, gone. */
  read(actor: Actor, type: string, id: string): Promise<Version>;
  /** One version by its number as text. Throws not-found, gone (the version is a deletion). */
  vread(actor: Actor, type: string, id: string, versionId: string): Promise<Version>;
  /** Throws not-found for an instance that never existed. Newest first. */
  history(actor: Actor, query: HistoryQuery): Promise<HistoryPage>;
  search(actor: Actor, query: SearchQuery): Promise<SearchPage>;
  /**
   * One page of a record: the root first, then its compartment (`matches`), at the end what these
   * refer to (`included`); `total` where one page holds all. Throws not-found, gone.
   */
  everything(actor: Actor, query: EverythingQuery): Promise<SearchPage>;
  /** How a search would be answered; for administrators. */
  explain(actor: Actor, query: SearchQuery): Promise<Explanation>;
  /** All or nothing; results in the order of the changes. Returns after COMMIT. */
  commit(
    actor: Actor,
    changes: readonly Change[],
    options?: CommitOptions,
  ): Promise<ChangeResult[]>;
  /** The definitions with the search parameters that are stored; `revision` tells their changes. */
  readonly definitions: Definitions;
  /** Indexing anew in the background: does nothing until `start`. */
  readonly reindexing: Pick<Reindexer, 'start' | 'stop' | 'ask' | 'askParam' | 'status'>;
  /**
   * Recomputes the chain of the audit journal, for who may see all of it. Throws forbidden, and
   * not-found where the journal is switched off.
   */
  verifyAudit(actor: Actor, days: Days): Promise<Verification>;
  /** The audit journal; undefined where it is switched off. */
  readonly audit: Audit | undefined;
  /** A new server-assigned logical id: a time-ordered UUID (version 7). */
  newId(): string;
  /** Gives the process's version slot back. The database stays open. */
  close(): Promise<void>;
}

export interface StoreOptions {
  db: Db;
  definitions: Definitions;
  config: StoreConfig;
  /** Told of what could not be indexed. */
  log?: Log;
  metrics?: Metrics;
}

export interface StoreConfig {
  /** Bases of absolute references that mean this server, without a slash at the end. */
  bases: readonly string[];
  /** Minutes east of UTC of dates without a zone. */
  zone: number;
  /** Whether literal references must lead to something: KILN_REFERENTIAL_INTEGRITY. */
  integrity: 'off' | 'warn' | 'on';
  /** What is indexed word by word: KILN_FULLTEXT; narratives unless said otherwise. */
  fulltext?: 'off' | 'narrative' | 'content';
  /** Whether what actors with a trail do is noted in the audit journal; not unless said so. */
  audit?: boolean;
}

/** Opens the store on a migrated database. */
export async function createStore(options: StoreOptions): Promise<Store> {
  const { context, owner, close } = await openContext(options);
  const dictionary = new Dictionary(context.db);
  const reindexing = new Reindexer(context, dictionary, owner);
  const reader = new Reader(context);
  const audit = options.config.audit ? await createAudit(auditParts(context, options)) : undefined;
  const writer = new Writer(context, dictionary);
  const committer = new Committer(context, { reader, writer, audit });
  const named = guarded(context, {
    read: (actor, type, id) => reader.read(actor, type, id),
    vread: (actor, type, id, versionId) => reader.vread(actor, type, id, versionId),
    history: (actor, query) => history(context, actor, query),
  });
  const reads = veiledReads(context, named);
  const everything = new Everything(context, reads);
  const { explain: explained, ...all } = journaled(
    { context, audit },
    {
      ...reads,
      everything: (actor, query) => everything.page(actor, query),
      search: async (actor, query) =>
        veiledPage(context, actor, await search(context, actor, query)),
      explain: (actor, query) => explain(context, actor, query),
    },
  );
  return {
    ...(audit ? recorded(context, audit, all) : all),
    explain: explained,
    verifyAudit: (actor, days) => verifyJournal({ context, audit }, actor, days),
    commit: (actor, changes, settings = {}) => committer.commit(actor, changes, settings),
    newId: context.newId,
    definitions: context.definitions,
    reindexing,
    audit,
    close: async () => {
      await reindexing.stop();
      // Before the process slot goes, which its keys are made with.
      await audit?.close();
      await close();
    },
  };
}

function auditParts(
  { db, clock, hasher, typeNumber, typeName }: Context,
  { log, metrics }: StoreOptions,
): AuditParts {
  return {
    ...{ db, log, metrics, typeNumber, typeName },
    next: () => clock.next(),
    key: (name) => hasher.target(name),
  };
}
