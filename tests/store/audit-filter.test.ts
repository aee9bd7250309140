import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fitsContent, type Looks } from '../../server/store/access-fits.ts';
import { toAuditEvent } from '../../server/store/audit-event.ts';
import { supersetOf } from '../../server/store/audit-filter.ts';
import { settingsOf } from '../../server/store/audit-read.ts';
import { resolveTerms } from '../../server/store/search-resolve.ts';
import { type EventStores, openEvents, tenEvents } from '../helpers/audit-events.ts';
import { queryOf } from '../helpers/store.ts';

/** What the scan of the journal leaves out would not have fitted: random searches, both ways. */
let open: EventStores;
beforeAll(async () => {
  open = await openEvents(['p1', 'p2']);
  await tenEvents(open);
});
afterAll(() => open.close());

const one = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const some = (values: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(values, { minLength: 1, maxLength: 2 }).map((list) => list.join());

const dates = fc
  .tuple(
    one('', 'eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb', 'ap'),
    one(
      '2020',
      '2026',
      '2026-11',
      '2026-11-02',
      '2026-11-03',
      '2026-11-03T12:00:00Z',
      '2026-11-03T12:00:00.500Z',
      '2026-11-08',
    ),
  )
  .map(([prefix, date]) => prefix + date);
const codes = one(
  'read',
  '110122',
  'rest',
  '110113',
  '110100',
  '0',
  '4',
  '8',
  'C',
  'R',
  'E',
  '999',
);
const modifier = one('', '', ':not');
const criteria = fc.oneof(
  fc.tuple(one('date', '_lastUpdated'), some(dates)),
  fc.tuple(one('patient', 'entity', 'agent'), some(one('Patient/p1', 'Patient/p2'))),
  fc.tuple(one('agent', 'source'), some(one('Practitioner/house', 'Device/lab', 'Device/pacs'))),
  fc.tuple(
    fc.tuple(one('type', 'subtype', 'action', 'outcome'), modifier).map((pair) => pair.join('')),
    some(codes),
  ),
  fc.tuple(
    one('type', 'subtype', 'action', 'outcome', 'patient', 'entity').map(
      (code) => `${code}:missing`,
    ),
    one('true', 'false'),
  ),
  fc.tuple(fc.constant('_filter'), one('outcome eq "8" or type eq "rest"', 'not (action eq "E")')),
);
const query = fc
  .array(criteria, { minLength: 1, maxLength: 3 })
  .map((list) => list.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&'));

it('a superset holds all that fits', async () => {
  const { context, audit } = open;
  const looks: Looks = { context, run: context.db.steady, known: new Map() };
  const all = await audit.scan({ descending: true, limit: 1000 });
  let narrowed = 0;
  let found = 0;
  await fc.assert(
    fc.asyncProperty(query, async (text) => {
      const asked = queryOf(`AuditEvent?${text}`);
      const { where } = await resolveTerms(context, context.db.tuples, asked);
      const superset = await supersetOf({ context, audit }, where);
      const rows = await audit.scan({ ...superset, descending: true, limit: 1000 });
      const looked = new Set(rows.map(({ seq }) => seq));
      narrowed += Number(rows.length < all.length);
      for (const row of all) {
        if (looked.has(row.seq)) continue;
        const event = toAuditEvent(row, settingsOf(context));
        const fits = await fitsContent(looks, event, { kind: 'all', terms: where });
        expect([text, fits]).toEqual([text, false]);
      }
      found += Number(rows.length > 0);
    }),
    { seed: 20_261_124, numRuns: 400 },
  );
  expect(Math.min(narrowed, found)).toBeGreaterThan(100); // else it would prove little
});
