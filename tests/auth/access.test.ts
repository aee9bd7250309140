import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf, type Bearer } from '../../server/auth/access.ts';
import { saveRole, shipRoles } from '../../server/auth/role-store.ts';
import type { RoleRule } from '../../server/auth/roles.ts';
import { SHIPPED } from '../../server/auth/roles-shipped.ts';
import type { User } from '../../server/auth/types.ts';
import type { Resource } from '../../server/fhir/types.ts';
import type { Actor } from '../../server/store/store.ts';
import { foreignEvent } from '../helpers/audit-events.ts';
import { authService, type TestAuth } from '../helpers/auth.ts';
import {
  actor as everybody,
  type OpenStores,
  openStores,
  outcomeOf,
  put,
  queryOf,
} from '../helpers/store.ts';
import { CATEGORIES, data, LAB, LABELS, NOON, VITALS } from '../helpers/two-branches.ts';

/** Two branches and their patients; what each caller finds of them. */

let open: OpenStores;
let service: TestAuth;
let passed = 0;
/** The id of the one AuditEvent, `ae` below. */
let event: string | undefined;

const pass = (seconds: number): void => {
  passed += seconds * 1000;
};

beforeAll(async () => {
  open = await openStores(1, { audit: true });
  service = { ...authService(open), now: () => NOON + passed };
  await open.stores[0].commit(everybody, data.map(put));
  const [sent] = await open.stores[0].commit(everybody, [
    { method: 'create', type: 'AuditEvent', resource: foreignEvent() },
  ]);
  event = sent?.version?.id;
  await shipRoles(service, SHIPPED);
});
afterAll(() => open.close());

const userOf = (roles: string[], fhirUser = 'Practitioner/dr', branches = ['a']): User => ({
  ...{ id: 'u', login: undefined, name: 'u', fhirUser, roles, branches },
});
const ofUser = (user: User, scope = 'user/*.cruds', patientId?: string): Bearer => ({
  grant: { context: patientId === undefined ? {} : { patient: patientId } },
  ...{ scope, user, client: { id: 'app', roles: [], settings: {} } },
});
const ofSystem = (scope: string, roles: string[] = [], fhirUser?: string): Bearer => ({
  ...{ grant: { context: {} }, scope },
  client: { id: 'sys', roles, settings: { ...(fhirUser && { fhirUser }) } },
});

const actorOf = async (bearer: Bearer): Promise<Actor> => ({
  ...{ kind: 'user', name: 'x', access: await accessOf(service, bearer) },
});

/** Ids found, in their order; `-` where the type is out of reach. */
async function found(bearer: Bearer, query: string): Promise<string> {
  const actor = await actorOf(bearer);
  let page: { matches: { id: string }[] } | undefined;
  const outcome = await outcomeOf(
    open.stores[0].search(actor, queryOf(query)).then((one) => {
      page = one;
    }),
  );
  if (outcome === 'forbidden') return '-';
  return (page?.matches ?? [])
    .map(({ id }) => (id === event ? 'ae' : id))
    .sort()
    .join(' ');
}

const clinician = () => ofUser(userOf(['Clinician']));
const p1 = (scope: string) => ofUser(userOf(['Superuser']), scope, 'p1');

