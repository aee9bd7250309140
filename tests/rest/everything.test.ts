import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../server/fhir/types.ts';
import type { Answer, Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;

const OBSERVATIONS = 5;

beforeAll(async () => {
  server = await startServer();
  const subject = { reference: 'Patient/p' };
  await put({ resourceType: 'Practitioner', id: 'doctor', active: true });
  await put({ resourceType: 'Patient', id: 'p', active: true });
  await put({ resourceType: 'Patient', id: 'gone' });
  await ask(server.base, 'Patient/gone', { method: 'DELETE' });
  await put({
    ...{ resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject },
    participant: [{ individual: { reference: 'Practitioner/doctor' } }],
  });
  for (let n = 1; n <= OBSERVATIONS; n++) {
    await put({
      ...{
        resourceType: 'Observation',
        id: `o${n}`,
        status: 'final',
        code: { text: 'x' },
        subject,
      },
      ...{ effectiveDateTime: `2020-01-0${n}`, encounter: { reference: 'Encounter/e' } },
    });
  }
});
afterAll(() => server.stop());

async function put(body: JsonObject): Promise<void> {
  const { status, text } = await ask(server.base, `${body['resourceType']}/${body['id']}`, {
    ...{ method: 'PUT', body },
  });
  expect(status, text).toBe(201);
}

const list = (bundle: Json): Json[] => itemsOf(bundle.entry);
const namesOf = (bundle: Json): string[] =>
  list(bundle).map((entry) => String(entry.fullUrl).slice(server.base.length + 1));
const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link?.find?.((one) => String(one.relation) === relation)?.url as string | undefined;
const post = (url: string, parameter: JsonObject[]): Promise<Answer> =>
  ask(server.base, url, { method: 'POST', body: { resourceType: 'Parameters', parameter } });

const observations = ['o5', 'o4', 'o3', 'o2', 'o1'].map((id) => `Observation/${id}`);
const everything = ['Patient/p', ...observations, 'Encounter/e', 'Practitioner/doctor'];

describe('$everything of a patient', () => {
  it('is a searchset with all in one Bundle, what was stored as it was stored', async () => {
    const { status, json, text } = await ask(server.base, 'Patient/p/$everything');
    expect([status, json.type, json.total]).toEqual([200, 'searchset', everything.length - 1]);
    expect(namesOf(json)).toEqual(everything);
    expect(list(json).map((entry) => String(entry.search?.mode))).toEqual([
      ...Array.from({ length: everything.length - 1 }, () => 'match'),
      'include',
    ]);
    expect(json.link).toEqual([{ relation: 'self', url: `${server.base}/Patient/p/$everything` }]);
    expect(text).toContain((await ask(server.base, 'Observation/o1')).text);
  });

  it.each([1, 2, 3, 7, 8])('in pages of %i holds each resource once', async (count) => {
    const seen: string[] = [];
    let url: string | undefined = `Patient/p/$everything?_count=${count}`;
    while (url) {
      const { status, json }: Answer = await ask(server.base, url);
      expect(status).toBe(200);
      expect(link(json, 'self')).toContain(`_count=${count}`);
      seen.push(...namesOf(json));
      url = link(json, 'next');
    }
    expect(seen).toEqual(everything);
  });

  it.each<[query: string, names: string[]]>([
    ['_type=Encounter', ['Encounter/e']],
    ['_type=Patient,Encounter', ['Patient/p', 'Encounter/e']],
    ['_type=Patient&_type=Practitioner', ['Patient/p', 'Practitioner/doctor']],
    ['start=2020-01-04&_type=Observation', ['Observation/o5', 'Observation/o4']],
    ['end=2020-01-02&_type=Observation', ['Observation/o2', 'Observation/o1']],
    ['start=2020-01-03&end=2020-01-03&_type=Observation', ['Observation/o3']],
    ['_since=2999-01-01T00:00:00Z', ['Patient/p']],
    ['_since=2000-01-01T00:00:00Z', everything],
    ['_type=Immunization', []],
  ])('with %s holds what was asked for', async (query, names) => {
    const { json } = await ask(server.base, `Patient/p/$everything?${query}`);
    expect(namesOf(json)).toEqual(names);
  });

  it('by POST takes its parameters from a Parameters resource', async () => {
    const { status, json } = await post('Patient/p/$everything', [
      { name: 'start', valueDate: '2020-01-02' },
      { name: 'end', valueDate: '2020-01-04' },
      { name: '_type', valueCode: 'Observation' },
      { name: '_type', valueCode: 'Encounter' },
      { name: '_count', valueInteger: 3 },
    ]);
    expect([status, namesOf(json)]).toEqual([200, observations.slice(1, 4)]);
    const next = await ask(server.base, link(json, 'next') ?? '');
    expect(namesOf(next.json)).toEqual(['Encounter/e']);
    const bare = await ask(server.base, 'Patient/p/$everything', { method: 'POST' });
    expect(namesOf(bare.json)).toEqual(everything);
  });

  it('is written and shaped as asked for', async () => {
    const xml = await ask(server.base, 'Patient/p/$everything?_format=xml');
    expect(xml.text).toMatch(/^<\?xml .*<Bundle.*<Observation/s);
    const { json } = await ask(
      server.base,
      'Patient/p/$everything?_elements=status&_type=Observation',
    );
    const { resource } = list(json)[0] ?? {};
    expect([resource?.status, resource?.effectiveDateTime]).toEqual(['final', undefined]);
  });

  it('of none is 404, of a deleted one 410', async () => {
    expect((await ask(server.base, 'Patient/never/$everything')).status).toBe(404);
    expect((await ask(server.base, 'Patient/gone/$everything')).status).toBe(410);
  });
});

describe('$everything of an encounter', () => {
  it('is the encounter, what belongs to it, its patient and its practitioners', async () => {
    const { status, json } = await ask(server.base, 'Encounter/e/$everything');
    expect(status).toBe(200);
    expect(namesOf(json)).toEqual([
      ...['Encounter/e', ...observations, 'Patient/p', 'Practitioner/doctor'],
    ]);
  });
});

describe('$everything refuses', () => {
  it.each([
    ['_count=0', '_count'],
    ['_count=x', '_count'],
    ['_count=1&_count=2', '_count'],
    ['_since=yesterday', '_since'],
    ['start=x', 'start'],
    ['start=2021&end=2020', 'start'],
    ['_type=Patint', 'Patient'],
    ['_type=', 'not a resource type'],
    ['_cursor=altered', 'page link'],
    ['_summary=count', 'count'],
    ['_elements=nosuch', 'nosuch'],
    ['name=x', '"name"'],
    ['stop=2020&_sort=date', '"stop"'],
  ])('%s, naming what is wrong', async (query, named) => {
    const { status, text } = await ask(server.base, `Patient/p/$everything?${query}`);
    expect(status).toBe(400);
    expect(text).toContain(named.replaceAll('"', '\\"'));
  });

  it.each<[parameter: JsonObject, named: string]>([
    [{ name: 'nosuch', valueString: 'x' }, 'nosuch'],
    [{ name: '_type' }, 'Parameters.parameter[0]'],
    [{ name: '_type', part: [{ name: 'x', valueCode: 'Patient' }] }, 'Parameters.parameter[0]'],
    [{ name: '_count', valueDecimal: 1.5 }, '_count'],
    [{ name: '_format', valueCode: 'xml' }, '_format'],
  ])('the body parameter %j', async (parameter, named) => {
    const { status, text } = await post('Patient/p/$everything', [parameter]);
    expect([status, text.includes(named)]).toEqual([400, true]);
  });

  it('a body that is no Parameters', async () => {
    const body = { resourceType: 'Patient' };
    const { status } = await ask(server.base, 'Patient/p/$everything', { method: 'POST', body });
    expect(status).toBe(400);
  });

  it('every patient at once, and other types, as not supported', async () => {
    for (const url of ['Patient/$everything', 'Encounter/$everything', 'Group/g/$everything']) {
      for (const method of ['GET', 'POST']) {
        const { status, json } = await ask(server.base, url, { method });
        expect([status, json.issue?.[0]?.code], url).toEqual([404, 'not-supported']);
      }
    }
  });

  it('nothing under handling=lenient that it can leave out, and says so', async () => {
    const { status, json } = await ask(
      server.base,
      'Patient/p/$everything?name=x&_type=Encounter',
      {
        headers: { Prefer: 'handling=lenient' },
      },
    );
    expect([status, list(json).length]).toEqual([200, 2]);
    expect(link(json, 'self')).not.toContain('name=');
    expect(list(json)[1]).toMatchObject({
      search: { mode: 'outcome' },
      resource: { issue: [{ severity: 'warning', code: 'not-supported' }] },
    });
  });
});

describe('the CapabilityStatement', () => {
  it('lists the operation on the types that have it', async () => {
    const { json } = await ask(server.base, 'metadata');
    const types = itemsOf(json.rest?.[0]?.resource);
    const having = types.filter(({ operation }) => operation !== undefined);
    expect(having.map(({ type, operation }) => [type, operation])).toEqual(
      ['Encounter', 'Patient'].map((type) => [
        type,
        [
          {
            name: 'everything',
            definition: `http://hl7.org/fhir/OperationDefinition/${type}-everything`,
          },
        ],
      ]),
    );
  });
});
