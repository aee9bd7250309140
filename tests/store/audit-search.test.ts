import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import { searchEvents } from '../../server/store/audit-search.ts';
import type { Actor } from '../../server/store/store.ts';
import { actorWith } from '../helpers/access.ts';
import {
  type EventStores,
  foreignEvent,
  house,
  lab,
  openEvents,
  tenEvents,
} from '../helpers/audit-events.ts';
import { actor, BASE, definitions, find, outcomeOf, put, queryOf } from '../helpers/store.ts';

let open: EventStores;
const store = () => open.stores[0];

beforeAll(async () => {
  open = await openEvents(['p1', 'p2']);
  await tenEvents(open);
});
afterAll(() => open.close());

const names = async (text: string, who: Actor = actor): Promise<string> => {
  const page = await store().search(who, queryOf(`AuditEvent?${text}`));
  return page.matches.map(({ id }) => open.nameOf(id)).join(' ');
};

const ALL = 'btg failed login delete refused scan search read create old';
const HOUSE = 'btg login delete scan search read old';
const OWN = ALL.split(' ')
  .filter((name) => name !== 'scan' && name !== 'old')
  .join(' ');
const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

describe('a search for AuditEvents', () => {
  it.each([
    ['', ALL],
    ['_sort=date', ALL.split(' ').reverse().join(' ')],
    ['_sort=-date', ALL],
    ['_sort=_lastUpdated', ALL.split(' ').reverse().join(' ')],

    ['patient=Patient/p1', 'scan search read create'],
    ['patient=p2', 'btg delete refused search'],
    ['patient=p1,p2', 'btg delete refused scan search read create'],
    ['patient=p1&patient=p2', 'search'],
    ['patient=nobody', ''],
    ['patient:Patient=p1', 'scan search read create'],
    ['patient:missing=true', 'failed login old'],
    ['entity=Observation/o1', 'read create'],
    ['entity=Patient/p2', 'btg delete refused search'],
    ['entity:missing=true', 'failed login old'],
    ['agent=Practitioner/house', HOUSE],
    ['agent=Device/lab', 'refused create'],
    ['agent:Device=lab', 'refused create'],
    ['agent=Practitioner/house&patient=p1', 'scan search read'],
    ['agent:identifier=growth-chart', 'btg login delete search read'],
    ['agent-name=gregory', 'btg login delete search read'],
    ['agent-name=house', HOUSE],
    ['agent-name:exact=Dr. House', 'scan old'],
    ['agent-name:contains=abora', 'refused create'],
    ['altid=u1', 'btg login delete search read'],
    ['altid=LAB', 'refused create'],
    ['altid:not=lab', 'btg failed login delete scan search read old'],
    ['address=10.0.0', OWN],
    ['address=10.0.0.9', 'failed'],
    ['policy=urn:ietf:params:oauth:jti:g2', 'refused create'],
    ['agent-role:missing=false', ''],

    ['action=C', 'create'],
    ['action=R,D', 'delete refused read'],
    ['action:not=E', 'delete refused read create old'],
    ['action:missing=true', 'old'],
    ['outcome=0', 'btg login delete scan search read create'],
    ['outcome=4,8', 'failed refused'],
    ['outcome:not=0', 'failed refused old'],
    ['outcome:missing=true', 'old'],
    ['type=rest', 'delete refused search read create'],
    [`type=${DCM}|110114`, 'failed login'],
    [`type=${DCM}|`, 'btg failed login scan old'],
    ['type:text=security', 'btg'],
    ['subtype=read', 'refused read'],
    ['subtype=110122', 'failed login'],
    ['subtype:missing=true', 'scan old'],
    ['subtype=search-type&outcome=0', 'search'],
    ['action=D&outcome=8', ''],
    ['entity-name=x-ray', 'scan'],
    ['entity-role=24', 'search'],
    ['entity-type=1', 'btg delete search read create'],
    ['site=radiology', 'scan old'],
    ['site=localhost', OWN],
    ['source=Device/pacs', 'scan old'],

    ['date=2026-11-03', 'scan search'],
    ['date=ge2026-11-07', 'btg failed'],
    ['date=gt2026-11-07', 'btg'],
    ['date=lt2026-11-02', 'create old'],
    ['date=le2026-11-02', 'read create old'],
    ['date=ge2026-11-02&date=lt2026-11-04', 'scan search read'],
    ['date=2026-11-01,2026-11-08', 'btg create'],
    ['date=ne2026', 'old'],
    ['date=sa2026-11-07', 'btg'],
    ['date=eb2026', 'old'],
    ['date=2026-11-03T12:00:00Z', 'scan'],
    ['date=gt2026-11-03T11:59:59.999Z&date=lt2026-11-03T12:00:00.001Z', 'scan'],
    ['_lastUpdated=2026-11-03', 'search'],
    ['_lastUpdated=lt2026-11-03', 'read create'],
    ['_tag=urn:t|pacs', 'scan'],
    ['_tag:missing=false', 'scan'],
    [`_profile=${BALP}PatientRead`, 'read'],
    [`_profile=${BALP}Query`, 'search'],
    [
      `_profile:below=${BALP.slice(0, -'IHE.BasicAudit.'.length)}`,
      'btg login delete refused search read create',
    ],
    ['_filter=date gt 2026-11-05 and outcome eq "8"', 'failed'],
    ['_filter=not (action eq E)', 'delete refused read create old'],
  ])('%s finds %s', async (text, expected) => {
    expect(await names(text)).toBe(expected);
  });

  it('finds by ids, its own and others', async () => {
    const ids = ['read', 'scan', 'nothing', 'login'].map((name) => open.idOf(name)).join();
    expect(await names(`_id=${ids}`)).toBe('login scan read');
    expect(await names(`_id=${ids}&action=R&_sort=date`)).toBe('read');
  });

  it.each([
    ['Patient', 'p1', 'scan search read create'],
    ['Practitioner', 'house', HOUSE],
    ['Device', 'lab', 'refused create'],
  ])('in the compartment of %s/%s finds %s', async (type, id, expected) => {
    const query = parseQuery({
      ...{ definitions, bases: [BASE], zone: 0, now: 0, lenient: false, count: 50, maxCount: 50 },
      ...{ types: ['AuditEvent'], params: [], compartment: { type, id } },
    });
    const page = await store().search(actor, query);
    expect(page.matches.map((one) => open.nameOf(one.id)).join(' ')).toBe(expected);
  });

  it("finds by parameters of one's own, at once", async () => {
    const resource = {
      ...{ resourceType: 'SearchParameter', id: 'why', url: 'http://example.org/why', name: 'why' },
      ...{ status: 'active', description: 'why', code: 'why', base: ['AuditEvent'] },
      ...{ type: 'string', expression: 'AuditEvent.outcomeDesc' },
    };
    await store().commit(actor, [put(resource)]);
    const query = parseQuery({
      ...{ bases: [BASE], zone: 0, now: 0, lenient: false, count: 50, maxCount: 50 },
      ...{ types: ['AuditEvent'], definitions: store().definitions },
      params: [['why', 'you may not']],
    });
    const page = await store().search(actor, query);
    expect(page.matches.map((one) => open.nameOf(one.id))).toEqual(['refused']);
    expect(page.issues).toEqual([]);
  });

  it('finds what was stored lately, whenever it happened', async () => {
    const [scan, old] = await Promise.all(
      ['scan', 'old'].map((name) => store().read(actor, 'AuditEvent', open.idOf(name))),
    );
    const [first, last] = [scan, old].map((one) => new Date(one?.lastUpdated ?? 0).toISOString());
    expect(await names(`_lastUpdated=ge${first}`)).toBe('scan old');
    expect(await names(`_lastUpdated=ge${first}&_lastUpdated=le${last}&date=lt2021`)).toBe('old');
  });

  it.each([
    ['patient=p1', 4],
    ['', 10],
    ['date=lt2000', 0],
  ])('%s counts %i', async (text, total) => {
    const count = async (shape: string) => find(store(), `AuditEvent?${text}&${shape}`);
    expect(await count('_summary=count')).toMatchObject({ total, matches: [] });
    expect((await count('_total=accurate&_count=1')).total).toBe(total);
    expect((await count('_count=1')).total).toBeUndefined();
  });
});

