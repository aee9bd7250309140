import { createGrant } from '../../server/auth/grants.ts';
import { saveRole } from '../../server/auth/role-store.ts';
import { issueTokens } from '../../server/auth/tokens.ts';
import { newClient, newUser, type TestAuth } from './auth.ts';

/** A token of a system client (`robot`) or of a user at an app. */
export async function tokenBy(
  service: TestAuth,
  wish: { clientId: string; userId?: string; scope: string },
): Promise<string> {
  const grant = await createGrant(service, { ...wish, context: {}, offline: true });
  return (await issueTokens(service, grant, { scope: wish.scope, lifetime: 3600 })).access;
}

/** The hospital's own console, its administrator `root`, and the token with which it administrates. */
export async function newAdmin(service: TestAuth): Promise<string> {
  for (const name of ['Admin', 'Nurse']) {
    await saveRole(service, { name, title: name, rules: [], shipped: false });
  }
  await newClient(service, { id: 'console', settings: { trusted: true } });
  await newUser(service, { id: 'root', roles: ['Admin'] });
  return tokenBy(service, { clientId: 'console', userId: 'root', scope: 'user/*.cruds' });
}

export interface Told {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

/** Sends a request as JSON with a bearer token. */
export async function callJson(
  url: string,
  { method = 'GET', token, body }: { method?: string; token?: string; body?: unknown },
): Promise<Told> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, json };
}
