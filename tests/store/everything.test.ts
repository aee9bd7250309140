import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import type { EverythingQuery, Version } from '../../server/store/store.ts';
import {
  actor,
  BASE,
  commitOne,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
} from '../helpers/store.ts';

let open: OpenStores;
const store = () => open.stores[0];

const ref = (reference: string): JsonObject => ({ reference });
const p = ref('Patient/p');
const q = ref('Patient/q');
const code = { text: 'x' };

/** One line per resource: its name and what it holds beside. */
const record: [name: string, rest: JsonObject][] = [
  ['Organization/top', { name: 'Top' }],
  ['Organization/ward', { name: 'Ward', partOf: ref('Organization/top') }],
  ['Organization/far', { name: 'Far' }],
  ['Practitioner/doctor', {}],
  ['Practitioner/nurse', {}],
  ['Practitioner/stranger', {}],
  ['PractitionerRole/role', { practitioner: ref('Practitioner/nurse') }],
  ['Location/room', { managingOrganization: ref('Organization/ward') }],
  ['Medication/pill', { ingredient: [{ itemReference: ref('Substance/stuff') }] }],
  ['Substance/stuff', { code }],
  ['Device/scale', {}],
  ['Device/implant', { patient: p }],
  ['Device/theirs', { patient: q }],
  ['Patient/p', { birthDate: '1950-01-01', generalPractitioner: [ref('Practitioner/doctor')] }],
  ['Patient/q', { birthDate: '1950-01-01' }],
  ['Patient/same', { link: [{ other: p, type: 'seealso' }] }],
  ['RelatedPerson/wife', { patient: p, birthDate: '1951-01-01' }],
  [
    'Encounter/e',
    {
      ...{ status: 'finished', class: { code: 'IMP' }, subject: p },
      period: { start: '2020-03-01', end: '2020-03-09' },
      location: [{ location: ref('Location/room') }],
      diagnosis: [{ condition: ref('Condition/asthma') }],
    },
  ],
  [
    'Condition/asthma',
    { subject: p, recordedDate: '2019-01-01', asserter: ref('Practitioner/doctor') },
  ],
  ['Condition/gout', { subject: p, recordedDate: '2022-01-01', encounter: ref('Encounter/later') }],
  ['Encounter/later', { status: 'planned', class: { code: 'AMB' }, subject: p }],
  [
    'Observation/weight',
    {
      ...{ status: 'final', code, subject: p, encounter: ref('Encounter/e') },
      effectiveDateTime: '2020-03-02T10:00:00Z',
      performer: [ref(`${BASE}/PractitionerRole/role`)],
      device: ref('Device/scale'),
      extension: [{ url: 'urn:x', valueReference: ref('Organization/far') }],
    },
  ],
  ['Observation/undated', { status: 'final', code, subject: p }],
  [
    'Observation/told',
    { status: 'final', code, subject: q, performer: [p], device: ref('Device/theirs') },
  ],
  [
    'Observation/theirs',
    { status: 'final', code, subject: q, performer: [ref('Practitioner/stranger')] },
  ],
  [
    'MedicationRequest/m',
    {
      ...{ status: 'active', intent: 'order', subject: p, authoredOn: '2021-05-05' },
      ...{ medicationReference: ref('Medication/pill'), encounter: ref('Encounter/e') },
      supportingInformation: [ref('Observation/theirs'), q],
    },
  ],
  ['Appointment/a', { status: 'proposed', participant: [{ actor: p, status: 'accepted' }] }],
  ['Account/acc', { status: 'active', subject: [q, p] }],
  ['Task/t', { status: 'draft', intent: 'order', for: p }],
  ['Task/theirs', { status: 'draft', intent: 'order', for: q, focus: p }],
];

const resourceOf = ([name, rest]: (typeof record)[number]): Resource & { id: string } => {
  const [resourceType = '', id = ''] = name.split('/');
  return { resourceType, id, ...rest };
};

