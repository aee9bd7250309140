import { FhirError } from '../fhir/error.ts';
import { isObject, parseJsonBytes } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { AuthContext } from './route.ts';
import { OAuthError } from './types.ts';

const LONGEST = 64 * 1024;

/**
 * The body of a request as a JSON object: `application/json`, at most 64 kB, no name twice.
 * @throws OAuthError invalid_request
 */
export async function jsonOf(context: AuthContext): Promise<JsonObject> {
  const [type = ''] = (context.env.incoming.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new OAuthError('invalid_request', 'Send the body as application/json.');
  }
  const bytes = await bytesOf(context);
  try {
    const value = parseJsonBytes(bytes);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw new OAuthError('invalid_request', error.message);
  }
  throw new OAuthError('invalid_request', 'The body is no JSON object.');
}

async function bytesOf(context: AuthContext): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of context.env.incoming as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= LONGEST) chunks.push(chunk);
    }
  } catch {
    throw new OAuthError('invalid_request', 'The body was cut off.');
  }
  if (size <= LONGEST) return Buffer.concat(chunks);
  throw new OAuthError('invalid_request', 'The body is longer than 64 kB.');
}
