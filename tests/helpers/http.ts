import { connect } from 'node:net';
import type { JsonObject } from '../../server/fhir/types.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; an empty object where it is none. */
  json: Json;
}

/** A JSON value as tests look into it: any path may be asked for. */
export type Json = { [name: string]: Json } & { [index: number]: Json } & Partial<JsonLike>;
interface JsonLike {
  length: number;
  map<T>(f: (item: Json, index: number) => T): T[];
  filter(f: (item: Json) => boolean): Json[];
  find(f: (item: Json) => boolean): Json | undefined;
}

/** A JSON array as a list; an empty one where there is none. */
export const itemsOf = (value: Json | undefined): Json[] =>
  (value as unknown as Json[] | undefined) ?? [];

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  /** Objects are sent as FHIR JSON. */
  body?: JsonObject | string | Buffer;
}

/** Sends one request; `url` may be relative to `base`. */
export async function ask(base: string, url: string, options: Ask = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const isObject = typeof body === 'object' && !Buffer.isBuffer(body);
  const type = body === undefined ? {} : { 'Content-Type': 'application/fhir+json' };
  const content = isObject ? JSON.stringify(body) : body;
  const target = url.startsWith('http') ? url : `${base}${url === '' ? '' : `/${url}`}`;
  const response = await fetch(target, {
    method,
    headers: { ...type, ...headers },
    ...(content === undefined ? {} : { body: content as string }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {} as Json;
  }
}

/** Sends bytes as they are and answers all that comes back until the end of the connection. */
export function rawRequest(port: number, bytes: string | Buffer, waitMs = 5000): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(waitMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(answer));
  });
}
