import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compartmentTerm, compartmentTypes } from '../../server/fhir/query-compartment.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Context } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import { resolveTerms } from '../../server/store/search-resolve.ts';
import { printCount, printIds, printIncludes, printSearch } from '../../server/store/search-sql.ts';
import type { Change } from '../../server/store/store.ts';
import { isWhole, planOf } from '../helpers/plan.ts';
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
const textOf = (query: string, values?: readonly unknown[], backwards = false): string =>
  printSearch(context, queryOf(`${query}&_count=20`), values && { backwards, values }).text;
const pageOf = (text = ''): string =>
  text.replace(/^.*\nfrom \(\n|\n\) p join resource[\s\S]*$/g, '').replace(/\s+/g, ' ');
const options = { definitions, bases: [BASE], zone: 0, now: 0 };
/** All of a type, or of several, in the compartment of a patient. */
const ofCompartment = (types: readonly string[] = []) => ({
  ...{ ...queryOf(`${types}?`), compartment: 'Patient/1' },
  where: [compartmentTerm(options, { type: 'Patient', id: '1' }, types)],
});
const kinds = `Observation?patient.gender=male Observation?encounter.class=IMP
  Patient?_has:Observation:patient:code=53 Encounter?_has:Observation:encounter:code=53
  Observation?status:not=final Patient?birthdate:missing=false Patient?birthdate:missing=true
  Observation?code:text=a Patient?name:exact=A Patient?name:contains=a Location?near=1|2|3|km
  Patient?_text=a Observation?value-quantity=5|http://unitsofmeasure.org|mg`.split(/\s+/);

