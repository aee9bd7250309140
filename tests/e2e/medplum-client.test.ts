import { MedplumClient, type MedplumClientOptions, OperationOutcomeError } from '@medplum/core';
import type { Bundle, Observation, Patient } from '@medplum/fhirtypes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { type Kiln, startKiln } from '../reliability/kiln-process.ts';

/** Medplum's client library as its users have it, talking to Kiln. */

const CREDENTIALS = { id: 'medplum', secret: 'a-secret-of-some-length' };

const ways: [way: string, settings: Record<string, string>][] = [
  ['without authentication', {}],
  [
    'with client credentials',
    { KILN_AUTH: 'smart', KILN_BOOTSTRAP_CLIENT: `${CREDENTIALS.id}:${CREDENTIALS.secret}` },
  ],
];

/** Without its cache, unless asked for, so that every answer is the server's. */
async function clientOf(
  { origin }: Kiln,
  isSecured: boolean,
  options: MedplumClientOptions = { cacheTime: 0 },
): Promise<MedplumClient> {
  const client = new MedplumClient({
    ...{ baseUrl: origin, fhirUrlPath: 'fhir/', tokenUrl: 'auth/token', fetch },
    ...options,
  });
  if (isSecured) await client.startClientLogin(CREDENTIALS.id, CREDENTIALS.secret);
  return client;
}

const SYSTEM = 'https://example.org/mrn';

const person = (mrn: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value: mrn }],
  name: [{ family: 'Chalmers', given: ['Peter', 'James'] }],
  ...more,
});

const pulse = (subject: string, value: number): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: subject },
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

/** The issue codes of the OperationOutcome that the client throws. */
async function refusal(work: PromiseLike<unknown>): Promise<(string | undefined)[]> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) throw error;
    return error.outcome.issue.map(({ code }) => code);
  }
  throw new Error('it was not refused');
}

