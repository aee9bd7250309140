import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { startEmbedded } from '../../server/db/embedded.ts';
import { silent } from '../../server/db/log.ts';

/**
 * The floor: the least that a resource server on node:http and PostgreSQL can do, an upper bound
 * for read, create and update. One table, one statement per request, JSON parsed and written once;
 * no validation, history or search. Run as `node floor.ts DIRECTORY`, with the same PostgreSQL in
 * its own directory; prints its address.
 */

const [, , directory = ''] = process.argv;
const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
process.once('SIGTERM', ask).once('SIGINT', ask);
const embedded = await startEmbedded({ dataDir: directory, log: silent });
const pool = new pg.Pool({ ...embedded.connection, max: 16 });
await pool.query(
  'create table if not exists floor' +
    ' (type text, id uuid, version int, body text, primary key (type, id))',
);

const statements = {
  read: 'select version, body from floor where type = $1 and id = $2',
  create: 'insert into floor (type, id, version, body) values ($1, $2, 1, $3)',
  update:
    'update floor set version = version + 1, body = $3' +
    ' where type = $1 and id = $2 and ($4::int is null or version = $4) returning version',
} as const;

interface Row {
  version: number;
  body: string;
}

async function run(name: keyof typeof statements, values: unknown[]): Promise<Row | undefined> {
  return (await pool.query<Row>({ name, text: statements[name], values })).rows[0];
}

type Reply = readonly [status: number, body: string, version?: number];

const nothing: Reply = [404, '{"resourceType":"OperationOutcome"}'];

async function reply(request: IncomingMessage): Promise<Reply> {
  const [, , type = '', id] = (request.url ?? '').split('/'); // /fhir/TYPE/ID
  if (request.method === 'GET' && id) return read(type, id);
  if (request.method === 'POST' && type && !id) return create(type, await bodyOf(request));
  if (request.method === 'PUT' && id) return update(type, id, request);
  return nothing;
}

async function read(type: string, id: string): Promise<Reply> {
  const row = await run('read', [type, id]);
  return row ? [200, row.body, row.version] : nothing;
}

async function create(type: string, body: object): Promise<Reply> {
  const id = randomUUID();
  const text = stamped(body, id);
  await run('create', [type, id, text]);
  return [201, text, 1];
}

async function update(type: string, id: string, request: IncomingMessage): Promise<Reply> {
  const text = stamped(await bodyOf(request), id);
  const [, version] = /"(\d+)"/.exec(request.headers['if-match'] ?? '') ?? [];
  const row = await run('update', [type, id, text, version ?? null]);
  return row ? [200, text, row.version] : [412, nothing[1]];
}

const stamped = (body: object, id: string): string =>
  JSON.stringify({ ...body, id, meta: { lastUpdated: new Date().toISOString() } });

async function bodyOf(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as object;
}

function send(response: ServerResponse, [status, body, version]: Reply): void {
  response.writeHead(status, {
    'Content-Type': 'application/fhir+json',
    'Content-Length': Buffer.byteLength(body),
    ...(version === undefined ? {} : { ETag: `W/"${version}"` }),
  });
  response.end(body);
}

const server = createServer((request, response) => {
  reply(request)
    .catch((error: Error): Reply => [500, JSON.stringify({ fault: error.message })])
    .then((answer) => send(response, answer));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`The floor is ready at http://127.0.0.1:${port}/fhir\n`);
});

await asked;
server.close();
server.closeAllConnections();
await pool.end();
await embedded.stop();
process.exit(0);
