import type { JsonObject } from '../fhir/types.ts';
import { fault, flagIn, objectIn, textIn, textsIn } from './client-fields.ts';
import { keyFault } from './client-keys.ts';
import { contradictionIn } from './client-rules.ts';
import { launchFault, redirectFault } from './client-uris.ts';
import type { ClientRecord } from './clients.ts';
import type { Jwk } from './jose.ts';
import { urlFault } from './outbound.ts';
import { parseScopes } from './scopes.ts';
import { type Client, type ClientAuth, type ClientSettings, OAuthError } from './types.ts';

/** Clients as JSON: metadata of RFC 7591 2 and OpenID Connect Registration 2, and our own. */

const METHODS: Readonly<Record<string, ClientAuth>> = {
  none: 'none',
  client_secret_basic: 'secret',
  client_secret_post: 'secret',
  private_key_jwt: 'key',
};
const METHOD_OF: Readonly<Record<ClientAuth, string>> = {
  none: 'none',
  secret: 'client_secret_basic',
  key: 'private_key_jwt',
};
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials'];
/** What any app may say of itself. */
const PUBLIC_FIELDS = [
  ...['client_name', 'redirect_uris', 'launch_uris', 'token_endpoint_auth_method', 'grant_types'],
  ...['response_types', 'scope', 'jwks', 'jwks_uri', 'logo_uri', 'contacts'],
  'post_logout_redirect_uris',
];
/** What administrators decide about it. */
const ADMIN_FIELDS = [
  ...['roles', 'trusted', 'need_patient_banner', 'fhir_user', 'branches', 'app_state'],
  'active',
];
/** What answers hold besides, and may be sent back unchanged. */
const READ_ONLY = ['client_id', 'client_id_issued_at', 'client_secret_expires_at'];

export interface Reading {
  id: string;
  /** Of an administrator: with their fields, and nothing that is not known is passed over. */
  byAdmin: boolean;
  /** Hosts inside the network whose key sets may be fetched. */
  fetchAllow: readonly string[];
}

/**
 * The client that this metadata describes, still without a secret.
 * @throws OAuthError invalid_client_metadata, invalid_redirect_uri (RFC 7591 3.2.2)
 */
export async function readMetadata(body: JsonObject, reading: Reading): Promise<Client> {
  if (reading.byAdmin) refuseUnknown(body, reading.id);
  const method = textIn(body, 'token_endpoint_auth_method', 100) ?? 'client_secret_basic';
  const auth = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (!auth) {
    throw fault(`token_endpoint_auth_method is not one of ${Object.keys(METHODS).join(', ')}.`);
  }
  const client: Client = {
    ...{ id: reading.id, auth, secretHash: undefined },
    name: textIn(body, 'client_name', 200) ?? reading.id,
    jwks: await keysIn(body),
    jwksUri: keysUriIn(body, reading),
    redirectUris: urisIn(body, 'redirect_uris', redirectFault),
    launchUris: urisIn(body, 'launch_uris', launchFault),
    grants: grantsIn(body),
    scopes: scopesIn(body),
    roles: (reading.byAdmin && textsIn(body, 'roles', 100)) || [],
    settings: settingsIn(body, reading),
  };
  const wrong = contradictionIn(client);
  if (wrong !== undefined) throw fault(wrong);
  return client;
}

/** How a client is shown; its secret and the secret's hash are never part of it. */
export function printMetadata({ client, createdAt, disabledAt }: ClientRecord): JsonObject {
  const { settings } = client;
  return {
    client_id: client.id,
    client_name: client.name,
    token_endpoint_auth_method: METHOD_OF[client.auth],
    redirect_uris: [...client.redirectUris],
    launch_uris: [...client.launchUris],
    grant_types: [...client.grants],
    response_types: client.grants.includes('authorization_code') ? ['code'] : [],
    scope: client.scopes,
    ...(client.jwks && { jwks: client.jwks as JsonObject }),
    ...(client.jwksUri !== undefined && { jwks_uri: client.jwksUri }),
    ...(settings.logoUri !== undefined && { logo_uri: settings.logoUri }),
    ...(settings.contacts && { contacts: settings.contacts }),
    ...(settings.postLogoutRedirectUris && {
      post_logout_redirect_uris: settings.postLogoutRedirectUris,
    }),
    roles: [...client.roles],
    trusted: settings.trusted === true,
    ...(settings.needPatientBanner !== undefined && {
      need_patient_banner: settings.needPatientBanner,
    }),
    ...(settings.fhirUser !== undefined && { fhir_user: settings.fhirUser }),
    ...(settings.branches && { branches: settings.branches }),
    ...(settings.appState && { app_state: settings.appState }),
    active: disabledAt === undefined,
    client_id_issued_at: Math.floor(createdAt),
  };
}

