import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePatch } from '../../server/fhir/patch.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { StoreConfig } from '../../server/store/store.ts';
import {
  actor,
  BASE,
  commitOne,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
  transact,
} from '../helpers/store.ts';

const condition = (
  id: string,
  reference: string,
  more: object = {},
): Resource & { id: string } => ({
  ...{ resourceType: 'Condition', id, subject: { reference } },
  ...more,
});
const there = put({ resourceType: 'Patient', id: 'there' });

/** References that lead to something, or are none of this server's business. */
const sound = [
  ...['Patient/there', `${BASE}/Patient/there`, 'Patient/there/_history/1'],
  ...['http://other.example/fhir/Patient/1', 'urn:uuid:0f3eb9ad-6e56-4b4e-9b5c-1a2b3c4d5e6f'],
];
const dangling = ['Patient/nowhere', `${BASE}/Patient/nowhere`, 'Patient/THERE', 'Patient/gone'];

describe.each(['off', 'warn', 'on'] as const)('referential integrity %s', (integrity) => {
  let open: OpenStores;
  const store = () => open.stores[0];
  beforeAll(async () => {
    open = await openStores(1, { integrity } satisfies Partial<StoreConfig>);
    await commitOne(store(), there);
    await commitOne(store(), put({ resourceType: 'Patient', id: 'gone' }));
    await commitOne(store(), { method: 'delete', type: 'Patient', id: 'gone' });
  });
  afterAll(() => open.close());

  it.each(sound)('takes the reference %s without a word', async (reference) => {
    const { issues } = await commitOne(store(), put(condition('sound', reference)));
    expect(issues).toBeUndefined();
  });

  it.each(dangling)('says about the reference %s what it is set to', async (reference) => {
    const id = `d-${reference.replace(/[^a-zA-Z]/g, '')}`;
    const work = commitOne(store(), put(condition(id, reference)));
    if (integrity === 'on') {
      expect(await outcomeOf(work)).toBe('unprocessable');
      expect(await outcomeOf(store().read(actor, 'Condition', id))).toBe('not-found');
    } else {
      const { issues } = await work;
      expect(issues?.map(({ severity }) => severity)).toEqual(
        integrity === 'warn' ? ['warning'] : undefined,
      );
    }
  });

  it('looks into contained resources and extensions', async () => {
    const extension = [{ url: 'urn:x', valueReference: { reference: 'Patient/nowhere' } }];
    const contained = [
      {
        ...{ resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' } },
        subject: { reference: 'Patient/nowhere' },
      },
    ];
    const evidence = [{ detail: [{ reference: '#o' }] }];
    for (const more of [{ extension }, { contained, evidence }]) {
      const work = outcomeOf(commitOne(store(), put(condition('inside', 'Patient/there', more))));
      expect(await work).toBe(integrity === 'on' ? 'unprocessable' : 'done');
    }
  });

  it('counts what the same transaction writes as there', async () => {
    const results = await transact(store(), [
      {
        resource: condition('with', 'Patient/with'),
        request: { method: 'PUT', url: 'Condition/with' },
      },
      {
        resource: { resourceType: 'Patient', id: 'with' },
        request: { method: 'PUT', url: 'Patient/with' },
      },
    ]);
    expect(results.flatMap(({ issues }) => issues ?? [])).toEqual([]);
  });

  it('does not count what the same transaction deletes', async () => {
    await commitOne(store(), put({ resourceType: 'Patient', id: 'going' }));
    const work = transact(store(), [
      { request: { method: 'DELETE', url: 'Patient/going' } },
      {
        resource: condition('left', 'Patient/going'),
        request: { method: 'PUT', url: 'Condition/left' },
      },
    ]);
    expect(await outcomeOf(work)).toBe(integrity === 'on' ? 'unprocessable' : 'done');
  });

  it('holds for patches as well', async () => {
    await commitOne(store(), put(condition('patched', 'Patient/there')));
    const work = commitOne(store(), {
      ...{ method: 'patch', type: 'Condition', id: 'patched' },
      patch: parsePatch([{ op: 'replace', path: '/subject/reference', value: 'Patient/nowhere' }]),
    });
    if (integrity === 'on') expect(await outcomeOf(work)).toBe('unprocessable');
    else expect((await work).issues?.length).toBe(integrity === 'warn' ? 1 : undefined);
  });
});
