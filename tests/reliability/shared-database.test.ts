import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../server/fhir/types.ts';
import { ask as sql } from '../helpers/embedded.ts';
import { type Answer, type Ask, ask } from '../helpers/http.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/postgres.ts';
import { audit } from './audit.ts';
import { type Kiln, spawnKiln, startKiln } from './kiln-process.ts';
import { Ledger } from './ledger.ts';
import { startWriters } from './writers.ts';

/** Two servers that started at once on one empty database. */
let database: FreshDatabase;
let servers: readonly [Kiln, Kiln];
beforeAll(async () => {
  database = await freshDatabase('template0');
  const env = { DATABASE_URL: database.url };
  servers = await Promise.all([startKiln(env), startKiln(env)]);
});
afterAll(async () => {
  for (const { child, ended } of servers) {
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
  }
  await database.drop();
});

const baseOf = (n: number): string => (servers[n % 2] as Kiln).base;

/** The same request so many times at once, in turn to one server and the other. */
function split(count: number, url: string, options: (n: number) => Ask): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => ask(baseOf(n), url, options(n))));
}

/** How often each status came. */
function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const person = (value: string, more: object = {}): Resource => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:kiln:test', value }],
  ...more,
});

async function total(criteria: string): Promise<number> {
  const { json } = await ask(baseOf(0), `Patient?${criteria}&_summary=count`);
  return Number(json.total);
}

test.each([1, 2, 3])('50 conditional creates over both make one resource (%i)', async (round) => {
  const criteria = `identifier=urn:kiln:test|once-${round}`;
  const answers = await split(50, 'Patient', () => ({
    method: 'POST',
    headers: { 'If-None-Exist': criteria },
    body: person(`once-${round}`),
  }));
  expect(statuses(answers)).toEqual({ 200: 49, 201: 1 });
  expect(new Set(answers.map(({ json }) => String(json.id))).size).toBe(1);
  expect(await total(criteria)).toBe(1);
});

test('50 conditional creates inside transactions over both make one resource', async () => {
  const criteria = 'identifier=urn:kiln:test|within';
  const entry = [
    { resource: person('beside'), request: { method: 'POST', url: 'Patient' } },
    {
      resource: person('within'),
      request: { method: 'POST', url: 'Patient', ifNoneExist: criteria },
    },
  ];
  const body = { resourceType: 'Bundle', type: 'transaction', entry };
  const answers = await split(50, '', () => ({ method: 'POST', body }));
  expect(statuses(answers)).toEqual({ 200: 50 });
  expect(await total(criteria)).toBe(1);
  expect(await total('identifier=urn:kiln:test|beside')).toBe(50);
});

test('20 conditional updates over both make one resource', async () => {
  const criteria = 'identifier=urn:kiln:test|updated';
  const answers = await split(20, `Patient?${criteria}`, (n) => ({
    method: 'PUT',
    body: person('updated', { name: [{ family: `Writer ${n}` }] }),
  }));
  expect(statuses(answers)).toEqual({ 200: 19, 201: 1 });
  expect(await total(criteria)).toBe(1);
});

test.each([1, 2, 3])('50 If-Match updates over both have one winner (%i)', async (round) => {
  const id = `match-${round}`;
  const url = `Patient/${id}`;
  await ask(baseOf(0), url, { method: 'PUT', body: person(id, { id }) });
  const answers = await split(50, url, (n) => ({
    method: 'PUT',
    headers: { 'If-Match': 'W/"1"' },
    body: person(id, { id, name: [{ family: `Writer ${n}` }] }),
  }));
  expect(statuses(answers)).toEqual({ 200: 1, 412: 49 });
  const winner = answers.find(({ status }) => status === 200);
  for (const n of [0, 1]) expect((await ask(baseOf(n), url)).text).toBe(winner?.text);
  expect((await ask(baseOf(0), `${url}/_history`)).json.total).toBe(2);
});

