import { FhirError } from '../fhir/error.ts';
import { isObject, parseJsonBytes } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { AuthContext } from './route.ts';
import { OAuthError } from './types.ts';

export interface BodyRules {
  /** Bytes; 64 kB unless told. */
  longest?: number;
  /** Media types; `application/json` unless told. */
  types?: readonly string[];
}

const KB = 1024;

/**
 * The body of a request as a JSON object in which no name stands twice.
 * @throws OAuthError invalid_request
 */
export async function jsonOf(
  context: AuthContext,
  { longest = 64 * KB, types = ['application/json'] }: BodyRules = {},
): Promise<JsonObject> {
  const [type = ''] = (context.env.incoming.headers['content-type'] ?? '').split(';');
  if (!types.includes(type.trim().toLowerCase())) {
    throw new OAuthError('invalid_request', `Send the body as ${types.join(' or ')}.`);
  }
  const bytes = await bytesOf(context, longest);
  if (!bytes)
    throw new OAuthError('invalid_request', `The body is longer than ${longest / KB} kB.`);
  try {
    const value = parseJsonBytes(bytes);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw new OAuthError('invalid_request', error.message);
  }
  throw new OAuthError('invalid_request', 'The body is no JSON object.');
}

/** The body; undefined where it has more bytes. Throws OAuthError where it was cut off. */
export async function bytesOf(context: AuthContext, longest: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of context.env.incoming as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= longest) chunks.push(chunk);
    }
  } catch {
    throw new OAuthError('invalid_request', 'The body was cut off.');
  }
  return size <= longest ? Buffer.concat(chunks) : undefined;
}
