import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GRANTED, hiddenIn, queriesOf, records, scopeOf, seenIn } from '../cases/us-core.ts';
import { type Flow, type Launched, launch, newDoctor } from '../helpers/full-launch.ts';
import { type Answer, ask, itemsOf } from '../helpers/http.ts';
import { type Secured, startSecured } from '../helpers/secured.ts';

/** Whole launches on the whole server, up to the data: what the kits do, as rows of tables. */

let server: Secured;

beforeAll(async () => {
  server = await startSecured();
  await server.seed(records);
  await newDoctor(server, 'ada', ['Superuser']);
});
afterAll(() => server.stop());

const flowOf = (changes: Partial<Flow> & { scope: string }): Flow => ({
  ...{ client: 'public', from: 'app', by: 'GET', user: 'ada', patient: 'Name of p1' },
  ...changes,
});

const scopesIn = ({ json }: Answer): string[] => String(json['scope']).split(' ').sort();
const idsIn = ({ json }: Answer): string[] =>
  itemsOf(json['entry']).map((one) => String(one['resource']?.['id']));

const IDENTITY = 'openid fhirUser offline_access';
const APP = `${IDENTITY} launch/patient launch/encounter`;
const RECORD = `${IDENTITY} launch`;

describe('a launch', () => {
  it.each<[Flow['from'], Flow['by'], Flow['client'], string]>([
    ['app', 'GET', 'public', `${APP} patient/*.rs`],
    ['app', 'POST', 'public', `${APP} patient/*.rs`],
    ['app', 'GET', 'secret', `${APP} patient/*.rs`],
    ['app', 'GET', 'RS384', `${APP} patient/*.rs`],
    ['app', 'POST', 'ES384', `${APP} patient/*.rs`],
    ['app', 'GET', 'public', `${APP} patient/*.read`],
    ['app', 'GET', 'secret', `${APP} patient/Patient.read patient/Encounter.read`],
    ['record', 'GET', 'public', `${RECORD} patient/*.rs`],
    ['record', 'POST', 'public', `${RECORD} patient/*.rs`],
    ['record', 'POST', 'secret', `${RECORD} user/*.rs`],
    ['record', 'POST', 'ES384', `${RECORD} patient/*.rs`],
    ['record', 'GET', 'RS384', `${RECORD} user/*.read`],
  ])(
    'from the %s by %s of a client (%s) with %s reaches its data',
    async (from, by, client, scope) => {
      const encounter = from === 'app' ? 'Visit of p1' : 'e-p1';
      const app = await launch(server, flowOf({ from, by, client, scope, encounter }));
      const context = { patient: 'p1', encounter: 'e-p1', token_type: 'Bearer' };
      expect(app.tokens.status, app.tokens.text).toBe(200);
      expect(app.tokens.json).toMatchObject({ ...context, need_patient_banner: true });
      // In the words in which it was asked.
      expect(scopesIn(app.tokens)).toEqual(scope.split(' ').sort());
      await expectReach(app);

      const again = await app.refresh();
      expect(again.json).toMatchObject(context);
      expect(Number(again.json['expires_in'])).toBeGreaterThan(0);
      expect(again.headers.get('cache-control')).toBe('no-store');
      expect(again.headers.get('pragma')).toBe('no-cache');
      expect(scopesIn(again)).toEqual(scopesIn(app.tokens));
      await expectReach(app);

      const less = scope
        .split(' ')
        .filter((one) => one !== 'fhirUser')
        .join(' ');
      expect(scopesIn(await app.refresh(less))).toEqual(less.split(' ').sort());
      await expectReach(app);
    },
  );
});

/** What is in context can be read. */
async function expectReach(app: Launched): Promise<void> {
  for (const name of ['Patient/p1', 'Encounter/e-p1']) {
    expect((await app.as(name)).status, name).toBe(200);
  }
}

describe('a launch with categories', () => {
  const types = ['Condition', 'Observation'] as const;

  it.each([
    ['asked for', 0],
    ['asked for', 1],
    ['left at consent', 0],
    ['left at consent', 1],
  ])('%s (launch %i) sees only what matches', async (how, at) => {
    const scopes = (GRANTED[at] ?? []).map((one) => scopeOf(one));
    const base = 'launch/patient patient/Patient.rs patient/Provenance.rs';
    const whole = types.map((type) => `patient/${type}.rs`);
    const app =
      how === 'asked for'
        ? await launch(server, flowOf({ scope: `${base} ${scopes.join(' ')}` }))
        : await launch(server, {
            ...flowOf({ scope: [...whole, base].join(' ') }),
            tick: TICKS[at] ?? [],
          });
    expect(scopesIn(app.tokens)).toEqual([...base.split(' '), ...scopes].sort());
    for (const type of types) {
      const seen = seenIn(at, type);
      const found = new Set<string>();
      for (const query of queriesOf(type)) {
        const answer = await app.as(query);
        expect(answer.status, query).toBe(200);
        for (const id of idsIn(answer)) {
          expect(seen, query).toContain(id);
          found.add(id);
        }
      }
      expect([...found].sort()).toEqual([...seen].sort());
      await expectSame(app, type, seen);
    }
  });

  /** By POST, by name, and with where it came from. */
  async function expectSame(app: Launched, type: string, seen: readonly string[]): Promise<void> {
    const at = GRANTED.findIndex((_, i) => seenIn(i, type as 'Condition')[0] === seen[0]);
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = 'patient=Patient/p1';
    const posted = await app.as(`${type}/_search`, { method: 'POST', headers: form, body });
    expect(idsIn(posted).sort()).toEqual([...seen].sort());
    for (const id of seen) expect((await app.as(`${type}/${id}`)).status, id).toBe(200);
    for (const id of hiddenIn(at, type as 'Condition')) {
      expect((await app.as(`${type}/${id}`)).status, id).toBe(404);
    }
    const query = `${type}?patient=p1&_revinclude=Provenance:target`;
    const made = seen.flatMap((id) => [id, `v-${id}`]);
    expect(idsIn(await app.as(query)).sort()).toEqual(made.sort());
  }

  /** Of the consent page: Condition stands first there, Observation second. */
  const TICKS: readonly (readonly string[])[] = [
    ['scope-0-1', 'scope-0-2', 'scope-1-0', 'scope-1-2'],
    ['scope-0-0', 'scope-1-1', 'scope-1-3', 'scope-1-9'],
  ];

  it('keeps the types that were unticked out', async () => {
    const scope = 'launch/patient patient/Patient.rs patient/Condition.rs patient/Observation.rs';
    const app = await launch(server, flowOf({ scope, untick: ['scope-1'] }));
    expect(scopesIn(app.tokens)).not.toContain('patient/Condition.rs');
    expect((await app.as('Condition?patient=p1')).status).toBe(403);
    expect((await app.as('Observation?patient=p1')).status).toBe(200);
  });
});

describe('any page', () => {
  it.each(['metadata', 'metadata/'])('may read /%s, and ask before', async (url) => {
    const headers = { Origin: 'https://anywhere.example' };
    const { status, headers: told } = await ask(server.base, url, { headers });
    expect([status, told.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(told.get('access-control-allow-credentials')).toBeNull();
    const before = await ask(server.base, url, {
      ...{ method: 'OPTIONS' },
      headers: { ...headers, 'Access-Control-Request-Method': 'GET' },
    });
    expect(before.headers.get('access-control-allow-origin')).toBe('*');
  });
});
