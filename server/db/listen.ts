import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect, send } from './pg.ts';

export type OnMessage = (payload: string) => void;

interface Hearer {
  onMessage: OnMessage;
  onLost: () => void;
}

type Config = Parameters<typeof connect>[0];

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** A peer that vanished without a word shows only when something is sent to it. */
const PING_MS = 15_000;

/**
 * One connection that hears what others `pg_notify`. It is opened with the first channel, and again
 * for as long as there are any.
 */
export class Listener {
  readonly #config: Config;
  readonly #channels = new Map<string, Set<Hearer>>();
  readonly #ping: NodeJS.Timeout;
  #client: Client | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(config: Config) {
    this.#config = config;
    this.#ping = setInterval(() => this.#check(), PING_MS);
    this.#ping.unref();
  }

  /**
   * Calls `onMessage` with the payload of each NOTIFY on the channel, and `onLost` whenever some may
   * have been missed: when the connection breaks, and each time it has begun to listen (the first
   * included). Returns a function that ends this.
   */
  listen(channel: string, onMessage: OnMessage, onLost: () => void): () => void {
    if (!/^[a-z][a-z_]*$/.test(channel)) throw new Error(`not the name of a channel: ${channel}`);
    const hearer = { onMessage, onLost };
    const hearers = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, hearers.add(hearer));
    // Also where others hear this channel already: so the newcomer learns from when on it does.
    if (this.#client) void this.#subscribe(this.#client, channel);
    else this.#reopen();
    return () => {
      hearers.delete(hearer);
      if (hearers.size === 0 && this.#channels.get(channel) === hearers) this.#leave(channel);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ping);
    this.#channels.clear();
    await this.#opening;
    await this.#client?.end().catch(() => {});
  }

  #leave(channel: string): void {
    this.#channels.delete(channel);
    if (this.#client) send(this.#client, { text: `unlisten "${channel}"` }).catch(() => {});
  }

  #reopen(): void {
    if (this.#closed || this.#client || this.#opening || this.#channels.size === 0) return;
    this.#opening = this.#openUntilThere().finally(() => {
      this.#opening = undefined;
      this.#reopen(); // the fresh connection may have broken, or a channel come, in the meantime
    });
  }

  async #openUntilThere(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#closed && this.#channels.size > 0; pause *= 2) {
      try {
        return await this.#open();
      } catch {
        await sleep(Math.min(pause, LONGEST_PAUSE_MS), undefined, { ref: false });
      }
    }
  }

  async #open(): Promise<void> {
    const fresh = await connect(this.#config, (gone) => this.#lost(gone));
    if (this.#closed) return fresh.end();
    fresh.on('notification', ({ channel, payload = '' }) => {
      for (const { onMessage } of this.#channels.get(channel) ?? []) onMessage(payload);
    });
    this.#client = fresh;
    // Sent without waiting: a channel that is added from now on sees the client and sends its own.
    for (const channel of this.#channels.keys()) void this.#subscribe(fresh, channel);
  }

  async #subscribe(to: Client, channel: string): Promise<void> {
    try {
      await send(to, { text: `listen "${channel}"` });
      for (const { onLost } of this.#channels.get(channel) ?? []) onLost();
    } catch {
      await to.end().catch(() => {});
      this.#lost(to);
    }
  }

  #lost(gone: Client): void {
    if (this.#client !== gone) return;
    this.#client = undefined;
    for (const hearers of this.#channels.values()) for (const { onLost } of hearers) onLost();
    this.#reopen();
  }

  #check(): void {
    const asked = this.#client;
    if (asked) send(asked, { text: 'select 1' }).catch(() => asked.end().catch(() => {}));
  }
}