describe('pages of AuditEvents', () => {
  const walk = async (text: string, between = async (): Promise<unknown> => 0) => {
    const pages: string[][] = [];
    let cursor: string | undefined;
    let back: string | undefined;
    do {
      const page = await find(store(), `AuditEvent?${text}`, cursor);
      pages.push(page.matches.map(({ id }) => open.nameOf(id)));
      [cursor, back] = [page.next, page.previous ?? back];
      await between();
    } while (cursor !== undefined);
    return { pages, back };
  };

  it.each(['_sort=date', '_sort=-date', ''])(
    '%s hold each event once, and go back',
    async (sort) => {
      const text = `${sort}&agent=Practitioner/house`;
      const { pages, back } = await walk(`${text}&_count=3`);
      const order = sort === '_sort=date' ? HOUSE.split(' ').reverse() : HOUSE.split(' ');
      expect(pages).toEqual([order.slice(0, 3), order.slice(3, 6), order.slice(6)]);
      const before = await find(store(), `AuditEvent?${text}&_count=3`, back);
      expect(before.matches.map(({ id }) => open.nameOf(id))).toEqual(order.slice(3, 6));
      expect(before.next).toBeDefined();
    },
  );

  it('are not moved by events that come meanwhile', async () => {
    let count = 0;
    const { pages } = await walk('date=lt2026-11-09&_count=2', async () => {
      count += 1;
      await open.event(`later${count}`, `2026-12-0${count}T00:00:00Z`, {
        ...{ kind: 'login', outcome: 0, agent: lab },
      });
    });
    expect(pages.flat().join(' ')).toBe(ALL);
  });

  it('refuse a cursor of another search', async () => {
    const { next } = await find(store(), 'AuditEvent?_count=1');
    expect(await outcomeOf(find(store(), 'AuditEvent?_count=1&action=E', next))).toBe('invalid');
  });
});