test('50 creates of one id over both make one first version', async () => {
  const answers = await split(50, 'Patient/first', (n) => ({
    method: 'PUT',
    headers: { 'If-None-Match': '*' },
    body: person('first', { id: 'first', name: [{ family: `Writer ${n}` }] }),
  }));
  expect(statuses(answers)).toEqual({ 201: 1, 412: 49 });
});

const IDS = Array.from({ length: 10 }, (_, n) => `ring-${n}`);

/** Writes all of the resources, in an order of its own. */
function ringTransaction(n: number): Ask {
  const order = IDS.toSorted(() => Math.random() - 0.5);
  const entry = order.map((id) => ({
    resource: person(`ring-writer-${n}`, { id }),
    request: { method: 'PUT', url: `Patient/${id}` },
  }));
  return { method: 'POST', body: { resourceType: 'Bundle', type: 'transaction', entry } };
}

test('transactions on the same resources in different orders follow one another', async () => {
  const answers = await split(40, '', ringTransaction);
  const { 200: done = 0, 409: refused = 0 } = statuses(answers);
  expect(done + refused, JSON.stringify(statuses(answers))).toBe(40);
  expect(done).toBeGreaterThan(0);
  const histories = await Promise.all(
    IDS.map((id, n) => ask(baseOf(n), `Patient/${id}/_history?_count=100`)),
  );
  const writers = histories.map(({ json }) => {
    const entries = json.entry as unknown as { resource: { identifier: { value: string }[] } }[];
    return entries.map(({ resource }) => resource.identifier[0]?.value);
  });
  expect(writers[0]?.length).toBe(done);
  // Each resource was written by the same transactions in the same order.
  for (const list of writers) expect(list).toEqual(writers[0]);
});

test('what one server has acknowledged the other reads and finds at once', async () => {
  for (let n = 0; n < 50; n++) {
    const [here, there] = [baseOf(n), baseOf(n + 1)];
    const value = `seen-${n}`;
    const made = await ask(here, 'Patient', { method: 'POST', body: person(value) });
    expect(made.status).toBe(201);
    const url = `Patient/${made.json.id}`;
    expect((await ask(there, url)).text).toBe(made.text);
    const found = await ask(there, `Patient?identifier=urn:kiln:test|${value}`);
    expect(found.json.entry?.length).toBe(1);
    expect((await ask(there, url, { method: 'DELETE' })).status).toBeLessThan(300);
    expect((await ask(here, url)).status).toBe(410);
  }
});

test('when one server is killed the other goes on', async () => {
  const fresh = await freshDatabase();
  const env = { DATABASE_URL: fresh.url };
  const [one, other] = await Promise.all([startKiln(env), startKiln(env)]);
  const ledger = new Ledger();
  const oneWriters = startWriters({ base: one.base, ledger, run: 'one' });
  await oneWriters.acknowledge(50);
  const otherWriters = startWriters({ base: other.base, ledger, run: 'other', own: 'other' });
  await otherWriters.acknowledge(100);
  await one.kill();
  await oneWriters.stop();
  await otherWriters.acknowledge(100);
  await otherWriters.stop();
  const { faults } = await audit(other.base, ledger);
  expect([...ledger.faults, ...faults]).toEqual([]);
  await other.kill();
  await fresh.drop();
}, 120_000);

test('a server that is older than the schema refuses to start', async () => {
  const fresh = await freshDatabase();
  await sql(
    { connectionString: fresh.url },
    "insert into migration (version, name, checksum) values (9999, 'from_the_future', 'x')",
  );
  const starting = spawnKiln({ DATABASE_URL: fresh.url });
  expect(await starting.ended).toEqual({ code: 1, signal: null });
  expect(starting.said()).toMatch(/^The database's schema \(9999_from_the_future\) is newer/);
  expect(starting.said()).not.toMatch(/\n\s+at /);
  await fresh.drop();
});
