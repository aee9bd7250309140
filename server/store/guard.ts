import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { forbidden, limitOf } from './access.ts';
import { visibleResource, visibleVersion } from './access-check.ts';
import { fitsContent, type Looks } from './access-fits.ts';
import type { Context } from './context.ts';
import { notFound } from './not-found.ts';
import type { Actor, HistoryPage, HistoryQuery, Store, Version } from './store.ts';

type Verbs = Pick<Store, 'read' | 'vread' | 'history'>;

/**
 * The verbs that reach resources by their names, for actors whose access is limited: what may not be
 * seen answers like what does not exist. Searches, records and writes are restricted where they are made.
 */
export function guarded(context: Context, inner: Verbs): Verbs {
  return {
    read: (actor, type, id) =>
      limitOf(actor, type, 'r') === 'all'
        ? inner.read(actor, type, id)
        : readSeen({ context, inner, actor }, type, id),
    vread: async (actor, type, id, versionId) => {
      if (limitOf(actor, type, 'r') === 'all') return inner.vread(actor, type, id, versionId);
      const seen = await see(context, actor, { type, id });
      if (seen === 'any') return inner.vread(actor, type, id, versionId);
      const version = await unlessMissing(inner.vread(actor, type, id, versionId));
      const fits = version && (await versionsOf(context, actor, [version])).length > 0;
      if (!fits) throw noVersion(type, id, versionId);
      return version;
    },
    history: async (actor, query) => {
      if (!actor.access) return inner.history(actor, query);
      const { type, id } = query;
      if (type === undefined || id === undefined) {
        refuseLimited(context, actor, query);
        return inner.history(actor, query);
      }
      const seen = await see(context, actor, { type, id });
      return seen === 'any'
        ? inner.history(actor, query)
        : visibleVersions({ context, inner, actor }, query);
    },
  };
}

async function see(
  context: Context,
  actor: Actor,
  { type, id }: { type: string; id: string },
): Promise<number | 'any'> {
  const seen = await visibleVersion(context, actor, { type, id }, 'r');
  if (seen === undefined) throw notFound(type, id);
  return seen;
}

/** What is judged and what is read is one version. */
async function readSeen(
  { context, inner, actor }: { context: Context; inner: Verbs; actor: Actor },
  type: string,
  id: string,
): Promise<Version> {
  const seen = await visibleResource(context, actor, { type, id });
  if (seen === 'any') return inner.read(actor, type, id);
  if (!seen) throw notFound(type, id);
  return seen;
}

/** Undefined for what is not there, or not any more. */
async function unlessMissing(work: Promise<Version>): Promise<Version | undefined> {
  try {
    return await work;
  } catch (error) {
    const missing = error instanceof FhirError && ['not-found', 'gone'].includes(error.kind);
    if (missing) return undefined;
    throw error;
  }
}

/** Says the same of versions that never were, of deletions and of what was another's. */
const noVersion = (type: string, id: string, versionId: string): FhirError =>
  new FhirError(
    'not-found',
    `${type}/${id} has no version ${versionId.slice(0, 64)} that you may see. Those are listed at ` +
      `${type}/${id}/_history.`,
  );

/** Those of the versions that are within reach as they were. */
async function versionsOf(
  context: Context,
  actor: Actor,
  versions: readonly Version[],
): Promise<Version[]> {
  const looks: Looks = { context, run: context.db.steady, known: new Map() };
  const shown: Version[] = [];
  for (const version of versions) {
    const { type, content } = version;
    const limit = limitOf(actor, type, 'r');
    if (limit === 'none' || content === '') continue;
    const fits =
      limit === 'all' || (await fitsContent(looks, parseJson(content) as Resource, limit));
    if (fits === true) shown.push(version);
  }
  return shown;
}

/**
 * Versions of a time when the resource was another's are not shown, nor how many there are: a page is
 * filled with those that follow.
 */
async function visibleVersions(
  { context, inner, actor }: { context: Context; inner: Verbs; actor: Actor },
  query: HistoryQuery,
): Promise<HistoryPage> {
  const versions: Version[] = [];
  let asked = query;
  for (;;) {
    const page = await inner.history(actor, asked);
    versions.push(...(await versionsOf(context, actor, page.versions)));
    const { next } = page;
    if (next === undefined) return { versions };
    if (versions.length === query.count) return { versions, next };
    asked = { ...query, cursor: next, count: query.count - versions.length };
  }
}

/** What has been has no rows to search in: the history of a type is for those who may see all of it. */
function refuseLimited({ definitions }: Context, actor: Actor, { type }: HistoryQuery): void {
  const types = type === undefined ? definitions.resourceTypes : [type];
  for (const one of types) {
    const limit = limitOf(actor, one, 's');
    if (limit === 'none') throw forbidden(one, 's');
    if (limit === 'all') continue;
    throw new FhirError(
      'forbidden',
      `You may see some ${one} resources only, so you may not ask for the history of all of them. ` +
        `Ask for that of one: ${one}/[id]/_history.`,
    );
  }
}
