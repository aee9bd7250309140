import type { Context } from 'hono';
import { Hono } from 'hono';
import type { Kind } from '../audit/audit.ts';
import { FhirError } from '../fhir/error.ts';
import { xmlCodec } from '../fhir/xml.ts';
import type { Log } from '../log.ts';
import { logRequest } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { pathOf } from '../request-path.ts';
import type { Actor, Store } from '../store/store.ts';
import { verifyAudit } from './audit-verify.ts';
import { createBudget } from './budget.ts';
import { bundle } from './bundle.ts';
import { capabilities, capabilityTexts } from './capability.ts';
import { create } from './create.ts';
import { remove, removeConditional } from './delete.ts';
import { failureOf, logFailure } from './errors.ts';
import { everything, everythingByPost, everythingOfType } from './everything.ts';
import { historyInstance, historySystem, historyType } from './history.ts';
import { live, metricsPage, ready, welcome } from './pages.ts';
import { patch, patchConditional } from './patch.ts';
import { read } from './read.ts';
import { reindex, reindexParam, reindexStatus } from './reindex.ts';
import type { Env } from './request.ts';
import { anonymous, Exchange } from './request.ts';
import { answerFailure } from './respond.ts';
import {
  searchCompartment,
  searchCompartmentByPost,
  searchSystem,
  searchSystemByPost,
  searchType,
  searchTypeByPost,
} from './search.ts';
import type { InnerRequest, RestConfig, Service } from './service.ts';
import { allowance, stray } from './stray.ts';
import { attemptOf, entryAtFault, recordFailure, recordOperation, withTrail } from './trail.ts';
import { update, updateConditional } from './update.ts';
import { vread } from './vread.ts';

export type { RestConfig } from './service.ts';

/** Answers one sort of request; what it throws becomes an OperationOutcome. */
type Interaction = (service: Service, exchange: Exchange) => Response | Promise<Response>;

/** A row of the page of routes. HEAD is answered wherever GET is. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  handler: Interaction;
  /** The interaction in CapabilityStatements (R4 type- and system-restful-interaction). */
  code?: string | readonly string[];
  /** What is noted of it in the audit journal; absent: nothing. */
  kind?: Kind;
  /** Served also while the database is away. */
  always?: true;
}

