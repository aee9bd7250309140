import { createHash } from 'node:crypto';
import { FhirError } from '../fhir/error.ts';
import { parseJsonBytes } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { contentOf, type Input } from './files.ts';
import { NotLoadable, type Shipment, type Shipped, shipmentsOf } from './shipment.ts';

/** A shipment, or what is wrong with a part of the file. */
export type Read =
  | { shipment: Shipment; bytes: number }
  | { at: string; why: string }
  | { skipped: string };

/** Lines are sent in transactions of at most so many resources and bytes. */
const GROUP_ENTRIES = 200;
const GROUP_BYTES = 4 * 1024 * 1024;
/** Above this, a JSON value cannot be parsed as one text. */
const VALUE_BYTES = 500 * 1024 * 1024;

/** Reads a file. A file of lines is never in memory as a whole. Nothing is thrown. */
export async function* readInput(input: Input): AsyncGenerator<Read> {
  try {
    yield* input.lines ? readLines(input) : readWhole(input);
  } catch (error) {
    yield { at: '', why: `The file cannot be read: ${(error as Error).message}` };
  }
}

async function* readWhole(input: Input): AsyncGenerator<Read> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(input.path)) {
    size += chunk.length;
    if (size > VALUE_BYTES) {
      yield { at: '', why: 'The file is larger than 500 MB. Use NDJSON, or several files.' };
      return;
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const parsed = parse(bytes);
  if (typeof parsed === 'string') yield { at: '', why: parsed };
  else if (parsed === undefined) yield notFhir(input);
  else {
    const digest = createHash('sha256').update(bytes).digest('hex');
    yield* shipments(parsed, { content: () => digest, line: '' }, size);
  }
}

function notFhir({ found }: Input): Read {
  const why = 'It holds no FHIR resource: "resourceType" is missing.';
  return found ? { skipped: why } : { at: '', why };
}

/** The resource; undefined for JSON that is none; a text for what is no JSON. */
function parse(bytes: Buffer): Resource | string | undefined {
  try {
    const value = parseJsonBytes(bytes) as Partial<Resource> | null;
    return typeof value?.resourceType === 'string' ? (value as Resource) : undefined;
  } catch (error) {
    if (error instanceof FhirError) return error.message;
    throw error;
  }
}

type Origin = Parameters<typeof shipmentsOf>[1];

function* shipments(resource: Resource, origin: Origin, bytes: number): Generator<Read> {
  try {
    const list = shipmentsOf(resource, origin);
    for (const shipment of list) yield { shipment, bytes: bytes / list.length };
  } catch (error) {
    if (!(error instanceof NotLoadable)) throw error;
    yield { at: origin.line, why: error.message };
  }
}

/** Resources of lines wait here until there are enough for a transaction. */
class Group {
  #entries: Shipped[] = [];
  #urls = new Set<string>();
  #bytes = 0;

  /** A resource changes once in a transaction (R4 3.1.0.11.2), so a second version starts anew. */
  isFullFor({ entry }: Shipped, bytes: number): boolean {
    if (this.#entries.length === 0) return false;
    if (this.#entries.length >= GROUP_ENTRIES || this.#bytes + bytes > GROUP_BYTES) return true;
    return this.#urls.has(urlOf(entry));
  }

  add(shipped: Shipped, bytes: number): void {
    this.#entries.push(shipped);
    this.#urls.add(urlOf(shipped.entry));
    this.#bytes += bytes;
  }

  *take(): Generator<Read> {
    const [entries, bytes] = [this.#entries, this.#bytes];
    this.#entries = [];
    this.#urls = new Set();
    this.#bytes = 0;
    if (entries.length > 0) yield { shipment: { kind: 'group', entries, divisible: true }, bytes };
  }
}

const urlOf = ({ request }: Shipped['entry']): string => (request as { url: string }).url;

async function* readLines(input: Input): AsyncGenerator<Read> {
  const hash = createHash('sha256');
  const group = new Group();
  let number = 0;
  for await (const bytes of linesOf(input.path)) {
    number += 1;
    hash.update(bytes).update('\n');
    if (isBlank(bytes)) continue;
    const parsed = parse(bytes);
    const line = `line ${number}`;
    if (parsed === undefined || typeof parsed === 'string') {
      yield { at: line, why: parsed ?? 'It holds no FHIR resource: "resourceType" is missing.' };
      continue;
    }
    // What stands before the line is part of it: equal lines are different resources.
    const origin = { content: () => hash.copy().digest('hex'), line };
    for (const read of shipments(parsed, origin, bytes.length)) {
      const [only, ...more] = 'shipment' in read ? read.shipment.entries : [];
      const single = 'shipment' in read && read.shipment.divisible && more.length === 0;
      if (!single || !only) {
        yield* group.take();
        yield read;
      } else {
        if (group.isFullFor(only, bytes.length)) yield* group.take();
        group.add(only, bytes.length);
      }
    }
  }
  yield* group.take();
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x0d);

/** Lines without their end. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(path)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = [];
      size = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > VALUE_BYTES) throw new Error('a line is longer than 500 MB');
  }
  if (size > 0) yield Buffer.concat(rest);
}
