import { loadSql } from '../db/db.ts';
import type { AuthService } from './types.ts';
import type { NewPasskey } from './webauthn.ts';

/** The table of passkeys and security keys. */

const ALL = loadSql(import.meta.url, 'passkeys.sql');
const FIND = loadSql(import.meta.url, 'passkey-find.sql');
const ADD = loadSql(import.meta.url, 'passkey-add.sql');
const USE = loadSql(import.meta.url, 'passkey-use.sql');
const RENAME = loadSql(import.meta.url, 'passkey-rename.sql');
const REMOVE = loadSql(import.meta.url, 'passkey-remove.sql');

/** Nobody carries more of them about. */
const MOST = 20;

/** Times in Unix milliseconds. */
export interface Passkey extends NewPasskey {
  userId: string;
  name: string;
  createdAt: number;
  usedAt: number | undefined;
}

/** Those of a user, the oldest first. */
export async function passkeysOf(service: AuthService, userId: string): Promise<Passkey[]> {
  return (await service.db.steady<Row>(ALL, [userId])).map(passkeyOf);
}

/** Undefined where there is none, or its user is disabled. */
export async function findPasskey(service: AuthService, id: string): Promise<Passkey | undefined> {
  const [row] = await service.db.steady<Row>(FIND, [id]);
  return row && passkeyOf(row);
}

/** False where it is registered already, or the user has as many as one may have. */
export async function addPasskey(
  service: AuthService,
  userId: string,
  { name, ...made }: NewPasskey & { name: string },
): Promise<boolean> {
  const { id, publicKey, counter, transports, synced } = made;
  const values = [id, userId, name, publicKey, counter, transports, synced, service.now() / 1000];
  return (await service.db.tuples(ADD, [...values, MOST])).length === 1;
}

/** Notes a use; false where the counter has not grown, the passkey is gone, or its user disabled. */
export async function usePasskey(
  service: AuthService,
  { id, counter }: { id: string; counter: number },
): Promise<boolean> {
  return (await service.db.tuples(USE, [id, counter, service.now() / 1000])).length === 1;
}

/** Whose passkey, by its id. */
export interface Own {
  id: string;
  userId: string;
}

/** False where the user has no such passkey. */
export async function renamePasskey(
  service: AuthService,
  { id, userId }: Own,
  name: string,
): Promise<boolean> {
  return (await service.db.tuples(RENAME, [id, userId, name])).length === 1;
}

/** False where the user has no such passkey, or it is the last one and has to stay. */
export async function removePasskey(
  service: AuthService,
  { id, userId }: Own,
  { even: last }: { even: 'the last' | 'not the last' },
): Promise<boolean> {
  return (await service.db.tuples(REMOVE, [id, userId, last === 'the last'])).length === 1;
}

type Row = readonly [
  ...[id: string, userId: string, name: string, publicKey: Buffer, counter: number],
  ...[transports: string[], synced: boolean, createdAt: number, usedAt: number | null],
];

function passkeyOf(row: Row): Passkey {
  const [id, userId, name, publicKey, counter, transports, synced, createdAt, usedAt] = row;
  return {
    ...{ id, userId, name, publicKey, counter, transports, synced },
    createdAt: createdAt * 1000,
    usedAt: usedAt === null ? undefined : usedAt * 1000,
  };
}
