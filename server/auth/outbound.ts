import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as overHttp, type RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './outbound-address.ts';

/**
 * Fetches addresses that others have named, so that they cannot make Kiln ask machines inside the
 * network (SSRF): https only, public addresses only, no redirects, no credentials, bounded.
 */

export interface OutboundLimits {
  /** Hosts and addresses inside the network that may be asked all the same; hosts also by http. */
  allow: readonly string[];
  /** For all of it, name look-up and body included. */
  timeoutMs: number;
  maxBytes: number;
  /** In place of the system's look-up of names. */
  resolve?: (host: string) => Promise<string[]>;
}

export interface Fetched {
  body: Buffer;
  /** By lower-case name. */
  headers: Readonly<Record<string, string | undefined>>;
}

/** Why nothing was fetched; holds nothing of what came back. */
export class OutboundError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutboundError';
  }
}

/** What is wrong with a URL by itself, before any look-up; undefined where it may be tried. */
export function urlFault(text: string, allow: readonly string[]): string | undefined {
  if (!URL.canParse(text)) return 'it is no absolute URL';
  const url = new URL(text);
  const host = hostOf(url);
  const isListed = listed(allow, host);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isListed))
    return 'it is not https';
  if (url.username !== '' || url.password !== '') return 'it holds a user name';
  if (!isListed && isIP(host) !== 0 && !isPublicAddress(host)) return 'its address is not public';
  return undefined;
}

/**
 * GETs a URL. Only an answer of 200 without a content coding counts.
 * @throws OutboundError
 */
export async function fetchGuarded(text: string, limits: OutboundLimits): Promise<Fetched> {
  const fault = urlFault(text, limits.allow);
  if (fault !== undefined) throw new OutboundError(`not asked: ${fault}`);
  const signal = AbortSignal.timeout(limits.timeoutMs);
  return within(signal, fetchNow(new URL(text), limits, signal));
}

async function fetchNow(url: URL, limits: OutboundLimits, signal: AbortSignal): Promise<Fetched> {
  const addresses = await checkedAddresses(hostOf(url), limits);
  const response = await send(url, { lookup: pinned(addresses), signal });
  const { 'content-encoding': coding = 'identity' } = response.headers;
  if (response.statusCode !== 200 || coding !== 'identity') {
    response.destroy();
    const how = response.statusCode === 200 ? 'in a coding' : `with ${response.statusCode}`;
    throw new OutboundError(`answered ${how}`);
  }
  const body = await collect(response, limits.maxBytes);
  return { body, headers: { ...response.headers } as Record<string, string> };
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

const listed = (allow: readonly string[], host: string): boolean =>
  allow.some((one) => one.toLowerCase() === host);

/** All addresses of the host, each one checked: one that is not public spoils the rest. */
async function checkedAddresses(host: string, limits: OutboundLimits): Promise<string[]> {
  const { allow, resolve = resolveBySystem } = limits;
  const addresses = isIP(host) === 0 ? await resolve(host).catch(() => []) : [host];
  if (addresses.length === 0) throw new OutboundError('its name is unknown');
  const isAllowed = (address: string) => isPublicAddress(address) || listed(allow, address);
  if (!listed(allow, host) && !addresses.every(isAllowed)) {
    throw new OutboundError('not asked: its address is not public');
  }
  return addresses;
}

const resolveBySystem = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Connects to what was checked, whatever the name stands for by now (DNS rebinding). */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all: wantsAll }, answer) => {
    const [first] = all;
    if (wantsAll) answer(null, all);
    else answer(null, first?.address ?? '', first?.family);
  };
}

function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? overHttps : overHttp;
  const headers = { Accept: 'application/json', 'Accept-Encoding': 'identity' };
  return new Promise((resolve, reject) => {
    // An agent would lend connections to addresses that were checked for someone else.
    request(url, { ...options, headers, agent: false, maxHeaderSize: 16 * 1024 })
      .once('response', resolve)
      .once('error', (error) => reject(failed(error)))
      .end();
  });
}

function collect(response: IncomingMessage, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > most) response.destroy(new OutboundError(`answered more than ${most} bytes`));
    });
    response.once('end', () => resolve(Buffer.concat(chunks)));
    response.once('error', (error) => reject(failed(error)));
    response.once('close', () => reject(new OutboundError('its answer was cut off')));
  });
}

async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new OutboundError('took too long'));
  signal.addEventListener('abort', stop, { once: true });
  return Promise.race([work, late]).finally(() => signal.removeEventListener('abort', stop));
}

function failed(error: Error): OutboundError {
  if (error instanceof OutboundError) return error;
  return new OutboundError('could not be connected to, or broke off');
}
