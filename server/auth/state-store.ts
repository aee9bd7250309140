import { randomUUID } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { isObject, stringify } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { StateKey } from './state-rights.ts';
import type { AuthService } from './types.ts';

/** The table of app state: apart from the Basic of records, which no search of theirs finds. */

const INSERT = loadSql(import.meta.url, 'state-insert.sql');
const UPDATE = loadSql(import.meta.url, 'state-update.sql');
const DELETE = loadSql(import.meta.url, 'state-delete.sql');
const FIND = loadSql(import.meta.url, 'state-find.sql');
const SEARCH = loadSql(import.meta.url, 'state-search.sql');

/** How many states there may be of one code and subject, and of all codes of a subject. */
export const MOST = { key: 20, subject: 200 };

export interface OwnedKey extends StateKey {
  owner: string;
}

export interface State {
  id: string;
  version: number;
  key: OwnedKey;
  /** Basic as JSON text. */
  content: string;
}

/** Keeps new state; undefined where there is too much already. */
export async function insertState(
  service: AuthService,
  key: OwnedKey,
  basic: JsonObject,
): Promise<State | undefined> {
  const id = randomUUID();
  const content = stamped(service, basic, { id, version: 1 });
  const { owner, system, code, subject } = key;
  const values = [id, owner, system, code, subject, content, service.now() / 1000];
  const made = await service.db.execute(INSERT, [...values, MOST.key, MOST.subject]);
  return made === 1 ? { id, version: 1, key, content } : undefined;
}

/** Changes state that is at this version; undefined where it no longer is. */
export async function updateState(
  service: AuthService,
  { id, version, key }: Omit<State, 'content'>,
  basic: JsonObject,
): Promise<State | undefined> {
  const next = version + 1;
  const content = stamped(service, basic, { id, version: next });
  const values = [id, version, content, service.now() / 1000];
  const changed = await service.db.execute(UPDATE, values);
  return changed === 1 ? { id, version: next, key, content } : undefined;
}

/** Deletes state that is at this version; false where it no longer is. */
export const deleteState = async (
  { db }: AuthService,
  { id, version }: Pick<State, 'id' | 'version'>,
): Promise<boolean> => (await db.execute(DELETE, [id, version])) === 1;

type Row = [id: string, version: number, content: string, ...key: string[]];

export async function findState({ db }: AuthService, id: string): Promise<State | undefined> {
  if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
  const [row] = await db.tuples<Row>(FIND, [id]);
  if (!row) return undefined;
  const [, version, content, owner = '', system = '', code = '', subject = ''] = row;
  return { id, version, content, key: { owner, system, code, subject } };
}

/** All states of a key, those changed last at the end. */
export async function searchStates({ db }: AuthService, key: OwnedKey): Promise<State[]> {
  const { owner, system, code, subject } = key;
  const rows = await db.tuples<Row>(SEARCH, [owner, system, code, subject]);
  return rows.map(([id, version, content]) => ({ id, version, content, key }));
}

function stamped(
  { now }: AuthService,
  { meta, resourceType = 'Basic', id: _, ...rest }: JsonObject,
  { id, version }: Pick<State, 'id' | 'version'>,
): string {
  const lastUpdated = new Date(now()).toISOString();
  const given = isObject(meta) ? meta : {};
  return stringify({
    ...{ resourceType, id, meta: { ...given, versionId: String(version), lastUpdated } },
    ...rest,
  });
}
