import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditFilter, type AuditRow, idOf } from '../../server/audit/audit.ts';
import { type Journals, keyOf, nurse, openJournals, readOf } from '../helpers/journal.ts';

let open: Journals;
const other = { kind: 'client', client: { id: 'lab', name: 'Lab' } } as const;

beforeAll(async () => {
  open = await openJournals();
  const { audit } = open.journals[0];
  for (let i = 0; i < 40; i++) {
    const agent = i % 4 === 0 ? other : nurse;
    audit.record(
      i % 2 === 0
        ? readOf(`p${i % 5}`, { agent })
        : readOf(`p${i % 5}`, {
            ...{ agent, kind: 'search', outcome: i % 3 === 0 ? 4 : 0 },
            about: { type: 'Observation' },
          }),
    );
  }
  await audit.flush();
  // p0 and p1 stand, p2 was deleted, p3 and p4 are not stored here.
  await open.tamper(`
    insert into resource (rk, seq, vid, sum, ver, type, method, id, content)
    values (${keyOf('Patient/p0')}, 1, 1, 0, 1, 1, 'U', 'p0', '{}'),
           (${keyOf('Patient/p1')}, 2, 2, 0, 2, 1, 'U', 'p1', '{}');
    insert into history (rk, vid, ver, type, method, id, content)
    values (${keyOf('Patient/p1')}, 1, 1, 1, 'U', 'p1', '{}'),
           (${keyOf('Patient/p2')}, 3, 2, 1, 'D', 'p2', ''),
           (${keyOf('Patient/p2')}, 2, 1, 1, 'U', 'p2', '{}')`);
});
afterAll(() => open.close());

const scan = (filter: Partial<AuditFilter> = {}): Promise<AuditRow[]> =>
  open.journals[0].audit.scan({ descending: false, limit: 100, ...filter });

const patientsOf = (rows: readonly AuditRow[]) => new Set(rows.flatMap(({ patients }) => patients));

