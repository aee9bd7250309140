import { expect, test } from 'vitest';
import { Flood } from '../../server/audit/flood.ts';
import type { Entry } from '../../server/audit/types.ts';
import { nurse, openJournals } from '../helpers/journal.ts';

const refused = (address?: string, more: Partial<Entry> = {}): Entry => ({
  ...{ kind: 'request', outcome: 4 },
  agent: { kind: 'anonymous', ...(address !== undefined && { address }) },
  ...more,
});

/** A flood that keeps what it lets pass and what it notes; `pass` moves its clock. */
function watched() {
  let now = 1_000_000;
  const noted: Entry[] = [];
  const flood = new Flood({ note: (entry) => noted.push(entry), now: () => now });
  return {
    ...{ flood, noted },
    pass: (seconds: number) => {
      now += seconds * 1000;
    },
    admitted: (count: number, entry: (i: number) => Entry) =>
      Array.from({ length: count }, (_, i) => flood.admits(entry(i))).filter(Boolean).length,
  };
}

const countsOf = (entries: readonly Entry[]) =>
  entries.map(({ kind, agent, detail }) => [kind, agent.address, detail?.count]);

test.each([
  ['one IPv4 address', () => refused('10.0.0.1'), 60, [['request', '10.0.0.1', 40]]],
  [
    'one IPv6 network',
    (i: number) => refused(`2001:db8:0:1::${i.toString(16)}`),
    60,
    [['request', '2001:db8:0:1::/64', 40]],
  ],
  ['many IPv4 addresses', (i: number) => refused(`10.0.0.${i}`), 100, []],
  ['many IPv6 networks', (i: number) => refused(`2001:db8:0:${i.toString(16)}::1`), 100, []],
  ['no address', () => refused(), 60, [['request', undefined, 40]]],
  ['two kinds', (i: number) => refused('a', { kind: i % 2 ? 'login' : 'request' }), 100, []],
  ['somebody known', () => refused('10.0.0.1', { agent: nurse }), 100, []],
  ['what succeeded', () => refused('10.0.0.1', { outcome: 0 }), 100, []],
])('100 events in a minute of %s', (_what, entry, admitted, expected) => {
  const one = watched();
  expect(one.admitted(100, entry)).toBe(admitted);
  one.flood.end();
  expect(countsOf(one.noted)).toEqual(expected);
});

test('each minute begins anew, and the one before is told', () => {
  const { flood, noted, pass, admitted } = watched();
  expect(admitted(70, () => refused('a'))).toBe(60);
  pass(59);
  expect(admitted(1, () => refused('a'))).toBe(0);
  pass(1);
  expect(admitted(70, () => refused('a'))).toBe(60);
  expect(countsOf(noted)).toEqual([['request', 'a', 11]]);
  flood.end();
  expect(countsOf(noted)).toEqual([
    ['request', 'a', 11],
    ['request', 'a', 10],
  ]);
});

test('whoever has all addresses there are fills neither the journal nor the memory', () => {
  const { flood, noted, admitted } = watched();
  const of = (i: number): Entry => refused(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  const passed = admitted(50_000, of);
  expect(passed).toBe(6000);
  flood.end();
  const held = noted.reduce((sum, { detail }) => sum + (detail?.count ?? 0), 0);
  expect(passed + held).toBe(50_000);
  expect(noted.length).toBeLessThanOrEqual(10_001);
});

test('of a flood each request is in the journal, by itself or in a count', async () => {
  const open = await openJournals();
  const { audit } = open.journals[0];
  for (let i = 0; i < 500; i++) audit.record(refused('10.0.0.1'));
  await audit.write(Array.from({ length: 500 }, () => refused('10.0.0.1')));
  await audit.close();
  const [row] = await open.tamper(
    `select count(*)::int as rows,
            sum(coalesce((detail::json ->> 'count')::int, 1))::int as requests from audit`,
  );
  expect(row).toEqual({ rows: 61, requests: 1000 });
  await open.close();
});
