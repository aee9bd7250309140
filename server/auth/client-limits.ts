import { allow, isSpent } from './limits.ts';
import type { AuthService, Client } from './types.ts';

/**
 * How often the token, introspection and revocation endpoints hear one client. What an attacker can
 * use up is what attackers need: wrong proofs. Right ones have a budget of their own, so nobody
 * can lock a client out by sending rubbish in its name, from however many addresses.
 */

/** Of one client from one address; a system needs a token every few minutes. */
const PER_ADDRESS = { most: 600, per: 60 };
/** Wrong proofs of one client, from all addresses together. */
const FAILED = { most: 600, per: 60 };
/** Right proofs of one client, from all addresses together. */
const PROVEN = { most: 6000, per: 60 };

/** So long an address from which a client proved itself is one of its own. */
const HOME_MS = 30 * 24 * 3_600_000;
const MOST_HOMES = 20_000;

/** `<client>@<address>` -> until when (unix ms). */
const homes = new WeakMap<AuthService, Map<string, number>>();

const spot = ({ id }: Client, address: string): string => `${id}@${address}`;

/**
 * Before a client proves itself.
 * @param costly the proof takes so much work that rubbish has to be turned away unread: where too
 *   much of it came, all is but what comes from where the client has proven itself before
 * @throws OAuthError slow_down (429)
 */
export async function beforeProof(
  service: AuthService,
  client: Client,
  { address, costly = false }: { address: string; costly?: boolean },
): Promise<void> {
  await allow(service, `client:${spot(client, address)}`, PER_ADDRESS);
  if (!costly || !isSpent(service, `failed:${client.id}`, FAILED)) return;
  const until = homes.get(service)?.get(spot(client, address)) ?? 0;
  if (until < service.now()) await allow(service, `failed:${client.id}`, FAILED);
}

/** After a wrong proof. Throws OAuthError slow_down (429) where there were too many. */
export const afterFailure = (service: AuthService, { id }: Client): Promise<void> =>
  allow(service, `failed:${id}`, FAILED);

/** After a right proof. Throws OAuthError slow_down (429) where there were too many. */
export async function afterProof(
  service: AuthService,
  client: Client,
  address: string,
): Promise<void> {
  await allow(service, `proven:${client.id}`, PROVEN);
  const known = homes.get(service) ?? new Map<string, number>();
  homes.set(service, known);
  const key = spot(client, address);
  // Those that were not heard from for longest go first.
  known.delete(key);
  const [oldest] = known.keys();
  if (known.size >= MOST_HOMES && oldest !== undefined) known.delete(oldest);
  known.set(key, service.now() + HOME_MS);
}
