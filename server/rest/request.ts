import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { FhirError } from '../fhir/error.ts';
import type { Actor } from '../store/store.ts';
import type { Format } from './negotiate.ts';
import { answerFormat, fhirJson } from './negotiate.ts';
import type { Prefer } from './prefer.ts';
import { parsePrefer } from './prefer.ts';
import type { Attempt } from './trail.ts';

/** What of Node's message is used; its body only where the request comes from a socket. */
export type Incoming = Pick<IncomingMessage, 'headers' | 'url' | 'method'> & {
  socket?: Pick<IncomingMessage['socket'], 'remoteAddress'>;
};

/** What the listener hands to the app with each request. */
export interface Env {
  Bindings: {
    incoming: Incoming | IncomingMessage;
    outgoing?: ServerResponse;
    /** Set where an entry of a bundle is answered: the id of the request around it, and who asks. */
    within?: string;
    actor?: Actor;
  };
}

export type Parameters = [name: string, value: string][];

const REQUEST_ID = /^[A-Za-z0-9\-._:]{1,64}$/;
/** Everybody, where nobody has to say who it is. */
export const anonymous: Actor = Object.freeze({ kind: 'anonymous', name: 'anonymous' });
const none: Parameters = [];

/** One request as the handlers see it; what costs is read when it is first asked for. */
export class Exchange {
  actor: Actor;
  readonly incoming: Incoming;
  /** The caller's `X-Request-Id` where it is sane, else a new one; answered in the same header. */
  readonly id: string;
  /** The same where the caller sent one. */
  readonly requestId: string | undefined;
  /** Holds the memory budget of a large body until the request is answered. */
  release: (() => void) | undefined;
  /** True for an entry of a bundle, whose request is already accounted for. */
  readonly within: boolean;
  /** What is found out on the way of what was asked for, to be noted if it is refused. */
  attempt: Attempt = {};
  /** Whether parameters stood in the body. */
  posted = false;
  readonly #context: Context<Env>;
  #query: Parameters | undefined;
  #format: Format | undefined;
  #prefer: Prefer | undefined;

  constructor(context: Context<Env>) {
    this.#context = context;
    this.incoming = context.env.incoming;
    const { within, actor = anonymous } = context.env;
    this.actor = actor;
    this.within = within !== undefined;
    const sent = this.incoming.headers['x-request-id'];
    const sane = typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : undefined;
    this.requestId = sane;
    this.id = within ?? sane ?? randomUUID();
  }

  /** The message on the socket, to read its body. */
  get message(): IncomingMessage {
    if (this.incoming instanceof IncomingMessage) return this.incoming;
    throw new Error('a request from inside has no body');
  }

  /** A part of the path, percent-decoded; '' where the route has no such part. */
  part(name: 'type' | 'id' | 'vid' | 'other'): string {
    return (this.#context.req.param(name) as string | undefined) ?? '';
  }

  /** The parameters of the query, decoded, in order. Throws invalid where they cannot be decoded. */
  get query(): Parameters {
    if (this.#query) return this.#query;
    const url = this.incoming.url ?? '';
    const at = url.indexOf('?');
    this.#query = at < 0 || at === url.length - 1 ? none : decodeForm(url.slice(at + 1));
    return this.#query;
  }

  /** After a search by POST: its parameters stand in the body too. */
  replaceQuery(parameters: Parameters): void {
    this.#query = parameters;
    this.posted = true;
    this.#format = undefined;
  }

  /** The value of a parameter that may stand once; undefined where absent. */
  parameter(name: string): string | undefined {
    if (this.query.length === 0) return undefined;
    const found = this.query.filter(([key]) => key === name);
    if (found.length > 1 && found.some(([, value]) => value !== found[0]?.[1])) {
      throw new FhirError('invalid', `${name} stands more than once in the query. Send it once.`);
    }
    return found[0]?.[1];
  }

  /** How the answer is to be written; inside a bundle as JSON. Throws not-acceptable. */
  get format(): Format {
    this.#format ??= this.within
      ? fhirJson
      : answerFormat(this.parameter('_format'), this.incoming.headers.accept);
    return this.#format;
  }

  /** Refuses what cannot be answered before anything is done. Throws not-acceptable. */
  requireFormat(): void {
    this.#format = this.format;
  }

  get pretty(): boolean {
    return !this.within && this.parameter('_pretty') === 'true';
  }

  get prefer(): Prefer {
    // Joined by Node where the header stands twice.
    this.#prefer ??= parsePrefer(this.incoming.headers.prefer as string | undefined);
    return this.#prefer;
  }
}

/**
 * Reads `a=b&c=d` as sent in a URL or a form: `+` is a space, percent escapes are UTF-8. Throws
 * FhirError invalid for broken escapes, and for NUL, which no database text can hold.
 */
export function decodeForm(text: string): Parameters {
  const found: Parameters = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    found.push([name, at < 0 ? '' : decode(pair.slice(at + 1), name)]);
  }
  return found;
}

function decode(text: string, name?: string): string {
  let plain = text;
  if (text.includes('+')) plain = text.replaceAll('+', ' ');
  if (plain.includes('%')) {
    try {
      plain = decodeURIComponent(plain);
    } catch {
      const hint = 'Encode each byte of UTF-8 as %XX, and % itself as %25.';
      throw undecodable(`The query holds a broken percent escape. ${hint}`, name);
    }
  }
  if (plain.includes('\0')) {
    throw undecodable('The query holds the character NUL (%00). Leave it out.', name);
  }
  return plain;
}

const undecodable = (diagnostics: string, name: string | undefined): FhirError =>
  new FhirError('invalid', [
    {
      ...{ severity: 'error', code: 'invalid', diagnostics },
      ...(name !== undefined && { expression: `http.${name}` }),
    },
  ]);
