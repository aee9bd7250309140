import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { Actor, Store } from '../../server/store/store.ts';
import { actorWith, ref } from '../helpers/access.ts';
import { type OpenStores, openStores, put, actor as system } from '../helpers/store.ts';

/** Reads of a limited actor: what has been another's, what changes hands, whose pages. */
let open: OpenStores;
let store: Store;

const observation = (id: string, patient: string, text = patient) => ({
  ...{ resourceType: 'Observation', id, status: 'final', subject: ref(`Patient/${patient}`) },
  ...{ code: { text }, encounter: ref(`Encounter/e-${patient}`) },
});
const limited = actorWith('Observation.cruds?patient=Patient/p1');
/** Bound by what the encounter says, as roles are. */
const branch = actorWith('Observation.rs?encounter:Encounter.service-provider=Organization/north');

const said = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'answered';
  } catch (error) {
    if (error instanceof FhirError) return `${error.kind}: ${error.message}`;
    throw error;
  }
};
const keep = (...resources: ReturnType<typeof observation>[]) =>
  store.commit(system, resources.map(put));
const remove = (id: string) =>
  store.commit(system, [{ method: 'delete', type: 'Observation', id }]);

beforeAll(async () => {
  open = await openStores();
  [store] = open.stores;
  const encounters = [
    ['p1', 'north'],
    ['p2', 'south'],
  ].map(([patient, provider]) => ({
    ...{ resourceType: 'Encounter', id: `e-${patient}`, status: 'finished', class: { code: 'X' } },
    serviceProvider: ref(`Organization/${provider}`),
  }));
  await store.commit(system, encounters.map(put));
});
afterAll(() => open.close());

describe('vread()', () => {
  it('says the same of a version of another, of a deletion and of none', async () => {
    await keep(observation('handed', 'p2'));
    await remove('handed');
    await keep(observation('handed', 'p1'));
    const answers = await Promise.all(
      ['1', '2', '9', '0'].map(async (version) => {
        const answer = await said(store.vread(limited, 'Observation', 'handed', version));
        return answer.replace(`version ${version} `, 'version N ');
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^not-found/);
    expect(await said(store.vread(limited, 'Observation', 'handed', '3'))).toBe('answered');
  });
});

describe('history()', () => {
  it('judges each version by what it refers to', async () => {
    await keep(observation('visit', 'p2'));
    await keep(observation('visit', 'p1'));
    await keep(observation('visit', 'p1', 'again'));
    const page = await store.history(branch, { type: 'Observation', id: 'visit', count: 10 });
    expect(page.versions.map(({ version }) => version)).toEqual([3, 2]);
    expect(await said(store.vread(branch, 'Observation', 'visit', '2'))).toBe('answered');
    expect(await said(store.vread(branch, 'Observation', 'visit', '1'))).toMatch(/^not-found/);
  });

  it('fills its pages with what may be seen', async () => {
    for (const patient of ['p1', 'p2', 'p2', 'p1', 'p2', 'p1']) {
      await keep(observation('pages', patient, `${patient} ${Math.random()}`));
    }
    const query = { type: 'Observation', id: 'pages', count: 2 };
    const first = await store.history(limited, query);
    expect(first.versions.map(({ version }) => version)).toEqual([6, 4]);
    const { next = '' } = first;
    const second = await store.history(limited, { ...query, cursor: next });
    expect(second.versions.map(({ version }) => version)).toEqual([1]);
    expect(second.next).toBeUndefined();
    expect(await said(store.history(branch, { ...query, cursor: next }))).toMatch(/^invalid/);
  });
});

describe('read()', () => {
  it('never gives a version that is another’s, while the resource changes hands', async () => {
    await keep(observation('race', 'p1'));
    let moving = true;
    const mover = (async () => {
      for (let n = 0; moving; n++) await keep(observation('race', n % 2 ? 'p1' : 'p2', `${n}`));
    })();
    const read = async (who: Actor): Promise<string | undefined> => {
      try {
        return (await store.read(who, 'Observation', 'race')).content;
      } catch (error) {
        if (error instanceof FhirError && ['not-found', 'busy'].includes(error.kind))
          return undefined;
        throw error;
      }
    };
    const contents: (string | undefined)[] = [];
    for (let n = 0; n < 300; n++) contents.push(await read(limited));
    moving = false;
    await mover;
    const seen = contents.filter((one) => one !== undefined);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((one) => one.includes('Patient/p2'))).toEqual([]);
  });
});
