import { FhirError } from '../fhir/error.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { forbidden, type Limit, limitOf, limitOfAll } from './access.ts';
import { fitting, hidden, isVisible } from './access-check.ts';
import { fitsContent } from './access-fits.ts';
import type { Context } from './context.ts';
import type { Actor, HistoryPage, HistoryQuery, SearchPage, Store, Version } from './store.ts';

type Verbs = Pick<Store, 'read' | 'vread' | 'history' | 'everything'>;

/**
 * The verbs that reach resources by their names, for actors whose access is limited: what may not be
 * seen answers like what does not exist. Searches and writes are restricted where they are made.
 */
export function guarded(context: Context, inner: Verbs): Verbs {
  return {
    read: async (actor, type, id) => {
      if (actor.access) await see(context, actor, type, id);
      return inner.read(actor, type, id);
    },
    vread: async (actor, type, id, versionId) => {
      if (!actor.access) return inner.vread(actor, type, id, versionId);
      await see(context, actor, type, id);
      const version = await inner.vread(actor, type, id, versionId);
      if (!fitsVersion(context, version, limitOf(actor, type, 'r'))) throw hidden(type, id);
      return version;
    },
    history: async (actor, query) => {
      if (!actor.access) return inner.history(actor, query);
      const { type, id } = query;
      if (type !== undefined && id !== undefined) {
        await see(context, actor, type, id);
        const page = await inner.history(actor, query);
        return visibleVersions(context, page, limitOf(actor, type, 'r'));
      }
      refuseLimited(context, actor, query);
      return inner.history(actor, query);
    },
    everything: async (actor, query) => {
      if (!actor.access) return inner.everything(actor, query);
      await see(context, actor, query.type, query.id);
      return visiblePage(context, actor, await inner.everything(actor, query));
    },
  };
}

async function see(context: Context, actor: Actor, type: string, id: string): Promise<void> {
  if (!(await isVisible(context, actor, { type, id }, 'r'))) throw hidden(type, id);
}

function fitsVersion(context: Context, version: Version, limit: Limit): boolean {
  if (typeof limit === 'string') return limit === 'all';
  if (version.content === '') return false;
  return fitsContent(context, parseJson(version.content) as Resource, limit) === true;
}

/** Versions of a time when the resource was another's are not shown, nor how many there are. */
function visibleVersions(context: Context, page: HistoryPage, limit: Limit): HistoryPage {
  if (limit === 'all') return page;
  const { total: _, ...rest } = page;
  return { ...rest, versions: page.versions.filter((one) => fitsVersion(context, one, limit)) };
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

/** The members of a record that the actor may see; those left out are in no count. */
async function visiblePage(context: Context, actor: Actor, page: SearchPage): Promise<SearchPage> {
  const visible = limitOfAll(actor, context.definitions.resourceTypes, 'r', 's');
  if (!visible) return page;
  const keyOf = ({ type, id }: Version): string => String(context.hasher.row(type, id));
  const keys = [...page.matches, ...page.included].map(keyOf);
  const found = await fitting(context, context.db.steady, keys, visible);
  const shown = (list: Version[]): Version[] => list.filter((one) => found.has(keyOf(one)));
  const { total: _, ...rest } = page;
  return { ...rest, matches: shown(page.matches), included: shown(page.included) };
}
