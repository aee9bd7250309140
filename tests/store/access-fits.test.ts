import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FhirError } from '../../server/fhir/error.ts';
import { asResource, parseJson } from '../../server/fhir/json.ts';
import type { SearchQuery } from '../../server/fhir/query.ts';
import { parseQuery } from '../../server/fhir/query-parse.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { fitsContent, type Looks } from '../../server/store/access-fits.ts';
import type { Context } from '../../server/store/context.ts';
import { openContext } from '../../server/store/open.ts';
import type { Version } from '../../server/store/store.ts';
import { actor, BASE, definitions, type OpenStores, openStores, put } from '../helpers/store.ts';
import { resources as randomResources } from './search/random.ts';
import { queries } from './search/random-query.ts';

/**
 * What is judged by its content is judged as a search of the tables would: each search is run both
 * ways. The cases of `search/*.yaml`, and random ones.
 */
const folder = new URL('./search/', import.meta.url);
const read = (name: string): unknown =>
  parse(readFileSync(new URL(name, folder), 'utf8').replaceAll('BASE', BASE));
const SEED = 20_261_123;

let open: OpenStores;
let context: Context;
let closeContext: () => Promise<void>;
/** Everything that is stored, as it stands. */
const stored = new Map<string, Version[]>();

async function start(all: readonly Resource[]): Promise<void> {
  const config = { bases: [BASE], zone: 0, integrity: 'off', fulltext: 'content' } as const;
  open = await openStores(1, config);
  ({ context, close: closeContext } = await openContext({ db: open.db, definitions, config }));
  const [store] = open.stores;
  stored.clear();
  for (let at = 0; at < all.length; at += 100) {
    const some = all.slice(at, at + 100) as (Resource & { id: string })[];
    for (const { version } of await store.commit(actor, some.map(put))) {
      if (!version) continue;
      stored.set(version.type, [...(stored.get(version.type) ?? []), version]);
    }
  }
}

async function stop(): Promise<void> {
  await closeContext();
  await open.close();
}

const NOW = Date.now();

function parsed(text: string): SearchQuery | undefined {
  const [type = '', search = ''] = text.split(/\?(.*)/s);
  const params = search
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split(/=(.*)/s) as [string, string]);
  const shaping = params.filter(([name]) => !/^_(sort|count|total|summary|elements)\b/.test(name));
  try {
    return parseQuery({
      ...{ definitions, bases: [BASE], zone: 0, now: NOW, lenient: false, fulltext: 'content' },
      ...{ types: [type], params: shaping, count: 1000, maxCount: 1000 },
    });
  } catch (error) {
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

/** What is wrong in what the contents of all resources of the type tell. */
async function differences(query: SearchQuery, expected: readonly string[]): Promise<string[]> {
  const looks: Looks = { context, run: context.db.steady, known: new Map() };
  const [type = ''] = query.types;
  // What is contained, or named by a canonical url, at the end of a chain is not told by the content.
  const open = JSON.stringify(query.where).includes('"kind":"chain"');
  const wrong: string[] = [];
  for (const { id, content } of stored.get(type) ?? []) {
    const resource = asResource(parseJson(content));
    const verdict = await fitsContent(looks, resource, { kind: 'all', terms: query.where });
    if (verdict === expected.includes(id) || (verdict === undefined && open)) continue;
    wrong.push(`${id} ${verdict}`);
  }
  return wrong;
}

async function searched(query: SearchQuery): Promise<string[] | undefined> {
  try {
    const page = await open.stores[0].search(actor, query);
    return page.matches.map(({ id }) => id).sort();
  } catch (error) {
    // What the store alone can refuse: a value set that is not there.
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

const tables = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && name !== 'resources.yaml')
  .map((name): [string, string[]] => [
    name,
    (read(name) as { query: string; error?: unknown }[])
      .filter(({ query, error }) => error === undefined && /^[A-Z]\w+\?/.test(query))
      .map(({ query }) => query),
  ]);

describe('a case of', () => {
  beforeAll(() => start(read('resources.yaml') as Resource[]));
  afterAll(stop);

  it.each(tables)('%s finds the same by content', async (_name, cases) => {
    const wrong: unknown[] = [];
    for (const text of cases) {
      const query = parsed(text);
      const expected = query && (await searched(query));
      const found = expected && (await differences(query, expected));
      if (found && found.length > 0) wrong.push([text, ...found]);
    }
    expect(wrong).toEqual([]);
  });
});

describe('a random search', () => {
  beforeAll(() => start(randomResources(SEED)));
  afterAll(stop);

  it.each(['Patient', 'Observation', 'Encounter'] as const)(
    'for %s finds the same by content',
    async (type) => {
      let fruitful = 0;
      await fc.assert(
        fc.asyncProperty(queries(type), async ({ text }) => {
          const query = parsed(decodeURIComponent(`${type}?${text}`));
          const expected = query && (await searched(query));
          if (!expected) return;
          fruitful += Number(expected.length > 0);
          expect(await differences(query, expected), text).toEqual([]);
        }),
        { seed: SEED, numRuns: 150 },
      );
      expect(fruitful).toBeGreaterThan(30); // else it would prove little
    },
    120_000,
  );
});
