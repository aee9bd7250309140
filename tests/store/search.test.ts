import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchCases } from '../cases/search.ts';
import { searchData } from '../cases/search-data.ts';
import { includeCases, linkCases, sortCases, systemCases } from '../cases/search-links.ts';
import { type Answer, ask } from '../helpers/http.ts';
import { encoded, entries } from '../helpers/search.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  for (const resource of searchData(server.base)) {
    const url = `${resource.resourceType}/${resource.id}`;
    const { status, text } = await ask(server.base, url, { method: 'PUT', body: resource });
    if (status !== 201) throw new Error(`${url}: ${text}`);
  }
});
afterAll(() => server.stop());

const search = (query: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(server.base, encoded(query, server.base), {
    headers: { Prefer: 'handling=strict', ...headers },
  });

const ids = (answer: Answer, mode = 'match'): string[] =>
  entries(answer, mode).map(({ resource }) => `${resource?.id}`);
const names = (answer: Answer, mode = 'match'): string[] =>
  entries(answer, mode).map(({ resource }) => `${resource?.resourceType}/${resource?.id}`);
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

describe('search', () => {
  it.each([...searchCases, ...linkCases])(
    '#%s: %s finds [%s]',
    async (_section, query, expected) => {
      const answer = await search(`${query}&_count=1000`);
      expect(answer.status, answer.text).toBe(200);
      expect(ids(answer).sort()).toEqual(words(expected).sort());
    },
  );

  it.each(systemCases)('#%s: %s over types finds [%s]', async (_section, query, expected) => {
    const answer = await search(`${query}&_count=1000`);
    expect(answer.status, answer.text).toBe(200);
    expect(names(answer).sort()).toEqual(words(expected).sort());
  });

  it.each(sortCases)('#%s: %s finds in order [%s]', async (_section, query, expected) => {
    const answer = await search(`${query}&_count=1000`);
    expect(answer.status, answer.text).toBe(200);
    const found = query.startsWith('?') ? names(answer) : ids(answer);
    expect(found).toEqual(words(expected));
  });

  it.each(includeCases)('#%s: %s finds [%s] with [%s]', async (_s, query, matches, included) => {
    const answer = await search(`${query}&_count=1000`);
    expect(answer.status, answer.text).toBe(200);
    expect(ids(answer).sort()).toEqual(words(matches).sort());
    expect(names(answer, 'include').sort()).toEqual(words(included).sort());
  });

  it('counts as many as it finds', async () => {
    for (const [, query] of [...searchCases, ...linkCases]) {
      const { json } = await search(`${query}&_summary=count`);
      expect(json.total, query).toBe(ids(await search(`${query}&_count=1000`)).length);
    }
  });

  it('by POST finds the same as by GET, and joins the parameters of URL and body', async () => {
    for (const body of ['family=M%C3%BCller', 'family=Muller&gender=male', 'given=Pat%5C%2CAnn']) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const post = await ask(server.base, 'Patient/_search', { method: 'POST', headers, body });
      expect(ids(post)).toEqual(ids(await ask(server.base, `Patient?${body}`)));
    }
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const url = 'Patient/_search?family=muller';
    const joined = await ask(server.base, url, { method: 'POST', headers, body: 'given=anna' });
    expect(ids(joined)).toEqual(['p5']);
  });
});

