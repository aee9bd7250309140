import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../server/fhir/types.ts';
import { type Answer, ask, itemsOf, type Json } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const send = (method: string, path: string, body?: JsonObject): Promise<Answer> =>
  ask(server.base, path, { method, ...(body && { body }) });

const RACE = 'http://hospital.example/ext/ward';
const patient = (id: string): JsonObject => ({
  ...{ resourceType: 'Patient', id },
  extension: [{ url: RACE, valueCode: 'w7' }],
});
const ward = {
  ...{ resourceType: 'SearchParameter', id: 'ward', code: 'ward', name: 'ward', status: 'active' },
  ...{ url: 'http://hospital.example/SearchParameter/ward', description: 'the ward' },
  ...{ base: ['Patient'], type: 'token', expression: `Patient.extension('${RACE}').value` },
};

/** The parts of a type in the status, by name. */
async function stateOf(type: string): Promise<Record<string, unknown>> {
  const { json } = await send('GET', '$reindex');
  const types = itemsOf(json.parameter).filter(({ name }) => String(name) === 'type');
  const parts = types.map(({ part }) => Object.fromEntries(itemsOf(part).map(pairOf)));
  return parts.find(({ code }) => code === type) ?? {};
}

const pairOf = (part: Json): [string, unknown] => {
  const [name, value] = Object.values(part);
  return [String(name), value];
};

const finished = (type: string) =>
  expect.poll(async () => (await stateOf(type)).state, { timeout: 20_000 }).toBe('finished');

describe('a SearchParameter over REST', () => {
  it('is indexed for old and new resources, with its progress in $reindex', async () => {
    await send('PUT', 'Patient/old', patient('old'));
    expect((await send('GET', 'Patient?ward=w7')).status).toBe(400);
    expect((await send('PUT', 'SearchParameter/ward', ward)).status).toBe(201);
    await send('PUT', 'Patient/new', patient('new'));
    await finished('Patient');
    expect(await stateOf('Patient')).toMatchObject({ done: expect.any(Number), failed: 0 });
    const { json } = await send('GET', 'Patient?ward=w7&_sort=_id');
    expect(itemsOf(json.entry).map(({ resource }) => String(resource?.id))).toEqual(['new', 'old']);
  });

  it('is refused with the element at fault, in a transaction with its entry', async () => {
    const bad = { ...ward, id: 'bad', code: 'bad', expression: 'Patient.nmae' };
    const alone = await send('PUT', 'SearchParameter/bad', bad);
    expect([alone.status, alone.json.issue?.[0]?.expression?.[0]]).toEqual([
      422,
      'SearchParameter.expression',
    ]);
    const request = { method: 'PUT', url: 'SearchParameter/bad' };
    const bundle = { resourceType: 'Bundle', type: 'transaction' };
    const entry = [{ resource: bad, request }];
    const together = await send('POST', '', { ...bundle, entry });
    expect([together.status, together.json.issue?.[0]?.expression?.[0]]).toEqual([
      422,
      'Bundle.entry[0].resource.expression',
    ]);
  });

  it('that fails on a resource says so in metric and log, without the resource', async () => {
    const only = { ...ward, id: 'surname', code: 'surname', base: ['Person'], type: 'string' };
    const param = { ...only, expression: 'Person.name.family.single()' };
    expect((await send('PUT', 'SearchParameter/surname', param)).status).toBe(201);
    const name = [{ family: 'Sterling' }, { family: 'Archer' }];
    const put = await send('PUT', 'Person/spy', { resourceType: 'Person', id: 'spy', name });
    expect(put.status).toBe(201);
    const metrics = await ask(server.origin, 'metrics');
    expect(metrics.text).toMatch(
      /^kiln_search_index_faults_total\{type="Person",param="surname"\} [12]$/m,
    );
    const told = server.lines.filter((line) => line.includes('"param":"surname"'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/"level":"warn".*"type":"Person"/);
    expect(told[0]).not.toMatch(/spy|Sterling|Archer/);
  });

  it('may be posted with what it finds in one transaction', async () => {
    const dose = {
      ...ward,
      id: 'dose',
      code: 'dose',
      base: ['Basic'],
      expression: 'Basic.identifier',
    };
    const basic = {
      resourceType: 'Basic',
      id: 'b',
      code: { text: 'b' },
      identifier: [{ value: 'd1' }],
    };
    const entry = [dose, basic].map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    const { status } = await send('POST', '', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry,
    });
    expect(status).toBe(200);
    await finished('Basic');
    expect((await send('GET', 'Basic?dose=d1')).json.entry?.length).toBe(1);
  });
});

