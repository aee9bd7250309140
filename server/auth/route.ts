import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { DbError } from '../db/db.ts';
import { type Allowed, crossOriginHeaders } from './cors.ts';
import { type AuthService, OAuthError } from './types.ts';

/** A request to the authorization server, as Hono hands it on. */
export type AuthContext = Context<{ Bindings: { incoming: IncomingMessage } }>;

/** A row of the page of routes. HEAD is answered wherever GET is. */
export interface AuthRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  path: string;
  /** What it throws is answered as `failureOf` says. */
  handler: (service: AuthService, context: AuthContext) => Promise<Response>;
  /** Which pages of other origins may read the answer; absent: none. */
  origins?: Allowed;
}

/** Answers one request by its route. */
export async function answerRoute(
  service: AuthService,
  route: AuthRoute,
  context: AuthContext,
): Promise<Response> {
  const response = await route
    .handler(service, context)
    .catch((error: unknown) => failureOf(service, error));
  if (!route.origins) return response;
  const asked = context.env.incoming.headers;
  const headers = await crossOriginHeaders(service, route.origins, asked).catch(() => ({}));
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** RFC 6749 5.1: both, so that neither new nor old caches keep what was answered. */
export const unkept = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };

/** JSON as an OAuth endpoint answers it; `headers` with a Cache-Control of its own may be kept. */
export function answerJson(
  body: object,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const caching = headers['Cache-Control'] === undefined ? unkept : {};
  const all = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...all, ...caching, ...headers },
  });
}

/** The answer of an OAuth endpoint: its body, or the error as RFC 6749 5.2 has it. */
export function answerOAuth(result: object | OAuthError): Response {
  if (!(result instanceof OAuthError)) return answerJson(result);
  const { code, status, message, retryAfter } = result;
  const headers: Record<string, string> = {};
  if (status === 401) headers['WWW-Authenticate'] = challengeOf(result);
  if (retryAfter !== undefined) headers['Retry-After'] = String(Math.ceil(retryAfter));
  return answerJson({ error: code, error_description: printable(message) }, { status, headers });
}

/** RFC 6749 5.2 for clients, RFC 6750 3 for tokens. */
const challengeOf = ({ code }: OAuthError): string =>
  code === 'invalid_client' ? 'Basic realm="kiln"' : `Bearer realm="kiln", error="${code}"`;

/** RFC 6749 5.2: printable ASCII without quote and backslash. */
const printable = (text: string): string => text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");

/** What is thrown by a handler, to the client: never what is inside. */
export function failureOf(service: AuthService, error: unknown): Response {
  if (error instanceof OAuthError) return answerOAuth(error);
  if (error instanceof DbError && error.kind !== 'other') {
    const body = {
      error: 'temporarily_unavailable',
      error_description: 'The database is away for a moment. Try again shortly.',
    };
    return answerJson(body, { status: 503, headers: { 'Retry-After': '1' } });
  }
  service.log.error({ part: 'auth', error }, 'request failed');
  const body = { error: 'server_error', error_description: 'Something failed inside the server.' };
  return answerJson(body, { status: 500 });
}
