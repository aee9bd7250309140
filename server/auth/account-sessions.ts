import { loadSql } from '../db/db.ts';
import { ACCOUNT, signedIn, type Visit } from './account-visit.ts';
import { byOf, note } from './audit.ts';
import { type Form, required } from './form.ts';
import { revokeGrantsOf } from './grants.ts';
import { pageRoute } from './interaction.ts';
import type { AuthRoute } from './route.ts';
import { idleSeconds } from './sessions.ts';

/** The browsers at which somebody is signed in, to end each by itself. */

const LIST = loadSql(import.meta.url, 'session-list.sql');
const END = loadSql(import.meta.url, 'session-end-one.sql');

export const routes: readonly AuthRoute[] = [
  pageRoute('POST', '/auth/account/sessions/end', signedIn(endOne)),
];

/** Times in Unix milliseconds. */
export interface SignedInAt {
  id: string;
  methods: readonly string[];
  /** Browser and system in words. */
  device: string | undefined;
  since: number;
  seen: number;
  /** The one that asks. */
  here: boolean;
}

type Row = readonly [string, readonly string[], string | null, number, number];

/** The sessions of whoever asks, the last seen first. */
export async function sessionsOf({ service, session }: Visit): Promise<SignedInAt[]> {
  const values = [session.user.id, service.now() / 1000, idleSeconds(service)];
  const rows = await service.db.steady<Row>(LIST, values);
  return rows.map(([id, methods, device, since, seen]) => ({
    ...{ id, methods, device: device ?? undefined, here: id === session.id },
    ...{ since: since * 1000, seen: seen * 1000 },
  }));
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** POST /auth/account/sessions/end: nothing happens to those of others. */
async function endOne({ service, context, session }: Visit, form: Form): Promise<Response> {
  const id = required(form, 'id');
  const values = [id, session.user.id, service.now() / 1000];
  const ended = ID.test(id) ? await service.db.tuples<[string]>(END, values) : [];
  const { user } = session;
  const by = byOf(service, context, { user });
  const why = 'signed out there by their owner';
  for (const [sessionId] of ended) {
    await revokeGrantsOf(service, { sessionId, onlineOnly: true }, { by, why });
    await note(service, 'logout', { by, text: why, pairs: { session: sessionId, user: user.id } });
  }
  return context.redirect(`${ACCOUNT}?done=session`, 303);
}