describe('a SearchParameter whose expression fails on some resources', () => {
  it('leaves them writable, and the status says that they are not found by it', async () => {
    const substance = (id: string, ...values: string[]) =>
      send('PUT', `Substance/${id}`, {
        ...{ resourceType: 'Substance', id, code: { text: 'x' } },
        identifier: values.map((value) => ({ value })),
      });
    const idsBy = async (search: string): Promise<string[]> => {
      const { json } = await send('GET', `Substance?${search}&_elements=id`);
      return [...JSON.stringify(json.entry).matchAll(/"id":"(\w+)"/g)].map(([, id = '']) => id);
    };
    await substance('before', 'a', 'b');
    const only = {
      ...ward,
      ...{ id: 'only', code: 'only', url: 'http://hospital.example/SearchParameter/only' },
      ...{ base: ['Substance'], expression: 'Substance.identifier.single().value' },
    };
    expect((await send('PUT', 'SearchParameter/only', only)).status).toBe(201);
    expect((await substance('after', 'a', 'b')).status).toBe(201);
    expect((await substance('fine', 'a')).status).toBe(201);
    await finished('Substance');
    expect(await idsBy('only=a')).toEqual(['fine']);
    expect((await idsBy('identifier=b')).sort()).toEqual(['after', 'before']);
    const { failed, error } = await stateOf('Substance');
    expect(failed).toBe(2);
    expect(error).toContain('Substance.only: FHIRPath');
  });
});

describe('$reindex', () => {
  it('takes types in the URL or in Parameters, and answers 202 with the status', async () => {
    const named = await send('POST', '$reindex?type=Patient,Basic');
    expect(named.status).toBe(202);
    expect(named.headers.get('Content-Location')).toBe(`${server.base}/$reindex`);
    expect(String(named.json.resourceType)).toBe('Parameters');
    await finished('Basic');
    const parameter = [{ name: 'type', valueCode: 'Group' }];
    expect((await send('POST', '$reindex', { resourceType: 'Parameters', parameter })).status).toBe(
      202,
    );
    await finished('Group');
  });

  it('of a SearchParameter begins its types anew', async () => {
    const before = (await stateOf('Patient')).asked;
    expect((await send('POST', 'SearchParameter/ward/$reindex')).status).toBe(202);
    await finished('Patient');
    expect((await stateOf('Patient')).asked).not.toBe(before);
  });

  it.each([
    ['POST', '$reindex?type=Patent', 400],
    ['POST', '$reindex?typ=Patient', 400],
    ['GET', '$reindex?type=Patient', 400],
    ['POST', 'SearchParameter/none/$reindex', 404],
    ['POST', 'Patient/old/$reindex', 404],
  ])('%s %s answers %i', async (method, path, status) => {
    const answer = await send(method, path);
    expect([answer.status, String(answer.json.resourceType)]).toEqual([status, 'OperationOutcome']);
  });

  it.each(['null', '[]', '5', '{"resourceType":"Parameters","parameter":[null]}'])(
    'refuses the body %s',
    async (body) => {
      const answer = await ask(server.base, '$reindex', { method: 'POST', body });
      expect([answer.status, String(answer.json.resourceType)]).toEqual([400, 'OperationOutcome']);
    },
  );

  it('is a Parameters resource that XML can hold too', async () => {
    const { status, text } = await ask(server.base, '$reindex?_format=xml');
    expect(status).toBe(200);
    expect(text).toContain('<Parameters xmlns="http://hl7.org/fhir">');
  });
});
