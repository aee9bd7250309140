import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { type Actor, createStore, type Store } from '../../server/store/store.ts';
import { actorWith, ref } from '../helpers/access.ts';
import { recording } from '../helpers/plan.ts';
import {
  BASE,
  definitions,
  type OpenStores,
  openStores,
  put,
  queryOf,
  actor as system,
} from '../helpers/store.ts';
import { data, NOON } from '../helpers/two-branches.ts';

/** What a limit comes to is looked up once for many searches, and never changes what is found. */
let open: OpenStores;
let store: Store;
let other: Store;

type Stored = Resource & { id: string };
const keep = (...resources: Stored[]) => store.commit(system, resources.map(put));

const LABELS = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const OPEN = `_security:not=${LABELS}|R,${LABELS}|V`;
const TEAM = '_has:CareTeam:patient:participant=PractitionerRole/duty';
const WARD = '_has:Encounter:patient:location=Location/w1';
const TODAY = `_has:Appointment:patient:date=${new Date(NOON).toISOString().slice(0, 10)}`;
const NORTH = 'organization=Organization/a';
const SEEN = '_has:Encounter:patient:service-provider=Organization/b';

const ofPatient = (condition: string): string => `patient:Patient.${condition}`;

/** Conditions of each type that roles are made of, in whatever combination. */
const PARTS: Record<string, readonly string[]> = {
  Patient: [TEAM, WARD, TODAY, NORTH, SEEN, '_id=p1,p2,p5', OPEN],
  Observation: [
    ...[TEAM, WARD, TODAY, NORTH, SEEN].map(ofPatient),
    'encounter:Encounter.service-provider=Organization/a1',
    ...['encounter:missing=true', 'encounter:missing=false', OPEN, 'category=laboratory'],
    'encounter.patient:Patient.organization=Organization/a',
  ],
  Encounter: [
    ...[TEAM, WARD, TODAY, NORTH].map(ofPatient),
    'status=in-progress',
    'location=Location/w1',
  ],
  CareTeam: [...[TEAM, WARD, NORTH].map(ofPatient), 'status=active'],
};

/** Park and Miller's generator: the same combinations each time. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

const draw = drawing(20_261_123);
const some = (list: readonly string[]): string[] =>
  Array.from({ length: 1 + draw(3) }, () => list[draw(list.length)] as string);

/** One to four rules of each type, each of one to three conditions. */
const randomRules = (): string[] =>
  Object.entries(PARTS).flatMap(([type, parts]) =>
    Array.from({ length: 1 + draw(4) }, () => `${type}.rs?${some(parts).join('&')}`),
  );

beforeAll(async () => {
  open = await openStores(2);
  [store, other] = open.stores as [Store, Store];
  await keep(...(data as Stored[]));
  await keep({
    ...{ resourceType: 'Observation', id: 'held', status: 'final', code: { text: 'x' } },
    contained: [
      { resourceType: 'Patient', id: 'p', managingOrganization: ref('Organization/a') },
      {
        ...{ resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'X' } },
        serviceProvider: ref('Organization/a1'),
      },
    ],
    ...{ subject: ref('#p'), encounter: ref('#e') },
  });
});
afterAll(() => open.close());

const found = async (who: Actor, text: string, from = store): Promise<string[]> =>
  (await from.search(who, queryOf(text))).matches.map(({ type, id }) => `${type}/${id}`).sort();

const isRead = async (who: Actor, name: string): Promise<boolean> => {
  const [type = '', id = ''] = name.split('/');
  try {
    await store.read(who, type, id);
    return true;
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'not-found') return false;
    throw error;
  }
};

describe('a search finds what can be read one by one', () => {
  const cases = Array.from({ length: 60 }, (_, n) => [n, randomRules()] as const);
  it.each(cases)('with rules %i', async (_n, rules) => {
    const who = actorWith(...rules);
    for (const type of Object.keys(PARTS)) {
      const all = await found(system, type);
      const read: string[] = [];
      for (const name of all) if (await isRead(who, name)) read.push(name);
      expect(await found(who, type), `${type} by ${rules.join('  ')}`).toEqual(read);
    }
  });

  it('and what a patient’s record holds', async () => {
    const who = actorWith(
      'Patient.rs',
      `Observation.rs?${ofPatient(WARD)}&${OPEN}`,
      'Encounter.rs',
    );
    const { matches } = await store.everything(who, { type: 'Patient', id: 'p1', count: 100 });
    const observations = matches.filter(({ type }) => type === 'Observation').map(({ id }) => id);
    expect(observations.sort()).toEqual(['o1', 'o1b', 'o1n', 'o1v']);
  });
});

