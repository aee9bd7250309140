import { createHash } from 'node:crypto';
import { loadSql, sqlList, sqlTexts } from '../db/db.ts';
import type { Agent, AuditParts } from './types.ts';

const addSql = loadSql(import.meta.url, 'agent-add.sql');
const getSql = loadSql(import.meta.url, 'agents.sql');
const ofSql = loadSql(import.meta.url, 'agents-of.sql');

/** Contents kept, oldest out first: what acts comes again. */
const MOST = 20_000;

interface Known {
  /** Decimal. */
  key: string;
  agent: Agent;
  content: string;
  written: boolean;
}

/** Agents, each with its key; written once, before the first event that names it. */
export class Agents {
  readonly #parts: AuditParts;
  readonly #byObject = new WeakMap<Agent, Known>();
  readonly #byContent = new Map<string, Known>();
  readonly #read = new Map<string, Agent>();

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  /** What is known of an agent: by the object first, then by what it says. */
  known(agent: Agent): Known {
    const cached = this.#byObject.get(agent);
    if (cached) return cached;
    const content = JSON.stringify(plain(agent));
    const known = this.#byContent.get(content) ?? {
      ...{ key: keyOf(content), agent, content, written: false },
    };
    this.#byObject.set(agent, known);
    remember(this.#byContent, content, known);
    return known;
  }

  key(agent: Agent): string | Promise<string> {
    const known = this.known(agent);
    return known.written ? known.key : this.write([agent]).then(() => known.key);
  }

  /** Writes down those that are not yet, in a transaction of their own. */
  async write(agents: readonly Agent[]): Promise<void> {
    const fresh = new Set(agents.map((agent) => this.known(agent)).filter((one) => !one.written));
    if (fresh.size === 0) return;
    // In one order everywhere: two processes that write the same ones must not wait in a circle.
    const all = [...fresh].sort((a, b) => (a.key < b.key ? -1 : 1));
    await this.#parts.db.steady(addSql, [
      sqlList(all.map(({ key }) => key)),
      sqlTexts(all.map(({ agent }) => sqlList(this.#keysOf(agent)))),
      sqlTexts(all.map(({ content }) => content)),
    ]);
    for (const one of all) one.written = true;
  }

  #keysOf({ user, client }: Agent): string[] {
    const names = [user?.id, user?.fhirUser, client?.id, client?.fhirUser];
    const told = names.filter((name) => name !== undefined);
    return [...new Set(told.map((name) => String(this.#parts.key(name))))];
  }

  /** Keys, decimal, of agents that are one of these. */
  async of(names: readonly string[]): Promise<string[]> {
    const keys = sqlList(names.map((name) => this.#parts.key(name)));
    const rows = await this.#parts.db.tuples<[string]>({ text: ofSql.text }, [keys]);
    return rows.map(([key]) => key);
  }

  /** The agents behind keys; one that is not there is left out. */
  async read(keys: readonly string[]): Promise<Map<string, Agent>> {
    const missing = [...new Set(keys)].filter((key) => !this.#read.has(key));
    const rows =
      missing.length === 0
        ? []
        : await this.#parts.db.tuples<[string, string]>(getSql, [sqlList(missing)]);
    const found = new Map(rows.map(([key, content]) => [key, JSON.parse(content) as Agent]));
    for (const key of keys) {
      const cached = this.#read.get(key);
      if (cached) found.set(key, cached);
    }
    for (const key of missing) {
      const agent = found.get(key);
      if (agent) remember(this.#read, key, agent);
    }
    return found;
  }
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.size >= MOST) map.delete(map.keys().next().value as K);
  map.set(key, value);
}

/** The first eight bytes of SHA-256 as a signed integer. */
function keyOf(content: string): string {
  return String(createHash('sha256').update(content).digest().readBigInt64BE(0));
}

/** Its members in one order, so that equal agents are equal texts. */
function plain({ kind, user, client, address, grant, purpose }: Agent): Agent {
  return {
    kind,
    ...(user && { user: plainWho(user) }),
    ...(client && { client: plainWho(client) }),
    ...(address !== undefined && { address }),
    ...(grant !== undefined && { grant }),
    ...(purpose !== undefined && { purpose }),
  };
}

function plainWho({ id, name, fhirUser }: NonNullable<Agent['user']>): NonNullable<Agent['user']> {
  return { id, name, ...(fhirUser !== undefined && { fhirUser }) };
}