describe('the text of a search', () => {
  it('in no order is newest first', () => {
    expect(textOf('Observation?code=a')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
      from (
      select * from (
      (select s.rk, s.seq, s.type, s.lo as k0
      from search s
      where s.type = $2::int2 and s.lo is null and (((s.seq > $3::bigint)))
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
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text, p.k1::text
      from (
      select * from (
      select s.rk, s.seq, s.type, ((select min(x.v) from search_string x where x.seq = s.seq and x.k in ($1::bigint) and not x.part) collate "C") as k0, s.lo as k1
      from search s
      where s.type = $5::int2
      offset 0) s
      where (((((s.k0 collate "C") > $3::text or (s.k0 collate "C") is null)) or ((s.k0 collate "C") = $3::text and s.k1 is null and s.seq > $4::bigint)))
      order by k0 asc nulls last, k1 desc nulls last, seq asc
      limit $2::int
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc nulls last, p.k1 desc nulls last, p.seq asc"
    `);
  });

  it('over types merges the first rows of each', () => {
    expect(textOf('Patient,Group?_sort=_lastUpdated')).toMatchInlineSnapshot(`
      "select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq, p.k0::text
      from (
      select p.*
      from unnest($2::int2[]) as t(num)
      cross join lateral (
        select s.rk, s.seq, s.type, s.vid as k0
        from search s
        where s.type = t.num
        order by k0 asc, seq asc
        limit $1::int
      ) p
      ) p join resource r on r.rk = p.rk
      order by p.k0 asc, p.seq asc
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
        and s.seq = any(array(select r.seq from resource r where r.rk = any($2::bigint[])))
      order by seq desc
      limit $1::int
      ), shown as materialized (
      select * from page p order by p.seq desc limit $4::int
      )
      (select 0 as kind, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq
      from page p join resource r on r.rk = p.rk
      order by p.seq desc)
      union all
      (select 1, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, null
      from (
        select distinct t.h # x.salt as rk
        from shown m join unnest($5::int2[], $6::bigint[]) x(type, salt) on x.type = m.type
        cross join unnest(m.tok) t(h)
        where (t.h # x.salt) & 7 = 0
      ) x join resource r on r.rk = x.rk
      limit 1001)
      union all
      (select 2, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, null
      from search o join resource r on r.rk = o.rk
      where o.tok && array(select m.rk # x.salt from shown m cross join unnest($7::bigint[]) x(salt) where m.type = $8::int2)
      limit 1001)"
    `);
  });

  it('looks into joins row by row, or for what was looked up; and so each kind of term', async () => {
    const record = [['Observation'], compartmentTypes(definitions, 'Patient')].map(ofCompartment);
    const lines: string[] = [];
    for (const asked of [...kinds.map((text) => queryOf(text)), ...record]) {
      const resolved = await resolveTerms(context, open.db.tuples, asked);
      const joins = asked.where.some(({ kind }) => kind === 'chain' || kind === 'has');
      const both = joins ? [asked, resolved] : [resolved];
      lines.push(...new Set(both.map((one) => pageOf(printSearch(context, one, undefined).text))));
    }
    lines.push(pageOf(textOf('Observation?code=53', ['7'], true)));
    lines.push(pageOf(textOf('Patient?_sort=gender', ['male', '7'])));
    lines.push(pageOf(textOf('Observation?_sort=-date,status', ['5', 'final', '7'])));
    const asked = queryOf('Patient?_include=Patient:organization&_revinclude=Observation:subject');
    lines.push(pageOf(printIncludes(context, ['7'], asked)?.text));
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "select s.rk, s.seq, s.type from search s where s.type = $4::int2 and s.patient in (select t1.rk from search t1 where (t1.type = $2::int2 and t1.tok @> $3::bigint[])) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.patient = any($2::bigint[]) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $5::int2 and exists (select 1 from unnest(s.tok) h(word) join resource q on q.rk = h.word # $3::bigint join search t1 on t1.type = q.type and t1.seq = q.seq where (h.word # $3::bigint) & 7 = 0 and (t1.type = $2::int2 and (t1.tok @> $4::bigint[]) is true) offset 0) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.tok && $2::bigint[] order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $4::int2 and exists (select 1 from search t1 where t1.patient = s.rk and (t1.type = $2::int2 and t1.tok @> $3::bigint[])) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $5::int2 and exists (select 1 from search t1 where t1.tok @> array[s.rk # $3::bigint] and (t1.type = $2::int2 and (t1.tok @> $4::bigint[]) is true) offset 0) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.seq = any($2::bigint[]) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and ((s.tok @> $2::bigint[]) is true) is not true order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.tok @> $2::bigint[] order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.tok && $2::bigint[] order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.tok && $2::bigint[] order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $5::int2 and s.seq in (select x.seq from search_string x where x.k in ($4::bigint) and (x.v = $2::text and coalesce(x.o, x.v) = $3::text and not x.part)) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $4::int2 and s.seq in (select x.seq from search_string x where x.k in ($3::bigint) and (strpos(x.v, $2::text) > 0 and not x.part)) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $8::int2 and s.seq in (select x.seq from search_number x where x.k in ($7::bigint) and (x.lo between $4::float8 and $5::float8 and 2 * 6371.0088 * asin(least(1, sqrt( power(sind((x.lo - $2::float8) / 2), 2) + cosd($2::float8) * cosd(x.lo) * power(sind((x.hi - $3::float8) / 2), 2)))) <= $6::float8)) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $3::int2 and s.seq in (select x.seq from search_text x where x.narrative @@ websearch_to_tsquery('simple', $2::text)) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $7::int2 and s.seq in (select x.seq from (select * from unit u where u.canon = $6::text offset 0) u cross join lateral (select x.seq from search_number x where x.k in ($2::bigint) and x.unit = u.h and (x.lo >= (($3::float8 - u.shift) / u.factor) and x.lo < (($4::float8 - u.shift) / u.factor) and x.hi < (($5::float8 - u.shift) / u.factor))) x) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from (select * from search s where (s.tok @> $3::bigint[] or s.patient = $2::bigint) offset 0) s where s.type = any($4::int2[]) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from (select * from search s where s.tok && $2::bigint[] offset 0) s where s.type = any($3::int2[]) order by seq desc limit $1::int
      select s.rk, s.seq, s.type from search s where s.type = $4::int2 and s.tok @> $2::bigint[] and (((s.seq > $3::bigint))) order by seq asc limit $1::int
      select * from ( select s.rk, s.seq, s.type, ((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") as k0 from search s where s.type = $9::int2 offset 0) s where (((((s.k0 collate "C") > $7::text or (s.k0 collate "C") is null)) or ((s.k0 collate "C") = $7::text and s.seq > $8::bigint))) order by k0 asc nulls last, seq asc limit $6::int
      select * from ( (select s.rk, s.seq, s.type, s.lo as k0, ((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") as k1 from search s where s.type = $7::int2 and s.lo is not null and (s.lo <= $8::bigint and (((s.lo < $9::bigint)) or (s.lo = $9::bigint and (((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") > $10::text or ((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") is null)) or (s.lo = $9::bigint and ((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") = $10::text and s.seq < $11::bigint))) order by s.lo desc, k1 asc nulls last, seq desc limit $6::int) union all (select s.rk, s.seq, s.type, s.lo as k0, ((select min((v #>> '{}') collate "C") from (select r.content::jsonb as j from resource r where r.rk = s.rk offset 0) c cross join (values ($1::jsonpath), ($2::jsonpath), ($3::jsonpath), ($4::jsonpath), ($5::jsonpath)) p(path) cross join jsonb_path_query(c.j, p.path) v) collate "C") as k1 from search s where s.type = $7::int2 and s.lo is null order by k1 asc nulls last, seq desc limit $6::int) ) p limit $6::int
      with shown as materialized ( select r.rk, s.type, s.tok from resource r join search s on s.type = r.type and s.seq = r.seq where r.rk = any($1::bigint[]) ) (select 1, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, null from ( select distinct t.h # x.salt as rk from shown m join unnest($2::int2[], $3::bigint[]) x(type, salt) on x.type = m.type cross join unnest(m.tok) t(h) where (t.h # x.salt) & 7 = 0 ) x join resource r on r.rk = x.rk limit 1001) union all (select 2, r.type, r.rk, r.id, r.ver, r.vid, r.method, r.content, r.patient, null from search o join resource r on r.rk = o.rk where o.tok && array(select m.rk # x.salt from shown m cross join unnest($4::bigint[]) x(salt)) limit 1001)"
    `);
  });
});
