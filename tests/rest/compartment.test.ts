import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../helpers/http.ts';
import { ask, itemsOf } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const list = (bundle: Json): Json[] => itemsOf(bundle.entry);
const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link?.find?.((one) => String(one.relation) === relation)?.url as string | undefined;

/** `Observation/o1 Encounter/e1`, sorted. */
const found = (bundle: Json): string =>
  list(bundle)
    .map(({ resource }) => `${resource?.resourceType}/${resource?.id}`)
    .sort()
    .join(' ');

const to = (reference: string) => ({ reference });
const resources = [
  { resourceType: 'Patient', id: 'a', link: [{ other: to('Patient/b'), type: 'seealso' }] },
  { resourceType: 'Patient', id: 'b' },
  { resourceType: 'Practitioner', id: 'd' },
  { resourceType: 'Device', id: 'x', status: 'active' },
  { resourceType: 'RelatedPerson', id: 'r', patient: to('Patient/b') },
  {
    ...{ resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' } },
    subject: to('Patient/a'),
  },
  {
    ...{ resourceType: 'Observation', id: 'o1', status: 'final', code: { text: 'x' } },
    ...{ subject: to('Patient/a'), encounter: to('Encounter/e'), device: to('Device/x') },
  },
  // Of b, but a measured it (R4: performer).
  {
    ...{ resourceType: 'Observation', id: 'o2', status: 'final', code: { text: 'x' } },
    ...{ subject: to('Patient/b'), performer: [to('Patient/a'), to('Practitioner/d')] },
  },
  {
    ...{ resourceType: 'Observation', id: 'o3', status: 'amended', code: { text: 'x' } },
    ...{ subject: to('Patient/b'), performer: [to('RelatedPerson/r')] },
  },
  // The ids of the patient and the encounter, in nobody's compartment.
  { resourceType: 'Organization', id: 'a', name: 'A' },
  { resourceType: 'Observation', id: 'e', status: 'final', code: { text: 'x' } },
];

beforeAll(async () => {
  server = await startServer();
  for (const body of resources) {
    const { resourceType, id } = body;
    const { status } = await ask(server.base, `${resourceType}/${id}`, { method: 'PUT', body });
    expect(status).toBe(201);
  }
});
afterAll(() => server.stop());

describe('a search of a compartment', () => {
  // R4 2.4 and the five CompartmentDefinitions; `{def}` is the resource itself.
  it.each([
    ['Patient/a/Observation', 'Observation/o1 Observation/o2'],
    ['Patient/a/Encounter', 'Encounter/e'],
    ['Patient/b/Patient', 'Patient/a'],
    ['Patient/a/*', 'Encounter/e Observation/o1 Observation/o2'],
    ['Patient/a/*?_type=Encounter,Patient', 'Encounter/e'],
    ['Patient/b/*', 'Observation/o2 Observation/o3 Patient/a RelatedPerson/r'],
    ['Patient/b/Observation?status=amended', 'Observation/o3'],
    ['Patient/a/Observation?patient=b', 'Observation/o2'],
    ['Patient/a/Observation?subject:Patient.link=Patient/b', 'Observation/o1'],
    ['Encounter/e/Encounter', 'Encounter/e'],
    ['Encounter/e/*', 'Encounter/e Observation/o1'],
    ['Practitioner/d/*', 'Observation/o2 Practitioner/d'],
    ['RelatedPerson/r/*', 'Observation/o3 RelatedPerson/r'],
    ['Device/x/*', 'Observation/o1'],
    // Whether the patient is there is not told.
    ['Patient/nobody/Observation', ''],
    ['Patient/nobody/*', ''],
  ])('%s finds %s', async (url, expected) => {
    const { status, json } = await ask(server.base, url);
    expect([status, json.type]).toEqual([200, 'searchset']);
    expect(found(json)).toBe(expected);
  });

  it('has links to itself, page by page', async () => {
    const base = `${server.base}/Patient/a/*`;
    const { json } = await ask(server.base, 'Patient/a/*?_count=2&_total=accurate');
    expect([json.total, list(json).length]).toEqual([3, 2]);
    expect(link(json, 'self')).toBe(`${base}?_count=2&_total=accurate`);
    const rest = await ask(server.base, link(json, 'next') ?? '');
    expect(`${found(json)} ${found(rest.json)}`.split(' ').sort().join(' ')).toBe(
      'Encounter/e Observation/o1 Observation/o2',
    );
  });

  it.each(['Patient/a/Observation/_search', 'Patient/a/_search'])(
    'can be posted to %s',
    async (url) => {
      const { json } = await ask(server.base, url, {
        ...{ method: 'POST', body: '_id=o1' },
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      });
      expect(found(json)).toBe('Observation/o1');
      const { json: again } = await ask(server.base, link(json, 'self') ?? '');
      expect(found(again)).toBe('Observation/o1');
    },
  );

  it('can stand in a batch', async () => {
    const body = {
      ...{ resourceType: 'Bundle', type: 'batch' },
      entry: [{ request: { method: 'GET', url: 'Patient/a/Observation?_id=o2' } }],
    };
    const { json } = await ask(server.base, '', { method: 'POST', body });
    expect(found(list(json)[0]?.resource as Json)).toBe('Observation/o2');
  });

  it.each([
    ['Organization/a/Observation', 404, 'there are those of Device, Encounter, Patient'],
    ['Patient/a/Organization', 404, 'No Organization is in a Patient compartment'],
    ['Patient/a/Observaton', 404, 'Did you mean Observation?'],
    ['Patient/a/$nothing', 404, '$nothing does not exist'],
    ['Patient/a/*?_type=Organization', 400, 'no Organization is in a Patient compartment'],
    ['Patient/a/*?_type=Nothing', 400, '"Nothing" is not a resource type'],
    ['Patient/a/*?status=final', 400, 'not a parameter of every type'],
  ])('%s is refused with %d: %s', async (url, expected, text) => {
    const { status, json } = await ask(server.base, url);
    expect(status).toBe(expected);
    expect(json.issue?.[0]?.diagnostics).toContain(text);
  });
});
