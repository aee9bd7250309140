import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../server/db/db.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Context } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import { printCount, printIds, printSearch } from '../../server/store/search-sql.ts';
import type { Change } from '../../server/store/store.ts';
import {
  actor,
  BASE,
  definitions,
  type OpenStores,
  openStores,
  queryOf,
} from '../helpers/store.ts';

/** What PostgreSQL makes of the statements, on enough resources that a missing index would show. */
let open: OpenStores;
let context: Context;
let closeContext: () => Promise<void>;

const PATIENTS = 500;
const day = (i: number): string => `20${String(10 + (i % 10))}-0${1 + (i % 9)}-${10 + (i % 18)}`;

function* resources(): Generator<Resource> {
  for (let i = 0; i < PATIENTS; i++) {
    yield {
      ...{ resourceType: 'Patient', id: `p${i}`, gender: i % 2 ? 'male' : 'female' },
      identifier: [{ system: 'urn:mrn', value: `m${i}` }],
      name: [{ family: `Family${(i * 7) % 200}`, given: [`Given${i}`] }],
      birthDate: day(i),
    };
    yield {
      ...{ resourceType: 'Encounter', id: `e${i}`, status: 'finished' },
      class: { system: 'urn:class', code: i % 3 ? 'AMB' : 'IMP' },
      subject: { reference: `Patient/p${i}` },
      period: { start: day(i), end: `${day(i)}T12:00:00Z` },
    };
    for (let n = 0; n < 7; n++) {
      yield {
        ...{ resourceType: 'Observation', id: `o${i}-${n}`, status: 'final' },
        code: { coding: [{ system: 'http://loinc.org', code: `${(i * 7 + n) % 400}` }] },
        subject: { reference: `Patient/p${i}` },
        encounter: { reference: `Encounter/e${i}` },
        effectiveDateTime: day(i * 7 + n),
        valueQuantity: { value: (i * 31 + n * 17) % 500, unit: 'x' },
      };
    }
  }
}

beforeAll(async () => {
  open = await openStores();
  const [store] = open.stores;
  const changes = [...resources()].map(
    (resource): Change => ({
      ...{ method: 'update', type: resource.resourceType, id: resource.id ?? '', resource },
    }),
  );
  for (let i = 0; i < changes.length; i += 1000) {
    await store.commit(actor, changes.slice(i, i + 1000));
  }
  await open.db.query({ text: 'vacuum analyze' });
  const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
  ({ context, close: closeContext } = await openContext({ db: open.db, definitions, config }));
});
afterAll(async () => {
  await closeContext();
  await open.close();
});

interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  /** How often it was really run; absent in a plan for all values. */
  'Actual Loops'?: number;
  Plans?: Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

interface Printed {
  text: string;
  values: unknown[];
  name?: string;
}

/**
 * The plan of a statement as it is run: with its values known (nodes that were never reached are left
 * out), or (named) once for all values.
 */
async function planOf(db: Db, { text, values, name }: Printed): Promise<Node[]> {
  const options = name ? 'generic_plan, format json' : 'analyze, format json';
  const [row] = await db.tuples(
    { text: `explain (${options}) ${text}` },
    name ? undefined : values,
  );
  const plans = (row?.[0] ?? []) as { Plan: Node }[];
  return plans.flatMap(({ Plan }) => nodesOf(Plan)).filter((node) => node['Actual Loops'] !== 0);
}

const isWhole = (node: Node): boolean =>
  node['Node Type'] === 'Seq Scan' &&
  /^(resource|search|history)/.test(node['Relation Name'] ?? '');

