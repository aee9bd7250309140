import { ASSERTION_TYPE, clientOfAssertion } from './assertion.ts';
import { isClientSecret } from './client-secret.ts';
import { findClient } from './clients.ts';
import type { Form } from './form.ts';
import { addressOf, allow } from './limits.ts';
import type { AuthContext } from './route.ts';
import { type AuthService, type Client, OAuthError } from './types.ts';

/** Of one client from one address; a system needs a token every few minutes. */
const LIMIT = { most: 600, per: 60 };

/**
 * The client that sends a request to the token, introspection or revocation endpoint, in the way it
 * is registered for: nothing but its id, a secret (in the header or in the form), or an assertion.
 * Several ways in one request are `invalid_request` (RFC 6749 2.3).
 * @throws OAuthError invalid_client (401), invalid_request, slow_down (429)
 */
export async function authenticateClient(
  service: AuthService,
  context: AuthContext,
  form: Form,
): Promise<Client> {
  const basic = basicOf(context);
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  if ([basic, secret, assertion].filter((one) => one !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'The client proves itself in more than one way.');
  }
  const address = addressOf(service, context);
  const client = await (assertion === undefined
    ? bySecret(service, address, basic ?? [[form.get('client_id') ?? '', secret]])
    : byAssertion(service, address, form));
  if ((form.get('client_id') ?? client.id) !== client.id) {
    throw new OAuthError('invalid_client', 'The client_id is that of another client.', 401);
  }
  return client;
}

async function byAssertion(service: AuthService, address: string, form: Form): Promise<Client> {
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) {
    const text = `The client_assertion_type is not ${ASSERTION_TYPE}.`;
    throw new OAuthError('invalid_client', text, 401);
  }
  return clientOfAssertion(service, form.get('client_assertion') ?? '', (client) =>
    allow(service, `client:${client.id}@${address}`, LIMIT),
  );
}

type Credentials = readonly [id: string, secret: string | undefined];

async function bySecret(
  service: AuthService,
  address: string,
  readings: readonly Credentials[],
): Promise<Client> {
  for (const [id, secret] of readings) {
    const client = await findClient(service, id);
    if (!client) continue;
    await allow(service, `client:${id}@${address}`, LIMIT);
    if (await isProven(service, { client, secret, address })) return client;
  }
  const text = 'The client is unknown or disabled, or did not prove itself as it is registered to.';
  throw new OAuthError('invalid_client', text, 401);
}

async function isProven(
  service: AuthService,
  { client, secret, address }: { client: Client; secret: string | undefined; address: string },
): Promise<boolean> {
  if (secret === undefined) return client.auth === 'none';
  return client.auth === 'secret' && isClientSecret(service, { client, secret, address });
}

/**
 * What a header `Authorization: Basic` says, in both readings: RFC 6749 2.3.1 has the parts encoded
 * as in forms first, but many clients send them raw.
 */
function basicOf(context: AuthContext): Credentials[] | undefined {
  const { authorization = '' } = context.env.incoming.headers;
  const [, encoded] = /^basic +([\w+/=-]{1,4000}) *$/i.exec(authorization) ?? [];
  if (encoded === undefined && /^basic\b/i.test(authorization)) {
    throw new OAuthError('invalid_client', 'The header Authorization cannot be decoded.', 401);
  }
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) {
    throw new OAuthError('invalid_client', 'The header Authorization holds no colon.', 401);
  }
  const parts = [text.slice(0, colon), text.slice(colon + 1)] as const;
  const decoded = parts.map(formDecoded);
  const isSame = decoded.every((part, index) => part === parts[index]);
  const readings = isSame || decoded.includes(undefined) ? [parts] : [decoded, parts];
  return readings.map(([id, secret]) => [id ?? '', secret || undefined]);
}

function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
