import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A file to be loaded. */
export interface Input {
  path: string;
  /** Met in a folder: what turns out to hold no FHIR is passed over there. */
  found: boolean;
  /** One JSON value a line. */
  lines: boolean;
}

const readable = /\.(json|ndjson|jsonl)(\.gz)?$/i;
const ofLines = /\.(ndjson|jsonl)(\.gz)?$/i;

/**
 * The files that the arguments mean, folders searched through, each once, in the order of their
 * names. Rejects with the error of the file system for a path that is not there.
 */
export async function findInputs(paths: readonly string[]): Promise<Input[]> {
  const inputs = new Map<string, Input>();
  const add = (path: string, found: boolean): void => {
    if (!inputs.has(path)) inputs.set(path, { path, found, lines: ofLines.test(path) });
  };
  for (const path of paths) {
    const facts = await stat(path);
    if (!facts.isDirectory()) add(path, false);
    else for (const file of await filesBelow(path)) add(file, true);
  }
  return [...inputs.values()];
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && readable.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The content, unpacked if it is gzip, whatever its name. Chunks come as they are read. */
export async function* contentOf(path: string): AsyncGenerator<Buffer> {
  const packed = await isGzip(path);
  const source = createReadStream(path);
  try {
    yield* packed ? unpacked(source) : source;
  } finally {
    source.destroy();
  }
}

function unpacked(source: Readable): AsyncIterable<Buffer> {
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await file.close();
  }
}

/** The first bytes of the content; fewer where it ends earlier. */
export async function headOf(path: string, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(path)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, bytes);
}