function refuseUnknown(body: JsonObject, id: string): void {
  const known = [...PUBLIC_FIELDS, ...ADMIN_FIELDS, ...READ_ONLY];
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw fault(
      `${unknown.slice(0, 50)} is not a field of clients, which are ${known.join(', ')}.`,
    );
  }
  if ((textIn(body, 'client_id', 200) ?? id) !== id) {
    throw fault('client_id is not the one in the address.');
  }
}

function urisIn(
  body: JsonObject,
  name: string,
  faultOf: (uri: string) => string | undefined,
): string[] {
  const uris = textsIn(body, name, 2000) ?? [];
  for (const uri of uris) {
    const wrong = faultOf(uri);
    const code = name === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata';
    if (wrong !== undefined) throw new OAuthError(code, `${name}: ${uri.slice(0, 100)} ${wrong}.`);
  }
  return uris;
}

/** RFC 7591 2: the code grant where nothing is said. */
function grantsIn(body: JsonObject): string[] {
  const grants = textsIn(body, 'grant_types', 100) ?? ['authorization_code'];
  const unknown = grants.find((one) => !GRANTS.includes(one));
  if (unknown !== undefined || grants.length === 0) {
    throw fault(`grant_types holds others than ${GRANTS.join(', ')}, or none.`);
  }
  const responses = textsIn(body, 'response_types', 100) ?? [];
  if (responses.some((one) => one !== 'code'))
    throw fault('response_types holds others than code.');
  return grants;
}

function scopesIn(body: JsonObject): string {
  const text = textIn(body, 'scope', 10_000);
  if (text === undefined) throw fault('scope is missing: the most the client may ask for.');
  const scopes = text.split(' ').filter((one) => one !== '');
  const { refused } = parseScopes(text);
  if (refused.length > 0) {
    throw fault(`scope: ${refused.join(' ').slice(0, 200)} cannot be granted.`);
  }
  return scopes.join(' ');
}

async function keysIn(body: JsonObject): Promise<Client['jwks']> {
  const set = objectIn(body, 'jwks');
  if (!set) return undefined;
  const { keys } = set;
  const isList = Array.isArray(keys) && keys.length > 0 && keys.length <= 20;
  if (!isList || !keys.every((key) => typeof key === 'object' && key && !Array.isArray(key))) {
    throw fault('jwks has no list of 1 to 20 keys.');
  }
  for (const [index, key] of (keys as Jwk[]).entries()) {
    const wrong = await keyFault(key);
    if (wrong !== undefined) throw fault(`jwks.keys[${index}] ${wrong}.`);
  }
  const names = (keys as Jwk[]).map(({ kid, kty }) => `${kty} ${kid}`);
  if (new Set(names).size < names.length) throw fault('jwks has two keys with one kid and kty.');
  return { keys: keys as Record<string, unknown>[] };
}

function keysUriIn(body: JsonObject, { fetchAllow }: Reading): string | undefined {
  const uri = textIn(body, 'jwks_uri', 2000);
  const wrong = uri === undefined ? undefined : urlFault(uri, fetchAllow);
  if (wrong !== undefined) throw fault(`jwks_uri cannot be fetched: ${wrong}.`);
  return uri;
}

function settingsIn(body: JsonObject, { byAdmin }: Reading): ClientSettings {
  const logoUri = textIn(body, 'logo_uri', 2000);
  const contacts = textsIn(body, 'contacts', 200);
  if (logoUri !== undefined && launchFault(logoUri) !== undefined) {
    throw fault(`logo_uri ${launchFault(logoUri)}.`);
  }
  const back = urisIn(body, 'post_logout_redirect_uris', redirectFault);
  return {
    ...(logoUri !== undefined && { logoUri }),
    ...(contacts && { contacts }),
    ...(back.length > 0 && { postLogoutRedirectUris: back }),
    ...(byAdmin && decidedIn(body)),
  };
}

const REFERENCE = /^[A-Z][A-Za-z]{1,60}\/[A-Za-z0-9.-]{1,64}$/;
const SYSTEM = /^[a-z][a-z0-9+.-]*:[^\s|,\\]+$/i;
const ID = /^[A-Za-z0-9.-]{1,64}$/;

function decidedIn(body: JsonObject): ClientSettings {
  const trusted = flagIn(body, 'trusted');
  const needPatientBanner = flagIn(body, 'need_patient_banner');
  const fhirUser = textIn(body, 'fhir_user', 200);
  const branches = textsIn(body, 'branches', 64);
  if (fhirUser !== undefined && !REFERENCE.test(fhirUser)) {
    throw fault('fhir_user is not a reference such as Organization/acme.');
  }
  if (branches?.some((one) => !ID.test(one))) throw fault('branches are not ids of Organizations.');
  const appState = textsIn(body, 'app_state', 500);
  if (appState?.some((one) => !SYSTEM.test(one)))
    throw fault('app_state are not code systems (URIs).');
  return {
    ...(trusted !== undefined && { trusted }),
    ...(needPatientBanner !== undefined && { needPatientBanner }),
    ...(fhirUser !== undefined && { fhirUser }),
    ...(branches && { branches }),
    ...(appState && { appState }),
  };
}
