import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createAudit } from '../../server/audit/audit.ts';
import { createMetrics } from '../../server/metrics.ts';
import { urlOf } from '../helpers/databases.ts';
import { dataDirectory, start, until } from '../helpers/embedded.ts';
import { type Journals, openJournal, openJournals, readOf } from '../helpers/journal.ts';
import { freshDatabase } from '../helpers/postgres.ts';

const count = async (open: Journals, where = 'true'): Promise<number> => {
  const [row] = await open.tamper(`select count(*)::int as n from audit_event where ${where}`);
  return (row as { n: number }).n;
};

describe('record()', () => {
  let open: Journals;
  beforeEach(async () => {
    open = await openJournals(3);
  });
  afterEach(() => open.close());

  test('20,000 events from several processes are all written, each once, in order', async () => {
    for (let i = 0; i < 20_000; i++) {
      open.journals[i % 3]?.audit.record(readOf(`p${i}`, { request: `r${i}` }));
    }
    await Promise.all(open.journals.map(({ audit }) => audit.flush()));
    const rows = (await open.tamper(
      'select id, request, at = seq >> 20 as timed from audit_event order by at, seq',
    )) as { id: string; request: string; timed: boolean }[];
    expect(new Set(rows.map(({ id }) => id)).size).toBe(20_000);
    expect(rows).toHaveLength(20_000);
    expect(rows.every(({ id, request, timed }) => timed && id.slice(1) === request.slice(1))).toBe(
      true,
    );
    const own = rows.map(({ id }) => Number(id.slice(1))).filter((n) => n % 3 === 0);
    expect(own).toEqual(own.toSorted((a, b) => a - b));
  });

  test('writes what is recorded without being asked to', async () => {
    open.journals[0].audit.record(readOf('a'));
    await until(async () => (await count(open)) === 1);
  });

  test('keeps texts of any characters', async () => {
    const { audit } = open.journals[0];
    const odd = 'a "b" \\ {c,d} null é 😀 \n';
    const detail = { query: `Patient?name=${odd}\0`, pairs: [['x', odd]] as const };
    audit.record(readOf('x', { request: odd, detail }));
    audit.record(readOf('a\0b', { request: 'null' }));
    await audit.flush();
    const rows = await audit.scan({ descending: false, limit: 10 });
    expect(rows).toMatchObject([{ request: odd, detail }, { request: 'null' }]);
    expect(rows[1]?.about?.id).toBe('a\ufffdb');
  });

  test('an event that the database refuses holds up no other, and the journal tells', async () => {
    const { audit, parts } = open.journals[0];
    const metrics = createMetrics();
    const watched = await createAudit({ ...parts, metrics }, { chainEvery: 0 });
    const cyclic: { text?: string; self?: object } = {};
    cyclic.self = cyclic;
    watched.record(readOf('cyclic', { detail: cyclic }));
    for (let i = 0; i < 50; i++) {
      const version = i === 17 ? 2 ** 40 : 1;
      watched.record(readOf(`p${i}`, { about: { type: 'Patient', id: `p${i}`, version } }));
    }
    await watched.flush();
    await watched.flush();
    expect(await count(open, "id like 'p%'")).toBe(49);
    const [told] = await audit.scan({ descending: true, limit: 1 });
    expect(told).toMatchObject({ outcome: 8, agent: { kind: 'system' }, detail: { count: 2 } });
    const text = await metrics.metricsText();
    expect(text).toMatch(/^kiln_audit_events_lost_total 2$/m);
    expect(text).toMatch(/^kiln_audit_events_written_total 50$/m);
    expect(text).toMatch(/^kiln_audit_events_waiting 0$/m);
    await watched.close();
  });

  test('takes events while the clock has no lease, and types that there are not', async () => {
    const { parts } = open.journals[0];
    let leased = false;
    const next = (): bigint => {
      if (!leased) throw new Error('no lease');
      return parts.next();
    };
    const audit = await createAudit({ ...parts, next }, { chainEvery: 0 });
    audit.record(readOf('a'));
    await expect(audit.flush()).rejects.toThrow('no lease');
    leased = true;
    audit.record({ ...readOf('b'), about: { type: 'Nonsense', id: 'b' } });
    await audit.flush();
    expect(await count(open)).toBe(2);
    await audit.close();
  });
});

