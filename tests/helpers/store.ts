import { type Db, openDatabase } from '../../server/db/db.ts';
import { planBundle } from '../../server/fhir/bundle.ts';
import { FhirError } from '../../server/fhir/error.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { changeOf } from '../../server/rest/bundle-change.ts';
import type {
  Actor,
  Change,
  ChangeResult,
  SearchPage,
  Store,
  StoreConfig,
} from '../../server/store/store.ts';
import { createStore } from '../../server/store/store.ts';
import { freshDatabase } from './postgres.ts';

export const definitions = loadDefinitions();
export const BASE = 'http://localhost/fhir';
export const actor: Actor = { kind: 'system', name: 'test' };

/** Several stores on one fresh database, as several server processes share it. */
export interface OpenStores {
  stores: [Store, ...Store[]];
  db: Db;
  close(): Promise<void>;
}

/** Opens stores, each with a database pool of its own. */
export async function openStores(
  count = 1,
  config: Partial<StoreConfig> = {},
): Promise<OpenStores> {
  const fresh = await freshDatabase();
  const dbs = await Promise.all(Array.from({ length: count }, () => openDatabase(fresh.options)));
  const settings: StoreConfig = { bases: [BASE], zone: 0, integrity: 'off', ...config };
  const stores: Store[] = [];
  for (const db of dbs) stores.push(await createStore({ db, definitions, config: settings }));
  const [db] = dbs;
  const [first, ...others] = stores;
  if (!db || !first) throw new Error('at least one store');
  return {
    stores: [first, ...others],
    db,
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await Promise.all(dbs.map((one) => one.close()));
      await fresh.drop();
    },
  };
}

/** Commits one change. */
export async function commitOne(store: Store, change: Change): Promise<ChangeResult> {
  const [result] = await store.commit(actor, [change]);
  if (!result) throw new Error('a commit without a result');
  return result;
}

/** Commits a transaction bundle; results in its processing order (DELETE, POST, PUT and PATCH). */
export async function transact(store: Store, entry: JsonObject[]): Promise<ChangeResult[]> {
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry };
  const plan = planBundle(bundle, { newId: store.newId, bases: [BASE], definitions });
  return store.commit(actor, plan.order.map(changeOf), { plan });
}

/** What a refused piece of work was refused as; `'done'` where it was not. Other errors are thrown. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof FhirError) return error.kind;
    throw error;
  }
}

/** How often each text occurs. */
export function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

/** Update (or create) under the resource's id. */
export const put = (resource: Resource & { id: string }): Change => ({
  method: 'update',
  type: resource.resourceType,
  id: resource.id,
  resource,
});

/** `Patient?name=x&_sort=..`, encoded as in a URL; types are separated by commas. */
export function queryOf(text: string, cursor?: string): SearchQuery {
  const [types = '', search = ''] = text.split(/\?(.*)/s);
  const params = [...new URLSearchParams(search)];
  if (cursor !== undefined) params.push(['_cursor', cursor]);
  return parseQuery({
    ...{ definitions, bases: [BASE], zone: 0, now: Date.now(), lenient: false },
    ...{ types: types.split(','), params, count: 1000, maxCount: 1000 },
  });
}

/** Why a search is refused: its issues in one text. */
export function refusal(text: string): string {
  try {
    queryOf(text);
  } catch (error) {
    if (error instanceof FhirError) return error.issues.map((one) => one.diagnostics).join(' ');
    throw error;
  }
  throw new Error('it was not refused');
}

/** One page of a search given as text. */
export const find = (store: Store, text: string, cursor?: string): Promise<SearchPage> =>
  store.search(actor, queryOf(text, cursor));

/** Ids of the matches of a search, in its order. */
export const idsOf = async (store: Store, text: string): Promise<string[]> =>
  (await find(store, text)).matches.map(({ id }) => id);

/** Ids of all matches, page by page. */
export async function walk(
  store: Store,
  text: string,
  between: () => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await find(store, text, cursor);
    ids.push(...page.matches.map(({ id }) => id));
    cursor = page.next;
    if (ids.length > 5000) throw new Error('the pages do not end');
    await between();
  } while (cursor !== undefined);
  return ids;
}
