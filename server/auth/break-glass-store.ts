import { randomUUID } from 'node:crypto';
import { loadSql } from '../db/db.ts';
import { FhirError } from '../fhir/error.ts';
import type { Actor, Transaction } from '../store/store.ts';
import { type By, note } from './audit.ts';
import { reviewTask } from './break-glass-task.ts';
import { revokeGrant } from './grants.ts';
import { type AuthService, type Grant, OAuthError, type User } from './types.ts';

/** Breaking the glass as the table has it: begun, granted, ended. */

const LIVE = loadSql(import.meta.url, 'break-glass-live.sql');
const SESSION = loadSql(import.meta.url, 'break-glass-session.sql');
const ADD = loadSql(import.meta.url, 'break-glass-add.sql');
const GRANT = loadSql(import.meta.url, 'break-glass-grant.sql');
const END = loadSql(import.meta.url, 'break-glass-end.sql');

/** Times in Unix milliseconds. */
export interface Glass {
  /** Of the grant, and of the Task of who reviews it. */
  id: string;
  userId: string;
  clientId: string;
  sessionId: string;
  /** Id of the Patient. */
  patient: string;
  reason: string;
  began: number;
  until: number;
}

export interface GlassWish {
  user: User;
  clientId: string;
  sessionId: string;
  patient: string;
  reason: string;
  /** Seconds. */
  lifetime: number;
  by: By;
  /** Of the grant, which is made at once; absent: it is made at the end of a launch. */
  scope?: string;
}

/**
 * Writes down who opens whose record and why, in one transaction: the row, the Task for who reviews
 * it, the event, and the grant where `scope` is given. What goes on already in the same session, app
 * and scope for this patient is not begun anew: of any number at once, one is.
 * @throws OAuthError access_denied where the session has ended meanwhile
 */
export async function beginGlass(service: AuthService, wish: GlassWish): Promise<Glass> {
  const known = await liveGlass(wish, service.now(), service.db.tuples);
  if (known) return repeated(service, wish, known);
  const glass = newGlass(service, wish);
  const by = byGlass(wish, glass);
  const actor: Actor = { kind: 'user', name: wish.user.id, trail: { agent: by.agent } };
  const user = { ...wish.user, fhirUser: await storedSelf(service, wish.user) };
  const resource = reviewTask({ ...glass, user });
  const task = { type: 'Task', id: glass.id, resource, mustNotExist: true };
  try {
    await service.store.commit(actor, [{ method: 'update', ...task }], {
      within: (tx) => record(service, tx, { wish, glass, by }),
    });
  } catch (error) {
    if (error instanceof AlreadyLive) return repeated(service, wish, error.glass);
    throw error;
  }
  return glass;
}

/** Asked for once more: the reason may be another one, so it is noted. */
async function repeated(service: AuthService, wish: GlassWish, glass: Glass): Promise<Glass> {
  const { patient, reason } = wish;
  const pairs = { reason, grant: glass.id };
  const text = 'emergency access asked for again while it goes on';
  await note(service, 'breakGlass', { by: byGlass(wish, glass), text, patient, pairs });
  return glass;
}

class AlreadyLive extends Error {
  readonly glass: Glass;
  constructor(glass: Glass) {
    super('it goes on already');
    this.glass = glass;
  }
}

function newGlass({ now }: AuthService, wish: GlassWish): Glass {
  const { user, clientId, sessionId, patient, reason, lifetime } = wish;
  const began = now();
  return {
    ...{ id: randomUUID(), userId: user.id, clientId, sessionId, patient, reason },
    ...{ began, until: began + lifetime * 1000 },
  };
}

const byGlass = ({ by }: GlassWish, { id }: Glass): By => ({
  ...by,
  agent: { ...by.agent, grant: id, purpose: 'BTG' },
});

