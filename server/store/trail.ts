import type { Audit, Entry, Kind, Trail } from '../audit/audit.ts';
import type { Context } from './context.ts';
import type { Noted } from './rows.ts';
import type { Actor, Change, ChangeResult, SearchPage, Store, Version } from './store.ts';
import type { Writes } from './write.ts';

/**
 * What the verbs leave in the audit journal. Reads are recorded when they have succeeded; writes are
 * noted in their own statements (insert.sql, update.sql, delete.sql), so that neither is there without
 * the other. What was refused is for whoever answers it: the store tells nobody more than that.
 */

/** The verbs that give data. */
export type Reads = Pick<Store, 'read' | 'vread' | 'history' | 'search' | 'everything'>;

/** The verbs that read, each with its event for actors with a trail. */
export function recorded({ hasher }: Pick<Context, 'hasher'>, audit: Audit, inner: Reads): Reads {
  const one = (trail: Trail | undefined, kind: Kind, version: Version): Version => {
    if (trail) audit.record(entryOf(trail, kind, { about: aboutOf(version), of: [version] }));
    return version;
  };
  return {
    read: async (actor, type, id) => one(actor.trail, 'read', await inner.read(actor, type, id)),
    vread: async (actor, type, id, versionId) =>
      one(actor.trail, 'vread', await inner.vread(actor, type, id, versionId)),
    history: async (actor, query) => {
      const page = await inner.history(actor, query);
      const { trail } = actor;
      if (trail) {
        const { type, id } = query;
        const about = type === undefined ? undefined : id === undefined ? { type } : { type, id };
        audit.record(withQuery(trail, entryOf(trail, 'history', { about, of: page.versions })));
      }
      return page;
    },
    search: async (actor, query) => {
      const page = await inner.search(actor, query);
      const { trail } = actor;
      if (trail) {
        const [type = ''] = query.types;
        const about = query.types.length === 1 ? { type } : undefined;
        audit.record(withQuery(trail, entryOf(trail, 'search', { about, of: allOf(page) })));
      }
      return page;
    },
    everything: async (actor, query) => {
      const page = await inner.everything(actor, query);
      const { trail } = actor;
      if (trail) {
        const { type, id } = query;
        const entry = entryOf(trail, 'everything', { about: { type, id }, of: allOf(page) });
        if (type === 'Patient') {
          const patients = new Set(entry.patients).add(String(hasher.row(type, id)));
          entry.patients = [...patients];
        }
        audit.record(withQuery(trail, entry));
      }
      return page;
    },
  };
}

type About = NonNullable<Entry['about']>;

const aboutOf = ({ type, id, version }: Version): About => ({ type, id, version });

const allOf = ({ matches, included }: SearchPage): readonly Version[] =>
  included.length === 0 ? matches : [...matches, ...included];

function entryOf(
  { agent, request }: Trail,
  kind: Kind,
  { about, of }: { about: About | undefined; of: readonly Version[] },
): Entry {
  const entry: Entry = { kind, outcome: 0, agent };
  if (about) entry.about = about;
  const patients = patientsOf(of);
  if (patients) entry.patients = patients;
  if (request !== undefined) entry.request = request;
  return entry;
}

/** Each once. */
function patientsOf(versions: readonly Version[]): readonly string[] | undefined {
  const [first] = versions;
  const patient = first?.patient;
  if (versions.length === 1) return patient === undefined ? undefined : [patient];
  const patients = new Set<string>();
  for (const version of versions) if (version.patient !== undefined) patients.add(version.patient);
  return patients.size === 0 ? undefined : [...patients];
}

function withQuery({ query }: Trail, entry: Entry): Entry {
  if (query) entry.detail = { query: query() };
  return entry;
}

/** By whose name the actor's writes are noted; undefined: nobody's. */
export async function notedOf(
  audit: Audit | undefined,
  { trail }: Actor,
): Promise<Noted | undefined> {
  if (!audit || !trail) return undefined;
  return { agent: await audit.agentKey(trail.agent), request: trail.request };
}

/** Marks all that is to be written. */
export function note({ inserts, updates, removals, foreign }: Writes, noted: Noted): void {
  for (const row of inserts) row.noted = noted;
  for (const row of updates) row.noted = noted;
  for (const row of removals) row.noted = noted;
  for (const row of foreign) row.noted = noted;
}

const UNCHANGED = 'Nothing was changed.';

/** Changes that came to nothing: their answers may tell what is there all the same. */
export function recordUnchanged(
  audit: Audit,
  trail: Trail,
  { changes, results }: { changes: readonly Change[]; results: readonly ChangeResult[] },
): void {
  for (const [i, { changed, version }] of results.entries()) {
    const change = changes[i];
    if (changed || !change) continue;
    const about = version ? aboutOf(version) : targetOf(change);
    const entry = entryOf(trail, change.method, { about, of: version ? [version] : [] });
    entry.detail = { text: UNCHANGED, ...criteriaOf(change) };
    audit.record(entry);
  }
}

/** As it was asked for. */
function targetOf(change: Change): About {
  const { type } = change;
  return 'id' in change && change.id !== undefined ? { type, id: change.id } : { type };
}

function criteriaOf(change: Change): { query?: string } {
  const criteria = change.method === 'create' ? change.ifNoneExist : change.criteria;
  return criteria === undefined ? {} : { query: `${change.type}?${criteria}` };
}
