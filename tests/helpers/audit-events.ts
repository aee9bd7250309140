import { type Agent, type Audit, createAudit, type Entry, idOf } from '../../server/audit/audit.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Context } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import { actor, BASE, definitions, type OpenStores, openStores, put } from './store.ts';

/** A store with a journal whose events have times and names of the test's choice. */
export interface EventStores extends OpenStores {
  context: Context;
  audit: Audit;
  /** Writes one event as of then; its AuditEvent is called by the name from now on. */
  event(name: string, at: string, entry: Omit<Entry, 'patients'> & Named): Promise<string>;
  /** Posts an AuditEvent that somebody else made. */
  foreign(name: string, resource: Resource): Promise<string>;
  /** Names of events by the ids of their AuditEvents, and ids by names. */
  nameOf(id: string): string;
  idOf(name: string): string;
}

interface Named {
  /** `Patient/p1`. */
  patients?: readonly string[];
}

export async function openEvents(patients: readonly string[]): Promise<EventStores> {
  const open = await openStores(1, { audit: true });
  const [store] = open.stores;
  const config = { bases: [BASE], zone: 0, integrity: 'off' } as const;
  const { context, close } = await openContext({ db: open.db, definitions, config });
  await store.commit(
    actor,
    patients.map((id) => put({ resourceType: 'Patient', id })),
  );
  let seq = 0n;
  const { db, hasher, typeNumber, typeName } = context;
  const journal = await createAudit(
    { db, typeNumber, typeName, next: () => seq, key: (name) => hasher.target(name) },
    { chainEvery: 0 },
  );
  const names = new Map<string, string>();
  const known = (name: string, id: string): string => {
    names.set(id, name);
    return id;
  };
  let count = 0n;
  return {
    ...{ ...open, context, audit: store.audit as Audit },
    event: async (name, at, { patients: named = [], ...entry }) => {
      seq = (BigInt(Date.parse(at)) << 20n) + ++count;
      const keys = named.map((one) => String(hasher.target(one)));
      await journal.write([{ ...entry, ...(keys.length > 0 && { patients: keys }) }]);
      return known(name, idOf(seq));
    },
    foreign: async (name, resource) => {
      const [made] = await store.commit(actor, [
        { method: 'create', type: 'AuditEvent', resource },
      ]);
      return known(name, made?.version?.id ?? '');
    },
    nameOf: (id) => names.get(id) ?? id,
    idOf: (name) => [...names].find(([, one]) => one === name)?.[0] ?? name,
    close: async () => {
      await journal.close();
      await close();
      await open.close();
    },
  };
}

export const house: Agent = {
  kind: 'user',
  user: { id: 'u1', name: 'Gregory House', fhirUser: 'Practitioner/house' },
  client: { id: 'growth-chart', name: 'Growth chart' },
  address: '10.0.0.7',
  grant: 'g1',
};
export const lab: Agent = {
  kind: 'client',
  client: { id: 'lab', name: 'Laboratory', fhirUser: 'Device/lab' },
  address: '10.0.0.8',
  grant: 'g2',
};

/** An AuditEvent as another system makes it. */
export const foreignEvent = (changes: Record<string, unknown> = {}): Resource =>
  ({
    resourceType: 'AuditEvent',
    type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110100' },
    recorded: '2026-01-01T00:00:00Z',
    agent: [{ requestor: true, who: { reference: 'Practitioner/house' }, name: 'Dr. House' }],
    source: { observer: { reference: 'Device/pacs' }, site: 'radiology' },
    ...changes,
  }) as Resource;

const about = (type: string, id: string) => ({ type, id, version: 1 });

/** Eight events of Kiln's own, one a day from 1 November 2026 on, and two of others. */
export async function tenEvents({ event, foreign }: EventStores): Promise<void> {
  await event('create', '2026-11-01T10:00:00Z', {
    ...{ kind: 'create', outcome: 0, agent: lab, about: about('Observation', 'o1') },
    patients: ['Patient/p1'],
  });
  await event('read', '2026-11-02T10:00:00Z', {
    ...{ kind: 'read', outcome: 0, agent: house, about: about('Observation', 'o1') },
    ...{ patients: ['Patient/p1'], request: 'req-1' },
  });
  await event('search', '2026-11-03T10:00:00Z', {
    ...{ kind: 'search', outcome: 0, agent: house, about: { type: 'Observation' } },
    ...{ patients: ['Patient/p1', 'Patient/p2'], detail: { query: 'Observation?code=1' } },
  });
  await event('refused', '2026-11-04T10:00:00Z', {
    ...{ kind: 'read', outcome: 4, agent: lab, about: { type: 'Patient', id: 'p2' } },
    detail: { status: 403, text: 'You may not read Patient.' },
  });
  await event('delete', '2026-11-05T10:00:00Z', {
    ...{ kind: 'delete', outcome: 0, agent: house, about: about('Observation', 'o2') },
    patients: ['Patient/p2'],
  });
  await event('login', '2026-11-06T10:00:00Z', { kind: 'login', outcome: 0, agent: house });
  await event('failed', '2026-11-07T10:00:00Z', {
    ...{ kind: 'login', outcome: 8, agent: { kind: 'anonymous', address: '10.0.0.9' } },
  });
  await event('btg', '2026-11-08T10:00:00Z', {
    ...{ kind: 'breakGlass', outcome: 0, agent: { ...house, purpose: 'BTG' } },
    patients: ['Patient/p2'],
  });
  await foreign(
    'scan',
    foreignEvent({
      ...{ recorded: '2026-11-03T12:00:00Z', action: 'E', outcome: '0' },
      entity: [{ what: { reference: 'Patient/p1' }, name: 'X-ray', role: { code: '1' } }],
      meta: { tag: [{ system: 'urn:t', code: 'pacs' }] },
    }),
  );
  await foreign('old', foreignEvent({ recorded: '2020-05-05T00:00:00Z' }));
}
