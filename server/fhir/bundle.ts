/**
 * The plan of a batch or transaction (R4 3.1.0.11): what each entry asks for, in which order it is
 * done and which links tie the entries together. No clock, no store: ids come from `newId`.
 */
import type { EntryOptions, PlannedEntry } from './bundle-entry.ts';
import { readEntry } from './bundle-entry.ts';
import { linkWalker } from './bundle-links.ts';
import type { Links } from './bundle-resolve.ts';
import { findLinks, isTarget } from './bundle-resolve.ts';
import type { Definitions } from './definitions.ts';
import { FhirError } from './error.ts';
import { quote } from './primitive.ts';
import type { Issue, JsonValue, Resource } from './types.ts';

export type { Method, PlannedEntry } from './bundle-entry.ts';
export { isCreate } from './bundle-entry.ts';
export type { Links } from './bundle-resolve.ts';
export { applyLinks, spotPath } from './bundle-resolve.ts';

/** Issues of one answer; a body of 50 MB could cause millions. */
const MAX_ISSUES = 1_000;
/** Faulty entries after which a bundle is given up, be it a batch. */
const MAX_FAULTY = 10_000;

export interface Plan {
  type: 'batch' | 'transaction';
  /** Number of entries in the request; the response has as many. */
  size: number;
  /** The sound entries, in the order of the request. */
  entries: PlannedEntry[];
  /** The same entries in processing order: DELETE, POST, PUT and PATCH, GET and HEAD. */
  order: PlannedEntry[];
  /** Batch only: what is wrong with the other entries, by index. */
  errors: ReadonlyMap<number, FhirError>;
  /** Transaction only: entries of a batch know nothing of each other. */
  links: Links;
}

export interface PlanOptions {
  /** Makes the id of a resource to be created. */
  newId: () => string;
  /** Own base urls without a slash at the end. */
  bases: readonly string[];
  definitions: Definitions;
}

/**
 * Plans a Bundle. The plan shares the bundle's resources, and `applyLinks` writes into them: a plan
 * takes over the parsed body.
 * @throws FhirError `invalid`: the body is no batch or transaction; of a transaction, the faults of
 * all entries at once (a batch has them in `errors`)
 */
export function planBundle(bundle: Resource, options: PlanOptions): Plan {
  const type = bundleType(bundle);
  const items = bundle['entry'] ?? [];
  if (!Array.isArray(items)) throw invalid('Bundle.entry', 'entry must be an array.');
  const { entries, errors } = readEntries(items, options);
  const links =
    type === 'batch'
      ? { pending: [], conditions: new Map(), dangling: [] }
      : findLinks(entries, linkWalker(options.definitions));
  if (type === 'transaction') {
    const faults = issuesOf(errors);
    // With an entry missing its links must dangle: that would blame the innocent.
    const dangling = faults.length === 0 ? links.dangling : [];
    refuse([...faults, ...dangling, ...repeatedUrls(entries), ...overlaps(entries)]);
  }
  const order = entries.toSorted((a, b) => rank(a) - rank(b) || a.index - b.index);
  return { type, size: items.length, entries, order, errors, links };
}

const issuesOf = (errors: ReadonlyMap<number, FhirError>): Issue[] =>
  [...errors.values()].flatMap((error) => error.issues);

function refuse(issues: readonly Issue[]): void {
  const first = issues.slice(0, MAX_ISSUES);
  if (issues.length > MAX_ISSUES) {
    const diagnostics = `Only the first ${MAX_ISSUES} faults are listed; mend these first.`;
    first.push({ severity: 'error', code: 'invalid', diagnostics });
  }
  if (first.length > 0) throw new FhirError('invalid', first);
}

function bundleType(bundle: Resource): 'batch' | 'transaction' {
  const { type } = bundle;
  if (bundle.resourceType !== 'Bundle') {
    throw invalid(bundle.resourceType, `The base takes a Bundle; send this resource to its type.`);
  }
  if (type === 'batch' || type === 'transaction') return type;
  const found = typeof type === 'string' ? quote(type) : 'missing';
  throw invalid(
    'Bundle.type',
    `type is ${found}, but only a "batch" or a "transaction" can be carried out. ` +
      'To store the Bundle as it is, POST it to Bundle.',
  );
}

const invalid = (expression: string, diagnostics: string): FhirError =>
  new FhirError('invalid', [{ severity: 'error', code: 'invalid', diagnostics, expression }]);

function readEntries(
  items: readonly JsonValue[],
  { newId, bases, definitions }: PlanOptions,
): { entries: PlannedEntry[]; errors: Map<number, FhirError> } {
  const types = new Set(definitions.resourceTypes);
  const options: EntryOptions = { newId, bases, isType: (name) => types.has(name) };
  const entries: PlannedEntry[] = [];
  const errors = new Map<number, FhirError>();
  for (const [index, item] of items.entries()) {
    try {
      entries.push(readEntry(item, index, options));
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      errors.set(index, error);
      if (errors.size > MAX_FAULTY) refuse(issuesOf(errors));
    }
  }
  return { entries, errors };
}

/** R4 3.1.0.11.2. A search by POST only reads, so it comes with the reads. */
function rank(entry: PlannedEntry): number {
  if (entry.method === 'DELETE') return 0;
  if (entry.method === 'POST') return entry.operation?.endsWith('_search') ? 3 : 1;
  return entry.method === 'PUT' || entry.method === 'PATCH' ? 2 : 3;
}

/** bdl-7: a fullUrl names one entry. */
function repeatedUrls(entries: readonly PlannedEntry[]): Issue[] {
  const seen = new Map<string, number>();
  const issues: Issue[] = [];
  for (const entry of entries) {
    const { fullUrl, index } = entry;
    if (fullUrl === undefined || !isTarget(entry)) continue;
    const first = seen.get(fullUrl);
    if (first === undefined) seen.set(fullUrl, index);
    else {
      const diagnostics = `Bundle.entry[${first}] has the fullUrl ${quote(fullUrl)} too; make it unique.`;
      const expression = `Bundle.entry[${index}].fullUrl`;
      issues.push({ severity: 'error', code: 'duplicate', diagnostics, expression });
    }
  }
  return issues;
}

/**
 * "If any resource identities overlap, then the transaction SHALL fail" (R4 3.1.0.11.2). The store
 * asks again once conditional entries have their ids.
 *
 * @param entries those whose `id` is known; conditional ones are left out while they have criteria,
 * unless `resolved` holds their index
 */
export function overlaps(
  entries: readonly PlannedEntry[],
  resolved: ReadonlySet<number> = new Set(),
): Issue[] {
  const seen = new Map<string, number>();
  const issues: Issue[] = [];
  for (const { index, method, type, id, criteria, operation } of entries) {
    if (method === 'GET' || method === 'HEAD' || operation !== undefined) continue;
    if (id === undefined || (criteria !== undefined && !resolved.has(index))) continue;
    const key = `${type}/${id}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else {
      const diagnostics =
        `Bundle.entry[${first}] changes ${key} too. ` +
        'In a transaction a resource may change once: merge the entries.';
      const expression = `Bundle.entry[${index}].request.url`;
      issues.push({ severity: 'error', code: 'business-rule', diagnostics, expression });
    }
  }
  return issues;
}