/** The index that must lead to the matches. */
const shapes: [query: string, index: string][] = [
  ['Patient?', 'search_pkey'],
  ['Patient?_id=p1,p2', 'resource_pkey'],
  ['Patient?identifier=urn:mrn|m77', 'search_tok'],
  ['Patient?identifier=urn:mrn|m77&_sort=birthdate', 'search_tok'],
  ['Patient?name=family1', 'search_string_k'],
  ['Patient?family=family1&gender=male', 'search_string_k'],
  ['Patient?family=family1&given=given1', 'search_string_k'],
  ['Patient?family=family11,family12', 'search_string_k'],
  ['Patient?_sort=birthdate', 'search_start'],
  ['Patient?_sort=-birthdate', 'search_start'],
  ['Patient?birthdate=2015-03-12', 'search_start'],
  ['Patient?_sort=_lastUpdated', 'search_vid'],
  ['Patient?_sort=-_lastUpdated', 'search_vid'],
  ['Patient?_lastUpdated=gt2100', 'search_vid'],
  ['Observation?_sort=-date', 'search_start'],
  ['Observation?_sort=-date&date=ge2015&date=lt2016', 'search_start'],
  ['Observation?status=final&_sort=-date', 'search_start'],
  ['Observation?patient=p7', 'search_patient'],
  ['Observation?patient=p7&code=53&_sort=-date', 'search_patient'],
  ['Observation?patient=p7,p8&date=gt2015&_sort=date', 'search_patient'],
  ['Observation?subject=Patient/p7&_sort=-date,_id', 'search_patient'],
  ['Observation?patient=p7&value-quantity=gt5&_sort=-date', 'search_patient'],
  ['Observation?patient=p7&_lastUpdated=gt2015', 'search_patient'],
  ['Observation?encounter=e7', 'search_tok'],
  ['Observation?code=http://loinc.org|53', 'search_tok'],
  ['Observation?code=53&_sort=-date', 'search_tok'],
  ['Observation?code=53,54,55&_sort=code', 'search_tok'],
  ['Observation?value-quantity=gt498', 'search_number_k'],
  ['Observation?value-quantity=17||x', 'search_number_k'],
  ['Observation?code-value-quantity=53$17', 'search_number_k'],
  ['Observation?status=final', 'search_pkey'],
  ['Observation?_id=o7-1&_include=Observation:subject', 'resource_pkey'],
  ['Patient?_id=p7&_revinclude=Observation:subject', 'search_tok'],
  ['Encounter?date=2015-03', 'search_start'],
  ['Patient,Encounter?_id=p1', 'resource_pkey'],
  ['Patient,Encounter?_lastUpdated=gt2100', 'search_vid'],
  ['Patient,Encounter,Observation?_sort=-_lastUpdated', 'search_vid'],
];

describe('the plan of a search', () => {
  it.each(shapes)('%s uses %s and reads no table as a whole', async (query, index) => {
    const nodes = await planOf(
      open.db,
      printSearch(context, queryOf(`${query}&_count=20`), undefined),
    );
    expect(nodes.map((node) => node['Index Name'])).toContain(index);
    expect(nodes.filter(isWhole)).toEqual([]);
  });

  it.each([
    ['Patient?identifier=urn:mrn|m77', 'search_tok'],
    ['Patient?identifier=urn:mrn|m77&birthdate=2015', 'search_tok'],
    ['Observation?code=53&patient=p7', 'search_patient'],
  ])('as a criterion %s uses %s', async (query, index) => {
    const nodes = await planOf(open.db, printIds(context, queryOf(query), 2));
    expect(nodes.map((node) => node['Index Name'])).toContain(index);
    expect(nodes.filter(isWhole)).toEqual([]);
  });

  it.each([
    ['Patient?identifier=urn:mrn|m77', 'search_tok'],
    ['Observation?patient=p7&status=final', 'search_patient'],
    ['Observation?code=53', 'search_tok'],
    ['Patient?name=family11', 'search_string_k'],
  ])('counted, %s uses %s', async (query, index) => {
    const nodes = await planOf(open.db, printCount(context, queryOf(query)));
    expect(nodes.map((node) => node['Index Name'])).toContain(index);
    expect(nodes.filter(isWhole)).toEqual([]);
  });
});

/** The text of a statement; what is bound stands apart. */
const textOf = (query: string, position?: readonly unknown[]): string =>
  printSearch(context, queryOf(`${query}&_count=20`), position).text;

