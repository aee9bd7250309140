import { connect, type Socket } from 'node:net';

/**
 * An HTTP/1.1 client for one request at a time on one connection. The generator shares the machine
 * with the server it measures, and this spends about a third of the CPU of `fetch`.
 */

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** Value of a header; `name` in lower case. */
  header(name: string): string | undefined;
}

/** What is wrong with an answer, or undefined. `full` asks for the thorough look. */
export type Check = (answer: Answer, full: boolean) => string | undefined;

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** Relative to the base: `Patient/1`; empty for the base itself. */
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly check?: Check;
  /** Number of resources in the body, and the bytes of their JSON. */
  readonly resources?: number;
  readonly jsonBytes?: number;
}

const TIMEOUT_MS = 120_000;
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

/** What the bytes received so far amount to: the whole message's length and body, or "not yet". */
type Framing = (received: Buffer) => Buffer | undefined;

export class Connection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** No use in looking before so many bytes are there. */
  #needed = 0;
  #head = '';
  #headBytes = 0;
  #frame: Framing | undefined;
  #settle: PromiseWithResolvers<Answer> | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Rejects when the connection breaks or is silent for two minutes; the next call reconnects. */
  send(base: string, request: Request): Promise<Answer> {
    const { path, body, headers } = request;
    const slash = path === '' || path.startsWith('?') ? '' : '/';
    let text =
      `${request.method ?? 'GET'} ${base}${slash}${path} HTTP/1.1\r\n` +
      `Host: ${this.#host}:${this.#port}\r\nAccept: application/fhir+json\r\n`;
    for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
    if (body !== undefined) {
      const length = Buffer.byteLength(body);
      text += `Content-Type: application/fhir+json\r\nContent-Length: ${length}\r\n`;
    }
    this.#settle = Promise.withResolvers<Answer>();
    this.#reset();
    this.#open().write(`${text}\r\n${body ?? ''}`);
    return this.#settle.promise;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #reset(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#needed = 0;
    this.#frame = undefined;
  }

  #open(): Socket {
    if (this.#socket && !this.#socket.destroyed) return this.#socket;
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    socket.setTimeout(TIMEOUT_MS, () => this.#fail(new Error('no answer in time')));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => {
      if (socket === this.#socket) this.#fail(new Error('connection closed'));
    });
    this.#socket = socket;
    return socket;
  }

  #fail(error: Error): void {
    const settle = this.#settle;
    this.#settle = undefined;
    this.close();
    settle?.reject(error);
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (!this.#settle || this.#bytes < this.#needed) return;
    const received = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#chunks = [received];
    try {
      this.#look(received);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #look(received: Buffer): void {
    if (!this.#frame) {
      const end = received.indexOf(HEAD_END);
      if (end < 0) return;
      this.#head = received.toString('latin1', 0, end + 2);
      this.#headBytes = end + 4;
      this.#frame = this.#framing();
    }
    const body = this.#frame(received);
    if (body === undefined) return;
    const head = this.#head;
    const settle = this.#settle;
    this.#settle = undefined;
    if (/^connection: close/im.test(head)) this.close();
    const header = (name: string): string | undefined => headerOf(head, name);
    settle?.resolve({ status: Number(head.slice(9, 12)), body, header });
  }

  /** RFC 9112, section 6.3, without bodies that end with the connection. */
  #framing(): Framing {
    const start = this.#headBytes;
    const status = Number(this.#head.slice(9, 12));
    const length = headerOf(this.#head, 'content-length');
    if (status === 204 || status === 304) return () => NOTHING;
    if (length !== undefined) {
      const end = start + Number(length);
      this.#needed = end;
      return (received) => (received.length < end ? undefined : received.subarray(start, end));
    }
    if (headerOf(this.#head, 'transfer-encoding') === 'chunked') {
      return (received) => unchunk(received, start);
    }
    throw new Error('the answer has neither Content-Length nor chunks');
  }
}

function headerOf(head: string, name: string): string | undefined {
  const match = new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)\\r\\n`, 'i').exec(head);
  return match?.[1];
}

function unchunk(received: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const end = received.indexOf(LINE_END, at);
    if (end < 0) return undefined;
    const size = Number.parseInt(received.toString('latin1', at, end), 16);
    if (Number.isNaN(size)) throw new Error('the answer has a chunk without a size');
    const from = end + 2;
    at = from + size + 2;
    if (received.length < at) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(received.subarray(from, from + size));
  }
}