describe('includes', () => {
  it('belong to the page, not to the row behind it', async () => {
    const answer = await search(
      'Observation?_id=b1,dev&_sort=_id&_count=1&_include=Observation:subject',
    );
    expect([ids(answer), names(answer, 'include')]).toEqual([['b1'], ['Patient/p1']]);
  });

  it('hold a match of another page, once', async () => {
    const answer = await search('Patient?_id=p1,p4&_sort=-_id&_count=1&_include=Patient:link');
    expect([ids(answer), names(answer, 'include')]).toEqual([['p4'], ['Patient/p1']]);
  });

  it('do not count', async () => {
    const query = 'Observation?_id=b1,b2&_include=Observation:performer&_total=accurate';
    expect((await search(query)).json.total).toBe(2);
  });

  it.each([
    ['Observation?_include=Observation:nothing', 400],
    ['Observation?_include=Observation:code', 400],
    ['Observation?_include=Nothing:subject', 400],
    ['Observation?_include=Observation', 400],
    ['Observation?_include=Observation:subject:Nothing', 400],
    ['Observation?_include=Observation:subject:Practitioner', 400],
    ['Observation?_include=Patient:link', 400],
    ['Patient?_revinclude=Observation:code', 400],
    ['Patient?_revinclude=Observation:subject:Practitioner', 400],
  ])('%s is refused with %i', async (query, status) => {
    expect((await search(query)).status).toBe(status);
  });
});

describe('totals', () => {
  it.each([
    ['Patient?_total=accurate', 5, 5],
    ['Patient?_total=accurate&_count=2', 5, 2],
    ['Patient?_total=estimate&gender=male', 2, 2],
    ['Patient?_summary=count', 5, 0],
    ['Patient?_count=0', 5, 0],
    ['Patient?_count=0&gender=male', 2, 0],
    ['?_type=Patient,Organization&_summary=count', 8, 0],
    ['?_tag=a&_total=accurate&_count=1', 3, 1],
    ['Patient?_id=absent&_total=accurate', 0, 0],
    ['Patient?family=mull,schmidt&_total=accurate', 2, 2],
    ['Observation?patient=p1&category=vital-signs&_total=accurate&_count=1', 2, 1],
  ])('%s has the total %i and %i entries', async (query, total, count) => {
    const answer = await search(query);
    expect([answer.json.total, entries(answer, 'match').length]).toEqual([total, count]);
  });

  it('are left out with _total=none, and come again with each page', async () => {
    expect((await search('Patient?_total=none')).json.total).toBeUndefined();
    const first = await search('Patient?_total=accurate&_count=2');
    const link = first.json.link?.find?.(({ relation }) => `${relation}` === 'next');
    expect((await ask('', `${link?.url}`)).json.total).toBe(5);
  });

  it('_count=0 and _summary=count have no next link', async () => {
    for (const query of ['Patient?_count=0', 'Patient?_summary=count&_count=1']) {
      const { json } = await search(query);
      expect(json.link?.map?.(({ relation }) => `${relation}`)).toEqual(['self']);
    }
  });
});

/** Each is refused under strict handling, and reported and left out under lenient handling. */
const unsupported = [
  ...['nothing=1', 'Gender=male', 'gender:nothing=male', 'birthdate:exact=1974', 'name.given=x'],
  ...['_nothing=1', '_content=smoker', '_query=mine', '_sort=nothing'],
  ...['_has:Observation:patient:nothing=1', 'organization.nothing=x', '_list=$current-problems'],
  ...['_sort=identifier,_score', '_sort=_text', '_include=Nothing:x', '_type=Patient'],
  '_revinclude=Condition:subject:Group',
];

/** Faulty values are refused whatever the handling (R4 search#errors). */
const faulty = [
  ...['birthdate=2013-13', 'birthdate=xx2013', 'birthdate=2013-02-30', 'birthdate=yesterday'],
  ...['birthdate=2013-01-14T25:00', 'birthdate=gt', '_lastUpdated=x', '_count=-1', '_count=x'],
  ...['_count=1&_count=2', '_summary=some', '_total=much', '_sort=_id&_sort=-_id', '_sort=_id,_id'],
  ...['identifier=a|b|c', 'identifier=|', 'organization=Practitioner/d1', 'link:Device=1'],
  ...['general-practitioner=not a reference', '_elements=!', '_filter=name xx x'],
  ...['_text=(smoker'],
];