describe('the text of a search', () => {
  it('in no order is newest first', () => {
    expect(textOf('Observation?code=a')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq
      from (
      select s.rk, s.seq, s.type
      from search s
      where s.type = $3::int2
        and s.tok @> $2::bigint[]
      order by seq desc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.seq desc"
    `);
  });

  it('of a patient, last first, walks the patient index', () => {
    expect(textOf('Observation?patient=1&code=a&_sort=-date')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select s.rk, s.seq, s.type, s.lo as k0
      from search s
      where s.type = $3::int2 and s.patient = $4::bigint
        and (s.tok @> $2::bigint[]) is true
      order by k0 desc nulls last, seq desc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 desc nulls last, p.seq desc"
    `);
  });

  it('of a patient in another order fences its rows off', () => {
    expect(textOf('Observation?patient=1,2&date=2020')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq
      from (
      select s.rk, s.seq, s.type
      from (select * from search s where s.type = $5::int2 and s.patient = any($6::bigint[]) offset 0) s
      where true
        and (s.lo between $2::bigint and $3::bigint and s.hi <= $4::bigint)
      order by seq desc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.seq desc"
    `);
  });

  it('by identifier fences its rows off', () => {
    expect(textOf('Patient?identifier=a|1&_sort=birthdate')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select s.rk, s.seq, s.type, s.lo as k0
      from (select * from search s where s.tok @> $2::bigint[] offset 0) s
      where s.type = $3::int2
      order by k0 asc nulls last, seq asc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.seq asc"
    `);
  });

  it('by string walks the string index', () => {
    expect(textOf('Patient?name=a')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select s.rk, s.seq, s.type, (d.v collate "C") as k0
      from search_string d join search s on s.seq = d.seq and s.type = $5::int2
      where d.k = $2::bigint and d.v >= $3::text and d.v < $4::text
        and not exists (
          select 1 from search_string e where e.seq = d.seq and e.k = $2::bigint and e.v >= $3::text and e.v < $4::text
            and (e.v, e.ctid) < (d.v, d.ctid))
      order by k0 asc nulls last, seq asc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.seq asc"
    `);
    expect(textOf('Patient?name=a', ['ab', '7'])).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select s.rk, s.seq, s.type, (d.v collate "C") as k0
      from search_string d join search s on s.seq = d.seq and s.type = $7::int2
      where d.k = $4::bigint and d.v >= $5::text and d.v < $6::text
        and not exists (
          select 1 from search_string e where e.seq = d.seq and e.k = $4::bigint and e.v >= $5::text and e.v < $6::text
            and (e.v, e.ctid) < (d.v, d.ctid))
        and (d.v, d.seq) > ($2::text, $3::bigint)
      order by k0 asc nulls last, seq asc
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.seq asc"
    `);
  });

  it('by main date walks the date index, then the undated', () => {
    expect(textOf('Patient?_sort=-birthdate')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select * from (
      (select s.rk, s.seq, s.type, s.lo as k0
      from search s
      where s.type = $2::int2 and s.lo is not null
      order by s.lo desc, s.seq desc
      limit $1::int)
      union all
      (select s.rk, s.seq, s.type, s.lo as k0
      from search s
      where s.type = $2::int2 and s.lo is null
      order by s.seq desc
      limit $1::int)
      ) p
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 desc nulls last, p.seq desc"
    `);
    expect(textOf('Patient?_sort=birthdate', [null, '7'])).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select * from (
      (select s.rk, s.seq, s.type, s.lo as k0
      from search s
      where s.type = $2::int2 and s.lo is null and s.seq > $3::bigint
      order by s.seq asc
      limit $1::int)
      ) p
      limit $1::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.seq asc"
    `);
  });

  it('in a second page compares key by key, missing values last', () => {
    expect(textOf('Patient?_sort=family,-birthdate', ['a', null, '7'])).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text, p.k1::text
      from (
      select s.rk, s.seq, s.type, ((select min(x.v) from search_string x where x.seq = s.seq and x.k in ($1::bigint) and not x.part) collate "C") as k0, s.lo as k1
      from search s
      where s.type = $5::int2
        and (((((select min(x.v) from search_string x where x.seq = s.seq and x.k in ($1::bigint) and not x.part) collate "C") > $3::text or ((select min(x.v) from search_string x where x.seq = s.seq and x.k in ($1::bigint) and not x.part) collate "C") is null)) or (((select min(x.v) from search_string x where x.seq = s.seq and x.k in ($1::bigint) and not x.part) collate "C") = $3::text and s.lo is null and s.seq > $4::bigint))
      order by k0 asc nulls last, k1 desc nulls last, seq asc
      limit $2::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.k1 desc nulls last, p.seq asc"
    `);
  });

  it('over types merges the first rows of each', () => {
    expect(textOf('Patient,Group?_sort=_lastUpdated')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq, p.k0::text
      from (
      select p.*
      from unnest($2::int2[]) as t(num)
      cross join lateral (
        select s.rk, s.seq, s.type, s.vid as k0
        from search s
        where s.type = t.num
        order by k0 asc nulls last, seq asc
        limit $1::int
      ) p
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.seq asc
      limit $3::int"
    `);
  });

  it('with includes reads the page once', () => {
    const query = 'Patient?_id=1&_include=Patient:organization&_revinclude=Group:member:Patient';
    expect(textOf(query)).toMatchInlineSnapshot(`
      "with page as materialized (
      select s.rk, s.seq, s.type, s.tok
      from search s
      where s.type = $3::int2
        and s.seq in (select r.seq from resource r where r.rk = any($2::bigint[]))
      order by seq desc
      limit $1::int
      ), shown as materialized (
      select * from page p order by p.seq desc limit $4::int
      )
      (select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, p.seq
      from page p join resource r on r.rk = p.rk
      order by p.seq desc)
      union all
      (select 1, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, null
      from (
        select distinct t.h # $6::bigint as rk from shown m cross join unnest(m.tok) as t(h)
        where m.type = $7::int2
      ) x join resource r on r.rk = x.rk
      where true and r.type = any($5::int2[])
      limit 1001)
      union all
      (select 2, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, null
      from search o join resource r on r.rk = o.rk
      where o.tok && array(select m.rk # $8::bigint from shown m where m.type = $9::int2)
      limit 1001)"
    `);
  });
});
