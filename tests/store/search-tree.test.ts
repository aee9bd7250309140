import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, idsOf, type OpenStores, openStores, put } from '../helpers/store.ts';
import { resources } from './search/random.ts';
import { queries, type World } from './search/random-query.ts';

/**
 * Random searches over random resources, against a filter in memory that evaluates the expressions
 * of the search parameters with fhirpath.js and compares by R4's rules (search/oracle.ts).
 */
const SEED = 20_261_122;
const all = resources(SEED);
const world: World = {
  all,
  byName: new Map(all.map((one) => [`${one.resourceType}/${one.id}`, one])),
};

let open: OpenStores;
beforeAll(async () => {
  open = await openStores();
  for (let at = 0; at < all.length; at += 100) {
    await open.stores[0].commit(actor, all.slice(at, at + 100).map(put));
  }
});
afterAll(() => open.close());

describe('a random search', () => {
  it.each(['Patient', 'Observation', 'Encounter'] as const)(
    'for %s finds what a filter over all resources leaves',
    async (type) => {
      const candidates = all.filter(({ resourceType }) => resourceType === type);
      let fruitful = 0;
      await fc.assert(
        fc.asyncProperty(queries(type), async (query) => {
          const left = candidates.filter((one) => query.holds(one, world)).map(({ id }) => id);
          const found = await idsOf(open.stores[0], `${type}?${query.text}`);
          expect(found.sort(), decodeURIComponent(query.text)).toEqual(left.sort());
          if (found.length > 0) fruitful += 1;
        }),
        { seed: SEED, numRuns: 400 },
      );
      expect(fruitful).toBeGreaterThan(100); // else it would prove little
    },
    120_000,
  );
});