test('what was recorded LOSS_MS ago outlives kill -9', async () => {
  const fresh = await freshDatabase();
  onTestFinished(fresh.drop);
  const program = fileURLToPath(new URL('../helpers/record-events.ts', import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, DATABASE_URL: fresh.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let safe = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    safe = Number(line);
    if (safe > 2000) child.kill('SIGKILL');
  }
  expect(safe).toBeGreaterThan(2000);
  const { db, audit } = await openJournal(fresh.url, 1);
  const [row] = await db.tuples({
    text: `select count(*)::int from audit_event where substr(id, 2)::int < ${safe}`,
  });
  expect(row).toEqual([safe]);
  await audit.close();
  await db.close();
});

describe('while the database is away', () => {
  test('events are kept, it is said, and they are written once it is back', async () => {
    const dataDir = dataDirectory();
    const first = await start(dataDir);
    const { db, audit, lines } = await openJournal(urlOf(first.connection, 'postgres'));
    audit.record(readOf('before'));
    await audit.flush();
    await first.stop();
    await until(() => !db.ready());
    for (let i = 0; i < 3000; i++) audit.record(readOf(`p${i}`));
    await expect(audit.flush()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(audit.write([readOf('x')])).rejects.toMatchObject({ kind: 'unavailable' });
    expect(lines.join('')).toContain('the audit journal cannot be written');
    await until(() => audit.overdue());
    await start(dataDir);
    await until(() => db.ready() && !audit.overdue());
    await audit.flush();
    const [row] = await db.tuples({
      text: 'select count(*)::int, count(distinct id)::int from audit_event',
    });
    expect(row).toEqual([3001, 3001]);
    expect(lines.join('')).toContain('the audit journal is written again');
    await audit.close();
    await db.close();
  });

  test('a full buffer is said in the log, by overdue(), and in the journal', async () => {
    const dataDir = dataDirectory();
    const first = await start(dataDir);
    const { db, audit, lines } = await openJournal(urlOf(first.connection, 'postgres'));
    await first.stop();
    await until(() => !db.ready());
    for (let i = 0; i < 100_007; i++) audit.record(readOf('p'));
    expect(audit.overdue()).toBe(true);
    expect(lines.join('')).toContain('events of the audit journal were lost');
    await start(dataDir);
    await until(() => db.ready());
    await audit.flush();
    await audit.flush();
    const [told] = await audit.scan({ descending: true, limit: 1 });
    expect(told).toMatchObject({ outcome: 8, detail: { count: 7 } });
    await audit.close();
    await db.close();
  });
});

describe('write()', () => {
  test('belongs to the transaction it is given', async () => {
    const open = await openJournals();
    const { audit, db } = open.journals[0];
    await db.transaction(async (tx) => {
      await audit.write([readOf('kept'), readOf('kept')], tx.tuples);
    });
    const failing = db.transaction(async (tx) => {
      await audit.write([readOf('undone')], tx.tuples);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await audit.write([]);
    expect(await count(open)).toBe(2);
    await open.close();
  });

  test('does not wait for connections that those hold who wait for it', async () => {
    const open = await openJournals();
    const { audit, db } = open.journals[0];
    const all = Array.from({ length: 20 }, (_, i) =>
      db.transaction(async (tx) => {
        const agent = { kind: 'user', user: { id: `u${i}`, name: 'U' } } as const;
        await audit.write([readOf('a', { agent })], tx.tuples);
      }),
    );
    await Promise.all(all);
    expect(await count(open)).toBe(20);
    await open.close();
  });
});
