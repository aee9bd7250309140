import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verification } from '../../server/audit/audit.ts';
import { type Journals, nurse, openJournals, readOf } from '../helpers/journal.ts';

/** Three blocks of three, two and one events. */
async function filled(): Promise<Journals> {
  const open = await openJournals();
  const { audit } = open.journals[0];
  for (const ids of [['a', 'b', 'c'], ['d', 'e'], ['f']]) {
    const agent = { ...nurse, address: `10.0.0.${ids.length}` };
    await audit.write(ids.map((id) => readOf(id, { agent })));
    await audit.chain();
  }
  return open;
}

const faultsOf = ({ faults }: Verification): string[] =>
  faults.map(({ block, text }) => `${block}: ${text}`);

const today = new Date().toISOString().slice(0, 10);

test('verify() finds a chain intact that nobody touched', async () => {
  const open = await filled();
  const { audit } = open.journals[0];
  await audit.write([readOf('g')]);
  const verified = await audit.verify({});
  expect(verified).toEqual({
    ...{ intact: true, blocks: 3, events: 6, pending: 1, faults: [] },
    head: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  await audit.chain();
  expect(await audit.verify({})).toMatchObject({ intact: true, blocks: 4, events: 7, pending: 0 });
  await audit.chain();
  expect((await audit.verify({})).blocks).toBe(4);
  await open.close();
});

describe('verify() names', () => {
  test.each([
    [
      'a changed event',
      `update audit set outcome = 4 where id = 'b'`,
      ['1: Changed or replaced: at least one of 3 events.'],
    ],
    [
      'an event that was moved in time',
      `update audit set at = at + 1 where id = 'b'`,
      ['1: Changed or replaced: at least one of 3 events.'],
    ],
    ['missing events', `delete from audit where id in ('d', 'e')`, ['2: Missing: 2 of 2 events.']],
    [
      'an event that was added later',
      `insert into audit (at, seq, tx, kind, outcome, keys)
       select at + 1, 1, tx, kind, outcome, keys from audit where id = 'f'`,
      ['3: Added later: 1 to 1 events.'],
    ],
    [
      'a changed agent',
      `update audit_agent set content = replace(content, 'Joy', 'Jay')
       where content like '%10.0.0.2%'`,
      ['2: Changed or replaced: at least one of 1 agents (who acted).'],
    ],
    [
      'a missing agent',
      `delete from audit_agent where content like '%10.0.0.1"%'`,
      ['3: Missing: 1 of 1 agents (who acted).'],
    ],
    [
      'a missing block',
      `delete from audit_block where n = 2`,
      ['3: Block 2 is missing before this one.'],
    ],
    [
      'missing first blocks',
      `delete from audit_block where n < 3`,
      ['3: Blocks 1 to 2 are missing before this one.'],
    ],
    [
      'a changed block',
      `update audit_block set at = at - 1 where n = 2`,
      ['2: The block was changed, or the hash of the block before it: its hash does not fit.'],
    ],
    [
      'a block that was made to fit a changed event',
      `update audit set outcome = 4 where id = 'd';
       update audit_block b set digest = (select digest from audit_digest(b.lo, b.hi)) where n = 2;
       update audit_block b set hash = audit_hash(
         (select hash from audit_block where n = 1), b) where n = 2`,
      ['3: The block was changed, or the hash of the block before it: its hash does not fit.'],
    ],
  ])('%s', async (_what, sql, expected) => {
    const open = await filled();
    const tables = ['audit', 'audit_agent', 'audit_block'];
    const off = tables.map((table) => `alter table ${table} disable trigger append_only;`);
    await open.tamper(`${off.join(' ')} ${sql}`);
    const verified = await open.journals[0].audit.verify({});
    expect(faultsOf(verified)).toEqual(expected);
    expect(verified.intact).toBe(false);
    expect(verified.faults[0]?.day).toBe(today);
    await open.close();
  });
});

describe('with days', () => {
  let open: Journals;
  beforeAll(async () => {
    open = await filled();
    // The clock cannot be moved: the blocks are, with hashes that fit.
    await open.tamper(`
      alter table audit_block disable trigger append_only;
      update audit_block set day = date '2026-03-01', n = 1 where n = 1;
      update audit_block set day = date '2026-03-01', n = 2 where n = 2;
      update audit_block set day = date '2026-03-03', n = 1 where n = 3;
      do $$ declare b audit_block; before bytea := ''; begin
        for b in select * from audit_block order by day, n loop
          before := audit_hash(before, b);
          update audit_block set hash = before where day = b.day and n = b.n;
        end loop;
      end $$`);
  });
  afterAll(() => open.close());

  test('the first block of a day links to the last of the day before', async () => {
    const { audit, lines } = open.journals[0];
    expect(await audit.verify({})).toMatchObject({ intact: true, blocks: 3 });
    await audit.write([readOf('g')]);
    await audit.chain();
    expect(await audit.verify({})).toMatchObject({ intact: true, blocks: 4 });
    // and the end of the day before is left in the log
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told).toContainEqual(
      expect.objectContaining({
        ...{ day: '2026-03-03', msg: 'head of the audit journal' },
        head: (await audit.verify({ to: '2026-03-03' })).head,
      }),
    );
  });

  test.each([
    [{ from: '2026-03-01', to: '2026-03-01' }, 2, 5],
    [{ from: '2026-03-02' }, 2, 2],
    [{ from: '2026-03-02', to: '2026-03-02' }, 0, 0],
    [{ to: '2026-03-02' }, 2, 5],
    [{ from: '2026-03-03', to: '2026-03-03' }, 1, 1],
  ])('verify(%o) looks at these alone', async (days, blocks, events) => {
    const verified = await open.journals[0].audit.verify(days);
    expect(verified).toMatchObject({ intact: true, blocks, events });
  });

  test('verify() sees that the end of a day was cut off', async () => {
    await open.tamper(`delete from audit_block where day = date '2026-03-01' and n = 2`);
    const verified = await open.journals[0].audit.verify({ from: '2026-03-02' });
    expect(verified.intact).toBe(false);
    expect(faultsOf(await open.journals[0].audit.verify({}))).toEqual([
      '1: Blocks are missing between block 1 of 2026-03-01 and this one.',
    ]);
  });
});

test('a long transaction holds up the chain, but no write, and no event falls out of it', async () => {
  const open = await openJournals(2);
  const [{ audit, db }, other = open.journals[0]] = open.journals;
  await audit.write([readOf('before')]);
  await db.transaction(async (tx) => {
    await audit.write([readOf('slow')], tx.tuples);
    await other.audit.write([readOf('quick')]);
    other.audit.record(readOf('recorded'));
    await other.audit.flush();
    await other.audit.chain();
    expect(await other.audit.verify({})).toMatchObject({ intact: true, events: 1, pending: 2 });
  });
  await other.audit.chain();
  expect(await audit.verify({})).toMatchObject({ intact: true, events: 4, pending: 0 });
  await open.close();
});

test('what was rolled back is not in the chain', async () => {
  const open = await openJournals();
  const { audit, db } = open.journals[0];
  const failing = db.transaction(async (tx) => {
    await audit.write([readOf('undone')], tx.tuples);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await audit.write([readOf('done')]);
  await audit.chain();
  expect(await audit.verify({})).toMatchObject({ intact: true, events: 1, pending: 0 });
  await open.close();
});

test('several processes chain at once: one chain, every event once', async () => {
  const open = await openJournals(4, { block: 50 });
  const audits = open.journals.map(({ audit }) => audit);
  const writers = audits.map(async (audit, i) => {
    for (let n = 0; n < 25; n++) await audit.write([readOf(`p${i}-${n}`), readOf(`q${i}-${n}`)]);
  });
  const done = Promise.all(writers);
  let busy = true;
  void done.then(() => {
    busy = false;
  });
  while (busy) await Promise.all(audits.map((audit) => audit.chain()));
  await done;
  await audits[0]?.chain();
  expect(await audits[1]?.verify({})).toMatchObject({ intact: true, events: 200, pending: 0 });
  await open.close();
});

test('chain() makes blocks of a bounded size, and never divides a transaction', async () => {
  const open = await openJournals(1, { block: 10 });
  const { audit } = open.journals[0];
  for (const size of [4, 4, 4, 25, 1]) {
    await audit.write(Array.from({ length: size }, (_, i) => readOf(`${size}-${i}`)));
  }
  await audit.chain();
  expect(await audit.verify({})).toMatchObject({ intact: true, events: 38, pending: 0 });
  const sizes = await open.tamper('select count from audit_block order by n');
  expect(sizes).toEqual([8, 4, 25, 1].map((count) => ({ count })));
  await open.close();
});

test('the chain goes on by itself', async () => {
  const open = await openJournals(2, { chainEvery: 10 });
  const { audit } = open.journals[0];
  await audit.write([readOf('a')]);
  while ((await audit.verify({})).blocks === 0) await sleep(10);
  await audit.write([readOf('b')]);
  while ((await audit.verify({})).events < 2) await sleep(10);
  expect(await audit.verify({})).toMatchObject({ intact: true, pending: 0 });
  await open.close();
});

test('close() chains the rest and leaves the head in the log', async () => {
  const open = await openJournals(2);
  const [first, second = first] = open.journals;
  first.audit.record(readOf('a'));
  await first.audit.close();
  const verified = await second.audit.verify({});
  expect(verified).toMatchObject({ intact: true, events: 1, pending: 0 });
  expect(first.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ day: today, head: verified.head }),
  );
  await open.close();
});

test('a process says so when the head it has seen is gone', async () => {
  const open = await filled();
  const { audit, lines } = open.journals[0];
  await open.tamper(`alter table audit_block disable trigger append_only;
    alter table audit disable trigger append_only;
    delete from audit_block where n = 3; delete from audit where id = 'f'`);
  expect(await audit.verify({})).toMatchObject({ intact: true, events: 5 }); // nothing in it shows
  await audit.write([readOf('g')]);
  await audit.chain();
  expect(lines.join('')).toContain('the audit journal was shortened or changed');
  await open.close();
});