describe('accessOf()', () => {
  it.each([
    ['Patient', 'p1 p4 p6'],
    ['Observation', 'o1 o1n o1v o4 o4v o6'],
    ['Encounter', 'e1'],
    ['CareTeam', 'ct4'],
    ['Appointment', 'ap6 ap7'],
    ['Practitioner', 'dr'],
    ['Organization', 'a a1 b'],
    ['AuditEvent', '-'],
    ['Binary', 'bin'],
  ])('gives clinicians of %s: %s', async (type, ids) => {
    expect(await found(clinician(), type)).toBe(ids);
  });

  it.each([
    ['Nurse', 'Patient', 'p1'],
    ['Nurse', 'Observation', 'o1 o1n o1v'],
    ['LabTechnician', 'Observation', 'o1 o1n o3 o4 o5 o6 o7'],
    ['FrontDesk', 'Patient', 'p1 p3 p4 p5 p6 p7'],
    ['FrontDesk', 'Observation', '-'],
    ['FrontDesk', 'Encounter', 'e1 e3 e3z'],
    ['StoreKeeper', 'Patient', '-'],
    ['Admin', 'Patient', '-'],
    ['Admin', 'Device', ''],
    ['Auditor', 'AuditEvent', 'ae'],
    ['Auditor', 'Patient', '-'],
    ['Superuser', 'Patient', 'p1 p2 p3 p4 p5 p6 p7'],
    ['Superuser', 'AuditEvent', '-'],
    ['NoSuchRole', 'Organization', '-'],
  ])('gives a %s of %s: %s', async (role, type, ids) => {
    expect(await found(ofUser(userOf([role])), type)).toBe(ids);
  });

  it('gives those of another branch nothing of this one', async () => {
    const other = ofUser(
      userOf(['Clinician', 'FrontDesk', 'LabTechnician'], 'Practitioner/x', ['b']),
    );
    expect(await found(other, 'Patient')).toBe('p1 p2'); // p1 was there once
    expect(await found(other, 'Observation')).toBe('o1b o2');
    expect(await found(other, 'Encounter')).toBe('e1b e2');
  });

  it('adds up roles', async () => {
    const both = ofUser(userOf(['Auditor', 'Nurse']));
    expect([await found(both, 'AuditEvent'), await found(both, 'Patient')]).toEqual(['ae', 'p1']);
  });

  it.each([
    ['no branch', userOf(['Clinician'], 'Practitioner/dr', [])],
    ['a branch that is none', userOf(['Clinician'], 'Practitioner/dr', ['a/../b', 'zz'])],
    ['no entry of their own', { ...userOf(['Clinician']), fhirUser: undefined }],
    ['a strange entry', userOf(['Clinician'], 'https://other.example/Practitioner/dr')],
    ['no role', userOf([])],
  ])('gives a user with %s nothing', async (_, user) => {
    expect(['', '-']).toContain(await found(ofUser(user), 'Patient'));
    expect(['', '-']).toContain(await found(ofUser(user), 'Observation'));
  });

  it('gives patients their own, and those who act for them as long as they do', async () => {
    const asPatient = (self: string, scope?: string, launch?: string) =>
      ofUser(userOf(['Patient'], self, []), scope, launch);
    const mine = 'o1 o1b o1n o1r o1v';
    expect(await found(asPatient('Patient/p1'), 'Observation')).toBe(mine);
    expect(await found(asPatient('RelatedPerson/rp'), 'Observation')).toBe(mine);
    expect(await found(asPatient('RelatedPerson/gone'), 'Observation')).toBe('-');
    expect(await found(asPatient('Patient/p1'), 'Patient')).toBe('p1');
    // Another patient in context does not help.
    expect(await found(asPatient('Patient/p1', 'patient/*.rs', 'p2'), 'Observation')).toBe('');
    expect(await found(asPatient('Patient/p1', 'patient/*.rs', 'p1'), 'Observation')).toBe(mine);
  });

  it('opens one record where the glass was broken', async () => {
    const broken = { ...ofUser(userOf(['Clinician']), 'user/*.cruds', 'p2'), purpose: 'BTG' };
    expect(await found(broken, 'Observation?patient=p2')).toBe('o2');
    expect(await found({ ...broken, purpose: 'TREAT' }, 'Observation?patient=p2')).toBe('');
    // Its files too, the restricted among them, and still none of other patients outside of care.
    expect(await found(broken, 'Binary')).toBe('bin bin2');
    expect(await found({ ...broken, purpose: 'TREAT' }, 'Binary')).toBe('bin');
    const other = { ...ofUser(userOf(['Clinician']), 'user/*.cruds', 'p3'), purpose: 'BTG' };
    expect(await found(other, 'Binary')).toBe('bin');
    expect(await found({ ...broken, purpose: 'BTG', scope: 'user/Patient.r' }, 'Observation')).toBe(
      '-',
    );
  });
});

