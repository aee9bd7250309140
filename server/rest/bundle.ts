import type { Plan, PlannedEntry } from '../fhir/bundle.ts';
import { planBundle } from '../fhir/bundle.ts';
import { FhirError } from '../fhir/error.ts';
import { asResource } from '../fhir/json.ts';
import type { ChangeResult } from '../store/store.ts';
import { Turn } from '../store/store.ts';
import { changeOf } from './bundle-change.ts';
import { entryOfFailure, entryOfInner, entryOfResult } from './bundle-entry.ts';
import { failureOf, logFailure } from './errors.ts';
import { bodyOf, refuseQuery } from './input.ts';
import type { Exchange } from './request.ts';
import { answerBundle } from './respond.ts';
import type { Service } from './service.ts';
import { attemptOfEntry, entryAtFault, recordFailure } from './trail.ts';

/** Entries of a batch that are under way at one time. */
const BATCH_LANES = 16;

/** POST [base] (R4 3.1.0.11): a Bundle of type batch or transaction. */
export async function bundle(service: Service, exchange: Exchange): Promise<Response> {
  refuseQuery(exchange, 'A bundle is posted to the base without parameters.');
  const { value } = await bodyOf(service, exchange, ['json', 'xml']);
  const resource = asResource(value);
  const { type } = resource;
  if (type === 'batch' || type === 'transaction') exchange.attempt = { kind: type };
  const plan = planBundle(resource, {
    newId: () => service.store.newId(),
    bases: [service.config.base()],
    definitions: service.definitions,
  });
  const run = plan.type === 'transaction' ? transaction : batch;
  const entries = await run(service, exchange, plan);
  return answerBundle(service, exchange, { type: `${plan.type}-response`, entries });
}

/** All or nothing (3.1.0.11.2): one commit, then the reads, which see what it wrote. */
async function transaction(service: Service, exchange: Exchange, plan: Plan): Promise<string[]> {
  const writes = plan.order.filter((entry) => !isRead(entry));
  const results = await commit(service, exchange, { plan, writes });
  const answers = new Array<string>(plan.size);
  for (const [at, { index }] of writes.entries()) {
    const result = results[at];
    if (result) answers[index] = entryOfResult(service, exchange, result);
  }
  for (const entry of plan.order.filter(isRead)) {
    answers[entry.index] = await readEntry(service, exchange, entry);
  }
  return answers;
}

async function commit(
  service: Service,
  exchange: Exchange,
  { plan, writes }: { plan: Plan; writes: readonly PlannedEntry[] },
): Promise<ChangeResult[]> {
  try {
    refuseOperations(writes);
    return await service.store.commit(exchange.actor, writes.map(changeOf), { plan });
  } catch (error) {
    const entry = writes.find(({ index }) => index === entryAtFault(error));
    if (entry) exchange.attempt = { ...attemptOfEntry(entry), kind: 'transaction' };
    throw error;
  }
}

/** Entries are independent (3.1.0.11.1); kinds of change keep their order all the same. */
async function batch(service: Service, exchange: Exchange, plan: Plan): Promise<string[]> {
  const answers = new Array<string>(plan.size);
  for (const [index, error] of plan.errors) {
    answers[index] = entryOfFailure(failureOf(error, exchange.id));
  }
  recordFaulty(service, exchange, plan);
  const groups = Map.groupBy(plan.order, (entry) => (isRead(entry) ? 'GET' : groupOf(entry)));
  for (const entries of groups.values()) {
    await inLanes(entries, async (entry) => {
      answers[entry.index] = await oneOfBatch(service, exchange, entry);
    });
  }
  return answers;
}

const groupOf = ({ method }: PlannedEntry): string => (method === 'PATCH' ? 'PUT' : method);

async function oneOfBatch(
  service: Service,
  exchange: Exchange,
  entry: PlannedEntry,
): Promise<string> {
  if (isRead(entry)) return readEntry(service, exchange, entry);
  try {
    refuseOperations([entry]);
    const [result] = await service.store.commit(exchange.actor, [changeOf(entry)]);
    if (!result) throw new Error('the store answered a commit without a result');
    return entryOfResult(service, exchange, result);
  } catch (error) {
    const failure = failureOf(error, exchange.id);
    logFailure(service.log, failure, { requestId: exchange.id, error });
    recordFailure(service, exchange, { failure, attempt: attemptOfEntry(entry) });
    return entryOfFailure(failure);
  }
}

/** Entries that ask for nothing that could be done: one event for all. */
function recordFaulty(service: Service, exchange: Exchange, { errors }: Plan): void {
  const [first] = errors;
  if (!first) return;
  const [entry, error] = first;
  const attempt = { kind: 'batch', entry, query: '', count: errors.size - 1 } as const;
  recordFailure(service, exchange, { failure: failureOf(error, exchange.id), attempt });
}

const isRead = (entry: PlannedEntry): boolean =>
  entry.method === 'GET' || entry.method === 'HEAD' || isSearch(entry);

/** A search by POST whose parameters stand in the url; an entry has no place for a form. */
const isSearch = ({ method, operation, resource }: PlannedEntry): boolean =>
  method === 'POST' &&
  resource === undefined &&
  /^(?:[A-Z][A-Za-z]*\/)?_search$/.test(operation ?? '');

/** A read of any sort, answered as the same request on its own would be. */
async function readEntry(
  service: Service,
  exchange: Exchange,
  entry: PlannedEntry,
): Promise<string> {
  const { headers } = exchange.incoming;
  const response = await service.dispatch({
    method: entry.method === 'HEAD' ? 'HEAD' : 'GET',
    url: innerUrl(isSearch(entry) ? entry.url.replace(/\/?_search/, '') : entry.url),
    ...{ within: exchange.id, actor: exchange.actor },
    headers: {
      prefer: headers.prefer as string | undefined,
      'if-none-match': entry.ifNoneMatch,
      'if-modified-since': entry.ifModifiedSince,
    },
  });
  return entryOfInner(response);
}

const innerUrl = (url: string): string =>
  url === '' || url.startsWith('?') ? `/fhir${url}` : `/fhir/${url}`;

function refuseOperations(entries: readonly PlannedEntry[]): void {
  for (const { operation, index } of entries) {
    if (operation === undefined) continue;
    const diagnostics = `${operation.slice(0, 80)} cannot be carried out inside a bundle.`;
    const expression = `Bundle.entry[${index}].request.url`;
    throw new FhirError('invalid', [
      { severity: 'error', code: 'not-supported', diagnostics, expression },
    ]);
  }
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  // Entries that are refused never wait for anything: thousands would hold up everybody else.
  const turn = new Turn();
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      await work(item);
      await turn.over();
    }
  };
  await Promise.all(Array.from({ length: Math.min(BATCH_LANES, items.length) }, lane));
}
