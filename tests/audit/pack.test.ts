import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Audit, createAudit, idOf, KINDS, type Kind } from '../../server/audit/audit.ts';
import type { AuditFilter, AuditRow, Entry } from '../../server/audit/types.ts';
import { type Journals, keyOf, nurse, openJournals, readOf } from '../helpers/journal.ts';

/**
 * Reads stand many in a row (server/audit/pack.ts). Three processes, whose packs overlap in time,
 * record what fits into packs and what does not; whatever is asked, the answer is that of a list.
 */
let open: Journals;
let audit: Audit;
let all: AuditRow[];

const agents = [nurse, { kind: 'client', client: { id: 'lab', name: 'Lab' } }] as const;
const kinds: readonly Kind[] = ['read', 'vread', 'search', 'read', 'login', 'create'];
const START = 1_780_000_000_000;

const entryOf = (i: number): Entry =>
  readOf(`p${i % 13}`, {
    ...{ agent: agents[i % 2] as Entry['agent'], kind: kinds[i % kinds.length] as Kind },
    ...(i % 11 === 0 && { outcome: 4 as const }),
    ...(i % 7 === 0 && {
      request: `r"\\${i}`,
      detail: { query: `Patient?name="${i === 700 ? '\u0000' : ''}${i}` },
    }),
    ...(i % 5 === 0 && {
      about: { type: 'Patient' },
      patients: [1, 2].map((n) => keyOf(`Patient/p${n}`)),
    }),
  });

beforeAll(async () => {
  open = await openJournals(3);
  // A quiet hour in one process, a busy minute in another: packs of a second, and rows between them.
  const paces = [5, 40, 700];
  const own = await Promise.all(
    open.journals.map(({ parts }, slot) => {
      let at = START;
      let n = 0;
      const next = (): bigint => {
        at += paces[slot] as number;
        return (BigInt(at) << 20n) | (BigInt(slot) << 12n) | BigInt(n++ % 4096);
      };
      return createAudit({ ...parts, next }, { chainEvery: 0 });
    }),
  );
  own.forEach((one, slot) => {
    for (let i = 0; i < 900; i++) one.record(entryOf(i * 3 + slot));
  });
  await Promise.all(own.map((one) => one.flush()));
  audit = own[0] as Audit;
  all = await audit.scan({ descending: false, limit: 10_000 });
});
afterAll(() => open.close());

test('nothing is missing, and each is as it was recorded', async () => {
  const [{ rows, packs }] = (await open.tamper(
    'select count(*)::int as rows, count(*) filter (where kind = 99)::int as packs from audit',
  )) as [{ rows: number; packs: number }];
  expect(packs).toBeGreaterThan(10);
  expect(rows).toBeLessThan(2000);
  expect(all).toHaveLength(2700);
  const seqs = all.map(({ seq }) => BigInt(seq));
  expect(seqs).toEqual(seqs.toSorted((a, b) => (a < b ? -1 : 1)));
  const told = (row: Pick<AuditRow, 'kind' | 'outcome' | 'about' | 'request' | 'agent'>): string =>
    JSON.stringify([row.kind, row.outcome, row.about, row.request, row.agent]);
  const recorded = Array.from({ length: 2700 }, (_, i) => entryOf(i));
  expect(all.map(told).sort()).toEqual(recorded.map(told).sort());
  const [view] = await open.tamper(
    `select count(*)::int as n, count(distinct seq)::int as seqs, count(request)::int as requests,
            sum(cardinality(patients))::int as patients, count(distinct agent)::int as agents
     from audit_event`,
  );
  expect(view).toEqual({
    ...{ n: 2700, seqs: 2700, requests: recorded.filter(({ request }) => request).length },
    patients: recorded.reduce((sum, { patients = [] }) => sum + patients.length, 0),
    agents: 2,
  });
});

test('each is found by its id', async () => {
  for (const row of all.filter((_, i) => i % 17 === 0)) {
    expect(await audit.find(idOf(row.seq))).toEqual(row);
    expect(await audit.find(idOf(BigInt(row.seq) + 1n))).toBeUndefined();
  }
});

test('a scan gives what a list would give, whatever the filter', async () => {
  const lab = await audit.agentsOf(['lab']);
  const patient = fc
    .integer({ min: 0, max: 14 })
    .map((n) => ({ name: `p${n}`, list: [keyOf(`Patient/p${n}`)] }));
  const time = fc.integer({ min: START - 3000, max: START + 700_000 });
  const filters = fc.record({
    descending: fc.boolean(),
    limit: fc.constantFrom(1, 7, 50, 400, 3000),
    who: fc.option(fc.constant(lab)),
    patient: fc.option(patient),
    kinds: fc.option(fc.subarray([...new Set(kinds)], { minLength: 1 })),
    outcomes: fc.option(fc.constantFrom([0], [4], [0, 4])),
    since: fc.option(time),
    until: fc.option(time),
    after: fc.option(fc.nat({ max: 2699 })),
  });
  await fc.assert(
    fc.asyncProperty(filters, async ({ who, patient: whom, after, ...rest }) => {
      const position = after === null ? undefined : all[after];
      const keys = [...(who ? [who] : []), ...(whom ? [whom.list] : [])];
      const filter = Object.fromEntries(
        Object.entries({ ...rest, keys, after: position }).filter(([, value]) => value !== null),
      ) as unknown as AuditFilter;
      const listed = (rest.descending ? all.toReversed() : all).filter(
        (row) =>
          (!who || row.agent.kind === 'client') &&
          (!whom || keysIn(row).includes(whom.name)) &&
          (!rest.kinds || rest.kinds.includes(row.kind)) &&
          (!rest.outcomes || rest.outcomes.some((one) => one === row.outcome)) &&
          (rest.since === null || row.at >= rest.since) &&
          (rest.until === null || row.at <= rest.until) &&
          (!position || isPast(row, position, rest.descending)),
      );
      const found = await audit.scan(filter);
      expect(found.map(({ seq }) => seq)).toEqual(
        listed.slice(0, rest.limit).map(({ seq }) => seq),
      );
    }),
    { numRuns: 400 },
  );
});

/** Patients by number: what it is about, and those whose data it gave. */
function keysIn({ about, seq }: AuditRow): string[] {
  const several = about?.id === undefined ? ['p1', 'p2'] : [];
  return [...(about?.id === undefined ? [] : [about.id]), ...several, seq];
}

function isPast(row: AuditRow, { at, seq }: AuditRow, descending: boolean): boolean {
  const order = row.at - at || (BigInt(row.seq) < BigInt(seq) ? -1 : row.seq === seq ? 0 : 1);
  return descending ? order < 0 : order > 0;
}

test('the chain covers packs, and counts what is in them', async () => {
  await audit.chain();
  const { intact, events } = await audit.verify({});
  expect({ intact, events }).toEqual({ intact: true, events: 2700 });
  await open.tamper(`
    alter table audit disable trigger append_only;
    update audit set detail = replace(detail, '"p3"', '"p4"') where kind = 99;
    alter table audit enable always trigger append_only`);
  expect((await audit.verify({})).intact).toBe(false);
});

test('numbers of kinds leave 99 to packs', () => {
  expect(Object.values(KINDS)).not.toContain(99);
});
