import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deepEqual, parseJson, parseResource } from '../../server/fhir/json.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';
import { refused } from '../cases/examples-refused.ts';
import { ask } from '../helpers/http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const FOLDER = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);

/** The package also holds the definitions that R4 is made of; of those the examples will do. */
const definitional = new RegExp(
  '^(?:CodeSystem|CompartmentDefinition|ConceptMap|OperationDefinition|SearchParameter|' +
    'StructureDefinition|ValueSet)-(?!.*example)|' +
    '^Bundle-(?:extensions|profiles-others|resources|types|(?:v[23]-)?valuesets)$',
);
/** The same resource under a second name. */
const twice = 'ig-r4';

const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json') && name !== 'package.json')
  .map((name) => name.slice(0, -'.json'.length))
  .filter((name) => name !== twice && !definitional.test(name));
/** Valid as a resource, but no search parameter: it is of Patient, and reads a DocumentReference. */
const unusable = ['SearchParameter-example-extension', 'says nothing of Patient'] as const;
const refusals = new Map([...refused.map(([name, rule]) => [name, rule] as const), unusable]);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ audit: true });
});
afterAll(() => server.stop());

const withoutMeta = ({ meta: _, ...rest }: Resource): JsonObject => rest as JsonObject;

/** The rest of meta (profiles, tags, security labels) is the sender's. */
function metaOfSender({ meta }: Resource): JsonObject {
  const { versionId: _, lastUpdated: __, ...rest } = (meta ?? {}) as JsonObject;
  return rest;
}

/** What is wrong with the way of an example through the server; empty if nothing is. */
async function roundTrip(name: string): Promise<string> {
  const bytes = readFileSync(new URL(`${name}.json`, FOLDER));
  const sent = parseResource(bytes);
  const path = `${sent.resourceType}/${sent.id}`;
  // The journal takes AuditEvents of others, under ids of its own.
  const isEvent = sent.resourceType === 'AuditEvent';
  const put = isEvent
    ? await ask(server.base, sent.resourceType, { method: 'POST', body: bytes })
    : await ask(server.base, path, { method: 'PUT', body: bytes });
  const rule = refusals.get(name);
  if (rule !== undefined) {
    const told = put.status >= 400 && put.status < 500 && put.text.includes(rule);
    return told ? '' : `${name}: ${put.status}, and not refused by ${rule}: ${put.text}`;
  }
  if (put.status !== 201) return `${name}: ${put.status} ${put.text}`;
  const got = await ask('', put.headers.get('location') ?? '');
  if (got.status !== 200) return `${name}: read answers ${got.status}`;
  const read = parseJson(got.text) as Resource;
  if (isEvent) read.id = sent.id as string;
  if (!deepEqual(withoutMeta(read), withoutMeta(sent))) return `${name}: reads back changed`;
  return deepEqual(metaOfSender(read), metaOfSender(sent)) ? '' : `${name}: meta is changed`;
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}

describe('the examples of R4', () => {
  test('are stored and read back as they were sent, but for those that are really wrong', {
    timeout: 120_000,
  }, async () => {
    const wrong: string[] = [];
    await inLanes(names, async (name) => {
      const fault = await roundTrip(name);
      if (fault !== '') wrong.push(fault);
    });
    expect(wrong).toEqual([]);
    expect(names.length).toBeGreaterThan(700);
  });
});
