import { requireAdmin } from './admin.ts';
import { type By, changesBetween, note } from './audit.ts';
import { changeClient, createClient, shownSecret } from './client-change.ts';
import { fault, flagIn } from './client-fields.ts';
import { printMetadata, readMetadata } from './client-metadata.ts';
import { hashClientSecret } from './client-secret.ts';
import {
  type ClientRecord,
  clientRecord,
  disableClient,
  enableClient,
  listClients,
  setClientSecret,
} from './clients.ts';
import { jsonOf } from './json-body.ts';
import { rotateKeys } from './keys.ts';
import { rolesOf } from './role-store.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { newSecret } from './secrets.ts';
import { type AuthService, OAuthError } from './types.ts';

/** The clients as administrators see and change them; errors are JSON as those of OAuth. */

/** Also a part of addresses, so nothing that would have to be encoded there. */
const NEW_ID = /^[\w.-]{1,64}$/;

/** GET /admin/clients */
async function list(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  return answerJson({ clients: (await listClients(service)).map(printMetadata) });
}

/** GET /admin/clients/:id */
async function get(service: AuthService, context: AuthContext): Promise<Response> {
  await requireAdmin(service, context);
  const record = await clientRecord(service, idOf(context));
  return record ? answerJson(printMetadata(record)) : unknown();
}

/** PUT /admin/clients/:id: creates or changes it. `active` disables it or enables it again. */
async function put(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const id = idOf(context);
  const body = await jsonOf(context);
  const { fetchAllow } = service.config;
  const wanted = await readMetadata(body, { id, byAdmin: true, fetchAllow });
  await requireRoles(service, wanted.roles);
  const old = await clientRecord(service, id);
  const active = flagIn(body, 'active') ?? old?.disabledAt === undefined;
  if (!old && !NEW_ID.test(id)) {
    throw fault('The id of a client is 1 to 64 letters, digits, points, dashes and underscores.');
  }
  const shown = old
    ? await changeClient(service, old, wanted, by)
    : await createClient(service, wanted);
  await setActive(service, { id, old, active, by });
  await noteClient(service, by, { id, old });
  return answerJson({ ...shown, active }, { status: old ? 200 : 201 });
}

/** A misspelt role would give nothing, and nobody would know why. */
async function requireRoles(service: AuthService, roles: readonly string[]): Promise<void> {
  const { byName } = await rolesOf(service);
  const unknownRole = roles.find((name) => !byName.has(name));
  if (unknownRole === undefined) return;
  throw fault(`roles: there is no role ${unknownRole.slice(0, 50)}.`);
}

interface Activity {
  id: string;
  old: ClientRecord | undefined;
  active: boolean;
  by: By;
}

async function setActive(service: AuthService, { id, old, active, by }: Activity): Promise<void> {
  const wasActive = old?.disabledAt === undefined;
  if (wasActive && !active) await disableClient(service, id, by);
  if (!wasActive && active) await enableClient(service, id);
}

/** Also of clients that registered themselves. */
export async function noteClient(
  service: AuthService,
  by: By,
  { id, old }: { id: string; old: ClientRecord | undefined },
): Promise<void> {
  const now = service.store.audit && (await clientRecord(service, id));
  if (!now) return;
  const changes = changesBetween(old && described(old), described(now));
  const text = old ? 'client changed' : 'client created';
  await note(service, 'administration', { by, text, pairs: { client: id, ...changes } });
}

/** As it is shown, its keys by their names. */
function described(record: ClientRecord): object {
  const { client_id: _, jwks, ...shown } = printMetadata(record);
  const keys = (jwks as { keys?: { kid?: string }[] } | undefined)?.keys?.map(({ kid }) => kid);
  return { ...shown, ...(keys && { jwks: keys }) };
}

/** DELETE /admin/clients/:id disables it and ends its tokens; what it did stays traceable. */
async function disable(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const client = idOf(context);
  if (!(await disableClient(service, client, by))) return unknown();
  await note(service, 'administration', { by, text: 'client disabled', pairs: { client } });
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

/** POST /admin/clients/:id/secret: another secret, shown this once; the old one ends. */
async function secret(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const id = idOf(context);
  const made = newSecret();
  if (await setClientSecret(service, id, hashClientSecret(made))) {
    const text = 'client given another secret';
    await note(service, 'administration', { by, text, pairs: { client: id } });
    return answerJson({ client_id: id, ...shownSecret(made) });
  }
  if (!(await clientRecord(service, id))) return unknown();
  throw new OAuthError('invalid_request', 'This client does not prove itself by a secret.');
}

/** POST /admin/keys/rotate, with `{"compromised": true}` where the old keys must count no more. */
async function rotate(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const body = await jsonOf(context);
  const other = Object.keys(body).find((name) => name !== 'compromised');
  if (other !== undefined) {
    throw new OAuthError('invalid_request', 'Only the field compromised can be sent.');
  }
  await rotateKeys(service, { compromised: flagIn(body, 'compromised') === true, by });
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

const idOf = (context: AuthContext): string => context.req.param('id') ?? '';

const unknown = (): Response => {
  const body = { error: 'not_found', error_description: 'There is no client with this id.' };
  return answerJson(body, { status: 404 });
};

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/admin/clients', handler: list },
  { method: 'GET', path: '/admin/clients/:id', handler: get },
  { method: 'PUT', path: '/admin/clients/:id', handler: put },
  { method: 'DELETE', path: '/admin/clients/:id', handler: disable },
  { method: 'POST', path: '/admin/clients/:id/secret', handler: secret },
  { method: 'POST', path: '/admin/keys/rotate', handler: rotate },
];
