import { createHash } from 'node:crypto';
import { isNumber } from '../../server/fhir/decimal.ts';
import { deepEqual, parseJson, parseResource } from '../../server/fhir/json.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';
import { derivedId } from '../../server/load/ids.ts';
import { ask } from './http.ts';

/** Looks at what a load of Synthea's bundles has left on a server. */
export interface Check {
  base: string;
  /** Conditional references that are known by now, e.g. `Practitioner?identifier=..`. */
  known: Map<string, string>;
}

export async function countOf(base: string, type: string): Promise<number> {
  return (await ask(base, `${type}?_summary=count`)).json['total'] as unknown as number;
}

/**
 * Compares each entry of a Bundle file with what the server answers to a read: equal but for `id`,
 * the server's part of `meta`, and references that were resolved; and no reference leads nowhere.
 *
 * @param bytes the file, unpacked
 * @returns what is wrong
 */
export async function faultsOf(check: Check, bytes: Buffer): Promise<string[]> {
  const entries = parseResource(bytes)['entry'] as JsonObject[];
  const digest = createHash('sha256').update(bytes).digest('hex');
  const targets = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    targets.set(String(entry['fullUrl']), await targetOf(check, entry, derivedId(digest, index)));
  }
  const faults: string[] = [];
  await inLanes(entries.entries(), 8, async ([index, entry]) => {
    const path = targets.get(String(entry['fullUrl'])) ?? '';
    const { status, text } = await ask(check.base, path);
    const read = status === 200 ? (parseJson(text) as Resource) : undefined;
    const sent = await resolved(check, entry['resource'] as JsonObject, targets);
    if (!read) faults.push(`entry ${index}: ${path} answers ${status}`);
    else if (!deepEqual(ofSender(read), ofSender(sent as Resource))) {
      faults.push(`entry ${index}: ${path} reads back changed`);
    }
  });
  return faults;
}

/** Where the resource of an entry is. Of conditional creates it is the oldest that matches. */
async function targetOf({ base }: Check, entry: JsonObject, id: string): Promise<string> {
  const { resourceType } = entry['resource'] as Resource;
  const { ifNoneExist } = entry['request'] as JsonObject;
  if (ifNoneExist === undefined) return `${resourceType}/${id}`;
  const criteria = encodeURI(String(ifNoneExist));
  const { json } = await ask(base, `${resourceType}?${criteria}&_sort=_lastUpdated&_count=1`);
  return `${resourceType}/${json['entry']?.[0]?.['resource']?.['id']}`;
}

function ofSender({ id: _, meta, ...rest }: Resource): JsonObject {
  const { versionId: __, lastUpdated: ___, ...own } = (meta ?? {}) as JsonObject;
  return { ...(rest as JsonObject), meta: own };
}

/** A copy of what was sent, with the references that are to be expected. */
async function resolved(
  check: Check,
  value: JsonValue,
  targets: ReadonlyMap<string, string>,
): Promise<JsonValue> {
  if (Array.isArray(value)) {
    return Promise.all(value.map((item) => resolved(check, item, targets)));
  }
  if (typeof value !== 'object' || value === null || isNumber(value)) return value;
  const copy: JsonObject = {};
  for (const [name, item] of Object.entries(value as JsonObject)) {
    if (name === 'reference' && typeof item === 'string') {
      copy[name] = targets.get(item) ?? (await conditionOf(check, item));
    } else if (name === 'div' && typeof item === 'string') {
      copy[name] = item.replace(/urn:uuid:[0-9a-f-]+/g, (urn) => targets.get(urn) ?? urn);
    } else copy[name] = await resolved(check, item, targets);
  }
  return copy;
}

/** What a conditional reference means: the oldest match, which there was when it was resolved. */
async function conditionOf({ base, known }: Check, text: string): Promise<string> {
  if (text.startsWith('#')) return text;
  if (!text.includes('?')) return `dangling: ${text}`;
  let target = known.get(text);
  if (target === undefined) {
    const { json } = await ask(base, `${encodeURI(text)}&_sort=_lastUpdated&_count=1`);
    const { resourceType, id } = (json['entry']?.[0]?.['resource'] ?? {}) as Record<
      string,
      unknown
    >;
    target = `${resourceType}/${id}`;
    known.set(text, target);
  }
  return target;
}

export async function inLanes<T>(
  items: Iterator<T> & Iterable<T>,
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const lane = async (): Promise<void> => {
    for (const item of items) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