describe('a limit finds what a search by its conditions finds', () => {
  const cases = Object.entries(PARTS).flatMap(([type, parts]) =>
    parts.flatMap((one, i) => [
      `${type}?${one}`,
      `${type}?${one}&${parts[(i + 1) % parts.length]}`,
      `${type}?${one}&${parts[(i + 3) % parts.length]}`,
    ]),
  );
  it.each(cases)('%s', async (text) => {
    const [type = '', criteria] = text.split(/\?(.*)/s);
    expect(await found(actorWith(`${type}.rs?${criteria}`), type)).toEqual(
      await found(system, text),
    );
  });
});

const inTeam = actorWith(
  `Patient.rs?${TEAM}&_has:CareTeam:patient:status=active`,
  `Observation.crus?${ofPatient(TEAM)}&${ofPatient('_has:CareTeam:patient:status=active')}`,
);
const team = (status: string): Stored => ({
  ...{ resourceType: 'CareTeam', id: 'ct7', status, subject: ref('Patient/p7') },
  participant: [{ member: ref('PractitionerRole/duty') }],
});

describe('what is written', () => {
  it('counts with the next search', async () => {
    for (const status of ['active', 'inactive', 'active']) {
      await keep(team(status));
      const names = await found(inTeam, 'Patient');
      expect(names.includes('Patient/p7')).toBe(status === 'active');
    }
    await store.commit(system, [{ method: 'delete', type: 'CareTeam', id: 'ct7' }]);
    expect(await found(inTeam, 'Observation?patient=Patient/p7')).toEqual([]);
  });

  it('by another process counts for reads and writes at once', async () => {
    await keep(team('active'));
    expect(await found(inTeam, 'Observation?patient=Patient/p7')).toEqual(['Observation/o7']);
    await other.commit(system, [put(team('inactive'))]);
    expect(await isRead(inTeam, 'Observation/o7')).toBe(false);
    const resource = {
      ...{ resourceType: 'Observation', status: 'final', code: { text: 'y' } },
      subject: ref('Patient/p7'),
    } as Resource;
    await expect(
      store.commit(inTeam, [{ method: 'create', type: 'Observation', resource }]),
    ).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

describe('a limit', () => {
  it('of more patients than are listed finds all the same', async () => {
    const many = Array.from(
      { length: 1100 },
      (_, n): Stored => ({
        ...{ resourceType: 'Patient', id: `m${n}`, managingOrganization: ref('Organization/many') },
      }),
    );
    await keep(...many);
    await keep(
      ...[0, 600, 1099].map(
        (n): Stored => ({
          ...{ resourceType: 'Observation', id: `m${n}`, status: 'final', code: { text: 'm' } },
          subject: ref(`Patient/m${n}`),
        }),
      ),
    );
    const who = actorWith(`Observation.rs?${ofPatient('organization=Organization/many')}`);
    const expected = ['Observation/m0', 'Observation/m1099', 'Observation/m600'];
    expect(await found(who, 'Observation')).toEqual(expected);
  });

  it('is looked up for the first search only', async () => {
    const noted = recording(open.db);
    const config = { bases: [BASE], zone: 0, integrity: 'off' as const };
    const own = await createStore({ db: noted.db, definitions, config });
    const who = actorWith(
      `Observation.rs?${ofPatient(WARD)}&encounter:missing=true`,
      `Observation.rs?${ofPatient(TODAY)}`,
      `Encounter.rs?${ofPatient(WARD)}`,
    );
    const texts = async (text: string): Promise<number> => {
      noted.sent();
      await found(who, text, own);
      return new Set(noted.sent().map((one) => one.text)).size;
    };
    expect(await texts('Observation?patient=Patient/p1')).toBeGreaterThan(1);
    expect(await texts('Observation?patient=Patient/p4')).toBe(1);
    // The patients of the ward are the same for all types.
    expect(await texts('Encounter?patient=Patient/p4')).toBe(1);
    await own.close();
  });
});
