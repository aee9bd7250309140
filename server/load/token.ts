import { isObject } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';

/** Credentials of a confidential client, `id:secret`. */
export interface Credentials {
  id: string;
  secret: string;
}

/** The server gives no token; the message is for people. */
export class NoToken extends Error {}

/** Gives an access token that is good for a while yet; `renew` asks for another one. */
export type TokenSource = (renew: boolean) => Promise<string>;

/** Before it ends, a token is renewed by so much, in ms. */
const EARLY_MS = 30_000;

/**
 * Tokens by client credentials (RFC 6749 4.4), from where the server's `smart-configuration` says; all
 * who ask at once share one. Rejects with NoToken.
 */
export function createTokens(base: string, client: Credentials): TokenSource {
  let current: Promise<{ token: string; until: number }> | undefined;
  return async (renew) => {
    const known = renew ? undefined : await current?.catch(() => undefined);
    if (!known || known.until < performance.now()) {
      current = ask(base, client);
    }
    return (await (current as NonNullable<typeof current>)).token;
  };
}

/**
 * Rejects with NoToken where the server lets in nobody without a token: said before the first file
 * is read, and not of each resource.
 */
export async function mayGoWithout(base: string): Promise<void> {
  const { status } = await fetch(`${base}/Patient?_count=0`);
  if (status !== 401) return;
  throw new NoToken(
    `${base} asks who calls: name a system client with --client ID:SECRET, or let the settings make ` +
      'one with KILN_BOOTSTRAP_CLIENT=ID:SECRET.',
  );
}

async function ask(
  base: string,
  { id, secret }: Credentials,
): Promise<{ token: string; until: number }> {
  const discovery = await json(`${base}/.well-known/smart-configuration`);
  const endpoint = discovery['token_endpoint'];
  if (typeof endpoint !== 'string') throw new NoToken(`${base} names no token endpoint.`);
  const basic = [id, secret].map(encodeURIComponent).join(':');
  const answer = await json(endpoint, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.cruds' }),
  });
  const { access_token: token, expires_in: seconds } = answer;
  if (typeof token !== 'string') {
    const why = answer['error_description'] ?? answer['error'] ?? 'no reason given';
    throw new NoToken(`${base} gives the client ${id} no token: ${String(why)}`);
  }
  const lifetime = typeof seconds === 'number' ? seconds * 1000 : 0;
  return { token, until: performance.now() + Math.max(0, lifetime - EARLY_MS) };
}

async function json(url: string, init: RequestInit = {}): Promise<JsonObject> {
  try {
    const value = (await (await fetch(url, init)).json()) as JsonValue;
    return isObject(value) ? value : {};
  } catch (error) {
    throw new NoToken(`${url} does not answer as it should: ${(error as Error).message}.`);
  }
}
