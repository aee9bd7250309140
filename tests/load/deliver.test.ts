import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { type Client, createClient } from '../../server/load/client.ts';
import { deliver } from '../../server/load/deliver.ts';
import { type Shipment, shipmentsOf } from '../../server/load/shipment.ts';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startServer();
  client = createClient({
    ...{ base: server.base, patience: 1000, signal: new AbortController().signal },
  });
});
afterAll(() => server.stop());

const began = Date.now();
let contents = 0;

/** The first shipment of a Bundle. `content` stands for the file it comes from. */
function shipment(type: string, entry: JsonObject[], content = `${++contents}`): Shipment {
  const bundle: Resource = { resourceType: 'Bundle', type, entry };
  const [first] = shipmentsOf(bundle, { content: () => content, line: '' });
  if (!first) throw new Error('nothing to send');
  return first;
}

/** Resources that stand in a file line by line, sent together. */
function lines(resources: Resource[], content = `${++contents}`): Shipment {
  const entries = resources.flatMap((resource, index) =>
    shipmentsOf(resource, {
      ...{ content: () => `${content} ${index}`, line: `line ${index + 1}` },
    }).flatMap((each) => each.entries),
  );
  return { kind: 'group', divisible: true, entries };
}

async function delivery(sent: Shipment, since = began) {
  const { counts, reasons } = await deliver(client, sent, since);
  const told = reasons.map(({ shipped, expression }) => [shipped?.at, expression]);
  return { counts, told };
}

const countOf = async (query: string): Promise<unknown> =>
  (await ask(server.base, `Patient?${query}&_summary=count`)).json['total'];

const person = (family: string, fields: JsonObject = {}): Resource => ({
  ...{ resourceType: 'Patient', name: [{ family }] },
  ...fields,
});
const wrong = (family: string): Resource => person(family, { gender: 'unheard-of' });
const post = (resource: Resource, request: JsonObject = {}): JsonObject => ({
  resource,
  request: { method: 'POST', url: resource.resourceType, ...request },
});

describe('deliver() a transaction', () => {
  it('creates its resources, and nothing when it comes again', async () => {
    const sent = shipment('transaction', [post(person('Whole')), post(person('Whole'))]);
    expect(await delivery(sent)).toEqual({ counts: { created: 2 }, told: [] });
    expect(await delivery(sent)).toEqual({ counts: { unchanged: 2 }, told: [] });
    expect(await countOf('family=Whole')).toBe(2);
  });

  it('leaves alone what was changed or deleted since', async () => {
    const sent = shipment('transaction', [post(person('Since')), post(person('Since'))]);
    await delivery(sent);
    const [first = '', second = ''] = sent.entries.map(({ once }) => once);
    await ask(server.base, first, { method: 'DELETE' });
    const changed = person('Changed', { id: second.slice('Patient/'.length) });
    await ask(server.base, second, { method: 'PUT', body: changed });
    expect(await delivery(sent)).toEqual({ counts: { unchanged: 2 }, told: [] });
    expect((await ask(server.base, second)).json['name']?.[0]?.['family']).toBe('Changed');
  });

  it('is refused as a whole, with every reason and its entry', async () => {
    const sent = shipment('transaction', [
      post(wrong('None')),
      post(person('None')),
      post(wrong('None')),
    ]);
    expect(await delivery(sent)).toEqual({
      counts: { refused: 3 },
      told: [
        ['entry 0', 'Bundle.entry[0].resource.gender'],
        ['entry 2', 'Bundle.entry[2].resource.gender'],
      ],
    });
    expect(await countOf('family=None')).toBe(0);
  });

  it('is refused, not taken for loaded, when another condition of it fails', async () => {
    const missing = { reference: 'Organization?identifier=nowhere|1' };
    const sent = shipment('transaction', [post(person('Cond', { managingOrganization: missing }))]);
    expect(await delivery(sent)).toMatchObject({
      counts: { refused: 1 },
      told: [['entry 0', expect.anything()]],
    });
  });
});

