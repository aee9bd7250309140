import { createHash, timingSafeEqual } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { readCookie } from './cookies.ts';
import type { AuthContext } from './route.ts';
import { newSecret } from './secrets.ts';
import { type AuthService, OAuthError } from './types.ts';

/**
 * Forms that may be sent once, by the session they were shown to: pressing the button twice does
 * not do twice what they are for, and nobody can have them sent by another.
 */

const USE = loadSql(import.meta.url, 'assertion-use.sql');
/** Where used ones are kept, among the assertions of clients; no client has an id with a space. */
const PLACE = 'a form';
const LIFETIME = 3600;

/** The value of the hidden field `handle`. */
export function newHandle(service: AuthService, context: AuthContext): string {
  const about = `${newSecret()}.${Math.floor(service.now() / 1000) + LIFETIME}`;
  return `${about}.${seal(service, context, about).toString('base64url')}`;
}

/** @throws OAuthError where the handle was used, is too old, or was not given to this session */
export async function useHandle(
  service: AuthService,
  context: AuthContext,
  handle = '',
): Promise<void> {
  const [nonce = '', until = '', mac = ''] = handle.split('.');
  const kept = Buffer.from(mac, 'base64url');
  const right = seal(service, context, `${nonce}.${until}`);
  const now = service.now() / 1000;
  const isOurs = kept.length === right.length && timingSafeEqual(kept, right);
  if (isOurs && Number(until) > now) {
    const used = await service.db.execute(USE, [PLACE, nonce, Number(until), now]);
    if (used === 1) return;
  }
  throw new OAuthError(
    'invalid_request',
    'This form was sent before, or is too old. Open it again.',
  );
}

/** Only who has the cookie can make it. */
const seal = (service: AuthService, context: AuthContext, about: string): Buffer =>
  createHash('sha256')
    .update(`${readCookie(service, context, 'session')} ${about}`)
    .digest();
