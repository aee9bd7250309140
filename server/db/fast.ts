import { type Client, connect, gather, type Outcome, type Statement, send } from './pg.ts';

/** A few connections that many callers share: requests travel without waiting for each other. */
export interface FastLanes {
  /** Undefined while no lane is open; the caller then takes the pool. */
  send(statement: Statement, values: readonly unknown[]): Promise<Outcome> | undefined;
  close(): Promise<void>;
}

type Config = Parameters<typeof connect>[0];

/**
 * `count` connections in pipeline mode (0.6-0.8 of the CPU of pooled point reads). Only for
 * short reads: an answer waits for those asked before it. Each statement is its own implicit
 * transaction, so one that fails leaves its neighbours alone; a lost connection fails all that are
 * under way on it, and is opened again when next wanted.
 */
export function openFastLanes(config: Config, count: number): FastLanes {
  const lanes = Array.from({ length: count }, () => createLane(config));
  let turn = 0;
  return {
    send(statement, values) {
      turn = (turn + 1) % lanes.length;
      const client = lanes[turn]?.client();
      if (!client) return undefined;
      gather(client);
      return send(client, statement, values, { array: true });
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

interface Lane {
  client(): Client | undefined;
  close(): Promise<void>;
}

function createLane(config: Config): Lane {
  let client: Client | undefined;
  let opening: Promise<void> | undefined;
  let closed = false;

  const open = async (): Promise<void> => {
    const fresh = await connect(config, (lost) => {
      if (client === lost) client = undefined;
    });
    if (closed) await fresh.end();
    else client = fresh;
  };

  return {
    client() {
      if (!client && !opening && !closed) {
        opening = open()
          .catch(() => {}) // the pool serves meanwhile, and tells what is wrong
          .finally(() => {
            opening = undefined;
          });
      }
      return client;
    },
    async close() {
      closed = true;
      await opening;
      await client?.end();
    },
  };
}