describe('deliver() a batch', () => {
  it('judges each entry for itself', async () => {
    const entries = [post(person('Batch')), post(wrong('Batch')), post(person('Batch'))];
    const sent = shipment('batch', entries);
    expect(await delivery(sent)).toEqual({
      counts: { created: 2, refused: 1 },
      told: [['entry 1', 'Patient.gender']],
    });
    expect((await delivery(sent)).counts).toEqual({ unchanged: 2, refused: 1 });
    expect(await countOf('family=Batch')).toBe(2);
  });

  it('takes a conditional create that finds several for done', async () => {
    const identifier = [{ system: 'urn:x', value: 'twice' }];
    const twins = [post(person('Twin', { identifier })), post(person('Twin', { identifier }))];
    await delivery(shipment('transaction', twins));
    const third = post(person('Twin', { identifier }), { ifNoneExist: 'identifier=urn:x|twice' });
    expect(await delivery(shipment('batch', [third]))).toEqual({
      counts: { unchanged: 1 },
      told: [],
    });
    expect(await countOf('family=Twin')).toBe(2);
  });
});

describe('deliver() a group', () => {
  it('tells what it created, updated and left as it was', async () => {
    const sent = lines([person('G', { id: 'g1' }), person('G', { id: 'g2' }), person('G')]);
    expect((await delivery(sent)).counts).toEqual({ created: 3 });
    const later = Date.now() + 1;
    expect((await delivery(sent, later)).counts).toEqual({ unchanged: 3 });
    const changed = lines([person('G', { id: 'g1' }), person('H', { id: 'g2' })]);
    expect((await delivery(changed, later)).counts).toEqual({ unchanged: 1, updated: 1 });
  });

  it('stores the sound ones among faulty ones', async () => {
    const sent = lines([wrong('Sound'), person('Sound'), wrong('Sound'), person('Sound')]);
    expect(await delivery(sent)).toEqual({
      counts: { created: 2, refused: 2 },
      told: [
        ['line 1', 'Bundle.entry[0].resource.gender'],
        ['line 3', 'Bundle.entry[2].resource.gender'],
      ],
    });
    expect(await countOf('family=Sound')).toBe(2);
  });

  it('stores what is new among what has been loaded', async () => {
    const first = lines([person('Grown'), person('Grown')], 'growing');
    await delivery(first);
    const more = lines([person('Grown'), person('Grown'), person('Grown')], 'growing');
    expect((await delivery(more)).counts).toEqual({ unchanged: 2, created: 1 });
    expect(await countOf('family=Grown')).toBe(3);
  });

  it('is cut in halves while nobody in it is to blame by name', async () => {
    const small = await startServer({ bodyLimit: 4000 });
    const near = createClient({
      ...{ base: small.base, patience: 1000, signal: new AbortController().signal },
    });
    const sizes = [10, 2500, 10, 5000, 2500];
    const sent = lines(sizes.map((size) => person('x'.repeat(size))));
    const { counts, reasons } = await deliver(near, sent, began);
    expect(counts).toEqual({ created: 4, refused: 1 });
    expect(reasons.map(({ status, shipped }) => [status, shipped?.at])).toEqual([[413, 'line 4']]);
    await small.stop();
  });

  it('resolves links between the resources of a collection', async () => {
    const entries = [
      { fullUrl: 'urn:uuid:8f0b0e6e-6f0e-4d5e-9d6e-0d7ed3b1d001', resource: person('Linked') },
      {
        resource: {
          ...{ resourceType: 'Basic', id: 'linked', code: { text: 'x' } },
          subject: { reference: 'urn:uuid:8f0b0e6e-6f0e-4d5e-9d6e-0d7ed3b1d001' },
        },
      },
    ];
    const sent = shipment('collection', entries);
    expect((await delivery(sent)).counts).toEqual({ created: 2 });
    expect((await ask(server.base, 'Basic/linked')).json['subject']).toEqual({
      reference: sent.entries[0]?.once,
    });
  });
});
