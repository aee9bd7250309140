import { isObject } from '../fhir/json.ts';
import type { JsonObject } from '../fhir/types.ts';
import { type Answer, type Client, isPassing } from './client.ts';
import { entryIndex, type Issue, issuesOf } from './issues.ts';
import type { Shipment, Shipped } from './shipment.ts';

/** What became of an entry. `other`: a read, delete or patch that went well. */
export type Fate = 'created' | 'updated' | 'unchanged' | 'other' | 'refused';

export interface Delivered {
  counts: Partial<Record<Fate, number>>;
  /** Why entries were refused: any number of reasons for each, or one for all of them. */
  reasons: Reason[];
}

export interface Reason extends Issue {
  /** Absent where it is about the whole shipment. */
  shipped?: Shipped;
  status: number;
}

interface Delivery {
  client: Client;
  /** When the load began by the server's clock, Unix ms: what is older was there before. */
  since: number;
  delivered: Delivered;
}

/**
 * Sends a shipment until each of its entries is stored or refused. May be repeated after any
 * failure: nothing is stored twice. Rejects with ServerAway, or when the client's signal is aborted.
 */
export async function deliver(
  client: Client,
  shipment: Shipment,
  since: number,
): Promise<Delivered> {
  const delivery: Delivery = { client, since, delivered: { counts: {}, reasons: [] } };
  const { kind, entries } = shipment;
  if (entries.length > 0) {
    if (kind === 'transaction') await deliverWhole(delivery, entries);
    else if (kind === 'batch') await deliverBatch(delivery, entries);
    else await deliverGroup(delivery, entries, shipment.divisible === true);
  }
  return delivery.delivered;
}

function count({ delivered: { counts } }: Delivery, fate: Fate, by = 1): void {
  counts[fate] = (counts[fate] ?? 0) + by;
}

const bundleOf = (type: string, entries: readonly Shipped[]): JsonObject => ({
  ...{ resourceType: 'Bundle', type },
  entry: entries.map(({ entry }) => entry),
});

/** All or nothing, so that one entry that is there already proves that all have been loaded. */
async function deliverWhole(delivery: Delivery, entries: readonly Shipped[]): Promise<void> {
  const { client } = delivery;
  const first = entries.find(({ once }) => once)?.once;
  if (first !== undefined && (await client.exists(first))) {
    return count(delivery, 'unchanged', entries.length);
  }
  const answer = await client.post(bundleOf('transaction', entries));
  if (answer.status === 200) return countAnswers(delivery, entries, answer);
  const issues = issuesOf(answer.body);
  const proof = entries[entryIndex(issues[0]) ?? -1]?.once ?? first;
  if (answer.status === 412 && proof !== undefined && (await client.exists(proof))) {
    return count(delivery, answer.repeated ? 'created' : 'unchanged', entries.length);
  }
  refuse(delivery, entries, { status: answer.status, issues });
}

function countAnswers(delivery: Delivery, entries: readonly Shipped[], { body }: Answer): void {
  const answers = Array.isArray(body['entry']) ? body['entry'] : [];
  for (const index of entries.keys()) {
    count(delivery, fateOf(responseOf(answers[index]), delivery.since));
  }
}

interface Response {
  status: number;
  response: JsonObject;
}

function responseOf(item: unknown): Response {
  const entry = isObject(item as JsonObject) ? (item as JsonObject) : {};
  const response = isObject(entry['response']) ? entry['response'] : {};
  return { response, status: Number.parseInt(String(response['status']), 10) };
}

/**
 * A write that changed nothing answers with the old time. The first version with a new time was made
 * by a request of ours whose answer was lost.
 */
function fateOf({ status, response }: Response, since: number): Fate {
  if (status === 201) return 'created';
  const { etag, lastModified } = response;
  if (typeof etag !== 'string' || typeof lastModified !== 'string') return 'other';
  if (Date.parse(lastModified) < since) return 'unchanged';
  return etag === 'W/"1"' ? 'created' : 'updated';
}

function refuse(
  { delivered }: Delivery,
  entries: readonly Shipped[],
  { status, issues }: { status: number; issues: readonly Issue[] },
): void {
  delivered.counts.refused = (delivered.counts.refused ?? 0) + entries.length;
  for (const issue of issues) {
    const shipped =
      entries[entryIndex(issue) ?? -1] ?? (entries.length === 1 ? entries[0] : undefined);
    delivered.reasons.push({ ...issue, status, ...(shipped && { shipped }) });
  }
}

