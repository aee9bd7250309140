import { setTimeout as sleep } from 'node:timers/promises';
import { DbError, StartError } from './error.ts';
import { type Client, connect, send } from './pg.ts';

/** The oldest PostgreSQL that Kiln runs on, as `server_version_num` counts. */
export const OLDEST = 150_000;

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: number;
  readonly encoding: string;
  readonly standby: boolean;
}

/** Throws StartError with what to do where the server is none that Kiln can run on. */
export function checkServer({ version, encoding, standby }: ServerFacts): void {
  if (version < OLDEST) {
    throw new StartError(
      `The PostgreSQL at DATABASE_URL is version ${Math.floor(version / 10_000)}; Kiln needs 15 ` +
        'or newer: upgrade it, or leave DATABASE_URL unset to use the one that comes with Kiln.',
    );
  }
  if (encoding !== 'UTF8') {
    throw new StartError(
      `The database at DATABASE_URL has the encoding ${encoding}; Kiln needs UTF8: create one ` +
        "with create database kiln encoding 'UTF8' template template0.",
    );
  }
  if (standby) {
    throw new StartError(
      'The PostgreSQL at DATABASE_URL is a read-only standby: use the address of the primary.',
    );
  }
}

export async function readFacts(client: Client): Promise<ServerFacts> {
  const { rows } = await send(client, {
    text: `select current_setting('server_version_num')::int as version,
                  current_setting('server_encoding') as encoding,
                  pg_is_in_recovery() as standby`,
  });
  return rows[0] as ServerFacts;
}

/** Resolves when the server can be used; rejects with a DbError when it cannot. */
export async function probe(config: Parameters<typeof connect>[0]): Promise<void> {
  const client = await connect(config);
  try {
    const { standby } = await readFacts(client);
    if (standby) throw new DbError('unavailable', 'the server is a read-only standby');
  } finally {
    await client.end();
  }
}

/**
 * The first connection. A server that is not there yet (started together with Kiln) gets `patience`
 * milliseconds to come; one that refuses us is told of at once.
 */
export async function firstConnection(
  config: Parameters<typeof connect>[0],
  patience: number,
): Promise<Client> {
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await connect(config);
    } catch (error) {
      const temporary = error instanceof DbError && error.kind === 'unavailable';
      if (!temporary || performance.now() > until) throw cannotConnect(error);
      await sleep(200);
    }
  }
}

function cannotConnect(error: unknown): StartError {
  const reason = reasonOf(error);
  return new StartError(
    `Cannot connect to the PostgreSQL at DATABASE_URL (${reason}): check its host, port, user, ` +
      'password and database name, or leave DATABASE_URL unset to use the one that Kiln brings.',
    error,
  );
}

/** Node reports a host with several addresses as an AggregateError without a message. */
function reasonOf(error: unknown): string {
  const cause = (error as Error).cause;
  if (cause instanceof AggregateError) return String(cause.errors[0]?.message ?? cause);
  return (error as Error).message;
}