/** Reference to the user's resource where there is one: the Task must not hang on it. */
async function storedSelf({ store }: AuthService, { fhirUser }: User): Promise<string | undefined> {
  const [type = '', id = ''] = fhirUser?.split('/') ?? [];
  if (fhirUser === undefined) return undefined;
  try {
    await store.read({ kind: 'system', name: 'auth' }, type, id);
    return fhirUser;
  } catch (error) {
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

/** Inside the transaction that stores the Task. It may run again, after nothing was kept. */
async function record(
  service: AuthService,
  tx: Transaction,
  { wish, glass, by }: { wish: GlassWish; glass: Glass; by: By },
): Promise<void> {
  const { id, userId, clientId, sessionId, patient, reason, began, until } = glass;
  const alive = await tx.query(SESSION, [sessionId, userId, began / 1000]);
  if (alive.length === 0) throw over();
  const live = await liveGlass(wish, began, (statement, values) => tx.query(statement, values));
  if (live) throw new AlreadyLive(live);
  const times = [began / 1000, until / 1000];
  await tx.query(ADD, [id, userId, clientId, sessionId, patient, reason, ...times]);
  if (wish.scope !== undefined) {
    await tx.query(GRANT, grantValues(glass, { scope: wish.scope, now: began }));
  }
  const pairs = { reason, grant: id, client: clientId, until: new Date(until).toISOString() };
  const text = wish.scope === undefined ? 'emergency access began in a launch' : 'emergency access';
  const event = { by, text, patient, pairs };
  await note(service, 'breakGlass', event, (statement, values) => tx.query(statement, values));
}

type Query = (
  statement: typeof LIVE,
  values: readonly unknown[],
) => Promise<readonly (readonly unknown[])[]>;

type LiveRow = readonly [
  ...[id: string, userId: string, clientId: string, sessionId: string],
  ...[patient: string, reason: string, began: number, until: number],
];

async function liveGlass(wish: GlassWish, now: number, query: Query): Promise<Glass | undefined> {
  const { sessionId, clientId, patient, scope } = wish;
  const values = [sessionId, clientId, patient, now / 1000, scope ?? null];
  const [row] = await query(LIVE, values);
  return row && glassOf(row as LiveRow);
}

/** From the first columns of a row. */
export function glassOf(row: LiveRow): Glass {
  const [id, userId, clientId, sessionId, patient, reason, began, until] = row;
  return {
    ...{ id, userId, clientId, sessionId, patient, reason },
    ...{ began: Math.round(began * 1000), until: Math.round(until * 1000) },
  };
}

function grantValues(
  { id, clientId, userId, sessionId, ...glass }: Glass,
  { scope, context = {}, now }: { scope: string; context?: Grant['context']; now: number },
): unknown[] {
  const all = { ...context, ...contextOf(glass) };
  return [id, clientId, userId, sessionId, scope, all, now / 1000];
}

const contextOf = ({ patient, reason }: Pick<Glass, 'patient' | 'reason'>): Grant['context'] => ({
  ...{ patient, purpose: 'BTG', reason },
});

/** The grant of what was begun with a scope. */
export const grantOfGlass = (glass: Glass, scope: string): Grant => ({
  ...{ id: glass.id, clientId: glass.clientId, userId: glass.userId },
  ...{ sessionId: glass.sessionId, scope, context: contextOf(glass) },
  ...{ offline: false, expiresAt: glass.until },
});

/**
 * The grant at the end of a launch in which the glass was broken.
 * @throws OAuthError access_denied where that is over by now
 */
export async function grantLaunch(
  service: AuthService,
  glass: Glass,
  { scope, context }: Pick<Grant, 'scope' | 'context'>,
): Promise<Grant> {
  const now = service.now();
  const made = await service.db.tuples(GRANT, grantValues(glass, { scope, context, now }));
  if (made.length === 0) throw over();
  return { ...grantOfGlass(glass, scope), context: { ...context, ...contextOf(glass) } };
}

const over = (): OAuthError =>
  new OAuthError('access_denied', 'The emergency access is over. Start again.', 403);

/** Ends it at once, in every process. False where there is none that goes on. */
export async function endGlass(
  service: AuthService,
  id: string,
  { by, why }: { by: By; why: string },
): Promise<boolean> {
  const [row] = await service.db.tuples<[string]>(END, [id, service.now() / 1000]);
  await revokeGrant(service, id, { by, why });
  if (!row) return false;
  const pairs = { grant: id };
  await note(service, 'breakGlass', { by, text: why, patient: row[0], pairs });
  return true;
}
