import { type Answer, Connection, type Request } from './http.ts';

/** A server under test as its clients see it. */
export class Client {
  readonly #url: URL;
  readonly #base: string;
  #idle: Connection | undefined;
  /** Sent with every request; a token lasts minutes, so it may be another one later. */
  authorization: string | undefined;
  /** Bytes of resources that the server has acknowledged so far, as they were sent. */
  written = 0;

  /** `url`: the FHIR base, `http://127.0.0.1:8080/fhir`. */
  constructor(url: string) {
    this.#url = new URL(url);
    this.#base = this.#url.pathname.replace(/\/$/, '');
  }

  /** Another caller of the same server. */
  as(token: string): Client {
    const client = new Client(this.#url.href);
    client.authorization = `Bearer ${token}`;
    return client;
  }

  get origin(): string {
    return this.#url.origin;
  }

  connect(): Connection {
    return new Connection(this.#url.hostname, Number(this.#url.port));
  }

  async send(connection: Connection, request: Request): Promise<Answer> {
    const answer = await connection.send(this.#base, this.#signed(request));
    if (answer.status >= 200 && answer.status < 300) this.written += request.jsonBytes ?? 0;
    return answer;
  }

  #signed(request: Request): Request {
    if (this.authorization === undefined) return request;
    return { ...request, headers: { ...request.headers, Authorization: this.authorization } };
  }

  /** One request outside of any measurement. */
  call(request: Request): Promise<Answer> {
    this.#idle ??= this.connect();
    return this.send(this.#idle, request);
  }

  close(): void {
    this.#idle?.close();
  }
}

/** The beginning of a body, for messages. */
export const snippet = (body: Buffer): string =>
  body.subarray(0, 300).toString().replace(/\s+/g, ' ');

/** Why an answer counts as an error, or undefined: status first, then the request's own check. */
export function faultOf(request: Request, answer: Answer, full: boolean): string | undefined {
  if (answer.status < 200 || answer.status > 299) {
    return `HTTP ${answer.status} ${snippet(answer.body)}`;
  }
  return request.check?.(answer, full);
}
