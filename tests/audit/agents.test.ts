import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../../server/audit/audit.ts';
import { type Journals, nurse, openJournals, readOf } from '../helpers/journal.ts';

let open: Journals;
beforeAll(async () => {
  open = await openJournals(4);
});
afterAll(() => open.close());

const copyOf = (agent: Agent): Agent => JSON.parse(JSON.stringify(agent)) as Agent;

test('an agent is written once, whoever names it first', async () => {
  const who = (i: number): Agent => ({ ...copyOf(nurse), grant: `g${i % 5}` });
  const work = open.journals.flatMap(({ audit }) =>
    Array.from({ length: 50 }, async (_, i) => {
      if (i % 2) return audit.write([readOf('a', { agent: who(i) })]);
      audit.record(readOf('a', { agent: who(i) }));
      return audit.flush();
    }),
  );
  await Promise.all(work);
  const [row] = await open.tamper(
    `select count(*)::int as n, count(distinct a.agent)::int as used,
            bool_and(g.key is not null) as known
     from audit_event a left join audit_agent g on g.key = a.agent,
          (select count(*)::int as agents from audit_agent) c group by agents having agents = 5`,
  );
  expect(row).toEqual({ n: 200, used: 5, known: true });
});

test('agentKey() gives the key at once when the agent is written, the same everywhere', async () => {
  const [{ audit }, other = open.journals[0]] = open.journals;
  const agent = { ...nurse, purpose: 'BTG' };
  const first = audit.agentKey(agent);
  expect(first).toBeInstanceOf(Promise);
  const key = await first;
  expect(audit.agentKey(agent)).toBe(key);
  expect(audit.agentKey(copyOf(agent))).toBe(key);
  expect(await other.audit.agentKey(copyOf(agent))).toBe(key);
  expect(await audit.agentKey({ ...agent, purpose: 'TREAT' })).not.toBe(key);
});

test.each<[string[], string[]]>([
  [['Practitioner/ann'], ['ann']],
  [['Device/pump'], ['pump']],
  [['user-ann'], ['ann']],
  [['pump'], ['pump']],
  [['the-app'], ['ann', 'bob']],
  [
    ['user-bob', 'Device/pump'],
    ['bob', 'pump'],
  ],
  [['nobody'], []],
  [[], []],
])('agentsOf(%o) finds %o', async (names, expected) => {
  const { audit } = open.journals[0];
  const client = { id: 'the-app', name: 'App' };
  const agents: Record<string, Agent> = {
    ann: {
      ...{ kind: 'user', client },
      user: { id: 'user-ann', name: 'Ann', fhirUser: 'Practitioner/ann' },
    },
    bob: { kind: 'user', client, user: { id: 'user-bob', name: 'Bob' } },
    pump: { kind: 'client', client: { id: 'pump', name: 'Pump', fhirUser: 'Device/pump' } },
  };
  const keys = new Map<string, string>();
  for (const [name, agent] of Object.entries(agents)) keys.set(await audit.agentKey(agent), name);
  const found = await audit.agentsOf(names);
  expect(found.map((key) => keys.get(key)).sort()).toEqual(expected);
});
