import { loadSql } from '../db/db.ts';
import { browserOf, knownBrowser } from './browser.ts';
import type { AuthContext } from './route.ts';
import { hashOf } from './secrets.ts';
import type { AuthService } from './types.ts';
import type { Expected } from './upstream.ts';

/** Who has gone to the identity provider to sign in, from which browser and what for. */

const BEGIN = loadSql(import.meta.url, 'upstream-begin.sql');
const TAKE = loadSql(import.meta.url, 'upstream-take.sql');

/** Seconds to sign in there. */
const LIFETIME = 15 * 60;

export interface Journey {
  expected: Expected;
  /** Of the authorization request. */
  handle?: string | undefined;
  next?: string | undefined;
  /** They had to sign in anew since then (unix ms). */
  freshSince?: number | undefined;
}

/** Keeps the journey of this browser under `state`; those that never ended are cleared away. */
export async function beginJourney(
  service: AuthService,
  context: AuthContext,
  ...[state, journey]: [string, Journey]
): Promise<void> {
  const details = { ...journey, browser: browserOf(service, context).toString('base64') };
  const now = service.now() / 1000;
  await service.db.execute(BEGIN, [hashOf(state), JSON.stringify(details), now + LIFETIME, now]);
}

/** The journey under `state`, once, and only in the browser that began it. */
export async function endJourney(
  service: AuthService,
  context: AuthContext,
  state: string,
): Promise<Journey | undefined> {
  const browser = knownBrowser(service, context);
  if (browser === undefined) return undefined;
  const values = [hashOf(state), browser.toString('base64'), service.now() / 1000];
  const [row] = await service.db.tuples<[Journey]>(TAKE, values);
  return row?.[0];
}
