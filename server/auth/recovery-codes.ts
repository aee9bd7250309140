import { randomBytes } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { addressOf } from './address.ts';
import { beginAttempt, succeedAttempt } from './attempts.ts';
import type { AuthContext } from './route.ts';
import { hashOf } from './secrets.ts';
import type { AuthService } from './types.ts';

/** Codes for who has lost their passkey: shown once, kept as hashes, each good once. */

const NEW = loadSql(import.meta.url, 'recovery-new.sql');
const USE = loadSql(import.meta.url, 'recovery-use.sql');
const LEFT = loadSql(import.meta.url, 'recovery-left.sql');
const DROP = loadSql(import.meta.url, 'recovery-drop.sql');

const CODES = 10;
/** 80 bits each: too many to guess even for who has the hashes. */
const LETTERS = 16;
/** Crockford's base 32: none looks like another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** New codes in place of those there were, to be shown this once. */
export async function newRecoveryCodes(service: AuthService, userId: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  const hashes = codes.map((code) => hashOf(plain(code)));
  await service.db.execute(NEW, [userId, hashes]);
  return codes;
}

function newCode(): string {
  const letters = [...randomBytes(LETTERS)].map((byte) => ALPHABET[byte % ALPHABET.length]);
  return letters.join('').replace(/(.{4})(?!$)/g, '$1-');
}

/** As it is compared, however somebody types it. */
const plain = (code: string): string =>
  code
    .slice(0, 100)
    .toLowerCase()
    .replace(/[^0-9a-z]/g, '')
    .replaceAll('o', '0')
    .replace(/[il]/g, '1');

/**
 * Uses a code up: how many are left, or undefined where it is none of the user's (any more). Wrong
 * ones have to wait like wrong passwords: throws OAuthError 429.
 */
export async function useRecoveryCode(
  service: AuthService,
  context: AuthContext,
  ...[userId, code]: [string, string]
): Promise<number | undefined> {
  const trial = { login: `recovery ${userId}`, address: addressOf(service, context) };
  await beginAttempt(service, trial);
  const values = [userId, hashOf(plain(code)), service.now() / 1000];
  const [row] = await service.db.tuples<[number]>(USE, values);
  if (row) await succeedAttempt(service, trial);
  return row?.[0];
}

export async function recoveryCodesLeft(service: AuthService, userId: string): Promise<number> {
  const [row] = await service.db.steady<[number]>(LEFT, [userId]);
  return row?.[0] ?? 0;
}

/** Takes the codes away from who has no passkey any more. */
export async function dropRecoveryCodes(service: AuthService, userId: string): Promise<void> {
  await service.db.execute(DROP, [userId]);
}
