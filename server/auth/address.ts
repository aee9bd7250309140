import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { AuthContext } from './route.ts';
import type { AuthService } from './types.ts';

/** What of Node's message says where it comes from. */
export interface Incoming {
  headers: IncomingHttpHeaders;
  socket?: { remoteAddress?: string | undefined };
}

/**
 * Where a request comes from: the address of the connection or, where that is a proxy of
 * KILN_TRUSTED_PROXIES, the last address of X-Forwarded-For that is no such proxy. What stands
 * before it may be anything the caller wrote. `unknown` without a connection.
 */
export const clientAddress = ({ config }: AuthService, { env }: AuthContext): string =>
  peerAddress(config.trustedProxies, env.incoming);

const MOST_KNOWN = 1000;
const MOST_HOPS = 500;
/** By the list of proxies: what connections and their headers came to. Asked for every request. */
const addresses = new WeakMap<readonly string[], Map<string, string>>();

/** The same for any server. */
export function peerAddress(trusted: readonly string[], { headers, socket }: Incoming): string {
  const peer = socket?.remoteAddress ?? '';
  const forwarded = trusted.length === 0 ? '' : String(headers['x-forwarded-for'] ?? '');
  const key = forwarded === '' ? peer : `${peer} ${forwarded}`;
  const found = addresses.get(trusted) ?? new Map<string, string>();
  const known = found.get(key);
  if (known !== undefined) return known;
  addresses.set(trusted, found);
  const address = behindProxies(proxiesOf(trusted), peer, forwarded.split(','));
  if (found.size >= MOST_KNOWN) found.clear();
  if (key.length <= MOST_HOPS) found.set(key, address);
  return address;
}

function behindProxies(proxies: BlockList, peer: string, hops: string[]): string {
  let address = canonical(peer) ?? 'unknown';
  while (isProxy(proxies, address)) {
    const before = canonical(hops.pop() ?? '');
    if (before === undefined) break;
    address = before;
  }
  return address;
}

/**
 * The address as limits count it: an IPv6 network of /64, which is what one subscriber has, or an
 * IPv4 address.
 */
export const addressOf = (service: AuthService, context: AuthContext): string =>
  networkOf(clientAddress(service, context));

/** `2001:db8:0:1::/64` of an IPv6 address in any spelling; other texts as they are. */
export const networkOf = (address: string): string =>
  isIP(address) === 6 ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address;

/** One spelling per address, IPv4 for IPv4 within IPv6; undefined for what is no address. */
export function canonical(text: string): string | undefined {
  const bare = withoutPort(text.trim()).replace(/%.*$/, '');
  if (isIP(bare) === 4) return bare;
  if (isIP(bare) !== 6) return undefined;
  const groups = groupsOf(bare);
  const mapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff';
  return mapped ? dotted(groups.slice(6)) : new URL(`http://[${bare}]`).hostname.slice(1, -1);
}

/** Proxies write `1.2.3.4:5678` and `[::1]:5678` too. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text);
  if (bracketed) return bracketed[1] ?? '';
  return /^[\d.]+:\d+$/.test(text) ? text.replace(/:\d+$/, '') : text;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  if (tail === undefined) return before;
  const after = groups(tail);
  return [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
}

const dotted = (groups: readonly string[]): string =>
  groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((word) => [word >> 8, word & 255])
    .join('.');

const known = new WeakMap<readonly string[], BlockList>();

/** Addresses and networks (`10.0.0.0/8`). Throws for what is neither. */
function proxiesOf(texts: readonly string[]): BlockList {
  const made = known.get(texts);
  if (made) return made;
  const list = new BlockList();
  for (const text of texts) addTo(list, text);
  known.set(texts, list);
  return list;
}

function addTo(list: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const plain = canonical(address);
  if (plain === undefined) throw new Error(`"${text}" is no address of a proxy`);
  const family = familyOf(plain);
  if (bits === undefined) list.addAddress(plain, family);
  else list.addSubnet(plain, Number(bits), family);
}

const isProxy = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, familyOf(address));

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
