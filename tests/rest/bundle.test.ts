import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../server/fhir/types.ts';
import type { Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const list = (bundle: Json): Json[] => itemsOf(bundle.entry);
const statuses = (bundle: Json): string[] =>
  list(bundle).map((entry) => String(entry.response?.status).slice(0, 3));

const send = (type: string, entry: JsonValue[], headers: Record<string, string> = {}) =>
  ask(server.base, '', {
    ...{ method: 'POST', headers, body: { resourceType: 'Bundle', type, entry } },
  });
const patient = (id: string, family = 'X'): JsonObject => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
});
const put = (id: string, family?: string): JsonObject => ({
  resource: patient(id, family),
  request: { method: 'PUT', url: `Patient/${id}` },
});

describe('transaction', () => {
  it('answers entry by entry in the order of the request, whatever order it worked in', async () => {
    await send('batch', [put('t-old'), put('t-del')]);
    const { status, json } = await send('transaction', [
      { request: { method: 'GET', url: 'Patient/t-new' } },
      put('t-new', 'New'),
      { resource: patient('ignored'), request: { method: 'POST', url: 'Patient' } },
      { request: { method: 'DELETE', url: 'Patient/t-del' } },
      { request: { method: 'GET', url: 'Patient?_id=t-del' } },
      { request: { method: 'HEAD', url: 'Patient/t-old' } },
    ]);
    expect(status).toBe(200);
    expect(json.type).toBe('transaction-response');
    expect(statuses(json)).toEqual(['200', '201', '201', '204', '200', '200']);
    expect(list(json)[0]?.resource?.name?.[0]?.family).toBe('New');
    expect(list(json)[1]?.response?.location).toBe('Patient/t-new/_history/1');
    expect(list(json)[1]?.response?.etag).toBe('W/"1"');
    expect(list(json)[4]?.resource?.entry).toBeUndefined();
    expect(list(json)[5]?.resource).toBeUndefined();
  });

  it('writes links between its entries with the ids that were given', async () => {
    const urn = 'urn:uuid:0f0e0d0c-0b0a-4908-8706-050403020100';
    const { json } = await send(
      'transaction',
      [
        {
          resource: {
            ...{ resourceType: 'Observation', status: 'final', code: { text: 'x' } },
            subject: { reference: urn },
          },
          request: { method: 'POST', url: 'Observation' },
        },
        {
          ...{ fullUrl: urn, resource: { resourceType: 'Patient' } },
          request: { method: 'POST', url: 'Patient' },
        },
      ],
      { Prefer: 'return=representation' },
    );
    const [observation, subject] = list(json).map((entry) => entry.resource);
    expect(observation?.subject?.reference).toBe(`Patient/${subject?.id}`);
    expect(list(json)[1]?.fullUrl).toBe(`${server.base}/Patient/${subject?.id}`);
  });

  it.each<[string, JsonObject, number]>([
    [
      'an invalid resource',
      { ...put('a-bad'), resource: { ...patient('a-bad'), birthDate: 'x' } },
      400,
    ],
    [
      'a stale ifMatch',
      { ...put('a-2'), request: { method: 'PUT', url: 'Patient/a-2', ifMatch: 'W/"7"' } },
      412,
    ],
    [
      'a malformed ifMatch',
      { ...put('a-2'), request: { method: 'PUT', url: 'Patient/a-2', ifMatch: '7' } },
      400,
    ],
    [
      'an operation',
      { request: { method: 'POST', url: '$convert' }, resource: { resourceType: 'Parameters' } },
      400,
    ],
    ['a url that is none', { request: { method: 'DELETE', url: 'Patint/1' } }, 400],
  ])('with %s writes nothing and names the entry', async (what, entry, expected) => {
    const id = `atom-${what.replaceAll(' ', '-')}`;
    const { status, json } = await send('transaction', [put(id), entry]);
    expect(status).toBe(expected);
    expect(JSON.stringify(json.issue)).toContain('Bundle.entry[1]');
    expect((await ask(server.base, `Patient/${id}`)).status).toBe(404);
  });

  it('deletes first: conditions of other entries do not see what goes', async () => {
    const identifier = [{ system: 'urn:x', value: 'replaced' }];
    await ask(server.base, 'Patient/t-going', {
      method: 'PUT',
      body: { ...patient('t-going'), identifier },
    });
    const { json } = await send('transaction', [
      {
        resource: { resourceType: 'Patient', identifier },
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:x|replaced' },
      },
      { request: { method: 'DELETE', url: 'Patient/t-going' } },
    ]);
    expect(statuses(json)).toEqual(['201', '204']);
    const found = await ask(server.base, 'Patient?identifier=urn:x|replaced');
    expect(list(found.json)).toHaveLength(1);
  });

  it('finds the target of a conditional reference among its own entries', async () => {
    const { status, json } = await send('transaction', [
      {
        resource: {
          ...{ resourceType: 'Observation', status: 'final', code: { text: 'x' } },
          subject: { reference: 'Patient?identifier=urn:x|own-entry' },
        },
        request: { method: 'POST', url: 'Observation' },
      },
      {
        resource: {
          resourceType: 'Patient',
          identifier: [{ system: 'urn:x', value: 'own-entry' }],
        },
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:x|own-entry' },
      },
    ]);
    expect(status).toBe(200);
    const [observation, subject] = list(json).map(({ response }) =>
      String(response?.location).replace(/\/_history.*/, ''),
    );
    const stored = await ask(server.base, String(observation));
    expect(stored.json.subject?.reference).toBe(subject);
  });

  it('keeps a uuid and an oid that equal a fullUrl, for they name no place', async () => {
    const urn = 'urn:uuid:0f0e0d0c-0b0a-4908-8706-050403020177';
    const resource = {
      ...patient('ignored'),
      extension: [
        { url: 'http://example.org/a', valueUuid: urn },
        { url: 'http://example.org/b', valueUri: urn },
      ],
    };
    const request = { method: 'POST', url: 'Patient' };
    const { status, json } = await send('transaction', [{ fullUrl: urn, resource, request }], {
      Prefer: 'return=representation',
    });
    expect(status).toBe(200);
    const stored = list(json)[0]?.resource;
    expect(stored?.extension?.[0]?.valueUuid).toBe(urn);
    expect(stored?.extension?.[1]?.valueUri).toBe(`Patient/${stored?.id}`);
  });

  it('takes 3,000 entries', async () => {
    const entries = Array.from({ length: 3000 }, (_, i) => put(`many-${i}`));
    const { status, json } = await send('transaction', entries);
    expect(status).toBe(200);
    expect(new Set(statuses(json))).toEqual(new Set(['201']));
    const { json: count } = await ask(server.base, 'Patient?_summary=count&_id=many-1,many-2999');
    expect(count.total).toBe(2);
  });

  it('empty or absent entries are answered by an empty response', async () => {
    const body = { resourceType: 'Bundle', type: 'transaction' };
    const { status, json } = await ask(server.base, '', { method: 'POST', body });
    expect([status, json.type, json.entry]).toEqual([200, 'transaction-response', undefined]);
  });
});

