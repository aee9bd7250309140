import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSortable } from '../../server/fhir/query-sort.ts';
import type { Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { definitions, startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const list = (bundle: Json): Json[] => itemsOf(bundle.entry);
const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link?.find?.((one) => String(one.relation) === relation)?.url as string | undefined;
const modes = (bundle: Json): unknown[] => list(bundle).map((one) => one.search?.mode);

beforeAll(async () => {
  server = await startServer();
  for (let i = 0; i < 7; i++) {
    const id = `p${i}`;
    const body = { resourceType: 'Patient', id, name: [{ family: `Kern${i}` }], active: true };
    await ask(server.base, `Patient/${id}`, { method: 'PUT', body });
  }
  const body = {
    ...{ resourceType: 'Observation', id: 'o1', status: 'final', code: { text: 'x' } },
    subject: { reference: 'Patient/p1' },
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
  };
  await ask(server.base, 'Observation/o1', { method: 'PUT', body });
});
afterAll(() => server.stop());

describe('search', () => {
  it('answers a searchset whose entries are whole and whose self link says what was done', async () => {
    const { status, json } = await ask(server.base, 'Patient?family=kern1&_count=5000');
    expect(status).toBe(200);
    expect(json).toMatchObject({ resourceType: 'Bundle', type: 'searchset' });
    expect(link(json, 'self')).toBe(`${server.base}/Patient?family=kern1&_count=1000`);
    const [entry] = list(json);
    expect(entry?.fullUrl).toBe(`${server.base}/Patient/p1`);
    expect(entry?.resource).toEqual((await ask(server.base, 'Patient/p1')).json);
    expect(modes(json)).toEqual(['match']);
  });

  it('follows next to the end', async () => {
    const pages: string[][] = [];
    let url: string | undefined = 'Patient?_count=3&_sort=_id';
    let last: Json | undefined;
    while (url) {
      last = (await ask(server.base, url)).json;
      pages.push(list(last).map((one) => String(one.resource?.id)));
      url = link(last, 'next');
    }
    expect(pages).toEqual([['p0', 'p1', 'p2'], ['p3', 'p4', 'p5'], ['p6']]);
  });

  it('by POST does the same, with a self link that can be asked for by GET', async () => {
    const post = (url: string, body: string) =>
      ask(server.base, url, {
        ...{ method: 'POST', body },
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      });
    const { json } = await post('Patient/_search?_count=2', 'family=kern1&_format=json');
    expect(list(json)).toHaveLength(1);
    const self = link(json, 'self') ?? '';
    expect(list((await ask(server.base, self)).json)).toEqual(list(json));
    expect(list((await post('_search', '_type=Patient&_id=p1')).json)).toHaveLength(1);
  });

  it('by POST without a body takes the parameters of the URL', async () => {
    const { status, json } = await ask(server.base, 'Patient/_search?_count=1', { method: 'POST' });
    expect([status, json.type]).toEqual([200, 'searchset']);
  });

  it('over the system finds the types of _type, and keeps it in the link', async () => {
    const { json } = await ask(server.base, '?_type=Patient,Observation&_id=p1,o1');
    expect(
      list(json)
        .map((one) => one.resource?.resourceType)
        .sort(),
    ).toEqual([...['Observation', 'Patient']]);
    expect(link(json, 'self')).toContain('_type=Patient,Observation');
    expect((await ask(server.base, '?_type=Patint')).status).toBe(400);
  });

  it('includes both ways and says so', async () => {
    const there = await ask(server.base, 'Observation?_include=Observation:subject');
    expect(modes(there.json)).toEqual(['match', 'include']);
    const back = await ask(server.base, 'Patient?_id=p1&_revinclude=Observation:subject');
    expect(modes(back.json)).toEqual(['match', 'include']);
  });

  it('with _summary=count answers the number alone', async () => {
    const { json } = await ask(server.base, 'Patient?_summary=count');
    expect([json.total, json.entry]).toEqual([7, undefined]);
  });

  it('with _total=accurate states the number of all matches', async () => {
    const { json } = await ask(server.base, 'Patient?_total=accurate&_count=2');
    expect([json.total, list(json).length]).toEqual([7, 2]);
  });

  it('with _elements and _summary answers parts of the matches', async () => {
    const { json } = await ask(server.base, 'Patient?_elements=active&_id=p1');
    expect(list(json)[0]?.resource).toMatchObject({ active: true, id: 'p1' });
    expect(list(json)[0]?.resource?.name).toBeUndefined();
    const text = await ask(server.base, 'Observation?_summary=text');
    expect(list(text.json)[0]?.resource?.subject).toBeUndefined();
    expect((await ask(server.base, 'Patient?_elements=nonsense')).status).toBe(400);
  });

  it('in XML answers the same bundle', async () => {
    const { text } = await ask(server.base, 'Patient?_id=p1&_format=xml');
    expect(text).toMatch(/<Bundle xmlns="http:\/\/hl7.org\/fhir">.*<family value="Kern1"\/>/s);
  });

  it('refuses an unknown parameter, or under lenient handling reports and drops it', async () => {
    const strict = await ask(server.base, 'Patient?nonsense=1&_id=p1');
    expect(strict.status).toBe(400);
    expect(strict.json.issue?.[0]?.diagnostics).toContain('nonsense');
    const lenient = await ask(server.base, 'Patient?nonsense=1&_id=p1', {
      headers: { Prefer: 'handling=lenient' },
    });
    expect(modes(lenient.json)).toEqual(['match', 'outcome']);
    expect(JSON.stringify(list(lenient.json)[1])).toContain('nonsense');
    expect(link(lenient.json, 'self')).toBe(`${server.base}/Patient?_id=p1`);
  });

  it('gives the first page where there are others', async () => {
    const all = await ask(server.base, 'Patient?_sort=_id');
    expect(link(all.json, 'first')).toBeUndefined();
    const first = `${server.base}/Patient?_count=3&_sort=_id`;
    const { json } = await ask(server.base, first);
    expect(link(json, 'first')).toBe(first);
    expect(link((await ask(server.base, link(json, 'next') ?? '')).json, 'first')).toBe(first);
  });

  it('goes back to the page it came from', async () => {
    const { json } = await ask(server.base, 'Patient?_count=3&_sort=_id');
    const second = (await ask(server.base, link(json, 'next') ?? '')).json;
    const back = (await ask(server.base, link(second, 'previous') ?? '')).json;
    expect(list(back)).toEqual(list(json));
    expect(link(json, 'previous')).toBeUndefined();
  });

  it('sorts every type by every parameter that can be sorted by, several at a time', async () => {
    const refused: string[] = [];
    for (const type of definitions.resourceTypes) {
      // AuditEvents are sorted by their time alone (store/audit-search.test.ts).
      if (type === 'AuditEvent') continue;
      const codes = [...definitions.searchParams(type).values()]
        .filter((def) => isSortable(definitions, type, def))
        .map(({ code }) => code);
      for (let at = 0; at < codes.length; at += 12) {
        const url = `${type}?_sort=-${codes.slice(at, at + 12).join()}&_count=1`;
        const { status } = await ask(server.base, url);
        if (status !== 200) refused.push(`${status} ${url}`);
      }
    }
    expect(refused).toEqual([]);
  });

  it('says with each refusal what to write instead', async () => {
    const said = async (url: string) => {
      const { status, json } = await ask(server.base, url);
      return `${status} ${json.issue?.[0]?.diagnostics}`;
    };
    expect(await said('Patient?Family=x')).toMatch(/^400 .*did you mean "family"/);
    expect(await said('Patient?family=')).toMatch(/^400 .*empty value/);
    expect(await said('Patient?family:foo=x')).toMatch(/^400 .*:exact/);
    expect(await said('Patient?_contained=true')).toMatch(/^400 .*contained/);
  });
});

describe('a search through other resources', () => {
  it.each([
    ['Observation?subject:Patient.family=kern1', 'o1'],
    ['Observation?patient.family=kern2', ''],
    ['Patient?_has:Observation:patient:status=final', 'p1'],
    ['Patient?_has:Observation:patient:status=cancelled,final', 'p1'],
    ['Patient?_filter=_has:Observation:patient:status eq final', 'p1'],
  ])('%s finds %s', async (url, ids) => {
    const { status, json } = await ask(server.base, url);
    expect(status).toBe(200);
    expect(list(json).map((one) => one.resource?.id)).toEqual(ids.split(' ').filter(Boolean));
    expect(link(json, 'self')).toMatch(/\?.+/);
  });
});