describe('access to AuditEvents', () => {
  it.each([
    ['AuditEvent.rs', 'read create', 'done'],
    ['AuditEvent.rs?action=R', 'read', 'done'],
    ['AuditEvent.s?action=R', 'read', 'forbidden'],
    ['AuditEvent.rs?agent=Device/lab', 'create', 'not-found'],
    ['AuditEvent.rs?date=lt2026-11-02', 'create', 'not-found'],
    ['AuditEvent.rs?agent-name=gregory', 'read', 'done'],
  ])('by %s gives %s', async (rule, found, reading) => {
    const who = actorWith(rule);
    expect(await names('entity=Observation/o1', who)).toBe(found);
    const read = store().read(who, 'AuditEvent', open.idOf('read'));
    expect(await outcomeOf(read)).toBe(reading);
  });

  it('leaves out the elements that a rule hides, and gives nothing to search in them', async () => {
    const whole = actorWith('AuditEvent.rs?outcome=0');
    const [rule] = whole.access?.rules('AuditEvent') ?? [];
    const rules = rule ? [{ ...rule, hidden: ['entity'] }] : [];
    const who: Actor = {
      ...{ kind: 'user', name: 'half blind' },
      access: { key: 'hidden', admin: false, rules: () => rules },
    };
    const page = await store().search(who, queryOf('AuditEvent?action=D'));
    const [text = ''] = page.matches.map(({ content }) => content);
    expect(text).toContain('SUBSETTED');
    expect(text).not.toContain('Observation/o2');
    const read = await store().read(who, 'AuditEvent', open.idOf('delete'));
    expect(read.content).toBe(text);
    const inside = store().search(who, queryOf('AuditEvent?entity=Observation/o2'));
    expect(await outcomeOf(inside)).toBe('forbidden');
  });

  it('is refused as a whole to who has none', async () => {
    const who = actorWith('Patient.crusd', 'AuditEvent.c');
    const id = open.idOf('read');
    const asked = [
      store().search(who, queryOf('AuditEvent')),
      store().read(who, 'AuditEvent', id),
      store().vread(who, 'AuditEvent', id, '1'),
      store().history(who, { type: 'AuditEvent', id, count: 1 }),
      store().verifyAudit(who, {}),
    ];
    for (const one of asked) expect(await outcomeOf(one)).toBe('forbidden');
  });

  it('does not verify the journal for who may see a part of it', async () => {
    const who = actorWith('AuditEvent.s?action=R');
    expect(await outcomeOf(store().verifyAudit(who, {}))).toBe('forbidden');
    expect(await store().verifyAudit(actorWith('AuditEvent.s'), {})).toMatchObject({
      intact: true,
    });
  });
});

