import { randomUUID } from 'node:crypto';
import { requireAdmin } from './admin.ts';
import { noteClient } from './admin-clients.ts';
import { createClient } from './client-change.ts';
import { readMetadata } from './client-metadata.ts';
import { jsonOf } from './json-body.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import type { AuthService } from './types.ts';

/**
 * POST /auth/register: OAuth 2.0 Dynamic Client Registration (RFC 7591), for who holds a token of an
 * administrator (its "initial access token"). Fields that are not known are passed over, as 2 there
 * demands; the answer shows what was registered.
 */
async function register(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const { fetchAllow } = service.config;
  const reading = { id: randomUUID(), byAdmin: false, fetchAllow };
  const client = await readMetadata(await jsonOf(context), reading);
  const shown = await createClient(service, client);
  await noteClient(service, by, { id: client.id, old: undefined });
  return answerJson(shown, { status: 201 });
}

export const routes: readonly AuthRoute[] = [
  { method: 'POST', path: '/auth/register', handler: register },
];
