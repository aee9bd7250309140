import { connect, type Socket } from 'node:net';

export interface SlowClientOptions {
  readonly port: number;
  /** Sent at once. */
  readonly first?: string;
  /** Sent again and again, also after the server has ended its side. */
  readonly drip?: string;
  /** Milliseconds between two drips. */
  readonly every?: number;
  /** False: answers pile up on their way here. */
  readonly reads?: boolean;
}

export interface SlowClient {
  readonly socket: Socket;
  /** What has been read. */
  heard(): string;
  /** Resolves when the server has let the connection go, not merely ended its own side. */
  readonly gone: Promise<void>;
}

/**
 * A client of bad manners: it never closes its connection, also when it is told to. It finds out
 * that the server has cut it off by writing, so it writes until that fails.
 */
export function slowClient(options: SlowClientOptions): SlowClient {
  const { port, first = '', drip = '', every = 200, reads = true } = options;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let heard = '';
  let ended = false;
  if (reads) {
    socket.on('data', (chunk) => {
      heard += chunk;
    });
  }
  socket.on('end', () => {
    ended = true;
  });
  socket.on('error', () => {}); // being cut off is what is waited for
  socket.write(first);
  const timer = setInterval(() => {
    const text = ended ? 'x' : drip;
    if (socket.writableLength === 0 && text !== '') socket.write(text);
  }, every);
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
  return { socket, gone, heard: () => heard };
}
