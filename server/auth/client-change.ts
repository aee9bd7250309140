import type { JsonObject } from '../fhir/types.ts';
import { type By, byKiln } from './audit.ts';
import { printMetadata } from './client-metadata.ts';
import { hashClientSecret } from './client-secret.ts';
import { type ClientRecord, clientRecord, saveClient } from './clients.ts';
import { revokeGrantsOf } from './grants.ts';
import { isNarrowerText } from './scopes.ts';
import { newSecret } from './secrets.ts';
import type { AuthService, Client } from './types.ts';

/**
 * Saves a new client and shows it, with its secret if it needs one: the only time it can be seen
 * (RFC 7591 3.2.1).
 */
export async function createClient(service: AuthService, client: Client): Promise<JsonObject> {
  const secret = client.auth === 'secret' ? newSecret() : undefined;
  const secretHash = secret === undefined ? undefined : hashClientSecret(secret);
  await saveClient(service, { ...client, secretHash });
  return { ...(await show(service, client.id)), ...shownSecret(secret) };
}

/**
 * Changes a client and shows it. It keeps its secret; a new one is made, and shown, where it had none
 * and needs one. What it was given ends where that may be more than it may have now.
 */
export async function changeClient(
  service: AuthService,
  ...[{ client: old }, wanted, by = byKiln]: [ClientRecord, Client, By?]
): Promise<JsonObject> {
  const isSecret = wanted.auth === 'secret';
  const secret = isSecret && old.secretHash === undefined ? newSecret() : undefined;
  const kept = isSecret ? old.secretHash : undefined;
  const secretHash = secret === undefined ? kept : hashClientSecret(secret);
  await saveClient(service, { ...wanted, secretHash });
  const why = 'the client may do less, or proves itself in another way';
  if (isLess(old, wanted)) await revokeGrantsOf(service, { clientId: wanted.id }, { by, why });
  return { ...(await show(service, wanted.id)), ...shownSecret(secret) };
}

/** Another way to prove itself counts too: who could before may be someone else. */
const isLess = (old: Client, wanted: Client): boolean =>
  old.auth !== wanted.auth ||
  !isNarrowerText(old.scopes, wanted.scopes) ||
  old.grants.some((grant) => !wanted.grants.includes(grant));

export const shownSecret = (secret: string | undefined): JsonObject =>
  secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 };

async function show(service: AuthService, id: string): Promise<JsonObject> {
  const record = await clientRecord(service, id);
  return record ? printMetadata(record) : {};
}
