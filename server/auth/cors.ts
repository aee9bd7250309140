import type { IncomingHttpHeaders } from 'node:http';
import { loadSql } from '../db/db.ts';
import type { AuthService, Client } from './types.ts';

/**
 * Which pages of other origins may read an answer: `any` what is public; `clients` those of the
 * client that calls, or where that is not known (preflights, no token) of any client. A client's
 * origins are those of its redirect URIs. Never with credentials: no answer depends on a cookie.
 */
export type Allowed = 'any' | 'clients';

const REDIRECTS = loadSql(import.meta.url, 'redirect-uris.sql');
const KEEP_MS = 5000;
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const EXPOSED = 'Location, Content-Location, ETag, Last-Modified, Retry-After, X-Request-Id';
const REQUESTED =
  'Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, ' +
  'If-Modified-Since, X-Request-Id';
const PREFLIGHT_S = '600';

/**
 * Headers for the answer to a request with these headers (Fetch, "CORS protocol"). `Vary` is set
 * wherever the answer hangs on the origin, so that no cache gives one page what was meant for
 * another.
 */
export async function crossOriginHeaders(
  service: AuthService,
  allowed: Allowed,
  headers: IncomingHttpHeaders,
): Promise<Record<string, string>> {
  if (allowed === 'any') {
    return { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': EXPOSED };
  }
  const { origin } = headers;
  if (origin === undefined || !(await mayRead(service, headers, origin))) return { Vary: 'Origin' };
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': EXPOSED,
    Vary: 'Origin',
  };
}

/** Headers of the answer to OPTIONS; besides those of `crossOriginHeaders`. */
export const preflightHeaders: Readonly<Record<string, string>> = Object.freeze({
  'Access-Control-Allow-Methods': METHODS,
  'Access-Control-Allow-Headers': REQUESTED,
  'Access-Control-Max-Age': PREFLIGHT_S,
});

/** Answers a preflight; the route says which origins. */
export async function preflight(): Promise<Response> {
  return new Response(null, { status: 204, headers: preflightHeaders });
}

/** By the headers object, of which Node makes one per request. */
const callers = new WeakMap<IncomingHttpHeaders, Client>();

/** Notes which client a request comes from, proven or not: its origins may read the answer. */
export function noteCaller(headers: IncomingHttpHeaders, client: Client): void {
  // Weak entries are what a collector of garbage spends its time on.
  if (headers.origin !== undefined) callers.set(headers, client);
}

function mayRead(
  service: AuthService,
  headers: IncomingHttpHeaders,
  origin: string,
): Promise<boolean> | boolean {
  const client = callers.get(headers);
  return client ? originsOf(client).has(origin) : isClientOrigin(service, origin);
}

const origins = new WeakMap<Client, ReadonlySet<string>>();

/** The origins of a client's redirect URIs. */
function originsOf(client: Client): ReadonlySet<string> {
  const found = origins.get(client) ?? originsIn(client.redirectUris);
  origins.set(client, found);
  return found;
}

/** Schemes of native apps have the opaque origin, which any sandboxed page sends: they give none. */
export function originsIn(uris: readonly string[]): Set<string> {
  const all = uris.map((uri) => (URL.canParse(uri) ? new URL(uri).origin : 'null'));
  return new Set(all.filter((origin) => origin !== 'null'));
}

interface Origins {
  all: Promise<ReadonlySet<string>>;
  until: number;
}

const known = new WeakMap<AuthService, Origins>();

/** Whether a client that is not disabled is called back at this origin; known for 5 s. */
async function isClientOrigin(service: AuthService, origin: string): Promise<boolean> {
  const now = service.now();
  let entry = known.get(service);
  if (!entry || entry.until <= now) {
    entry = { all: readOrigins(service), until: now + KEEP_MS };
    known.set(service, entry);
    entry.all.catch(() => known.delete(service));
  }
  return (await entry.all).has(origin);
}

async function readOrigins({ db }: AuthService): Promise<ReadonlySet<string>> {
  const rows = await db.tuples<[string]>(REDIRECTS);
  return originsIn(rows.map(([uri]) => uri));
}
