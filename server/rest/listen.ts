import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { outcomeOf } from './errors.ts';
import type { Env } from './request.ts';

/** Times in milliseconds, sizes in bytes; see docs/configuration.md. */
export interface ListenOptions {
  host: string;
  port: number;
  headersTimeout: number;
  requestTimeout: number;
  keepAliveTimeout: number;
  connectionsCheckingInterval: number;
  maxHeaderSize: number;
  /** Bodies that announce more are refused without `100 Continue`. */
  bodyLimit: number;
}

export interface Listener {
  port: number;
  /** Takes no more connections, lets what is under way finish, at most so many ms. */
  stop(drainMs: number): Promise<void>;
}

/** Connections beyond this are closed as they come. */
const CONNECTIONS_MAX = 10_000;

/** A connection on which nothing moves is cut after so many times `requestTimeout`. */
const STALLS = 2;

/** What answers requests: `createApp(..).fetch`. */
export type Fetch = (request: Request, env: Env['Bindings']) => Response | Promise<Response>;

/** The address cannot be had. The message says what to do; it is meant to be printed alone. */
export class ListenError extends Error {
  constructor(cause: NodeJS.ErrnoException, { host, port }: ListenOptions) {
    const advice: Readonly<Record<string, string>> = {
      EADDRINUSE: 'another process has it: stop that one, or set PORT',
      EACCES: 'this user may not have it: set PORT to 1024 or more',
    };
    const why = advice[cause.code ?? ''] ?? cause.message;
    super(`Cannot listen on port ${port} of ${host}: ${why}.`, { cause });
    this.name = 'ListenError';
  }
}

/** Serves on a socket. Rejects with ListenError. */
export function listen(fetch: Fetch, options: ListenOptions): Promise<Listener> {
  const { host, port, bodyLimit, ...times } = options;
  const answerRequest = getRequestListener(fetch as never, {
    hostname: 'localhost',
    errorHandler: refuseRequest,
  });
  const open = new Set<ServerResponse>();
  let stopping = false;
  // Node's own refusal of requests without Host has no body.
  const parsing = { ...times, noDelay: true, requireHostHeader: false };
  const server = createServer(parsing, (request, response) => {
    if (request.httpVersion === '1.1' && !request.headers.host) {
      return refuse(response, 400, 'HTTP/1.1 needs a Host header.');
    }
    open.add(response);
    response.once('close', () => open.delete(response));
    if (stopping) response.shouldKeepAlive = false;
    return answerRequest(request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  // Nothing sent or taken for so long: the request hangs, or its client does not read the answer.
  server.timeout = STALLS * times.requestTimeout;
  server.on('clientError', refuseSocket);
  server.on('connect', (_request, socket) => refuseSocket(new Error('CONNECT'), socket as Socket));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced <= bodyLimit) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    refuse(response, 417, 'The only expectation that is met is 100-continue.');
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new ListenError(error, options));
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.removeListener('error', fail);
      const bound = (server.address() as AddressInfo).port;
      const stop = (drainMs: number): Promise<void> => {
        stopping = true;
        // What is answered from now on says `Connection: close`, so that no client sends again.
        for (const response of open) response.shouldKeepAlive = false;
        return close(server, drainMs);
      };
      resolve({ port: bound, stop });
    });
  });
}

/** What is wrong before the app could see it; the connection ends with the answer. */
function refuse(response: ServerResponse, status: number, diagnostics: string): void {
  const body = outcomeText(diagnostics);
  const type = 'application/fhir+json; charset=utf-8';
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': length,
    Connection: 'close',
  });
  response.end(body);
}

/** A request line or Host header that is no URL; the app never sees it. */
function refuseRequest(): Response {
  const text = outcomeText('The request line or the Host header is malformed.');
  const headers = { 'Content-Type': 'application/fhir+json; charset=utf-8' };
  return new Response(text, { status: 400, headers });
}

const statuses: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const LINGER_MS = 1000;

/** What Node's parser refuses: not HTTP, headers too large, a client that is too slow. */
function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statuses[error.code ?? ''] ?? '400 Bad Request';
  const body = outcomeText(`The request was not understood: ${status.slice(4)}.`);
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/fhir+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`);
  // Time to read that; a client that then keeps its side open must not keep ours.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

const outcomeText = (diagnostics: string): string =>
  JSON.stringify(outcomeOf([{ severity: 'fatal', code: 'structure', diagnostics }]));

/** A request may be on its way on a connection that seems idle; for so long it is waited for. */
const GRACE_MS = 250;

/** In-flight requests end by themselves or, when the time is up, with their connection. */
function close(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    const since = performance.now();
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    const sweep = setInterval(() => {
      if (performance.now() - since > Math.min(GRACE_MS, drainMs)) server.closeIdleConnections();
    }, 50);
    // http's own close() would cut idle connections at once.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(timer);
      clearInterval(sweep);
      resolve();
    });
  });
}