const named = (name: string) => resourceOf([name, {}]);

const members = [
  ...['Account/acc', 'Appointment/a', 'Condition/asthma', 'Condition/gout', 'Device/implant'],
  ...['Encounter/e', 'Encounter/later', 'MedicationRequest/m', 'Observation/told'],
  ...['Observation/undated', 'Observation/weight', 'Patient/p', 'Patient/same'],
  ...['RelatedPerson/wife', 'Task/t'],
];
const supports = [
  ...['Device/scale', 'Location/room', 'Medication/pill', 'Organization/far', 'Organization/ward'],
  ...['Practitioner/doctor', 'Practitioner/nurse', 'PractitionerRole/role', 'Substance/stuff'],
];

const nameOf = ({ type, id }: Version): string => `${type}/${id}`;
const asked = (more: Partial<EverythingQuery> = {}): EverythingQuery => ({
  ...{ type: 'Patient', id: 'p', count: 1000 },
  ...more,
});

/** Names on all pages, matches and included apart, in their order. */
async function walk(
  query: EverythingQuery,
  between: () => Promise<unknown> = async () => undefined,
): Promise<{ matches: string[]; included: string[]; pages: number }> {
  const all = { matches: [] as string[], included: [] as string[], pages: 0 };
  let cursor: string | undefined;
  do {
    const page = await store().everything(actor, { ...query, ...(cursor ? { cursor } : {}) });
    expect(page.matches.length + page.included.length).toBeLessThanOrEqual(query.count);
    all.matches.push(...page.matches.map(nameOf));
    all.included.push(...page.included.map(nameOf));
    cursor = page.next;
    if (++all.pages > 500) throw new Error('the pages do not end');
    await between();
  } while (cursor !== undefined);
  return all;
}

const sorted = (names: readonly string[]): string[] => [...names].sort();
const day = (text: string): number => Date.parse(text);

beforeAll(async () => {
  open = await openStores(2);
  for (const line of record) await commitOne(store(), put(resourceOf(line)));
});
afterAll(() => open.close());

