import { randomUUID } from 'node:crypto';
import type { Issue } from '../fhir/types.ts';
import { pathOf } from '../request-path.ts';
import type { ChangeResult, Version } from '../store/store.ts';
import type { BundleParts } from './bundle-text.ts';
import { bundleText } from './bundle-text.ts';
import type { Failure } from './errors.ts';
import { outcomeOf, success } from './errors.ts';
import type { Format } from './negotiate.ts';
import { fhirJson } from './negotiate.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';
import { inFormat } from './write-format.ts';

type Headers = Record<string, string>;

/** The value of ETag for a version (R4 3.1.0.1.3). */
export const etagOf = (version: Version): string => `W/"${version.version}"`;

/** An answer whose body is in the format that the caller asked for; `text` is JSON. */
export function answer(
  service: Service,
  exchange: Exchange,
  text: string,
  { status = 200, headers }: { status?: number; headers?: Headers } = {},
): Response {
  const { format, pretty } = exchange;
  const body = inFormat(service.xml, text, { format, pretty });
  return new Response(body, { status, headers: { ...bodyHeaders(exchange, format), ...headers } });
}

/** An answer without a body. */
export function answerEmpty(exchange: Exchange, status: number, headers?: Headers): Response {
  const length: Headers = status === 204 || status === 304 ? {} : { 'Content-Length': '0' };
  const all = { 'X-Request-Id': exchange.id, ...length, ...headers };
  return new Response(null, { status, headers: all });
}

/** One version of a resource, as a read, vread or write answers it. `text` is its JSON. */
export function answerVersion(
  service: Service,
  exchange: Exchange,
  version: Version,
  text: string,
): Response {
  return answer(service, exchange, text, { headers: versionHeaders(version) });
}

export function versionHeaders(version: Version): Headers {
  return {
    ETag: etagOf(version),
    'Last-Modified': new Date(version.lastUpdated).toUTCString(),
  };
}

/** The headers of a Binary served as the bytes it holds: a page among them may run nothing. */
export function binaryHeaders(exchange: Exchange, version: Version): Headers {
  const headers = { ...bodyHeaders(exchange, fhirJson), ...versionHeaders(version) };
  return { ...headers, 'Content-Security-Policy': "default-src 'none'; sandbox" };
}

/** What a create, update or patch answers, by `Prefer: return` (R4 3.1.0.1.7); whole by default. */
export function answerWrite(service: Service, exchange: Exchange, result: ChangeResult): Response {
  const { status, version } = result;
  const headers = version ? versionHeaders(version) : {};
  if (version) headers.Location = versionUrl(service, version);
  const wanted = exchange.prefer.return ?? 'representation';
  // Without content: what the caller may change and not read.
  const hasContent = version !== undefined && version.content !== '';
  if (wanted === 'minimal' || (wanted === 'representation' && !hasContent)) {
    return answerEmpty(exchange, status, headers);
  }
  if (wanted === 'representation' && version) {
    return answer(service, exchange, version.content, { status, headers });
  }
  const issues = [success(describe(result)), ...(result.issues ?? [])];
  return answerOutcome(service, exchange, issues, { status, headers });
}

/** An OperationOutcome with these issues. */
export function answerOutcome(
  service: Service,
  exchange: Exchange,
  issues: readonly Issue[],
  options: { status: number; headers?: Headers },
): Response {
  return answer(service, exchange, JSON.stringify(outcomeOf(issues)), options);
}

/** The versioned URL of a resource, for Location. */
function versionUrl(service: Service, version: Version): string {
  const base = service.config.base();
  return `${base}/${version.type}/${version.id}/_history/${version.version}`;
}

/** What a write did, in a sentence. */
export function describe(result: ChangeResult): string {
  const { status, version, changed, deleted } = result;
  const what = version ? `${version.type}/${version.id}` : 'Nothing';
  if (status === 204 || deleted !== undefined) {
    return deleted ? `${deleted} deleted.` : 'There was nothing to delete.';
  }
  if (!changed) return `${what} stays at version ${version?.version}: nothing differs.`;
  return `${what} ${status === 201 ? 'created' : 'updated'}, version ${version?.version}.`;
}

/** A Bundle that the server makes. */
export function answerBundle(
  service: Service,
  exchange: Exchange,
  parts: Omit<BundleParts, 'id' | 'lastUpdated'>,
): Response {
  const text = bundleText({ ...parts, id: randomUUID(), lastUpdated: Date.now() });
  return answer(service, exchange, text);
}

/** The answer to a request that failed: an OperationOutcome in the format that can be had. */
export function answerFailure(service: Service, exchange: Exchange, failure: Failure): Response {
  const format = formatOrJson(exchange);
  const text = JSON.stringify(outcomeOf(failure.issues));
  const body = inFormat(service.xml, text, { format, pretty: false });
  const headers = bodyHeaders(exchange, format);
  if (failure.retryAfter !== undefined) headers['Retry-After'] = String(failure.retryAfter);
  if (failure.status === 401) headers['WWW-Authenticate'] = challengeOf(exchange);
  if (failure.status === 405) headers.Allow = service.allow(pathOf(exchange.incoming.url));
  return new Response(body, { status: failure.status, headers });
}

/** RFC 6750 3: no error is named to those who said nothing of themselves. */
const challengeOf = ({ incoming: { headers } }: Exchange): string =>
  headers.authorization === undefined
    ? 'Bearer realm="kiln"'
    : 'Bearer realm="kiln", error="invalid_token"';

function formatOrJson(exchange: Exchange): Format {
  try {
    return exchange.format;
  } catch {
    return fhirJson;
  }
}

function bodyHeaders(exchange: Exchange, format: Format): Headers {
  return {
    'Content-Type': format.contentType,
    'X-Request-Id': exchange.id,
    'X-Content-Type-Options': 'nosniff',
    // Health data is revalidated, never served from a shared cache.
    'Cache-Control': 'private, no-cache',
    Vary: 'Accept',
  };
}
