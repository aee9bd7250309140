import type { Detail, Entry, Kind, Outcome, Trail } from '../audit/audit.ts';
import type { PlannedEntry } from '../fhir/bundle.ts';
import { FhirError } from '../fhir/error.ts';
import { isId } from '../fhir/reference.ts';
import { pathOf } from '../request-path.ts';
import type { Actor } from '../store/store.ts';
import { urlWith } from './bundle-text.ts';
import type { Failure } from './errors.ts';
import type { Exchange } from './request.ts';
import type { Service } from './service.ts';

/**
 * What requests leave in the audit journal. What the store does it notes itself, by the trail of the
 * actor (`withTrail`); here is noted what was refused, and what has no verb of the store. What is
 * hidden and what does not exist leave the same: what was asked for, and the status.
 */

/** What is known of a refused request beyond its path. */
export interface Attempt {
  kind?: Kind;
  about?: { type: string; id?: string };
  /** The entry of a bundle. */
  entry?: number | undefined;
  query?: string;
  /** How many others were refused alike. */
  count?: number;
}

/** Longest query in the journal, in characters. */
const QUERY_MAX = 16_384;
/** The same of what was refused, which anybody can send. */
const REFUSED_MAX = 1024;

/** Of these nothing is noted that the path says: what was read is named by the store. */
const PLAIN: ReadonlySet<Kind | undefined> = new Set(['read', 'vread']);

/** Who acts, with what is to be noted of this request. */
export function withTrail(exchange: Exchange, kind: Kind | undefined): Actor {
  const { actor, requestId } = exchange;
  if (!actor.trail || (PLAIN.has(kind) && requestId === undefined)) return actor;
  const trail: Trail = {
    agent: actor.trail.agent,
    query: () => queryOf(exchange).slice(0, QUERY_MAX),
  };
  // Of an entry: that of the request around it.
  const request = requestId ?? (exchange.within ? actor.trail.request : undefined);
  if (request !== undefined) trail.request = request;
  return { ...actor, trail };
}

/** The request relative to the base, with the parameters of a form. */
function queryOf(exchange: Exchange): string {
  const { url = '' } = exchange.incoming;
  const path = pathOf(url).replace(/^\/fhir\/?/, '');
  if (exchange.posted) return urlWith(path, exchange.query.map(veiled));
  const at = url.indexOf('?');
  return at < 0 ? path : `${path}?${withoutSecrets(url.slice(at + 1))}`;
}

/** Tokens are not taken from URLs, but some are sent there. */
const SECRETS = /token|secret|assertion|password/i;

const veiled = ([name, value]: readonly [string, string]): [string, string] =>
  SECRETS.test(name) ? [name, ''] : [name, value];

function withoutSecrets(query: string): string {
  if (!SECRETS.test(query) && !query.includes('%')) return query;
  const parts = query.split('&').map((part) => {
    const [name = ''] = part.split('=', 1);
    return SECRETS.test(plainOf(name)) ? `${name}=` : part;
  });
  return parts.join('&');
}

function plainOf(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Notes a request that was refused or failed, unless nothing is noted of such. */
export function recordFailure(
  service: Service,
  exchange: Exchange,
  { failure, attempt }: { failure: Failure; attempt: Attempt },
): void {
  const { audit } = service.store;
  // While the database is away nothing is given to anybody, and nothing can be written down.
  if (!audit || !service.isReady()) return;
  const { trail } = exchange.actor.trail ? exchange.actor : service.anonymous(exchange.incoming);
  const { kind, about, entry, query, count } = attempt;
  if (!trail || kind === undefined) return;
  const { status } = failure;
  // Refused for want of a journal: it would be filled with that.
  if (failure.kind === 'busy' && audit.overdue()) return;
  const outcome: Outcome = status < 500 ? 4 : 8;
  const asked = (query ?? queryOf(exchange)).slice(0, REFUSED_MAX);
  const detail: Detail = { query: asked, status, text: failure.kind };
  if (count !== undefined) detail.count = count;
  if (entry !== undefined) detail.pairs = [['entry', `Bundle.entry[${entry}]`]];
  const noted: Entry = { kind, outcome, agent: trail.agent, detail };
  if (about) noted.about = about;
  const request = exchange.requestId ?? trail.request;
  if (request !== undefined) noted.request = request;
  audit.record(noted);
}

/** What the path names, as far as it can be had. `of` is what its route is noted as. */
export function attemptOf(service: Service, exchange: Exchange, of: Kind | undefined): Attempt {
  const path = pathOf(exchange.incoming.url);
  if (of === undefined || !FHIR.test(path)) return {};
  // Operations that there are have routes of their own.
  const kind = of !== 'everything' && path.includes('/$') ? 'operation' : of;
  const type = exchange.part('type');
  if (!service.types.has(type)) return { kind };
  const id = exchange.part('id');
  const other = exchange.part('other');
  // Of a compartment; what is asked for may be all of it.
  if (kind === 'search' && service.types.has(other)) return { kind, about: { type: other } };
  return { kind, about: kind !== 'search' && isId(id) ? { type, id } : { type } };
}

/** Requests without a verb of the store, e.g. `$reindex`. */
export function recordOperation(service: Service, exchange: Exchange): void {
  const { trail } = exchange.actor;
  if (!trail) return;
  const { agent, request } = trail;
  const { about } = attemptOf(service, exchange, 'operation');
  service.store.audit?.record({
    ...{ kind: 'operation', outcome: 0, agent },
    ...(about && { about }),
    ...(request !== undefined && { request }),
    detail: { query: trail.query?.() ?? '' },
  });
}

const KIND_OF: Record<PlannedEntry['method'], Kind> = {
  ...{ DELETE: 'delete', POST: 'create', PUT: 'update', PATCH: 'patch', GET: 'read', HEAD: 'read' },
};

/** What an entry of a bundle asks for. */
export function attemptOfEntry(planned: PlannedEntry): Attempt {
  const { method, type, id, criteria, operation, index, url } = planned;
  const attempt: Attempt = { kind: operation ? 'operation' : KIND_OF[method] };
  attempt.entry = index;
  attempt.query = url;
  if (type === undefined) return attempt;
  // Of a create the id is a new one.
  const named = id !== undefined && criteria === undefined && method !== 'POST';
  attempt.about = named ? { type, id } : { type };
  return attempt;
}

/** Where the interface lies. */
const FHIR = /^\/fhir(?:\/|$)/;

const ENTRY = /^Bundle\.entry\[(\d+)\]/;

/** The entry for which a transaction was refused. */
export function entryAtFault(error: unknown): number | undefined {
  if (!(error instanceof FhirError)) return undefined;
  for (const { expression } of error.issues) {
    const [, index] = ENTRY.exec(expression ?? '') ?? [];
    if (index !== undefined) return Number(index);
  }
  return undefined;
}
