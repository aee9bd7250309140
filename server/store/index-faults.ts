import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** Between two lines of one parameter: a reindex may meet a fault in every resource. */
const QUIET_MS = 60_000;
/** Parameters that are told apart; nobody reads lines of more. */
const MAX_PARAMS = 1000;

interface Told {
  at: number;
  /** Faults since the last line. */
  count: number;
}

/**
 * Tells of expressions that failed on a resource, which is then not found by that parameter: each in
 * the metric, and in the log the first of a parameter, later ones once a minute with their number.
 * Neither says which resource it was, nor why: reasons quote values (`$reindex` names one).
 *
 * @param now milliseconds of a clock that never goes back
 */
export function faultReporter(
  { log, metrics }: { log?: Log; metrics?: Metrics },
  now: () => number = () => performance.now(),
): (type: string, param: string) => void {
  const told = new Map<string, Told>();
  return (type, param) => {
    metrics?.countIndexFault(type, param);
    const key = `${type}.${param}`;
    const last = told.get(key);
    if (!last && told.size >= MAX_PARAMS) return;
    const count = (last?.count ?? 0) + 1;
    if (last && now() - last.at < QUIET_MS) {
      last.count = count;
      return;
    }
    told.set(key, { at: now(), count: 0 });
    const what = 'a resource is not found by a search parameter: its expression failed';
    log?.warn({ part: 'search', type, param, count }, what);
  };
}
