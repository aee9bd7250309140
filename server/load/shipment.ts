import type { JsonObject, Resource } from '../fhir/types.ts';
import { derivedId } from './ids.ts';

/**
 * What a resource of a file becomes: requests to the server that may be repeated any number of
 * times without doing anything twice. Pure.
 */
export interface Shipment {
  /**
   * `transaction`: all or nothing, as its author asked. `group`: resources that came together only
   * by standing in one file; sent as a transaction because that is fastest, and each may fail alone.
   * `batch`: entries that the server treats one by one.
   */
  kind: 'transaction' | 'group' | 'batch';
  entries: Shipped[];
  /** A group that holds no links between its entries, so that it can be cut anywhere. */
  divisible?: true;
}

export interface Shipped {
  /** A Bundle.entry, to be sent as it stands. */
  entry: JsonObject;
  /** Where it stands in the file, for people: `entry 12`, `line 7`. */
  at: string;
  /**
   * `Type/id`, where the id was derived from the content: that it exists is proof that this very
   * entry has been loaded before. Such entries only ever create; what has been changed on the server
   * since is left alone.
   */
  once?: string;
}

/** Why a resource is not sent at all. */
export class NotLoadable extends Error {}

/** Entries of a batch that go in one request: enough to be fast, few enough to see progress. */
const BATCH_ENTRIES = 200;

/** Bundles that are a record of something, to be kept whole (R4 3.3: POST to /Bundle). */
const kept = new Set(['document', 'message']);
/** Bundles that only carry resources. */
const carriers = new Set(['collection', 'searchset']);

export interface Origin {
  /** Digest of the content that the resource stands in; asked for only where an id is needed. */
  content: () => string;
  /** `line 7`; empty where the resource is the whole file. */
  line: string;
}

/** @throws NotLoadable */
export function shipmentsOf(resource: Resource, origin: Origin): Shipment[] {
  const { type } = resource;
  if (resource.resourceType !== 'Bundle' || kept.has(type as string)) {
    const only = place(resource, undefined, { origin, index: 0, at: origin.line });
    return [{ kind: 'group', entries: [only], divisible: true }];
  }
  const items = itemsOf(resource);
  if (type === 'transaction') {
    return [{ kind: 'transaction', entries: repeatable(items, origin) }];
  }
  if (type === 'batch') return batches(repeatable(items, origin));
  if (carriers.has(type as string)) {
    return [{ kind: 'group', entries: unpacked(items, origin) }];
  }
  const found = typeof type === 'string' ? `of type "${type}"` : 'without a type';
  throw new NotLoadable(
    `A Bundle ${found} cannot be loaded: use transaction, batch, collection, searchset, document or message.`,
  );
}

interface Place {
  origin: Origin;
  index: number;
  at: string;
}

/** A resource by itself: under its id, else under a derived one. */
function place(resource: Resource, fullUrl: unknown, { origin, index, at }: Place): Shipped {
  const link: JsonObject = typeof fullUrl === 'string' ? { fullUrl } : {};
  const { resourceType, id } = resource;
  if (id !== undefined) {
    const url = `${resourceType}/${encodeURIComponent(String(id))}`;
    return { at, entry: { ...link, resource, request: { method: 'PUT', url } } };
  }
  return { at, ...createOnce(resource, link, derivedId(origin.content(), index)) };
}

/** `If-None-Match: *` (R4 3.1.0.8.1 in its form for updates): create, or do nothing. */
function createOnce(resource: Resource, entry: JsonObject, id: string): Omit<Shipped, 'at'> {
  const once = `${resource.resourceType}/${id}`;
  const request = { method: 'PUT', url: once, ifNoneMatch: '*' };
  return { once, entry: { ...entry, resource: { ...resource, id }, request } };
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isResource = (value: unknown): value is Resource =>
  isObject(value) && typeof value['resourceType'] === 'string';

function itemsOf({ entry }: Resource): unknown[] {
  if (entry === undefined) return [];
  if (!Array.isArray(entry)) throw new NotLoadable('Bundle.entry is not an array.');
  return entry;
}

/**
 * The entries of a transaction or batch. A POST would give a new resource each time it is sent, and
 * whether the first time went well is unknown when an answer is lost; so it is sent as a PUT under a
 * derived id. Conditional creates (`ifNoneExist`) can be repeated as they are.
 */
function repeatable(items: readonly unknown[], origin: Origin): Shipped[] {
  return items.map((item, index) => {
    const at = where(origin, index);
    const entry = item as JsonObject;
    if (!isObject(entry) || !isPlainCreate(entry)) return { at, entry };
    const id = derivedId(origin.content(), index);
    return { at, ...createOnce(entry['resource'] as Resource, entry, id) };
  });
}

function isPlainCreate({ request, resource }: JsonObject): boolean {
  if (!isObject(request) || !isResource(resource)) return false;
  const { method, url, ifNoneExist } = request;
  const own = url === resource.resourceType || url === `/${resource.resourceType}`;
  return method === 'POST' && own && ifNoneExist === undefined;
}

/** The resources of a collection; what a search reports about itself is left out. */
function unpacked(items: readonly unknown[], origin: Origin): Shipped[] {
  return items.flatMap((item, index) => {
    const { resource, fullUrl, search } = isObject(item) ? item : {};
    if (isObject(search) && search['mode'] === 'outcome') return [];
    if (!isResource(resource)) return [];
    return [place(resource, fullUrl, { origin, index, at: where(origin, index) })];
  });
}

function batches(entries: readonly Shipped[]): Shipment[] {
  const list: Shipment[] = [];
  for (let at = 0; at < entries.length; at += BATCH_ENTRIES) {
    list.push({ kind: 'batch', entries: entries.slice(at, at + BATCH_ENTRIES) });
  }
  return list;
}

const where = ({ line }: Origin, index: number): string =>
  line === '' ? `entry ${index}` : `${line}, entry ${index}`;