test('rows come in order, with all that was recorded', async () => {
  const rows = await scan();
  expect(rows).toHaveLength(40);
  const seqs = rows.map(({ seq }) => BigInt(seq));
  expect(seqs).toEqual(seqs.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(rows[0]).toEqual({
    ...{ at: Number(seqs[0]! >> 20n), seq: String(seqs[0]), kind: 'read', outcome: 0 },
    ...{ agent: other, patients: ['Patient/p0'] },
    about: { type: 'Patient', id: 'p0', version: 1 },
  });
  expect(rows[3]).toMatchObject({
    ...{ kind: 'search', outcome: 4, agent: nurse, about: { type: 'Observation' } },
    patients: [undefined],
  });
  expect(patientsOf(rows)).toEqual(new Set(['Patient/p0', 'Patient/p1', 'Patient/p2', undefined]));
});

test.each([true, false])(
  'pages follow each other without gaps; descending: %s',
  async (descending) => {
    const all = await scan({ descending });
    const walked: AuditRow[] = [];
    for (let page: AuditRow[] = []; ; ) {
      const last = page.at(-1);
      page = await scan({ descending, limit: 7, ...(last && { after: last }) });
      if (page.length === 0) break;
      walked.push(...page);
    }
    expect(walked).toEqual(all);
    const opposite = await scan({ descending: !descending });
    expect(opposite.toReversed()).toEqual(all);
  },
);

describe('a filter', () => {
  test('by keys: each list must be met', async () => {
    const { audit } = open.journals[0];
    const lab = await audit.agentsOf(['lab']);
    const patients = ['p0', 'p1'].map((id) => keyOf(`Patient/${id}`));
    expect((await scan({ keys: [lab] })).every(({ agent }) => agent.kind === 'client')).toBe(true);
    expect(await scan({ keys: [lab] })).toHaveLength(10);
    expect(patientsOf(await scan({ keys: [patients] }))).toEqual(
      new Set(['Patient/p0', 'Patient/p1']),
    );
    expect(await scan({ keys: [lab, patients] })).toHaveLength(4);
    expect(await scan({ keys: [lab, [keyOf('Patient/p9')]] })).toEqual([]);
    expect(await scan({ keys: [[]] })).toEqual([]);
  });

  test('by kind, outcome and time', async () => {
    const all = await scan();
    expect(await scan({ kinds: ['search'] })).toHaveLength(20);
    expect(await scan({ kinds: ['search', 'read'] })).toHaveLength(40);
    expect(await scan({ outcomes: [4, 8] })).toHaveLength(7);
    const { at } = all[20]!;
    const early = await scan({ until: at - 1 });
    const late = await scan({ since: at });
    expect(early.length + late.length).toBe(40);
    for (const descending of [true, false]) {
      const some = await scan({ since: at, until: at, descending });
      expect(some.every((row) => row.at === at)).toBe(true);
      expect(some).toContainEqual(all[20]);
      const after = all[20]!;
      const more = await scan({ since: at, until: at, descending, after });
      const rest = await scan({ since: at - 1000, until: at, descending, after });
      expect(more.length).toBeLessThan(some.length);
      if (!descending) expect(rest).toEqual(more);
    }
    expect(late.every((row) => row.at >= at)).toBe(true);
  });
});

describe('find()', () => {
  test('gives a row by the id of its AuditEvent', async () => {
    const { audit } = open.journals[0];
    for (const row of (await scan()).slice(0, 3)) {
      expect(idOf(row.seq)).toMatch(/^[0-9a-f]{16}$/);
      expect(await audit.find(idOf(row.seq))).toEqual(row);
    }
  });

  test('gives a foreign one by its own id, and nothing for others', async () => {
    const { audit, db, parts } = open.journals[0];
    const key = await audit.agentKey(nurse);
    const ids = ['of-others', '0123456789abcdef'];
    for (const id of ids) {
      await db.execute(
        {
          text: `insert into audit (at, seq, kind, outcome, id, keys, content)
                 values (5, $1::bigint, 0, 0, $2::text, $3::bigint[], '{"x":1}')`,
        },
        [String(parts.next()), id, `{${key},${keyOf('Patient/p0')}}`],
      );
      expect(await audit.find(id)).toMatchObject({
        ...{ at: 5, kind: 'foreign', agent: nurse, patients: [], content: '{"x":1}' },
      });
    }
    for (const id of ['nothing', 'ffffffffffffffff', '0000000000000000', '', 'P0']) {
      expect(await audit.find(id)).toBeUndefined();
    }
  });
});

test('searches use indexes where there is much', async () => {
  await open.tamper(`
    insert into audit (at, seq, kind, outcome, type, keys)
    select 1000 + n, n << 20, case when n % 1000 = 7 then 30 else 5 end,
           case when n % 2000 = 9 then 4 else 0 end, 1, array[n % 50, n, n % 5000]
    from generate_series(1, 100000) n`);
  await open.tamper('analyze audit');
  const { readFileSync } = await import('node:fs');
  const textOf = (name: string) =>
    readFileSync(new URL(`../../server/audit/sql/${name}.sql`, import.meta.url), 'utf8');
  const all = { from: 0, to: 2e15, list: null, kinds: null, outcomes: null };
  const planOf = async (name: string, asked: Partial<Record<keyof typeof all, unknown>>) => {
    const { from, to, list, kinds, outcomes } = { ...all, ...asked };
    const bounds = name === 'scan-newest' ? [from, to, 0] : [to, from, 0];
    const rows = await open.journals[0].db.tuples({ text: `explain ${textOf(name)}` }, [
      ...[...bounds, list, null, null, kinds, outcomes, 20],
    ]);
    return rows.map(([line]) => line).join('\n');
  };
  expect(await planOf('scan-newest', {})).toMatch(
    /^Limit.*\n.*Index Scan Backward using audit_pkey/,
  );
  expect(await planOf('scan-newest', { list: '{4777}' })).toContain('on audit_keys');
  expect(await planOf('scan-newest', { list: '{17}', from: 50_000, to: 50_500 })).toContain(
    'audit_pkey',
  );
  expect(await planOf('scan-oldest', { from: 50_000, to: 90_000 })).toMatch(
    /^Limit.*\n.*Index Scan using audit_pkey/,
  );
  expect(await planOf('scan-newest', { outcomes: '{4,8,12}' })).toContain('audit_refused');
  expect(await planOf('scan-newest', { kinds: '{30}' })).toContain('audit_kind');
});