/** Entries the server judges one by one; those it was too busy for are sent again. */
async function deliverBatch(delivery: Delivery, entries: readonly Shipped[]): Promise<void> {
  let waiting = entries;
  for (let attempt = 1; waiting.length > 0; attempt++) {
    const answer = await delivery.client.post(bundleOf('batch', waiting));
    if (answer.status !== 200) {
      return refuse(delivery, waiting, { status: answer.status, issues: issuesOf(answer.body) });
    }
    const repeated = answer.repeated || attempt > 1;
    waiting = settleBatch(delivery, waiting, { answer: { ...answer, repeated }, attempt });
    if (waiting.length > 0) await delivery.client.pause(attempt);
  }
}

/** How often the entries of a batch that the server had no room for are sent. */
const BATCH_ATTEMPTS = 30;

/** Answers the entries that have to be sent again. */
function settleBatch(
  delivery: Delivery,
  entries: readonly Shipped[],
  { answer, attempt }: { answer: Answer; attempt: number },
): Shipped[] {
  const answers = Array.isArray(answer.body['entry']) ? answer.body['entry'] : [];
  return entries.filter((shipped, index) => {
    const reply = responseOf(answers[index]);
    const { status, response } = reply;
    if (isPassing(status, attempt) && attempt < BATCH_ATTEMPTS) return true;
    const issues = issuesOf(response['outcome']);
    if (status < 300) count(delivery, fateOf(reply, delivery.since));
    else if (status === 412 && shipped.once !== undefined) {
      count(delivery, answer.repeated ? 'created' : 'unchanged');
    } else if (status === 412 && existsOften(shipped, issues)) count(delivery, 'unchanged');
    else refuse(delivery, [shipped], { status, issues });
    return false;
  });
}

/**
 * A conditional create that finds several: what it asks for is there, if it is loaded again after
 * records that brought the same organisation along (Synthea's do).
 */
function existsOften({ entry }: Shipped, issues: readonly Issue[]): boolean {
  const { ifNoneExist } = entry['request'] as JsonObject;
  return ifNoneExist !== undefined && issues[0]?.code === 'multiple-matches';
}

/**
 * Resources that have nothing to do with each other go as a transaction, which is several times
 * faster than a batch. When it is refused, the entries that are to blame are taken out and the rest
 * is sent again; when nobody is named, it is cut in halves.
 */
async function deliverGroup(
  delivery: Delivery,
  entries: readonly Shipped[],
  divisible: boolean,
): Promise<void> {
  const { client } = delivery;
  for (let left = entries; left.length > 0; ) {
    const answer = await client.post(bundleOf('transaction', left));
    if (answer.status === 200) return countAnswers(delivery, left, answer);
    const present = answer.status === 412 ? await presentOf(client, left) : new Set<Shipped>();
    if (present.size > 0) {
      count(delivery, answer.repeated ? 'created' : 'unchanged', present.size);
      left = left.filter((shipped) => !present.has(shipped));
      continue;
    }
    const issues = issuesOf(answer.body);
    const blamed = new Set(issues.flatMap((issue) => left[entryIndex(issue) ?? -1] ?? []));
    if (blamed.size === 0 && divisible && left.length > 1) {
      const half = Math.ceil(left.length / 2);
      await deliverGroup(delivery, left.slice(0, half), true);
      return deliverGroup(delivery, left.slice(half), true);
    }
    if (blamed.size === 0) return refuse(delivery, left, { status: answer.status, issues });
    refuseBlamed(delivery, left, { blamed, status: answer.status, issues });
    left = left.filter((shipped) => !blamed.has(shipped));
  }
}

function refuseBlamed(
  { delivered }: Delivery,
  entries: readonly Shipped[],
  { blamed, status, issues }: { blamed: Set<Shipped>; status: number; issues: readonly Issue[] },
): void {
  delivered.counts.refused = (delivered.counts.refused ?? 0) + blamed.size;
  for (const issue of issues) {
    const shipped = entries[entryIndex(issue) ?? -1];
    if (shipped) delivered.reasons.push({ ...issue, status, shipped });
  }
}

/** Which of the entries that only create are there already. */
async function presentOf(client: Client, entries: readonly Shipped[]): Promise<Set<Shipped>> {
  const asked = entries.filter(({ once }) => once !== undefined);
  const entry = asked.map(({ once = '' }) => ({ request: { method: 'HEAD', url: once } }));
  if (asked.length === 0) return new Set();
  const { body } = await client.post({ resourceType: 'Bundle', type: 'batch', entry });
  const answers = Array.isArray(body['entry']) ? body['entry'] : [];
  return new Set(asked.filter((_, index) => responseOf(answers[index]).status === 200));
}
