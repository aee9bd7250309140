import type { Agent } from '../audit/audit.ts';
import type { Actor } from '../store/store.ts';
import { type Incoming, peerAddress } from './address.ts';
import type { Caller } from './authenticate.ts';
import type { Grant } from './types.ts';

/**
 * By whose name the audit journal notes what callers do. The journal writes each object down once, so
 * they are kept: one for each grant, address and purpose.
 */

/** A token is seldom used from many places; whoever spreads one must not fill the memory. */
const MOST_PLACES = 100;
const MOST_STRANGERS = 10_000;

/** By the grant object of the token cache, which is another one after each change. */
const agents = new WeakMap<Grant, Map<string, Agent>>();

/** The bearer of a token, at an address. */
export function agentOf(caller: Caller, address: string): Agent {
  const { grant, user, client, purpose } = caller;
  const places = kept(agents, grant);
  const key = purpose === undefined ? address : `${address} ${purpose}`;
  const known = places.get(key);
  if (known) return known;
  const { fhirUser } = client.settings;
  const agent: Agent = {
    kind: user ? 'user' : 'client',
    client: { id: client.id, name: client.name, ...(fhirUser !== undefined && { fhirUser }) },
    ...{ address, grant: grant.id },
  };
  if (user) {
    const { id, name, fhirUser: self } = user;
    agent.user = { id, name, ...(self !== undefined && { fhirUser: self }) };
  }
  if (purpose !== undefined) agent.purpose = purpose;
  if (places.size >= MOST_PLACES) places.clear();
  places.set(key, agent);
  return agent;
}

function kept<K extends object, V>(by: WeakMap<K, Map<string, V>>, key: K): Map<string, V> {
  const known = by.get(key);
  if (known) return known;
  const made = new Map<string, V>();
  by.set(key, made);
  return made;
}

/**
 * Actors for those who have not said who they are, by their addresses: where nobody has to, and for
 * what is refused for want of a token.
 */
export function anonymousActors(trustedProxies: readonly string[]): (from: Incoming) => Actor {
  const actors = new Map<string, Actor>();
  return (incoming) => {
    const address = peerAddress(trustedProxies, incoming);
    const known = actors.get(address);
    if (known) return known;
    const agent: Agent = { kind: 'anonymous', address };
    const actor: Actor = { kind: 'anonymous', name: 'anonymous', trail: { agent } };
    if (actors.size >= MOST_STRANGERS) actors.clear();
    actors.set(address, actor);
    return actor;
  };
}
