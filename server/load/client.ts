import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, stringify } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import type { TokenSource } from './token.ts';

export interface Answer {
  status: number;
  /** An empty object where the body is no JSON object. */
  body: JsonObject;
  /** The request was sent more than once, so that an earlier one may have done the work. */
  repeated: boolean;
}

/** The server, reached with patience. */
export interface Client {
  /** Posts a Bundle to the base. */
  post(bundle: JsonObject): Promise<Answer>;
  /** Whether `Type/id` can be read. */
  exists(path: string): Promise<boolean>;
  /** Waits before something is sent once more; `attempt` counts from 1. */
  pause(attempt: number): Promise<void>;
}

export interface ClientOptions {
  /** The FHIR base URL, without a slash at the end. */
  base: string;
  /** How long to go on asking a server that does not answer or is busy, in ms. */
  patience: number;
  /** Aborted: no further attempts are made. */
  signal: AbortSignal;
  /** Where the server asks who calls. */
  tokens?: TokenSource | undefined;
}

/** The server did not take a request for longer than our patience. */
export class ServerAway extends Error {}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Conflicts end by themselves or never. */
const CONFLICT_ATTEMPTS = 6;

/** Answers that mean "later": too many requests, a proxy without a server, a server without room. */
const later = new Set([429, 502, 503, 504]);

/** True for a status that may be another one soon; of a transaction or of an entry in a batch. */
export function isPassing(status: number, attempt: number): boolean {
  return later.has(status) || (status === 409 && attempt < CONFLICT_ATTEMPTS);
}

/** A client whose requests are repeated while the server is away or busy. Rejects with ServerAway. */
export function createClient({ base, patience, signal, tokens }: ClientOptions): Client {
  const pause = (attempt: number, least = 0): Promise<void> => {
    const most = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
    return sleep(Math.max(least, most * (0.5 + Math.random() / 2)), undefined, { signal });
  };

  async function insist(path: string, init: RequestInit): Promise<Answer> {
    const end = performance.now() + patience;
    for (let attempt = 1; ; attempt++) {
      const reply = await attemptAs(tokens, `${base}${path}`, init);
      if (!('why' in reply) && !isPassing(reply.status, attempt)) {
        const { status, body } = reply;
        return { status, body, repeated: attempt > 1 };
      }
      if (performance.now() > end) throw new ServerAway(awayMessage(base, reply, patience));
      await pause(attempt, 'why' in reply ? 0 : reply.retryAfter);
    }
  }

  return {
    post: (bundle) => {
      const headers = { 'Content-Type': 'application/fhir+json', Prefer: 'return=minimal' };
      return insist('', { method: 'POST', headers, body: stringify(bundle) });
    },
    exists: async (path) => (await insist(`/${path}`, { method: 'HEAD' })).status === 200,
    pause: (attempt) => pause(attempt),
  };
}

interface Reply {
  status: number;
  body: JsonObject;
  /** ms */
  retryAfter: number;
}

/** With a token where there are any; one that has ended meanwhile is renewed once. */
async function attemptAs(
  tokens: TokenSource | undefined,
  url: string,
  init: RequestInit,
): Promise<Reply | { why: string }> {
  if (!tokens) return attemptOnce(url, init);
  const sent = async (renew: boolean): Promise<Reply | { why: string }> => {
    const headers = { ...init.headers, Authorization: `Bearer ${await tokens(renew)}` };
    return attemptOnce(url, { ...init, headers });
  };
  const reply = await sent(false);
  return 'status' in reply && reply.status === UNAUTHORIZED ? sent(true) : reply;
}

const UNAUTHORIZED = 401;

async function attemptOnce(url: string, init: RequestInit): Promise<Reply | { why: string }> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    const retryAfter = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0;
    return { status: response.status, body: objectOf(text), retryAfter };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return { why: cause?.message || message };
  }
}

function objectOf(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function awayMessage(base: string, reply: Reply | { why: string }, patience: number): string {
  const why = 'why' in reply ? reply.why : `it answers ${reply.status}`;
  return `${base} has not taken a request for ${Math.round(patience / 1000)} s (${why}).`;
}
