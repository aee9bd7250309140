import { loadSql } from '../db/db.ts';
import { type By, byKiln } from './audit.ts';
import { revokeGrantsOf } from './grants.ts';
import type { AuthService, Client, ClientAuth, ClientSettings } from './types.ts';

/** The table of clients: applications and systems that may ask for tokens. */

const FIND = loadSql(import.meta.url, 'client-find.sql');
const ALL = loadSql(import.meta.url, 'clients.sql');
const SAVE = loadSql(import.meta.url, 'client-save.sql');
const SECRET = loadSql(import.meta.url, 'client-secret.sql');
const DISABLE = loadSql(import.meta.url, 'client-disable.sql');

/** A client with what administrators see of it; times in Unix seconds. */
export interface ClientRecord {
  client: Client;
  createdAt: number;
  disabledAt: number | undefined;
}

/** So long another process may go on with what it knows of a client. */
const KEEP_MS = 5000;
const MOST_KEPT = 1000;
/** RFC 6749 A.1, without the space; also keeps NUL away from the database. */
const ID = /^[\x21-\x7e]{1,200}$/;

type Kept = Map<string, { client: Client | undefined; until: number }>;
const kept = new WeakMap<AuthService, Kept>();

/** The client, unless it is disabled or there is none. At most 5 s old. */
export async function findClient(service: AuthService, id: string): Promise<Client | undefined> {
  const known = keptClient(service, id);
  if (known) return known.client;
  const cache = keptBy(service);
  const record = await clientRecord(service, id);
  const client = record?.disabledAt === undefined ? record?.client : undefined;
  // Ids that nobody has are not kept: anyone can make them up.
  if (record) keep(cache, id, { client, until: service.now() + KEEP_MS });
  return client;
}

/** What `findClient` would give without waiting; undefined where it would have to look. */
export function keptClient(
  service: AuthService,
  id: string,
): { client: Client | undefined } | undefined {
  const known = keptBy(service).get(id);
  return known && known.until > service.now() ? known : undefined;
}

/** The client as the table has it now, disabled or not. */
export async function clientRecord(
  { db }: AuthService,
  id: string,
): Promise<ClientRecord | undefined> {
  if (!ID.test(id)) return undefined;
  const [row] = await db.fast<Row>(FIND, [id]);
  return row && recordOf(row);
}

/** All clients in the order of their ids. */
export async function listClients({ db }: AuthService): Promise<ClientRecord[]> {
  return (await db.tuples<Row>(ALL)).map(recordOf);
}

/** Creates the client or changes it. One that is disabled stays so. */
export async function saveClient(service: AuthService, client: Client): Promise<void> {
  const { id, name, auth, secretHash, jwks, jwksUri, redirectUris, launchUris } = client;
  await service.db.execute(SAVE, [
    ...[id, name, auth, secretHash ?? null, jwks ? JSON.stringify(jwks) : null, jwksUri ?? null],
    ...[redirectUris, launchUris, client.grants, client.scopes, client.roles],
    ...[JSON.stringify(client.settings), service.now() / 1000],
  ]);
  keptBy(service).delete(id);
}

/** Gives a client another secret; false where it is none with secrets. The old one ends. */
export async function setClientSecret(
  service: AuthService,
  id: string,
  secretHash: string,
): Promise<boolean> {
  const changed = await service.db.execute(SECRET, [id, secretHash]);
  keptBy(service).delete(id);
  return changed === 1;
}

/** Ends all that a client may do, its tokens included. False where there is none of this id. */
export async function disableClient(
  service: AuthService,
  id: string,
  by: By = byKiln,
): Promise<boolean> {
  const changed = await service.db.execute(DISABLE, [id, service.now() / 1000]);
  keptBy(service).delete(id);
  const cause = { by, why: 'the client was disabled' };
  if (changed === 1) await revokeGrantsOf(service, { clientId: id }, cause);
  return changed === 1;
}

/** Lets a client ask for tokens again; what it had before stays revoked. */
export async function enableClient(service: AuthService, id: string): Promise<boolean> {
  const changed = await service.db.execute(DISABLE, [id, null]);
  keptBy(service).delete(id);
  return changed === 1;
}

function keptBy(service: AuthService): Kept {
  const cache = kept.get(service) ?? new Map();
  kept.set(service, cache);
  return cache;
}

function keep(cache: Kept, id: string, entry: { client: Client | undefined; until: number }): void {
  if (cache.size >= MOST_KEPT) cache.clear();
  cache.set(id, entry);
}

type Row = [
  ...[id: string, name: string, auth: ClientAuth, secretHash: string | null],
  ...[jwks: NonNullable<Client['jwks']> | null, jwksUri: string | null],
  ...[redirectUris: string[], launchUris: string[], grants: string[], scopes: string],
  ...[roles: string[], settings: ClientSettings, createdAt: number, disabledAt: number | null],
];

function recordOf(row: Row): ClientRecord {
  const [id, name, auth, secretHash, jwks, jwksUri, ...rest] = row;
  const [redirectUris, launchUris, grants, scopes, roles, settings, createdAt, disabledAt] = rest;
  const client: Client = {
    ...{ id, name, auth, redirectUris, launchUris, grants, scopes, roles, settings },
    secretHash: secretHash ?? undefined,
    jwks: jwks ?? undefined,
    jwksUri: jwksUri ?? undefined,
  };
  return { client, createdAt, disabledAt: disabledAt ?? undefined };
}
