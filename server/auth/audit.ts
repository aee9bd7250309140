import type { Agent, Entry, Kind, Outcome } from '../audit/audit.ts';
import { peerAddress } from './address.ts';
import type { AuthContext } from './route.ts';
import type { AuthService, Client, Grant, User } from './types.ts';

/**
 * What the authorization server tells the audit journal, one line at each place where it happens.
 * Never a password, token, code, assertion or link; never what somebody typed as a login either, as
 * people type passwords there.
 */

/** Who does something, as far as it is known. `Caller` of authenticate.ts is one. */
export interface Who {
  user?: Pick<User, 'id' | 'name' | 'fhirUser'> | undefined;
  client?: Pick<Client, 'id' | 'name' | 'settings'> | undefined;
  grant?: Pick<Grant, 'id'> | undefined;
  purpose?: string | undefined;
}

/** Who does it, in which request. */
export interface By {
  agent: Agent;
  request?: string;
}

/** The server itself. */
export const byKiln: By = { agent: { kind: 'system' } };

/** Who does it: `who` at the address that the request came from. */
export function byOf(service: AuthService, context: Pick<AuthContext, 'env'>, who: Who = {}): By {
  const id = context.env.incoming.headers['x-request-id'];
  const address = peerAddress(service.config.trustedProxies, context.env.incoming);
  const agent = agentFor(who, address);
  return typeof id === 'string' && REQUEST_ID.test(id) ? { agent, request: id } : { agent };
}

const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** As the journal names who acts. */
function agentFor({ user, client, grant, purpose }: Who, address: string): Agent {
  const kind = user ? 'user' : client ? 'client' : 'anonymous';
  return {
    kind,
    ...(user && { user: named(user, user.fhirUser) }),
    ...(client && { client: named(client, client.settings.fhirUser) }),
    ...(grant && { grant: grant.id }),
    ...(purpose !== undefined && { purpose }),
    address,
  };
}

const named = (
  { id, name }: { id: string; name: string },
  fhirUser: string | undefined,
): { id: string; name: string; fhirUser?: string } => ({
  ...{ id, name },
  ...(fhirUser !== undefined && { fhirUser }),
});

export interface Happened {
  by: By;
  /** 0, done, unless said otherwise. */
  outcome?: Outcome;
  /** In plain words. */
  text?: string;
  /** Id of the Patient whom it is about. */
  patient?: string | undefined;
  /** What else is known of it; those that are undefined are left out. */
  pairs?: Readonly<Record<string, string | undefined>>;
  /** How many others of the same sort it stands for. */
  count?: number | undefined;
}

/** A statement inside a database transaction, as `Tx.tuples` runs it. */
export type Run = (
  statement: { name?: string; text: string },
  values: readonly unknown[],
) => Promise<readonly (readonly unknown[])[]>;

/** Writes down what happened; durable when it returns, or, with `run`, when its transaction commits. */
export async function note(
  service: AuthService,
  kind: Kind,
  ...[happened, run]: [Happened, Run?]
): Promise<void> {
  await service.store.audit?.write([entryOf(kind, happened)], run);
}

/**
 * Notes what anybody may cause any number of: what was refused to who proved nothing, and questions
 * about tokens. Durable soon, and not waited for.
 */
export function noteSoon(service: AuthService, kind: Kind, happened: Happened): void {
  service.store.audit?.record(entryOf(kind, happened));
}

const LONGEST = 1000;

function entryOf(kind: Kind, happened: Happened): Entry {
  const { by, outcome = 0, text, patient, pairs = {}, count } = happened;
  const known = Object.entries(pairs).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value.slice(0, LONGEST)]],
  );
  return {
    ...{ kind, outcome, agent: by.agent },
    ...(patient !== undefined && { about: { type: 'Patient', id: patient } }),
    ...(by.request !== undefined && { request: by.request }),
    detail: {
      ...(text !== undefined && { text }),
      ...(known.length > 0 && { pairs: known }),
      ...(count !== undefined && count > 0 && { count }),
    },
  };
}

/** What was changed, for the journal: fields by name with what they became. */
export function changesBetween(
  before: object | undefined,
  after: object,
): Record<string, string | undefined> {
  const old = (before ?? {}) as Readonly<Record<string, unknown>>;
  const names = [...new Set([...Object.keys(old), ...Object.keys(after)])];
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const [was, is] = [old[name], (after as Record<string, unknown>)[name]].map(shown);
      return was === is ? [] : [[name, is ?? 'none']];
    }),
  );
}

const shown = (value: unknown): string | undefined =>
  value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
