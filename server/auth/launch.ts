import { loadSql } from '../db/db.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService, Client, LaunchContext } from './types.ts';

/**
 * EHR launches (SMART App Launch 2.2, "Launch App: EHR Launch"): what is open in the record waits
 * here for the app, for a few minutes, one use, one app and one session.
 */

const insertSql = loadSql(import.meta.url, 'insert-launch.sql');
const awaitSql = loadSql(import.meta.url, 'await-launch.sql');
const useSql = loadSql(import.meta.url, 'use-launch.sql');

export interface NewLaunch {
  clientId: string;
  context: LaunchContext;
}

/** Who starts the app: nobody else will do. */
export type Launcher =
  /** In this session only. */
  | { sessionId: string }
  /** In any of their sessions, as an EHR that is not a part of this server starts it. */
  | { userId: string };

/** A new launch: the value of the parameter `launch`. */
export async function createLaunch(
  service: AuthService,
  { clientId, context, ...launcher }: NewLaunch & Launcher,
): Promise<string> {
  const launch = newSecret();
  const now = service.now() / 1000;
  const until = now + service.config.launch;
  const { sessionId, userId }: { sessionId?: string; userId?: string } = launcher;
  await service.db.execute(insertSql, [
    ...[hashOf(launch), clientId, sessionId ?? null, JSON.stringify(context), until, now],
    userId ?? null,
  ]);
  return launch;
}

/** Who wants to use a launch up. */
export interface LaunchUse {
  launch: string;
  clientId: string;
  session: { id: string; user: { id: string } };
}

/** Uses a launch up; undefined where there is none, or it is not this app's in this session. */
export async function useLaunch(
  service: AuthService,
  { launch, clientId, session }: LaunchUse,
): Promise<LaunchContext | undefined> {
  const values = [hashOf(launch), clientId, session.id, service.now() / 1000, session.user.id];
  const [row] = await service.db.tuples<[LaunchContext]>(useSql, values);
  return row?.[0];
}

/** Whether a launch waits for a user of this app who may sign in yet. */
export async function awaitsUser(
  service: AuthService,
  { launch, clientId }: Pick<LaunchUse, 'launch' | 'clientId'>,
): Promise<boolean> {
  const values = [hashOf(launch), clientId, service.now() / 1000];
  return (await service.db.tuples(awaitSql, values)).length > 0;
}

/**
 * Where the browser goes to start the app: its launch URL with `iss` and `launch`. Undefined where
 * the app has not registered that URL.
 */
export function launchUrl(
  { config }: AuthService,
  { launchUris }: Client,
  ...[launch, asked]: [launch: string, asked?: string]
): string | undefined {
  const uri = asked ?? launchUris[0];
  if (uri === undefined || !launchUris.includes(uri)) return undefined;
  const query = `iss=${encodeURIComponent(config.base)}&launch=${encodeURIComponent(launch)}`;
  return `${uri}${uri.includes('?') ? '&' : '?'}${query}`;
}