describe('everything of a patient', () => {
  it('is the patient, its compartment newest first, and what these refer to', async () => {
    const { matches, included, total, next } = await store().everything(actor, asked());
    expect(matches.map(nameOf)[0]).toBe('Patient/p');
    expect(sorted(matches.map(nameOf))).toEqual(members);
    expect(included.map(nameOf)).toEqual(supports);
    expect([total, next]).toEqual([members.length, undefined]);
    const order = record.map(([name]) => name).reverse();
    const others = matches.map(nameOf).slice(1);
    expect(others).toEqual(order.filter((name) => others.includes(name)));
  });

  it('holds nothing of another patient', async () => {
    const { matches, included } = await walk(asked());
    const foreign = ['Patient/q', 'Observation/theirs', 'Device/theirs', 'Task/theirs'];
    expect([...matches, ...included].filter((name) => foreign.includes(name))).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 7, 14, 15, 16, 17, 23, 24, 25])(
    'in pages of %i holds each resource once, in the same order',
    async (count) => {
      const whole = await walk(asked());
      const paged = await walk(asked({ count }));
      expect(paged).toEqual({
        ...whole,
        pages: Math.ceil((members.length + supports.length) / count),
      });
    },
  );

  it('with types holds those alone, and what the others refer to', async () => {
    const cases: [types: string[], expected: string[]][] = [
      [['Observation'], ['Observation/told', 'Observation/undated', 'Observation/weight']],
      [['Patient'], ['Patient/p', 'Patient/same']],
      [['Practitioner'], ['Practitioner/doctor', 'Practitioner/nurse']],
      [
        ['Task', 'Substance'],
        ['Task/t', 'Substance/stuff'],
      ],
      [['Device'], ['Device/implant', 'Device/scale']],
      [['Immunization'], []],
    ];
    for (const [types, expected] of cases) {
      for (const count of [1, 1000]) {
        const { matches, included } = await walk(asked({ types, count }));
        expect(sorted([...matches, ...included]), types.join()).toEqual(sorted(expected));
      }
    }
  });

  it.each([
    ['2020-03-09', '2020-03-31', ['Encounter/e']],
    ['2020-03-02', '2020-03-02', ['Encounter/e', 'Observation/weight']],
    ['2021-01-01', '2999-01-01', ['Condition/gout', 'MedicationRequest/m']],
    ['1900-01-01', '2019-12-31', ['Condition/asthma']],
    ['1950-01-01', '1950-01-02', []],
  ])(
    'from %s to %s leaves out what was at another time, not what has no date',
    async (start, end, dated) => {
      const without = [
        ...[
          'Account/acc',
          'Appointment/a',
          'Device/implant',
          'Encounter/later',
          'Observation/told',
        ],
        ...['Observation/undated', 'Patient/p', 'Patient/same', 'RelatedPerson/wife', 'Task/t'],
      ];
      const period = { lo: day(start), hi: day(end) + 86_399_999 };
      const { matches } = await walk(asked({ period }));
      expect(sorted(matches)).toEqual(sorted([...without, ...dated]));
    },
  );

  it.each([
    ['2009-01-01', '2009-12-31', ['Condition/onset']],
    ['2010-06-01', '2010-06-01', ['Condition/onset']],
    ['2020-01-01', '2020-12-31', ['Condition/recorded']],
  ])(
    'from %s to %s goes by the onset, by the date of the record only where there is none',
    async (start, end, expected) => {
      const id = 'onset';
      const of = { subject: ref(`Patient/${id}`), recordedDate: '2020-05-05' };
      const lines: typeof record = [
        [`Patient/${id}`, {}],
        ['Condition/onset', { ...of, onsetPeriod: { start: '2009', end: '2010' } }],
        ['Condition/recorded', of],
      ];
      for (const line of lines) await commitOne(store(), put(resourceOf(line)));
      const period = { lo: day(start), hi: day(end) + 86_399_999 };
      const { matches } = await walk(asked({ id, period }));
      expect(sorted(matches.slice(1))).toEqual(expected);
    },
  );

  it('in a period holds what the chosen refer to, whatever its age', async () => {
    const period = { lo: day('2021-01-01'), hi: day('2030-01-01') };
    const expected = ['Medication/pill', 'Practitioner/doctor', 'Substance/stuff'];
    for (const count of [2, 1000]) {
      expect((await walk(asked({ period, count }))).included).toEqual(expected);
    }
  });

  it('since a time holds what was made or changed then or later, and the patient', async () => {
    const since = Date.now() + 1;
    while (Date.now() < since);
    const [, rest] = record.find(([name]) => name === 'Observation/weight')!;
    const { version } = await commitOne(
      store(),
      put(resourceOf(['Observation/weight', { ...rest, note: [{ text: 'new' }] }])),
    );
    const changed = await walk(asked({ since: version!.lastUpdated }));
    expect(changed.matches).toEqual(['Patient/p', 'Observation/weight']);
    expect(changed.included).toContain('PractitionerRole/role');
    const later = await walk(asked({ since: version!.lastUpdated + 1 }));
    expect(later.matches).toEqual(['Patient/p']);
    expect(later.included).toEqual(['Practitioner/doctor']);
    const nurse = await commitOne(store(), put({ ...named('Practitioner/nurse'), active: true }));
    for (const count of [1, 1000]) {
      const last = await walk(asked({ since: nurse.version!.lastUpdated, count }));
      expect(last.matches).toEqual(['Patient/p']);
      expect(last.included).toEqual(['Practitioner/doctor', 'Practitioner/nurse']);
    }
  });

  it('is not there for a patient that never was, and gone for a deleted one', async () => {
    await commitOne(store(), put({ resourceType: 'Patient', id: 'gone' }));
    await commitOne(store(), { method: 'delete', type: 'Patient', id: 'gone' });
    expect(await outcomeOf(store().everything(actor, asked({ id: 'never' })))).toBe('not-found');
    expect(await outcomeOf(store().everything(actor, asked({ id: 'gone' })))).toBe('gone');
  });
});

