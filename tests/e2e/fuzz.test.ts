import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResource, stringify } from '../../server/fhir/json.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';
import { xmlCodec } from '../../server/fhir/xml.ts';
import { ask } from '../helpers/http.ts';
import { definitions, startServer, type TestServer } from '../helpers/server.ts';
import { judged } from './fuzz-judge.ts';
import { randomOf } from './fuzz-random.ts';
import { type Shot, shoot } from './fuzz-requests.ts';

/**
 * Thousands of wrong requests from seeds, so that each can be sent again. `KILN_TEST_LONG=1` asks for
 * more of them, `KILN_FUZZ_SEED=n` for others.
 */
const SHOTS = process.env.KILN_TEST_LONG ? 200_000 : 8000;
const FIRST_SEED = Number(process.env.KILN_FUZZ_SEED ?? 1) * 1_000_000;

const FOLDER = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);
const MAX_BYTES = 8000;
const xml = xmlCodec(definitions);
const { validate } = createValidator(definitions);

/** A small sound example of each type. */
function examples(): Resource[] {
  const found = new Map<string, Resource>();
  for (const name of readdirSync(FOLDER)) {
    const [type = ''] = name.split('-');
    if (!definitions.types.has(type) || found.has(type)) continue;
    const bytes = readFileSync(new URL(name, FOLDER));
    if (bytes.length > MAX_BYTES) continue;
    const resource = parseResource(bytes);
    if (validate(resource).length === 0) found.set(resource.resourceType, resource);
  }
  return [...found.values()];
}

const resources = examples();
const targets = resources
  .filter((_, index) => index % 4 === 0)
  .map((resource): Resource => ({ ...resource, id: 'target' }));

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  for (const target of targets) {
    const url = `${target.resourceType}/${target.id}`;
    const { status, text } = await ask(server.base, url, {
      method: 'PUT',
      body: stringify(target),
    });
    expect([status, text]).toEqual([201, expect.anything()]);
  }
});
afterAll(() => server.stop());

const shotOf = (seed: number): Shot =>
  shoot({ random: randomOf(seed), definitions, xml, resources, targets });

const countOf = async (type: string): Promise<number> =>
  (await ask(server.base, `${type}?_summary=count`)).json.total as unknown as number;

describe('the server', () => {
  test('answers whatever is sent with sense, and stores nothing that it has refused', {
    timeout: SHOTS * 15,
  }, async () => {
    expect(resources.length).toBeGreaterThan(60);
    const faults: string[] = [];
    const statuses = new Map<number, number>();
    const seeds = Array.from({ length: SHOTS }, (_, index) => FIRST_SEED + index).values();
    const lane = async (): Promise<void> => {
      for (const seed of seeds) {
        const { status, fault } = await judged(server.base, shotOf(seed), xml);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (fault !== '') faults.push(`seed ${seed}: ${fault}`);
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(faults).toEqual([]);
    // The attack is worth something only while part of it comes through.
    for (const status of [200, 201, 400, 404, 406, 422]) {
      expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(SHOTS / 1000);
    }
    expect((await ask(server.base, 'metadata')).status).toBe(200);
  });

  test('leaves nothing behind of a write that it refuses', async () => {
    const type = 'Basic';
    const sound = resources.find(({ resourceType }) => resourceType === type) as Resource;
    const before = await countOf(type);
    const wrong = { ...sound, foo: 1 };
    const bundle = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [sound, wrong].map((resource) => ({
        resource,
        request: { method: 'POST', url: type },
      })),
    };
    for (const [url, body] of [
      [type, wrong],
      ['', bundle],
    ] as const) {
      const answer = await ask(server.base, url, { method: 'POST', body: stringify(body) });
      expect(answer.status).toBe(400);
    }
    expect(await countOf(type)).toBe(before);
  });
});
