import { expect, test } from 'vitest';
import { createAudit } from '../../server/audit/audit.ts';
import { openJournal, openJournals, readOf } from '../helpers/journal.ts';

/** As if transaction ids of the cluster stood that much higher: the dump's cluster, and this one. */
const offset = (value: number): string =>
  `create or replace function audit_offset() returns bigint language sql immutable parallel safe
   return ${value}::bigint`;

test('the chain goes on where a restored database has younger transaction ids', async () => {
  const open = await openJournals();
  const [{ audit, db, parts, lines }] = open.journals;
  await open.tamper(offset(10_000_000_000));
  await audit.write([readOf('chained')]);
  await audit.chain();
  await audit.write([readOf('not chained yet')]);
  await open.tamper(offset(0));
  const restored = await createAudit(parts, { chainEvery: 0 });
  expect(lines.join('')).toContain('goes on in another database server');
  await restored.write([readOf('new')]);
  await restored.chain();
  expect(await restored.verify({})).toMatchObject({
    ...{ intact: true, events: 3, pending: 0, blocks: 2 },
  });
  const rows = await db.tuples<[string]>({ text: 'select id from audit order by tx' });
  expect(rows.flat()).toEqual(['chained', 'not chained yet', 'new']);
  await open.close();
});

test('several processes that start on a restored database agree', async () => {
  const open = await openJournals();
  await open.tamper(offset(5_000_000_000));
  await open.journals[0].audit.write([readOf('old')]);
  await open.tamper(offset(0));
  const all = await Promise.all([1, 2, 3, 4].map((slot) => openJournal(open.url, slot)));
  for (const { audit } of all) await audit.write([readOf('new')]);
  await all[0]?.audit.chain();
  expect(await all[1]?.audit.verify({})).toMatchObject({ intact: true, events: 5, pending: 0 });
  await Promise.all(all.map(({ db }) => db.close()));
  await open.close();
});