/** Every route of the server; the first that fits a request answers it. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/', handler: welcome, always: true },
  { method: 'GET', path: '/health/live', handler: live, always: true },
  { method: 'GET', path: '/health/ready', handler: ready, always: true },
  { method: 'GET', path: '/metrics', handler: metricsPage, always: true },

  { method: 'GET', path: '/fhir/metadata', handler: capabilities, always: true },
  {
    method: 'POST',
    path: '/fhir',
    handler: bundle,
    kind: 'request',
    code: ['transaction', 'batch'],
  },
  { method: 'GET', path: '/fhir', handler: searchSystem, kind: 'search', code: 'search-system' },
  { method: 'POST', path: '/fhir/_search', handler: searchSystemByPost, kind: 'search' },
  {
    method: 'GET',
    path: '/fhir/_history',
    handler: historySystem,
    kind: 'history',
    code: 'history-system',
  },
  { method: 'GET', path: '/fhir/AuditEvent/$verify', handler: verifyAudit, kind: 'operation' },
  { method: 'GET', path: '/fhir/$reindex', handler: reindexStatus, kind: 'operation' },
  { method: 'POST', path: '/fhir/$reindex', handler: reindex, kind: 'operation' },
  {
    method: 'POST',
    path: '/fhir/SearchParameter/:id/$reindex',
    handler: reindexParam,
    kind: 'operation',
  },

  { method: 'GET', path: '/fhir/:type', handler: searchType, kind: 'search', code: 'search-type' },
  { method: 'POST', path: '/fhir/:type', handler: create, kind: 'create', code: 'create' },
  { method: 'PUT', path: '/fhir/:type', handler: updateConditional, kind: 'update' },
  { method: 'PATCH', path: '/fhir/:type', handler: patchConditional, kind: 'patch' },
  { method: 'DELETE', path: '/fhir/:type', handler: removeConditional, kind: 'delete' },
  { method: 'POST', path: '/fhir/:type/_search', handler: searchTypeByPost, kind: 'search' },
  {
    method: 'GET',
    path: '/fhir/:type/_history',
    handler: historyType,
    kind: 'history',
    code: 'history-type',
  },

  { method: 'GET', path: '/fhir/:type/$everything', handler: everythingOfType, kind: 'everything' },
  {
    method: 'POST',
    path: '/fhir/:type/$everything',
    handler: everythingOfType,
    kind: 'everything',
  },
  { method: 'GET', path: '/fhir/:type/:id/$everything', handler: everything, kind: 'everything' },
  {
    method: 'POST',
    path: '/fhir/:type/:id/$everything',
    handler: everythingByPost,
    kind: 'everything',
  },

  { method: 'GET', path: '/fhir/:type/:id', handler: read, kind: 'read', code: 'read' },
  { method: 'PUT', path: '/fhir/:type/:id', handler: update, kind: 'update', code: 'update' },
  { method: 'PATCH', path: '/fhir/:type/:id', handler: patch, kind: 'patch', code: 'patch' },
  { method: 'DELETE', path: '/fhir/:type/:id', handler: remove, kind: 'delete', code: 'delete' },
  {
    method: 'GET',
    path: '/fhir/:type/:id/_history',
    handler: historyInstance,
    kind: 'history',
    code: 'history-instance',
  },
  {
    method: 'GET',
    path: '/fhir/:type/:id/_history/:vid',
    handler: vread,
    kind: 'vread',
    code: 'vread',
  },
  { method: 'GET', path: '/fhir/:type/:id/:other', handler: searchCompartment, kind: 'search' },
  {
    method: 'POST',
    path: '/fhir/:type/:id/_search',
    handler: searchCompartmentByPost,
    kind: 'search',
  },
  {
    method: 'POST',
    path: '/fhir/:type/:id/:other/_search',
    handler: searchCompartmentByPost,
    kind: 'search',
  },
];

export interface AppParts {
  store: Store;
  config: RestConfig;
  log: Log;
  metrics: Metrics;
  /** False while the database cannot be reached: FHIR requests are then refused. */
  isReady: () => boolean;
  /** Who calls; absent where everybody may do everything (KILN_AUTH=none). */
  authenticate?: Service['authenticate'];
  /** Who has not said who it is; without it nothing is noted of such. */
  anonymous?: Service['anonymous'];
  /** True from the signal to stop on: not ready for more, but what still comes is answered. */
  isStopping?: () => boolean;
}

/** How long a large body may wait for room in memory. */
const ROOM_WAIT_MS = 10_000;

/** The HTTP interface: R4 REST below `/fhir`, health and metrics. Served by `listen`. */
export function createApp(parts: AppParts): Hono<Env> {
  const app = new Hono<Env>({ getPath: (_request, options) => pathOf(urlOf(options?.env)) });
  const { definitions } = parts.store;
  const service: Service = {
    isStopping: () => false,
    anonymous: () => anonymous,
    ...parts,
    definitions,
    types: new Set(definitions.resourceTypes),
    xml: xmlCodec(definitions),
    budget: createBudget(parts.config.bundleMemory, ROOM_WAIT_MS),
    capabilities: capabilityTexts(definitions, parts.config, {
      codes: codesOf(routes),
      audited: parts.store.audit !== undefined,
    }),
    allow: allowance(routes),
    dispatch: (inner) => dispatch(app, inner),
  };
  for (const route of routes) app.on(route.method, route.path, serving(service, route));
  const other: Route = {
    ...{ method: 'GET', path: 'other', handler: stray, kind: 'request', always: true },
  };
  app.notFound(serving(service, other));
  return app;
}

