import { loadSql } from '../db/db.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService } from './types.ts';

/** Links that let somebody choose a password, once: the first administrator, and who is invited. */

const OPEN_SETUP = loadSql(import.meta.url, 'link-setup.sql');
const INVITE = loadSql(import.meta.url, 'link-invite.sql');
const PEEK = loadSql(import.meta.url, 'link-peek.sql');

/** Seconds. Whoever starts Kiln is there; after that, another start makes another link. */
const SETUP = 2 * 3600;
/** Seconds. */
const INVITATION = 3 * 24 * 3600;

/** What a link that can still be used is for. */
export interface Link {
  purpose: 'setup' | 'invite';
  /** The invited user. */
  userId: string | undefined;
}

/**
 * A link to make the first administrator with, good once and for two hours; the ones made before end.
 * Undefined once there is an administrator. To be printed at the start, and nowhere else.
 */
export async function setupLink(service: AuthService): Promise<string | undefined> {
  const secret = newSecret();
  const now = service.now() / 1000;
  const made = await service.db.tuples(OPEN_SETUP, [hashOf(secret), now + SETUP]);
  return made.length > 0 ? addressOfLink(service, secret) : undefined;
}

/**
 * A link with which this user chooses a password, good once and for three days; the ones made before
 * end. Undefined where there is no such user or they are disabled.
 */
export async function invitationLink(
  service: AuthService,
  userId: string,
): Promise<string | undefined> {
  const secret = newSecret();
  const until = service.now() / 1000 + INVITATION;
  const made = await service.db.tuples(INVITE, [hashOf(secret), until, userId]);
  return made.length > 0 ? addressOfLink(service, secret) : undefined;
}

/** What a link is for, without using it; undefined where it cannot be used (any more). */
export async function peekLink(service: AuthService, secret: string): Promise<Link | undefined> {
  const values = [hashOf(secret), service.now() / 1000];
  const [row] = await service.db.steady<[Link['purpose'], string | null]>(PEEK, values);
  return row && { purpose: row[0], userId: row[1] ?? undefined };
}

const addressOfLink = ({ config }: AuthService, secret: string): string =>
  `${config.origin}/auth/setup?token=${secret}`;
