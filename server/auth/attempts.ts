import { loadSql } from '../db/db.ts';
import { hashOf } from './secrets.ts';
import { type AuthService, OAuthError } from './types.ts';

/**
 * How often passwords may be tried. Failures in a row make the next attempt wait, twice as long each
 * time up to a bound, and nobody is shut out for good: attempts made while waiting do not count.
 */
interface Patience {
  /** Attempts without any wait. */
  free: number;
  /** Longest wait in seconds. */
  longest: number;
}

/** Of one login from one address. */
const here: Patience = { free: 5, longest: 300 };
/**
 * Of one login from all addresses together. It holds up those from where the login has never signed
 * in, so that a stranger's guesses do not lock a doctor out.
 */
const everywhere: Patience = { free: 30, longest: 60 };

/** Seconds: without an attempt for so long, all is as at the first. */
const FORGET = 3600;
/** Seconds for which an address stays one that a login has signed in from. */
const KNOWN = 90 * 24 * 3600;

const count = loadSql(import.meta.url, 'attempt.sql');
const blocked = loadSql(import.meta.url, 'attempt-blocked.sql');
const clear = loadSql(import.meta.url, 'attempt-clear.sql');
const remember = loadSql(import.meta.url, 'attempt-remember.sql');
const isKnown = loadSql(import.meta.url, 'attempt-known.sql');
const sweep = loadSql(import.meta.url, 'attempt-sweep.sql');

/** Who tries: a login as `normalLogin` spells it, whether anybody has it or not; and `addressOf`. */
export interface Trial {
  login: string;
  address: string;
}

/**
 * Counts an attempt, before its outcome is known, so that attempts side by side count too. Throws
 * OAuthError 429 where it has to wait.
 */
export async function beginAttempt(service: AuthService, trial: Trial): Promise<void> {
  const keys = keysOf(trial);
  await countOne(service, keys.here, here);
  if (!(await knows(service, keys.known))) await countOne(service, keys.everywhere, everywhere);
}

/** After the right password: the counts begin anew, and the address is known from now on. */
export async function succeedAttempt(service: AuthService, trial: Trial): Promise<void> {
  const keys = keysOf(trial);
  await service.db.execute(clear, [[keys.here, keys.everywhere]]);
  await service.db.execute(remember, [keys.known, seconds(service)]);
}

/** Removes what no longer matters. To be called now and then. */
export async function sweepAttempts(service: AuthService): Promise<void> {
  await service.db.execute(sweep, [seconds(service), FORGET, KNOWN]);
}

/** Hashes: people type passwords into the field for the login. */
function keysOf({ login, address }: Trial): Record<'here' | 'everywhere' | 'known', string> {
  const hash = (text: string): string => hashOf(text).toString('base64url');
  const both = hash(`${address} ${login}`);
  return { here: `try:${both}`, everywhere: `login:${hash(login)}`, known: `known:${both}` };
}

async function countOne(service: AuthService, key: string, patience: Patience): Promise<void> {
  const { free, longest } = patience;
  const now = seconds(service);
  const counted = await service.db.execute(count, [key, now, free, longest, FORGET]);
  if (counted > 0) return;
  const [row] = await service.db.steady<[number]>(blocked, [key, now]);
  const wait = Math.max(1, Math.ceil(row?.[0] ?? 1));
  const text = `Too many attempts. The next one is possible in ${wait} second${wait === 1 ? '' : 's'}.`;
  throw new OAuthError('slow_down', text, 429, wait);
}

const knows = async (service: AuthService, key: string): Promise<boolean> =>
  (await service.db.steady(isKnown, [key, seconds(service), KNOWN])).length > 0;

const seconds = (service: AuthService): number => service.now() / 1000;
