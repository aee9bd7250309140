import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Connections of a pool, those not in use, and callers that wait for one. */
export interface PoolState {
  total: number;
  idle: number;
  waiting: number;
}

/** The audit journal of this process; `oldest`: milliseconds for which an event waits to be written. */
export interface JournalState {
  written: number;
  lost: number;
  waiting: number;
  oldest: number;
}

export interface Metrics {
  /** Counts an answered request; `route` is the template, never the path. */
  observeRequest(method: string, route: string, status: number, durationMs: number): void;
  /** A resource is not found by a search parameter, because its expression failed there. */
  countIndexFault(type: string, param: string): void;
  /** `read` is called at each scrape, not before. */
  watchPool(name: string, read: () => PoolState): void;
  /** As `watchPool`, of the audit journal. */
  watchJournal(read: () => JournalState): void;
  /** The text of `GET /metrics`, in the format of `contentType`. */
  metricsText(): Promise<string>;
  readonly contentType: string;
}

/** From a cached read to a transaction bundle of thousands of entries. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
/** Label sets are never freed: what would go beyond is counted as `other`. */
const MAX_SERIES = 2000;
const POOL_STATES = ['total', 'idle', 'waiting'] as const;

/**
 * The process's metrics in a registry of their own. `observeRequest` costs well under a
 * microsecond: the label set of each (method, route, status class) is resolved once.
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    observeRequest: requestObserver(registry),
    countIndexFault: faultCounter(registry),
    watchPool: poolWatcher(registry),
    watchJournal: journalWatcher(registry),
    metricsText: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Whoever stores SearchParameters chooses their codes. */
const MAX_PARAMS = 200;

function faultCounter(registry: Registry): Metrics['countIndexFault'] {
  const known = new Set<string>();
  const faults = new Counter({
    name: 'kiln_search_index_faults_total',
    help: 'Evaluations of search parameters that failed: they do not find the resource',
    labelNames: ['type', 'param'],
    registers: [registry],
  });
  return (type, param) => {
    const key = `${type}.${param}`;
    if (known.size < MAX_PARAMS) known.add(key);
    faults.inc(known.has(key) ? { type, param } : { type: 'other', param: 'other' });
  };
}

interface Series {
  labels: { method: string; route: string; status: string };
  count: number;
  duration: { observe(seconds: number): void };
}

function requestObserver(registry: Registry): Metrics['observeRequest'] {
  const labelNames = ['method', 'route', 'status'] as const;
  const series = new Map<string, Series>();
  const histogram = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer, by status class',
    labelNames,
    buckets: SECONDS,
    registers: [registry],
  });
  new Counter({
    name: 'http_requests_total',
    help: 'Requests answered, by status class',
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const one of series.values()) {
        this.inc(one.labels, one.count);
      }
    },
  });
  const open = (method: string, route: string, status: string): Series => {
    const labels = { method, route, status };
    return { labels, count: 0, duration: histogram.labels(labels) };
  };
  return (method, route, status, durationMs) => {
    const statusClass = classOf(status);
    let key = `${method} ${route} ${statusClass}`;
    let one = series.get(key);
    if (one === undefined && series.size >= MAX_SERIES) {
      key = `other ${statusClass}`;
      one = series.get(key) ?? open('other', 'other', statusClass);
      series.set(key, one);
    } else if (one === undefined) {
      one = open(method, route, statusClass);
      series.set(key, one);
    }
    one.count++;
    one.duration.observe(durationMs / 1000);
  };
}

function poolWatcher(registry: Registry): Metrics['watchPool'] {
  const pools = new Map<string, () => PoolState>();
  new Gauge({
    name: 'kiln_db_pool_connections',
    help: 'Connections of a pool (total, idle) and callers waiting for one',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [pool, read] of pools) {
        const now = read();
        for (const state of POOL_STATES) {
          this.set({ pool, state }, now[state]);
        }
      }
    },
  });
  return (name, read) => {
    pools.set(name, read);
  };
}

function journalWatcher(registry: Registry): Metrics['watchJournal'] {
  let journal: (() => JournalState) | undefined;
  const add = (): void => {
    counter(
      registry,
      'kiln_audit_events_written_total',
      'Events written by this process',
      () => journal?.().written,
    );
    counter(
      registry,
      'kiln_audit_events_lost_total',
      'Events that were lost',
      () => journal?.().lost,
    );
    gauge(
      registry,
      'kiln_audit_events_waiting',
      'Events that are not durable yet',
      () => journal?.().waiting,
    );
    gauge(
      registry,
      'kiln_audit_oldest_seconds',
      'For how long the oldest of these waits',
      () => (journal?.().oldest ?? 0) / 1000,
    );
  };
  return (read) => {
    if (!journal) add();
    journal = read;
  };
}

type Read = () => number | undefined;

function counter(registry: Registry, ...[name, help, read]: [string, string, Read]): void {
  new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(read() ?? 0);
    },
  });
}

function gauge(registry: Registry, ...[name, help, read]: [string, string, Read]): void {
  new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      this.set(read() ?? 0);
    },
  });
}

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];

function classOf(status: number): string {
  return CLASSES[Math.floor(status / 100) - 1] ?? 'other';
}