describe('what the journal is not searched by', () => {
  it.each([
    'AuditEvent?_include=AuditEvent:patient',
    'AuditEvent?_revinclude=Provenance:target',
    'AuditEvent?_revinclude=*',
    'AuditEvent?patient.name=x',
    'AuditEvent?_has:Provenance:target:recorded=2020',
    'AuditEvent?_list=1',
    'AuditEvent?_text=x',
    'AuditEvent?_sort=type',
    'AuditEvent?_sort=date,-_lastUpdated',
    'Patient?_revinclude=AuditEvent:patient',
    'Patient?_revinclude=AuditEvent:*',
    'Patient?_revinclude:iterate=AuditEvent:entity',
    'Patient?_has:AuditEvent:patient:action=E',
    'Patient?_has:Observation:patient:_has:AuditEvent:entity:action=E',
    'Provenance?_include=Provenance:target:AuditEvent',
    'Provenance?target:AuditEvent.action=E',
    'AuditEvent,Patient?_id=1',
  ])('%s is refused', async (text) => {
    expect(await outcomeOf(find(store(), text))).toBe('invalid');
  });

  it('takes too long is refused with advice', async () => {
    const journal = { context: open.context, audit: open.audit };
    const query: SearchQuery = queryOf('AuditEvent?action=E');
    await expect(searchEvents(journal, actor, query, -1)).rejects.toMatchObject({
      issues: [{ code: 'too-costly' }],
    });
  });

  it('leaves AuditEvents out where nobody named them', async () => {
    const all = open.context.definitions.resourceTypes.join();
    const page = await find(store(), `${all}?_count=100`);
    const types = new Set(page.matches.map(({ type }) => type));
    expect([types.has('Patient'), types.has('AuditEvent')]).toEqual([true, false]);
    const history = await store().history(actor, { count: 100 });
    expect(history.versions.some(({ type }) => type === 'AuditEvent')).toBe(false);
  });
});

describe('reading AuditEvents', () => {
  it('gives one version, that of the search', async () => {
    const id = open.idOf('read');
    const version = await store().read(actor, 'AuditEvent', id);
    const [found] = (await find(store(), `AuditEvent?_id=${id}`)).matches;
    expect(found).toEqual(version);
    expect(await store().vread(actor, 'AuditEvent', id, '1')).toEqual(version);
    const history = await store().history(actor, { type: 'AuditEvent', id, count: 5 });
    expect(history).toEqual({ versions: [version], total: 1 });
    expect(version).toMatchObject({ id, version: 1, method: 'POST' });
  });

  it.each([
    ['no version 2', () => store().vread(actor, 'AuditEvent', open.idOf('read'), '2'), 'not-found'],
    ['no other id', () => store().read(actor, 'AuditEvent', '0000000000000001'), 'not-found'],
    [
      'no history of all',
      () => store().history(actor, { type: 'AuditEvent', count: 1 }),
      'method-not-allowed',
    ],
  ])('gives %s', async (_what, work, outcome) => {
    expect(await outcomeOf(work())).toBe(outcome);
  });

  it('finds an event that was recorded a moment ago', async () => {
    const trail = { agent: house };
    const who: Actor = { ...actor, trail };
    await store().read(who, 'Patient', 'p1');
    expect(await names('agent=Practitioner/house&entity=Patient/p1&action=R')).not.toBe('');
  });
});

it('keeps AuditEvents out of the tables of resources', async () => {
  const change = put({ ...foreignEvent(), id: 'x' });
  expect(await outcomeOf(store().commit(actor, [change]))).toBe('method-not-allowed');
});
