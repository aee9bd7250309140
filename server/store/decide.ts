import { FhirError } from '../fhir/error.ts';
import { asResource, deepEqual, parseJson } from '../fhir/json.ts';
import { applyPatch } from '../fhir/patch.ts';
import type { JsonObject, Resource } from '../fhir/types.ts';
import { patchVeiled } from './access-element-write.ts';
import { foreignEntry } from './audit-foreign.ts';
import { AUDIT_EVENT } from './audit-refused.ts';
import { vidTime } from './clock.ts';
import type { Context } from './context.ts';
import { type Draft, idsOf, refusal } from './draft.ts';
import { buildRow, type Row, type Standing, substance, sumOf } from './rows.ts';
import type { Known } from './settle.ts';
import type {
  Change,
  ChangeResult,
  DeleteChange,
  PatchChange,
  UpdateChange,
  Version,
} from './store.ts';
import { Overtaken, type Removal, type Writes } from './write.ts';

/** What a change comes to: the answer, and the rows to write, if any. */
export interface Decision {
  result: ChangeResult;
  write?: (writes: Writes) => void;
}

/** Decides one change on what is known of its resource. Throws FhirError to refuse it. */
export function decide(context: Context, draft: Draft, known: Known): Decision {
  const { change } = draft;
  switch (change.method) {
    case 'create':
      return create(context, draft, change.resource, known);
    case 'update':
      return update(context, draft, change, known);
    case 'patch':
      return patch(context, draft, change, known);
    case 'delete':
      return remove(context, draft, change, known);
  }
}

const insert = (row: Row) => (writes: Writes) => void writes.inserts.push(row);

function create(context: Context, draft: Draft, resource: Resource, known: Known): Decision {
  const { type } = draft.change;
  const id = draft.id as string;
  if (draft.matched) {
    const current = known.get(`${type}/${id}`)?.current;
    if (!current) throw new Overtaken(); // the match has just been deleted
    return { result: unchanged(current) };
  }
  if (type === AUDIT_EVENT) {
    const row = foreignEntry(context, id, resource);
    const result: ChangeResult = { status: 201, changed: true, version: row.stored };
    return { result, write: (writes) => void writes.foreign.push(row) };
  }
  const row = buildRow(context, { type, id, resource, method: 'POST' });
  return { result: { status: 201, changed: true, version: row.stored }, write: insert(row) };
}

const unchanged = (version: Version): ChangeResult => ({ status: 200, changed: false, version });

function update(context: Context, draft: Draft, change: UpdateChange, known: Known): Decision {
  const { type, resource } = change;
  const id = draft.id as string;
  const standing = known.get(`${type}/${id}`);
  const current = standing?.current;
  if (change.mustNotExist && current) {
    throw refusal(
      'precondition',
      change,
      'conflict',
      `${type}/${id} exists already (If-None-Match: *).`,
    );
  }
  checkVersion(change, `${type}/${id}`, standing);
  if (draft.criterion && draft.ids.length === 0 && current) {
    const why = `The criteria match nothing, but ${type}/${id} exists; it is left as it is.`;
    throw refusal('conflict', change, 'conflict', why);
  }
  const row = buildRow(context, { type, id, resource, method: 'PUT', standing });
  const version = row.stored;
  const replacing = (writes: Writes) => void writes.updates.push(row);
  const result: ChangeResult = { status: 200, changed: true, version };
  if (row.supposed) return { result, write: replacing };
  if (!current) return { result: { status: 201, changed: true, version }, write: insert(row) };
  if (isSame(current.content, row)) return { result: unchanged(current) };
  return { result, write: replacing };
}

/** Whether nothing would change but the version: such an update keeps it. */
function isSame(current: string, { content, sum }: Row): boolean {
  const [a, b] = [substance(current), substance(content)];
  return a === b || (a.length === b.length && sumOf(a) === sum && isReordered(current, content));
}

function isReordered(current: string, next: string): boolean {
  const [a, b] = [current, next].map((content) => {
    const { meta, ...rest } = asResource(parseJson(content));
    const { versionId: _, lastUpdated: __, ...others } = meta as JsonObject;
    return { ...rest, others };
  });
  return deepEqual(a, b);
}

/** If-Match (R4 3.1.0.5): the client must have seen the version it changes. */
function checkVersion(
  change: { ifMatch?: readonly string[] } & Change,
  name: string,
  standing: Standing | undefined,
): void {
  const { ifMatch } = change;
  if (!ifMatch || standing?.supposed) return;
  const current = standing?.seq === undefined ? undefined : String(standing.version);
  const fits = current !== undefined && (ifMatch.includes('*') || ifMatch.includes(current));
  if (fits) return;
  const now = current === undefined ? 'does not exist' : `is at version ${current}`;
  throw refusal(
    'precondition',
    change,
    'conflict',
    `${name} ${now}, If-Match asked for ${ifMatch.join(', ').slice(0, 100)}. ` +
      'Read it again and repeat the change on the current version.',
  );
}

function missing(change: Change, name: string, standing: Standing | undefined): FhirError {
  return standing
    ? refusal('gone', change, 'deleted', `${name} has been deleted.`)
    : refusal('not-found', change, 'not-found', `${name} is not known here.`);
}

function patch(context: Context, draft: Draft, change: PatchChange, known: Known): Decision {
  const { type } = change;
  const id = draft.id as string;
  const name = `${type}/${id}`;
  const standing = known.get(name);
  const current = standing?.current;
  if (!current) throw missing(change, name, standing);
  checkVersion(change, name, standing);
  const before = asResource(parseJson(current.content));
  const { veil } = draft;
  const after = veil
    ? patchVeiled(context.definitions, Object.assign(draft, { veil }), change, before)
    : applyPatch(change.patch, before, context.definitions);
  const issues = context.validate(after);
  // As a create or update with the same content (R4 3.1.0.4.1): 422 is for patches that do not fit.
  if (issues.length > 0) throw new FhirError('invalid', issues);
  draft.patched = after;
  const row = buildRow(context, { type, id, resource: after, method: 'PATCH', standing });
  if (isSame(current.content, row)) return { result: unchanged(current) };
  return {
    result: { status: 200, changed: true, version: row.stored },
    write: (writes) => void writes.updates.push(row),
  };
}

/** Deleting what is not there, or not any more, is no error (R4 3.1.0.7). */
function remove(context: Context, draft: Draft, change: DeleteChange, known: Known): Decision {
  const { type } = change;
  const removals: Removal[] = [];
  let last: Version | undefined;
  for (const id of idsOf(draft)) {
    const standing = known.get(`${type}/${id}`);
    checkVersion(change, `${type}/${id}`, standing);
    if (standing?.seq === undefined) continue;
    const vid = context.clock.next(standing.vid);
    removals.push({
      rk: String(context.hasher.row(type, id)),
      vid: String(vid),
      base: standing.version,
    });
    const version = standing.version + 1;
    last = {
      ...{ type, id, version, lastUpdated: vidTime(vid), method: 'DELETE', content: '' },
      patient: standing.current?.patient,
    };
  }
  const result: ChangeResult = {
    status: 204,
    changed: removals.length > 0,
    deleted: removals.length,
  };
  if (last && removals.length === 1) result.version = last;
  return { result, write: (writes) => void writes.removals.push(...removals) };
}
