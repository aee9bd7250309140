import { loadSql } from '../db/db.ts';
import { hashOf, newSecret } from './secrets.ts';
import type { AuthService, Client, LaunchContext } from './types.ts';

/**
 * EHR launches (SMART App Launch 2.2, "Launch App: EHR Launch"): what is open in the record waits
 * here for the app, for a few minutes, one use, one app and one session.
 */

const insertSql = loadSql(import.meta.url, 'insert-launch.sql');
const useSql = loadSql(import.meta.url, 'use-launch.sql');

export interface NewLaunch {
  clientId: string;
  /** Of the user who starts the app: nobody else's will do. */
  sessionId: string;
  context: LaunchContext;
}

/** A new launch: the value of the parameter `launch`. */
export async function createLaunch(
  service: AuthService,
  { clientId, sessionId, context }: NewLaunch,
): Promise<string> {
  const launch = newSecret();
  const now = service.now() / 1000;
  const until = now + service.config.launch;
  const values = [hashOf(launch), clientId, sessionId, JSON.stringify(context), until, now];
  await service.db.execute(insertSql, values);
  return launch;
}

/** Uses a launch up; undefined where there is none, or it is not this app's in this session. */
export async function useLaunch(
  service: AuthService,
  { launch, clientId, sessionId }: { launch: string; clientId: string; sessionId: string },
): Promise<LaunchContext | undefined> {
  const values = [hashOf(launch), clientId, sessionId, service.now() / 1000];
  const [row] = await service.db.tuples<[LaunchContext]>(useSql, values);
  return row?.[0];
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