describe.each(ways)('MedplumClient %s', (_way, settings) => {
  const isSecured = settings['KILN_AUTH'] === 'smart';
  let database: FreshDatabase;
  let kiln: Kiln;
  let client: MedplumClient;
  beforeAll(async () => {
    database = await freshDatabase();
    kiln = await startKiln({ DATABASE_URL: database.url, ...settings });
    client = await clientOf(kiln, isSecured);
  });
  afterAll(async () => {
    await kiln?.kill();
    await database?.drop();
  });

  test('creates, reads and deletes', async () => {
    const made = await client.createResource(person('crud'));
    expect(made).toMatchObject({ ...person('crud'), meta: { versionId: '1' } });
    expect(await client.readResource('Patient', made.id)).toEqual(made);
    expect(await client.readReference({ reference: `Patient/${made.id}` })).toEqual(made);
    await client.deleteResource('Patient', made.id);
    expect(await refusal(client.readResource('Patient', made.id))).toEqual(['deleted']);
    expect(await refusal(client.readResource('Patient', 'never-was'))).toEqual(['not-found']);
  });

  test('updates, and reads versions and history', async () => {
    const made = await client.createResource(person('versions'));
    const changed = await client.updateResource({ ...made, birthDate: '1974-12-25' });
    expect(changed).toMatchObject({ birthDate: '1974-12-25', meta: { versionId: '2' } });
    expect(await client.updateResource(changed)).toEqual(changed);
    expect(await client.readVersion('Patient', made.id, '1')).toEqual(made);
    const history = await client.readHistory('Patient', made.id);
    expect(history.type).toBe('history');
    expect(history.entry?.map(({ resource }) => resource)).toEqual([changed, made]);
  });

  test('patches', async () => {
    const made = await client.createResource(person('patch', { active: true }));
    const changed = await client.patchResource('Patient', made.id, [
      { op: 'test', path: '/meta/versionId', value: '1' },
      { op: 'replace', path: '/active', value: false },
      { op: 'add', path: '/name/0/given/-', value: 'Jim' },
    ]);
    expect(changed).toMatchObject({ active: false, meta: { versionId: '2' } });
    expect(changed.name?.[0]?.given).toEqual(['Peter', 'James', 'Jim']);
  });

  test('is told of every fault in what it sends', async () => {
    const faulty = { ...person('faulty'), gender: 'unheard-of', birthDate: '2021-02-30' };
    const codes = await refusal(client.createResource(faulty as unknown as Patient));
    expect(codes.length).toBe(2);
  });

  test('creates only where none exists', async () => {
    const query = `identifier=${SYSTEM}|once`;
    const first = await client.createResourceIfNoneExist(person('once'), query);
    const second = await client.createResourceIfNoneExist(person('once'), query);
    expect(second).toEqual(first);
  });

  test('creates or updates by criteria', async () => {
    const query = `identifier=${SYSTEM}|upsert`;
    const first = await client.upsertResource(person('upsert'), query);
    const second = await client.upsertResource(person('upsert', { active: true }), query);
    expect(second).toMatchObject({ id: first.id, active: true, meta: { versionId: '2' } });
  });

  test('searches', async () => {
    const made = await client.createResource(person('search', { gender: 'male' }));
    const bundle = await client.search('Patient', `identifier=${SYSTEM}|search&_total=accurate`);
    expect(bundle).toMatchObject({ type: 'searchset', total: 1 });
    expect(bundle.entry?.[0]?.resource).toEqual(made);
    const query = { identifier: `${SYSTEM}|search`, gender: 'male' };
    expect(await client.searchOne('Patient', query)).toEqual(made);
    expect([...(await client.searchResources('Patient', query))]).toEqual([made]);
    expect(await client.searchOne('Patient', { identifier: 'nobody' })).toBeUndefined();
    expect(await refusal(client.search('Patient', 'nonsense=1'))).toHaveLength(1);
  });

  test('follows the pages of a search to the end', async () => {
    const subject = `Patient/${(await client.createResource(person('paged'))).id}`;
    const made: string[] = [];
    for (let n = 0; n < 7; n++) {
      made.push((await client.createResource(pulse(subject, 60 + n))).id);
    }
    const found: string[] = [];
    const query = { subject, _count: 3, _sort: '-_lastUpdated' };
    for await (const page of client.searchResourcePages('Observation', query)) {
      expect(page.length).toBeLessThanOrEqual(3);
      found.push(...page.map(({ id }) => id));
    }
    expect(found).toEqual(made.reverse());
  });

  test('includes what is referred to', async () => {
    const patient = await client.createResource(person('included'));
    await client.createResource(pulse(`Patient/${patient.id}`, 71));
    const found = await client.searchResources('Observation', {
      subject: `Patient/${patient.id}`,
      _include: 'Observation:subject',
    });
    expect(found.map(({ resourceType }) => resourceType as string).sort()).toEqual([
      'Observation',
      'Patient',
    ]);
  });

  test('executes batches and transactions', async () => {
    const fullUrl = 'urn:uuid:7f9c2ba4-e88f-4d1b-9a3e-5a0f0a4b1c01';
    const entry: Bundle['entry'] = [
      { fullUrl, resource: person('bundle'), request: { method: 'POST', url: 'Patient' } },
      { resource: pulse(fullUrl, 88), request: { method: 'POST', url: 'Observation' } },
    ];
    const done = await client.executeBatch({ resourceType: 'Bundle', type: 'transaction', entry });
    expect(done.type).toBe('transaction-response');
    expect(done.entry?.map(({ response }) => response?.status.slice(0, 3))).toEqual(['201', '201']);
    const patient = await client.searchOne('Patient', { identifier: `${SYSTEM}|bundle` });
    const found = await client.searchOne('Observation', { subject: `Patient/${patient?.id}` });
    expect(found?.subject?.reference).toBe(`Patient/${patient?.id}`);

    const batch = await client.executeBatch({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: `Patient/${patient?.id}` } },
        { request: { method: 'GET', url: 'Patient/never-was' } },
      ],
    });
    expect(batch.entry?.[0]?.resource).toEqual(patient);
    expect(batch.entry?.map(({ response }) => response?.status.slice(0, 3))).toEqual([
      '200',
      '404',
    ]);
  });

  test('sends many reads as one batch', async () => {
    const lazy = await clientOf(kiln, isSecured, { autoBatchTime: 50 });
    const made = await Promise.all(
      [1, 2, 3].map((n) => client.createResource(person(`auto-${n}`))),
    );
    const read = await Promise.all(made.map(({ id }) => lazy.readResource('Patient', id)));
    expect(read).toEqual(made);
  });

  test('reads what the server can do', async () => {
    const statement = await client.get(client.fhirUrl('metadata'));
    expect(statement).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  });

  if (!isSecured) return;
  test('is turned away without a token, and with a wrong secret', async () => {
    const stranger = await clientOf(kiln, false);
    expect(await refusal(stranger.search('Patient'))).toEqual(['login']);
    const wrong = stranger.startClientLogin(CREDENTIALS.id, 'another-secret-of-its-kind');
    await expect(wrong).rejects.toThrow();
  });
});
