import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../server/fhir/types.ts';
import type { Answer, Ask } from '../helpers/http.ts';
import { itemsOf } from '../helpers/http.ts';
import { type Bearer, type Secured, startSecured } from '../helpers/secured.ts';

/** Hidden and read-only elements of the shipped roles, on the whole server. */

let server: Secured;

const SECRET = 'zsecret';
const here = { branches: ['a'], fhirUser: 'Practitioner/me', scope: 'user/*.cruds' };
const BEARERS = {
  keeper: { roles: ['StoreKeeper'], ...here },
  desk: { roles: ['FrontDesk'], ...here },
  beds: { roles: ['BedManager'], ...here },
  billing: { roles: ['BillingClerk'], ...here },
  doctor: { roles: ['Clinician'], ...here },
  both: { roles: ['FrontDesk', 'Superuser'], ...here },
} satisfies Record<string, Bearer>;
type Who = keyof typeof BEARERS;
const tokens = {} as Record<Who, string>;

const ref = (reference: string, display = SECRET) => ({ reference, display });
const text = {
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${SECRET}</div>`,
};
const contained = [{ resourceType: 'Practitioner', id: 'c', name: [{ family: SECRET }] }];
const coded = { text: SECRET };
const careTeam = (patient: string) => ({
  ...{ resourceType: 'CareTeam', id: `t-${patient}`, status: 'active' },
  ...{ subject: ref(`Patient/${patient}`), participant: [{ member: ref('Practitioner/me') }] },
});
const visit = {
  ...{ resourceType: 'Encounter', id: 'e1', status: 'planned', class: { code: 'IMP' }, text },
  ...{ subject: { reference: 'Patient/p1' }, serviceProvider: { reference: 'Organization/a' } },
  ...{ reasonCode: [coded], reasonReference: [ref('Condition/c1')], type: [coded] },
  diagnosis: [{ condition: ref('Condition/c1') }],
};
const world = [
  ...['a', 'b'].map((id) => ({ resourceType: 'Organization', id, name: id })),
  { resourceType: 'Practitioner', id: 'me' },
  ...['p1', 'p2', 'p3'].map((id) => ({
    ...{ resourceType: 'Patient', id, name: [{ family: SECRET }], photo: [{ title: SECRET }] },
    managingOrganization: { reference: `Organization/${id === 'p3' ? 'b' : 'a'}` },
  })),
  ...['p1', 'p2'].map(careTeam),
  visit,
  {
    ...{ resourceType: 'Condition', id: 'c1', subject: { reference: 'Patient/p1' } },
    ...{ encounter: { reference: 'Encounter/e1' }, code: { text: 'flu' }, note: [coded] },
    ...{ onsetString: SECRET, evidence: [{ code: [coded] }], text },
  },
  {
    ...{ resourceType: 'SupplyDelivery', id: 's1', status: 'in-progress', text, contained },
    ...{ patient: ref('Patient/p1'), destination: ref('Location/l1') },
    ...{ supplier: { reference: 'Organization/a' }, receiver: [{ reference: '#c' }] },
  },
  {
    ...{ resourceType: 'SupplyRequest', id: 'r1', text, deliverTo: ref('Patient/p1') },
    ...{ status: 'active', quantity: { value: 1 }, itemCodeableConcept: { text: 'gauze' } },
    supplier: [{ reference: 'Organization/a' }],
  },
];

beforeAll(async () => {
  server = await startSecured({ fulltext: 'content' });
  await server.seed(world);
  for (const [who, bearer] of Object.entries(BEARERS)) {
    tokens[who as Who] = await server.tokenFor(bearer);
  }
});
afterAll(() => server.stop());

const as = (who: Who, url: string, options?: Ask): Promise<Answer> =>
  server.as(tokens[who], url, options);

/** `200 s1`: the status, and of a Bundle what it holds. */
function told({ status, json }: Answer): string {
  if (String(json['resourceType']) !== 'Bundle') return String(status);
  const ids = itemsOf(json['entry']).map((one) => String(one['resource']?.['id']));
  return [status, ...ids.sort()].join(' ');
}

const patchOf = (...body: JsonObject[]): Ask => ({
  ...{ method: 'PATCH', body: JSON.stringify(body) },
  headers: { 'Content-Type': 'application/json-patch+json' },
});
const set = (path: string, value: JsonObject | string): Ask => patchOf({ op: 'add', path, value });
const put = (body: object): Ask => ({ method: 'PUT', body: body as JsonObject });
const batch = (...urls: string[]): Ask => ({
  method: 'POST',
  body: {
    ...{ resourceType: 'Bundle', type: 'batch' },
    entry: urls.map((url) => ({ request: { method: 'GET', url } })),
  },
});

describe('what a role hides', () => {
  it.each<[Who, string, string]>([
    ['keeper', 'SupplyDelivery/s1', '200'],
    ['keeper', 'SupplyDelivery/s1?_format=xml', '200'],
    ['keeper', 'SupplyDelivery/s1/_history', '200 s1'],
    ['keeper', 'SupplyDelivery/s1/_history/1', '200'],
    ['keeper', 'SupplyDelivery', '200 s1'],
    ['keeper', 'SupplyDelivery?_elements=patient,status', '200 s1'],
    ['keeper', 'SupplyDelivery?_summary=text', '200 s1'],
    ['keeper', 'SupplyDelivery?_include=*', '200 a s1'],
    ['keeper', 'SupplyDelivery?_include=SupplyDelivery:patient', '403'],
    ['keeper', 'SupplyDelivery?patient=Patient/p1', '403'],
    ['keeper', 'SupplyDelivery?patient:missing=true', '403'],
    ['keeper', `SupplyDelivery?patient.name=${SECRET}`, '403'],
    ['keeper', `SupplyDelivery?_content=${SECRET}`, '403'],
    ['keeper', `SupplyDelivery?_text=${SECRET}`, '403'],
    ['keeper', 'SupplyRequest', '200 r1'],
    ['keeper', 'SupplyRequest?subject=Patient/p1', '403'],
    ['keeper', 'SupplyRequest?_sort=subject', '403'],
    ['keeper', 'Patient/p1/SupplyDelivery', '403'],
    ['keeper', 'Patient/p1/$everything', '403'],
    ['keeper', 'Organization?_id=a&_revinclude=SupplyDelivery:supplier', '200 a s1'],
    ['desk', 'Encounter', '200 e1'],
    ['desk', 'Encounter?reason-code:text=z', '403'],
    ['desk', 'Encounter?type:missing=true', '403'],
    ['desk', 'Encounter?_filter=diagnosis eq Condition/c1', '403'],
    ['desk', 'Patient?_has:Encounter:patient:diagnosis=Condition/c1', '403'],
    ['billing', 'Condition', '200 c1'],
    ['billing', 'Condition?onset-info=z', '403'],
    ['billing', 'Condition?evidence:missing=false', '403'],
    ['billing', 'Condition?code:text=flu', '200 c1'],
  ])('%s: %s', async (who, url, expected) => {
    const answer = await as(who, url);
    expect(told(answer)).toBe(expected);
    // The front desk and billing know their patients by name.
    if (who === 'keeper' || !url.startsWith('Patient')) expect(answer.text).not.toContain(SECRET);
    expect(answer.text.includes('SUBSETTED')).toBe(answer.status === 200);
  });

  it('comes in no entry of a batch', async () => {
    const { text: sent } = await as('keeper', '', batch('SupplyDelivery/s1', 'SupplyRequest'));
    expect(sent).toContain('gauze');
    expect(sent).not.toContain(SECRET);
  });

  it('comes where another role shows it', async () => {
    expect((await as('both', 'Encounter/e1')).text).toContain(SECRET);
    expect(told(await as('both', 'Encounter?reason-reference=Condition/c1'))).toBe('200 e1');
  });

  it('stays when somebody patches the rest, and is not replaced', async () => {
    expect((await as('keeper', 'SupplyDelivery/s1', put(world.at(-2) as object))).status).toBe(403);
    const done = await as('keeper', 'SupplyDelivery/s1', set('/status', 'completed'));
    expect(done.status).toBe(200);
    expect(done.text).not.toContain(SECRET);
    const guess = patchOf({ op: 'test', path: '/patient/reference', value: 'Patient/p1' });
    expect((await as('keeper', 'SupplyDelivery/s1', guess)).status).toBe(422);
    const steal = patchOf({ op: 'copy', from: '/patient', path: '/supplier' });
    expect((await as('keeper', 'SupplyDelivery/s1', steal)).status).toBe(422);
    const { text: stored } = await as('both', 'SupplyDelivery/s1');
    expect(stored).toContain('Patient/p1');
    expect(stored).toContain('"completed"');
  });
});

describe('what a role may not change', () => {
  const moved = { reference: 'Patient/p2' };
  it.each<[string, Who, Ask, string]>([
    ['brings another patient in', 'doctor', set('/subject', moved), 'Encounter.subject'],
    ['replaces the patient', 'doctor', put({ ...visit, subject: moved }), 'Encounter.subject'],
    [
      'leaves the patient out',
      'doctor',
      put({ ...visit, subject: undefined }),
      'Encounter.subject',
    ],
    [
      'changes the branch',
      'doctor',
      set('/serviceProvider', { reference: 'Organization/b' }),
      'Encounter.serviceProvider',
    ],
    ['changes the status', 'beds', set('/status', 'finished'), 'Encounter.status'],
  ])('%s', async (_what, who, change, element) => {
    const answer = await as(who, 'Encounter/e1', change);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain(element);
  });

  it('hinders nobody in changing the rest', async () => {
    const soon = set('/priority', { text: 'soon' });
    expect((await as('doctor', 'Encounter/e1', soon)).status).toBe(200);
    expect((await as('doctor', 'Encounter/e1', put(visit))).status).toBe(200);
    expect((await as('beds', 'Encounter/e1', soon)).status).toBe(200);
    expect((await as('desk', 'Encounter/e1', set('/status', 'arrived'))).status).toBe(200);
  });
});