const codesOf = (list: readonly Route[]): string[] => list.flatMap(({ code }) => code ?? []);

const urlOf = (env: Env['Bindings'] | undefined): string | undefined => env?.incoming.url;

/** A route as Hono calls it: everything that is done for every request is done here. */
function serving(service: Service, route: Route): (context: Context<Env>) => Promise<Response> {
  return async (context) => {
    const started = performance.now();
    const exchange = new Exchange(context);
    let response: Response;
    try {
      if (!route.always) {
        if (!exchange.within) {
          const caller = callerOf(service, exchange);
          exchange.actor = caller instanceof Promise ? await caller : caller;
        }
        if (service.store.audit) exchange.actor = withTrail(exchange, route.kind);
        admit(service, exchange, route);
      }
      response = await route.handler(service, exchange);
      if (route.kind === 'operation') recordOperation(service, exchange);
      if (exchange.incoming.method === 'HEAD') response = await headOf(response);
    } catch (error) {
      response = failed(service, exchange, { error, kind: route.kind });
    } finally {
      exchange.release?.();
    }
    if (!exchange.within) observe(service, exchange, { route, response, started });
    return response;
  };
}

/** RFC 9110 9.3.2: the headers that GET would have had, the length of its body among them. */
async function headOf(response: Response): Promise<Response> {
  const { status, headers } = response;
  if (response.body !== null) {
    headers.set('Content-Length', String((await response.arrayBuffer()).byteLength));
  }
  return new Response(null, { status, headers });
}

const callerOf = (service: Service, { incoming }: Exchange): Actor | Promise<Actor> =>
  service.authenticate?.(incoming) ?? service.anonymous(incoming);

/** They are noted where they are written. */
const WRITES: ReadonlySet<Kind | undefined> = new Set(['create', 'update', 'patch', 'delete']);

/**
 * What would make the work pointless: no database, no format that the caller can read; and no journal,
 * as nobody is given anything of which there would be no record.
 */
function admit(service: Service, exchange: Exchange, { kind }: Route): void {
  if (!service.isReady()) {
    throw new FhirError('busy', 'The database is away for a moment. Try again shortly.');
  }
  if (service.store.audit?.overdue() && !WRITES.has(kind)) {
    throw new FhirError('busy', 'The audit journal cannot be written now. Try again shortly.');
  }
  // A Binary can be had in its own media type too.
  if (exchange.part('type') !== 'Binary') exchange.requireFormat();
}

function failed(
  service: Service,
  exchange: Exchange,
  { error, kind }: { error: unknown; kind: Kind | undefined },
): Response {
  const failure = failureOf(error, exchange.id);
  logFailure(service.log, failure, { requestId: exchange.id, error });
  const attempt = { ...attemptOf(service, exchange, kind), ...exchange.attempt };
  if (exchange.attempt.kind) attempt.entry = entryAtFault(error);
  recordFailure(service, exchange, { failure, attempt });
  return answerFailure(service, exchange, failure);
}

function observe(
  { log, metrics }: Service,
  exchange: Exchange,
  { route, response, started }: { route: Route; response: Response; started: number },
): void {
  const durationMs = Math.round((performance.now() - started) * 1000) / 1000;
  const { status } = response;
  const method = exchange.incoming.method ?? route.method;
  metrics.observeRequest(method, route.path, status, durationMs);
  logRequest(log, { requestId: exchange.id, method, route: route.path, status, durationMs });
}

/** Answers a read from inside, through the same routes, always in JSON. */
async function dispatch(app: Hono<Env>, inner: InnerRequest): Promise<Response> {
  const { method, url, headers, within, actor } = inner;
  const known = Object.entries(headers).filter(([, value]) => value !== undefined);
  const incoming = { method, url, headers: Object.fromEntries(known) };
  return app.fetch(new Request('http://inside/', { method }), { incoming, within, actor });
}