describe('scopes', () => {
  it.each([
    ['patient/*.rs', 'Observation', 'o1 o1b o1n o1r o1v'],
    ['patient/*.rs', 'Patient', 'p1'],
    ['patient/*.rs', 'Device', 'd1'],
    ['patient/*.rs', 'Practitioner', 'dr'],
    ['patient/*.rs', 'Binary', 'bin'],
    ['patient/Binary.rs', 'Binary', 'bin'],
    ['patient/Observation.rs', 'Binary', '-'],
    ['user/Binary.rs', 'Binary', 'bin'],
    ['user/*.rs', 'Binary', 'bin bin2'],
    ['patient/*.rs', 'Slot', '-'],
    ['patient/*.rs', 'AuditEvent', '-'],
    ['patient/*.r', 'Observation', '-'],
    ['patient/Observation.rs', 'Patient', '-'],
    ['patient/Observation.rs', 'Practitioner', '-'],
    [`patient/Observation.rs?category=${LAB}`, 'Observation', 'o1 o1b o1n o1r'],
    [`patient/Observation.rs?category=${CATEGORIES}|${VITALS}`, 'Observation', 'o1v'],
    [`patient/Observation.rs?category=${CATEGORIES}%7C${VITALS}`, 'Observation', 'o1v'],
    [`patient/Observation.rs?category=${LAB}`, `Observation?category=${VITALS}`, ''],
    [`patient/Observation.rs?category=${LAB}`, `Observation?category:not=${LAB}`, ''],
    [`patient/Observation.rs?category=${LAB}&category=${VITALS}`, 'Observation', ''],
    [`patient/Observation.rs?category=${LAB},${VITALS}`, 'Observation', 'o1 o1b o1n o1r o1v'],
    [
      `patient/Observation.r?category=${LAB} patient/Observation.s?category=${VITALS}`,
      'Observation',
      'o1v',
    ],
    [`patient/*.rs?_security=${LABELS}|R`, 'Observation', 'o1r'],
    [
      `patient/Observation.rs patient/Observation.rs?category=${LAB}`,
      'Observation',
      'o1 o1b o1n o1r o1v',
    ],
    ['patient/*.RS', 'Observation', '-'],
    ['patient/Observation.sr', 'Observation', '-'],
    ['system/*.cruds', 'Observation', '-'],
    ['system/*.rs patient/Observation.r', 'Observation', '-'],
    ['openid fhirUser launch/patient', 'Observation', '-'],
    ['user/Patient.rs patient/Observation.rs', 'Patient', 'p1 p2 p3 p4 p5 p6 p7'],
  ])('%s finds of %s: %s', async (scope, query, ids) => {
    expect(await found(p1(scope), query)).toBe(ids);
  });

  it('of a patient give nothing where none is in context', async () => {
    const bearer = ofUser(userOf(['Superuser']), 'patient/*.cruds');
    for (const type of ['Patient', 'Observation', 'Practitioner', 'Organization']) {
      expect(await found(bearer, type), type).toBe('-');
    }
  });

  it('never add to what the roles allow', async () => {
    expect(await found(ofUser(userOf(['Nurse']), 'user/*.cruds'), 'Patient')).toBe('p1');
    expect(await found(ofUser(userOf(['Nurse']), 'patient/*.cruds', 'p2'), 'Patient')).toBe('');
    expect(await found(ofUser(userOf(['FrontDesk']), 'patient/*.cruds', 'p1'), 'Observation')).toBe(
      '-',
    );
  });

  it('judge each operation by the branch that gives it', async () => {
    const scope = `patient/Observation.r?category=${LAB} patient/Observation.s`;
    const actor = await actorOf(p1(scope));
    const read = (id: string) => outcomeOf(open.stores[0].read(actor, 'Observation', id));
    expect([await read('o1'), await read('o1v'), await read('o2')]).toEqual([
      'done',
      'not-found',
      'not-found',
    ]);
    expect(await found(p1(scope), 'Observation')).toBe('o1 o1b o1n o1r o1v');
  });

  it.each([
    ['system/*.rs', [], 'Patient', 'p1 p2 p3 p4 p5 p6 p7'],
    ['system/Observation.rs', [], 'Patient', '-'],
    ['system/*.cruds', [], 'AuditEvent', '-'],
    ['system/*.rs', ['NoSuchRole'], 'Patient', '-'],
    ['user/*.rs patient/*.rs', [], 'Patient', '-'],
    ['system/*.rs', ['Insurer'], 'Claim', ''],
    ['system/*.rs', ['Insurer'], 'Patient', '-'],
  ] as const)(
    'of systems: %s with the roles %j finds of %s: %s',
    async (scope, roles, type, ids) => {
      expect(await found(ofSystem(scope, [...roles], 'Organization/other'), type)).toBe(ids);
    },
  );

  it('of a system mean what it is', async () => {
    expect(await found(ofSystem('system/*.rs', ['Insurer'], 'Organization/ins'), 'Claim')).toBe(
      'c1',
    );
    expect(await found(ofSystem('system/*.rs', ['Insurer']), 'Claim')).toBe('-');
  });
});