describe('batch', () => {
  it('answers each entry on its own', async () => {
    const { status, json } = await send('batch', [
      put('b1'),
      {
        resource: { ...patient('b2'), birthDate: 'x' },
        request: { method: 'PUT', url: 'Patient/b2' },
      },
      { request: { method: 'GET', url: 'Patient/none' } },
      { request: { method: 'GET', url: 'Patient?nonsense=1' } },
      { request: { method: 'GET', url: 'metadata?_format=xml&_pretty=true' } },
      { request: { method: 'BREW', url: 'Patient/1' } },
      { request: { method: 'GET', url: 'Patient/b1', ifNoneMatch: 'W/"1"' } },
      { request: { method: 'GET', url: 'Patient/b1/_history' } },
    ]);
    expect(status).toBe(200);
    expect(statuses(json)).toEqual(['201', '400', '404', '400', '200', '400', '304', '200']);
    for (const at of [1, 2, 3, 5]) {
      expect(list(json)[at]?.response?.outcome?.resourceType).toBe('OperationOutcome');
    }
    expect(list(json)[4]?.resource?.resourceType).toBe('CapabilityStatement');
  });

  it('with ifNoneExist on every entry creates nothing the second time', async () => {
    const entries = Array.from({ length: 20 }, (_, i) => ({
      resource: { resourceType: 'Organization', identifier: [{ system: 'urn:x', value: `${i}` }] },
      request: { method: 'POST', url: 'Organization', ifNoneExist: `identifier=urn:x|${i}` },
    }));
    expect(new Set(statuses((await send('batch', entries)).json))).toEqual(new Set(['201']));
    expect(new Set(statuses((await send('batch', entries)).json))).toEqual(new Set(['200']));
  });
});

describe('a search by POST in a bundle', () => {
  it.each(['batch', 'transaction'])('of type %s is answered', async (type) => {
    const { json } = await send(type, [
      put('posted'),
      { request: { method: 'POST', url: 'Patient/_search?_id=posted' } },
      { request: { method: 'POST', url: '_search?_type=Patient&_id=posted' } },
    ]);
    expect(list(json).map(({ resource }) => list(resource ?? ({} as Json)).length)).toEqual([
      0, 1, 1,
    ]);
  });
});

describe('an entry', () => {
  it.each([
    ['request', { method: 'POST', url: 'Patient', ifNoneExists: 'identifier=1' }, {}],
    ['entry', { method: 'POST', url: 'Patient' }, { fullURL: 'urn:uuid:1' }],
  ])('with an unknown element in its %s is refused', async (_where, request, more) => {
    const resource = { resourceType: 'Patient' };
    const { status, text } = await send('transaction', [{ ...more, resource, request }]);
    expect(status).toBe(400);
    expect(text).toMatch(/ifNoneExists|fullURL/);
  });
});

describe('POST to the base', () => {
  it.each([
    ['another resource', patient('x')],
    ['a Bundle of another type', { resourceType: 'Bundle', type: 'collection' }],
    ['a Bundle without a type', { resourceType: 'Bundle' }],
  ])('refuses %s', async (_what, body) => {
    const { status, json } = await ask(server.base, '', { method: 'POST', body });
    expect([status, json.resourceType]).toEqual([400, 'OperationOutcome']);
  });
});
