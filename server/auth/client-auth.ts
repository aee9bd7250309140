import { ASSERTION_TYPE, clientOfAssertion } from './assertion.ts';
import { afterFailure, afterProof, beforeProof } from './client-limits.ts';
import { isClientSecret } from './client-secret.ts';
import { findClient } from './clients.ts';
import { noteCaller } from './cors.ts';
import type { Form } from './form.ts';
import { addressOf } from './limits.ts';
import type { AuthContext } from './route.ts';
import { type AuthService, type Client, OAuthError } from './types.ts';

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
  const asked: Asked = {
    address: addressOf(service, context),
    note: (client) => noteCaller(context.env.incoming.headers, client),
  };
  const client = await (assertion === undefined
    ? bySecret(service, asked, basic ?? [[form.get('client_id') ?? '', secret]])
    : byAssertion(service, asked, form));
  if ((form.get('client_id') ?? client.id) !== client.id) {
    throw new OAuthError('invalid_client', 'The client_id is that of another client.', 401);
  }
  return client;
}

interface Asked {
  /** As `addressOf` gives it. */
  address: string;
  /** Is told who it says it is. */
  note(client: Client): void;
}

async function byAssertion(
  service: AuthService,
  { address, note }: Asked,
  form: Form,
): Promise<Client> {
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) {
    const text = `The client_assertion_type is not ${ASSERTION_TYPE}.`;
    throw new OAuthError('invalid_client', text, 401);
  }
  let said: Client | undefined;
  try {
    const assertion = form.get('client_assertion') ?? '';
    const client = await clientOfAssertion(service, assertion, async (one) => {
      note(one);
      await beforeProof(service, one, { address, costly: true });
      said = one;
    });
    await afterProof(service, client, address);
    return client;
  } catch (error) {
    const isRefused = error instanceof OAuthError && error.code === 'invalid_client';
    if (said && isRefused) await afterFailure(service, said);
    throw error;
  }
}

type Credentials = readonly [id: string, secret: string | undefined];

async function bySecret(
  service: AuthService,
  { address, note }: Asked,
  readings: readonly Credentials[],
): Promise<Client> {
  let said: Client | undefined;
  for (const [id, secret] of readings) {
    const client = await findClient(service, id);
    if (!client) continue;
    note(client);
    await beforeProof(service, client, { address });
    if (await isProven(service, { client, secret, address })) {
      // Who is public proves nothing: only the address can bound it.
      if (client.auth !== 'none') await afterProof(service, client, address);
      return client;
    }
    said = client;
  }
  if (said) await afterFailure(service, said);
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
