import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';
import { derivedId } from '../../server/load/ids.ts';
import { NotLoadable, type Shipment, shipmentsOf } from '../../server/load/shipment.ts';

const id = derivedId('digest', 0);
const patient: Resource = { resourceType: 'Patient', gender: 'other' };
const named: Resource = { ...patient, id: 'p1' };

const shipmentsFrom = (resource: Resource, line = ''): Shipment[] =>
  shipmentsOf(resource, { content: () => 'digest', line });

/** The shipments of a Bundle with one entry. */
const fromBundle = (type: string, entry: JsonObject): Shipment[] =>
  shipmentsFrom({ resourceType: 'Bundle', type, entry: [entry] });

const post = (resource: Resource, request: JsonObject = {}): JsonObject => ({
  ...{ fullUrl: 'urn:uuid:1', resource },
  request: { method: 'POST', url: resource.resourceType, ...request },
});
const createOnce = {
  at: 'entry 0',
  once: `Patient/${id}`,
  entry: {
    fullUrl: 'urn:uuid:1',
    resource: { ...patient, id },
    request: { method: 'PUT', url: `Patient/${id}`, ifNoneMatch: '*' },
  },
};

describe('shipmentsOf() a single resource', () => {
  it('puts it under its id', () => {
    const request = { method: 'PUT', url: 'Patient/p1' };
    expect(shipmentsFrom(named, 'line 3')).toEqual([
      {
        kind: 'group',
        divisible: true,
        entries: [{ at: 'line 3', entry: { resource: named, request } }],
      },
    ]);
  });

  it('only ever creates it, under a derived id, when it has none', () => {
    const [shipment] = shipmentsFrom(patient);
    expect(shipment?.entries[0]).toEqual({
      at: '',
      once: `Patient/${id}`,
      entry: {
        resource: { ...patient, id },
        request: { method: 'PUT', url: `Patient/${id}`, ifNoneMatch: '*' },
      },
    });
  });

  it.each(['document', 'message'])('keeps a Bundle of type %s whole', (type) => {
    const bundle = { resourceType: 'Bundle', id: 'b', type, entry: [{ resource: named }] };
    const [shipment] = shipmentsFrom(bundle);
    expect(shipment?.entries[0]?.entry).toEqual({
      resource: bundle,
      request: { method: 'PUT', url: 'Bundle/b' },
    });
  });
});

describe('shipmentsOf() a transaction', () => {
  it.each([
    ['Patient', patient],
    ['/Patient', patient],
    ['Patient', named], // the id of a POST is not meant for the server (R4 3.1.0.8)
  ])('makes a POST to %s repeatable', (url, resource) => {
    const [shipment] = fromBundle('transaction', post(resource, { url }));
    expect(shipment).toEqual({ kind: 'transaction', entries: [createOnce] });
  });

  it.each<[string, JsonObject]>([
    ['a conditional create', post(patient, { ifNoneExist: 'identifier=1' })],
    ['an update', { resource: named, request: { method: 'PUT', url: 'Patient/p1' } }],
    ['an operation', post({ resourceType: 'Parameters' }, { url: 'Patient/$match' })],
    ['a delete', { request: { method: 'DELETE', url: 'Patient/p1' } }],
    ['an entry without a request', { resource: patient }],
  ])('sends %s as it is', (_what, entry) => {
    const [shipment] = fromBundle('transaction', entry);
    expect(shipment).toEqual({ kind: 'transaction', entries: [{ at: 'entry 0', entry }] });
  });

  it('gives each entry an id of its own', () => {
    const entry = [post(patient), post(patient)];
    const [shipment] = shipmentsFrom({ resourceType: 'Bundle', type: 'transaction', entry });
    expect(new Set(shipment?.entries.map(({ once }) => once)).size).toBe(2);
  });
});

describe('shipmentsOf() a batch', () => {
  it('keeps entries independent and cuts a long one into several requests', () => {
    const entry: JsonValue[] = Array.from({ length: 450 }, () => post(patient));
    const shipments = shipmentsFrom({ resourceType: 'Bundle', type: 'batch', entry }, 'line 2');
    expect(shipments.map(({ kind, entries }) => [kind, entries.length])).toEqual([
      ...[
        ['batch', 200],
        ['batch', 200],
        ['batch', 50],
      ],
    ]);
    expect(shipments[2]?.entries[49]?.at).toBe('line 2, entry 449');
  });
});

describe('shipmentsOf() a collection', () => {
  it.each(['collection', 'searchset'])('stores the resources of a %s', (type) => {
    const found = {
      fullUrl: 'http://h/fhir/Patient/p1',
      resource: named,
      search: { mode: 'match' },
    };
    const [shipment] = fromBundle(type, found);
    expect(shipment).toEqual({
      kind: 'group',
      entries: [
        {
          at: 'entry 0',
          entry: {
            fullUrl: 'http://h/fhir/Patient/p1',
            resource: named,
            request: { method: 'PUT', url: 'Patient/p1' },
          },
        },
      ],
    });
  });

  it('creates those without an id once', () => {
    const [shipment] = fromBundle('collection', { fullUrl: 'urn:uuid:1', resource: patient });
    expect(shipment?.entries).toEqual([createOnce]);
  });

  it('leaves out what a search says about itself', () => {
    const resource = { resourceType: 'OperationOutcome' };
    const [shipment] = fromBundle('searchset', { resource, search: { mode: 'outcome' } });
    expect(shipment?.entries).toEqual([]);
  });
});

describe('shipmentsOf() a Bundle that cannot be loaded', () => {
  it.each([
    [{ type: 'history' }, 'of type "history"'],
    [{ type: 'transaction-response' }, 'of type "transaction-response"'],
    [{}, 'without a type'],
    [{ type: 'collection', entry: {} as JsonValue }, 'Bundle.entry is not an array'],
  ])('says why: %j', (fields, why) => {
    const bundle = { resourceType: 'Bundle', ...fields } as Resource;
    expect(() => shipmentsFrom(bundle)).toThrow(NotLoadable);
    expect(() => shipmentsFrom(bundle)).toThrow(why);
  });
});