describe('everything of an encounter', () => {
  const query = asked({ type: 'Encounter', id: 'e' });
  const compartment = ['Encounter/e', 'MedicationRequest/m', 'Observation/weight'];
  const linked = [
    ...['Condition/asthma', 'Device/scale', 'Location/room', 'Medication/pill'],
    ...['Organization/far', 'Organization/ward', 'Patient/p'],
    ...['Practitioner/doctor', 'Practitioner/nurse', 'PractitionerRole/role', 'Substance/stuff'],
  ];

  it('is the encounter, its compartment, the patient and what these refer to', async () => {
    for (const count of [1, 2, 3, 4, 8, 14, 1000]) {
      const { matches, included } = await walk({ ...query, count });
      expect(matches[0]).toBe('Encounter/e');
      expect([sorted(matches), included]).toEqual([compartment, linked]);
    }
  });

  it('with types holds those alone', async () => {
    const types = ['Patient', 'Observation'];
    const { matches, included } = await walk({ ...query, types });
    expect([matches, included]).toEqual([['Observation/weight'], ['Patient/p']]);
  });
});

describe('a page link', () => {
  it('of another record, another choice or altered is refused', async () => {
    const { next: cursor = '' } = await store().everything(actor, asked({ count: 3 }));
    const others: Partial<EverythingQuery>[] = [
      { id: 'q' },
      { count: 4 },
      { types: ['Observation'] },
      { since: 0 },
      { type: 'Encounter', id: 'e' },
      { cursor: `${cursor.slice(0, -1)}${cursor.endsWith('A') ? 'B' : 'A'}` },
    ];
    for (const other of others) {
      const query = asked({ count: 3, cursor, ...other });
      expect(await outcomeOf(store().everything(actor, query)), JSON.stringify(other)).toBe(
        'invalid',
      );
    }
  });

  it('is followed by another process', async () => {
    const { next } = await store().everything(actor, asked({ count: 5 }));
    const query = asked({ count: 5, ...(next ? { cursor: next } : {}) });
    const there = await open.stores[1]?.everything(actor, query);
    expect(there).toEqual(await store().everything(actor, query));
  });
});

describe('pages while others write', () => {
  it('hold what was there from the start once, and nothing twice', async () => {
    const id = 'busy';
    const subject = ref(`Patient/${id}`);
    const note = (n: number, text: string) =>
      put({
        ...{
          resourceType: 'Observation',
          id: `busy-${n}`,
          status: 'final',
          code: { text },
          subject,
        },
        performer: [ref(`Practitioner/busy-${n % 7}`)],
      } as never);
    await commitOne(store(), put({ resourceType: 'Patient', id }));
    for (let n = 0; n < 7; n++) {
      await commitOne(store(), put({ resourceType: 'Practitioner', id: `busy-${n}` }));
    }
    for (let n = 0; n < 40; n++) await commitOne(store(), note(n, 'first'));
    let next = 40;
    const { matches, included } = await walk(asked({ id, count: 3 }), async () => {
      const other = open.stores[1] ?? store();
      await Promise.all([
        commitOne(other, note(next++, 'new')),
        commitOne(other, note(next % 40, `changed ${next}`)),
      ]);
    });
    const seen = [...matches, ...included];
    expect(new Set(seen).size).toBe(seen.length);
    const expected = Array.from({ length: 40 }, (_, n) => `Observation/busy-${n}`);
    expect(expected.filter((name) => !matches.includes(name))).toEqual([]);
    expect(included).toHaveLength(7);
  });
});