describe('a change', () => {
  const rules = (criteria: string): RoleRule[] => [
    { types: ['Observation'], interactions: 'rs', criteria },
  ];
  const save = (criteria: string) =>
    saveRole(service, { name: 'Own', title: 'Own', rules: rules(criteria), shipped: false });

  it('of a role holds at once here, and in a second elsewhere', async () => {
    const bearer = ofUser(userOf(['Own']));
    const other = { ...service };
    expect(await found(bearer, 'Observation')).toBe('-');
    await accessOf(other, bearer);
    await save(`category=${VITALS}`);
    expect(await found(bearer, 'Observation')).toBe('o1v');
    const stale = await accessOf(other, bearer);
    pass(2);
    const fresh = await accessOf(other, bearer);
    expect([stale.rules('Observation').length, fresh.rules('Observation').length]).toEqual([0, 1]);
  });

  it('of a user holds at once', async () => {
    expect(await found(ofUser(userOf(['Nurse'])), 'Patient')).toBe('p1');
    expect(await found(ofUser(userOf(['Nurse'], 'Practitioner/dr', ['b'])), 'Patient')).toBe(
      'p1 p2',
    );
  });

  it('of a duty holds within half a minute', async () => {
    const bearer = ofUser(userOf(['Nurse']));
    expect(await found(bearer, 'Patient')).toBe('p1');
    const duty = data.find(({ id }) => id === 'duty');
    if (!duty) throw new Error('no duty');
    const change = (resource: Resource & { id: string }) =>
      open.stores[0].commit(everybody, [put(resource)]);
    await change({ ...duty, active: false });
    pass(31);
    expect(await found(bearer, 'Patient')).toBe('-');
    await change(duty);
    pass(31);
    expect(await found(bearer, 'Patient')).toBe('p1');
  });

  it('of a rule that cannot be understood any more gives nothing', async () => {
    await save('no-such-parameter=1');
    expect(await found(ofUser(userOf(['Own'])), 'Observation')).toBe('-');
  });
});

describe('Access.key', () => {
  it('is that of the bearer, whatever becomes of roles', async () => {
    const key = async (bearer: Bearer) => (await accessOf(service, bearer)).key;
    const mine = await key(p1('patient/*.rs'));
    expect(await key(p1('patient/*.rs'))).toBe(mine);
    expect(await key({ ...p1('patient/*.rs'), grant: { context: { patient: 'p2' } } })).not.toBe(
      mine,
    );
    expect(await key(p1('patient/Observation.rs'))).not.toBe(mine);
    expect(mine).not.toContain('p1');
  });
});

describe('Access.admin', () => {
  const isAdmin = async (bearer: Bearer) => (await accessOf(service, bearer)).admin;
  const trusted = { id: 'app', roles: [], settings: { trusted: true } };
  it('takes the role, all of its scopes and an app of the hospital', async () => {
    const admin = ofUser(userOf(['Admin']));
    expect(await isAdmin({ ...admin, client: trusted })).toBe(true);
    expect(await isAdmin(admin)).toBe(false);
    expect(await isAdmin({ ...admin, client: trusted, scope: 'user/*.rs' })).toBe(false);
    expect(await isAdmin({ ...ofUser(userOf(['Superuser'])), client: trusted })).toBe(false);
    expect(await isAdmin(ofSystem('system/*.cruds', ['Admin']))).toBe(true);
    expect(await isAdmin(ofSystem('system/*.cruds'))).toBe(false);
    expect(await isAdmin(ofSystem('system/Patient.rs', ['Admin']))).toBe(false);
  });
});