const faultyElsewhere = [
  ...['RiskAssessment?probability=high', 'RiskAssessment?probability=gt'],
  ...['Observation?value-quantity=5.4|mg', 'Observation?value-quantity=x||mg'],
  ...['Observation?code-value-quantity=29463-7', 'Observation?code-value-quantity=a$b$c'],
  ...['Observation?code-value-quantity=29463-7$x', 'Observation?code-value-quantity=$5'],
  ...['Observation?component-code-value-quantity=http://loinc.org|$5'],
  '?_type=Nothing',
];

describe('parameters', () => {
  it.each(unsupported)('strict: Patient?%s is refused', async (parameter) => {
    const { status, json } = await search(`Patient?${parameter}`);
    expect([status, `${json.resourceType}`]).toEqual([400, 'OperationOutcome']);
    expect(json.issue?.length).toBe(1);
  });

  it.each(unsupported)('lenient: Patient?%s is left out and reported', async (parameter) => {
    const query = `Patient?gender=female&${parameter}`;
    const answer = await search(query, { Prefer: 'handling=lenient' });
    expect(answer.status, answer.text).toBe(200);
    expect(ids(answer)).toEqual(['p2']);
    expect(entries(answer, 'outcome').map(({ resource }) => resource?.issue?.length)).toEqual([1]);
    const self = new URL(`${answer.json.link?.[0]?.url}`);
    expect([...self.searchParams.keys()]).toEqual(['gender']);
  });

  it.each([...faulty.map((one) => `Patient?${one}`), ...faultyElsewhere])(
    '%s is refused, strict or lenient',
    async (query) => {
      for (const handling of ['strict', 'lenient']) {
        const { status, json } = await search(query, { Prefer: `handling=${handling}` });
        expect([status, `${json.resourceType}`]).toEqual([400, 'OperationOutcome']);
        expect(`${json.issue?.[0]?.diagnostics}`).toMatch(/\w/);
      }
    },
  );

  it.each([
    '?gender=male',
    '?_type=Patient,Observation&gender=male',
    '?_type=Patient,Person&_sort=name',
  ])('that only some types have are refused: %s', async (query) => {
    expect((await search(query)).status).toBe(400);
  });

  it('that are faulty are all named at once', async () => {
    const { json } = await search('Patient?nothing=1&birthdate=x&gender:foo=male&_count=-1');
    expect(json.issue?.length).toBe(4);
  });

  it('stand in the self link as they were applied', async () => {
    const { json } = await search(
      'Patient?family=M%C3%BCller,Schmidt&gender=male&_count=5000&_sort=-_id',
    );
    const self = new URL(`${json.link?.[0]?.url}`);
    expect([...self.searchParams].map((pair) => pair.join('='))).toEqual([
      ...['family=M%C3%BCller,Schmidt', 'gender=male', '_count=1000', '_sort=-_id'],
    ]);
  });

  it.each([
    ['values', `family=${Array.from({ length: 40_000 }, (_, i) => `a${i}`).join()}`],
    ['parameters', Array.from({ length: 5000 }, (_, i) => `given=a${i}`).join('&')],
  ])('with too many %s are refused', async (_what, body) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const post = { method: 'POST', headers, body };
    const { status, json } = await ask(server.base, 'Patient/_search', post);
    expect([status, `${json.issue?.[0]?.code}`]).toEqual([400, 'too-costly']);
  });

  it('may hold many values', async () => {
    const more = Array.from({ length: 1500 }, (_, i) => `absent-${i}`).join();
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    for (const [url, body] of [
      ['Patient/_search', `_id=p1,${more}`],
      ['_search', `_id=p1,${more}`],
      ['Patient/_search', `identifier=MRN001,${more}&_id=p1`],
      ['Patient/_search', `family=schmidt,${more}`],
    ] as const) {
      const answer = await ask(server.base, url, { method: 'POST', headers, body });
      expect(names(answer)).toEqual(['Patient/p1']);
    }
  });
});
