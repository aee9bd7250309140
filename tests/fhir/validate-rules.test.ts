import { describe, expect, test } from 'vitest';
import { numberOf } from '../../server/fhir/decimal.ts';
import { invariants } from '../../server/fhir/invariants.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { JsonObject, JsonValue } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';

const definitions = loadDefinitions();
const { validate } = createValidator(definitions);

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };
const patient = { resourceType: 'Patient' };
const coded = (system: string, code: string) => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});
const condition = {
  resourceType: 'Condition',
  subject: { display: 'x' },
  clinicalStatus: coded('condition-clinical', 'active'),
};
const appointment = {
  resourceType: 'Appointment',
  status: 'booked',
  participant: [] as JsonObject[],
};
const actor = { actor: { display: 'x' }, status: 'accepted' };
const bundle = (type: string, entry: object[], more = {}) => ({
  resourceType: 'Bundle',
  type,
  ...more,
  entry,
});
const request = { method: 'GET', url: 'Patient' };
const quantity = (value: number) => ({ value, unit: 'kg' });
const timing = (repeat: object) => ({
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { display: 'x' },
  occurrenceTiming: { repeat },
});
const questionnaire = (...item: object[]) => ({
  resourceType: 'Questionnaire',
  status: 'draft',
  item: item.map((one, i) => ({ linkId: `${i}`, ...one })),
});
const structure = (element: object[], more = {}) => ({
  resourceType: 'StructureDefinition',
  url: 'http://hl7.org/fhir/StructureDefinition/X',
  name: 'X',
  status: 'draft',
  kind: 'resource',
  abstract: false,
  type: 'X',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/DomainResource',
  derivation: 'specialization',
  differential: { element },
  ...more,
});

/** key, a resource that breaks it, one that keeps it. */
const cases: [key: string, broken: object, kept: object][] = [
  [
    'ext-1',
    { ...patient, extension: [{ url: 'urn:x' }] },
    { ...patient, extension: [{ url: 'urn:x', valueCode: 'a' }] },
  ],
  [
    'pat-1',
    { ...patient, contact: [{ gender: 'male' }] },
    { ...patient, contact: [{ name: { text: 'x' } }] },
  ],
  [
    'cpt-2',
    { ...patient, telecom: [{ value: '1' }] },
    { ...patient, telecom: [{ value: '1', system: 'phone' }] },
  ],
  [
    'att-1',
    { ...patient, photo: [{ data: 'AAAA' }] },
    { ...patient, photo: [{ data: 'AAAA', contentType: 'image/png' }] },
  ],
  [
    'per-1',
    { ...patient, address: [{ period: { start: '2020-02', end: '2020-01-31' } }] },
    { ...patient, address: [{ period: { start: '2020-01-31', end: '2020-01' } }] },
  ],
  [
    'qty-3',
    { ...observation, valueQuantity: { value: 1, code: 'kg' } },
    { ...observation, valueQuantity: { value: 1, code: 'kg', system: 'urn:x' } },
  ],
  [
    'rng-2',
    { ...observation, valueRange: { low: quantity(2), high: quantity(1) } },
    { ...observation, valueRange: { low: quantity(1), high: quantity(2) } },
  ],
  [
    'rat-1',
    { ...observation, valueRatio: { numerator: quantity(1) } },
    { ...observation, valueRatio: { numerator: quantity(1), denominator: quantity(2) } },
  ],
  [
    'obs-3',
    { ...observation, referenceRange: [{ type: { text: 'x' } }] },
    { ...observation, referenceRange: [{ text: 'x' }] },
  ],
  [
    'obs-6',
    { ...observation, valueString: 'x', dataAbsentReason: { text: 'x' } },
    { ...observation, dataAbsentReason: { text: 'x' } },
  ],
  [
    'obs-7',
    {
      ...observation,
      code: coded('x', 'a'),
      valueString: 'x',
      component: [{ code: coded('x', 'a') }],
    },
    {
      ...observation,
      code: coded('x', 'a'),
      valueString: 'x',
      component: [{ code: coded('x', 'b') }],
    },
  ],
  [
    'con-4',
    { ...condition, abatementString: 'x' },
    { ...condition, clinicalStatus: coded('condition-clinical', 'resolved'), abatementString: 'x' },
  ],
  [
    'con-5',
    { ...condition, verificationStatus: coded('condition-ver-status', 'entered-in-error') },
    { ...condition, verificationStatus: coded('condition-ver-status', 'confirmed') },
  ],
  [
    'ait-1',
    { resourceType: 'AllergyIntolerance', patient: { display: 'x' } },
    {
      resourceType: 'AllergyIntolerance',
      patient: { display: 'x' },
      clinicalStatus: coded('allergyintolerance-clinical', 'active'),
    },
  ],
  [
    'app-1',
    { ...appointment, status: 'proposed', participant: [{ status: 'accepted' }] },
    { ...appointment, status: 'proposed', participant: [actor] },
  ],
  [
    'app-2',
    { ...appointment, status: 'proposed', start: '2020-01-01T00:00:00Z', participant: [actor] },
    { ...appointment, status: 'proposed', participant: [actor] },
  ],
  [
    'app-3',
    { ...appointment, participant: [actor] },
    {
      ...appointment,
      start: '2020-01-01T00:00:00Z',
      end: '2020-01-01T01:00:00Z',
      participant: [actor],
    },
  ],
  [
    'org-1',
    { resourceType: 'Organization', active: true },
    { resourceType: 'Organization', name: 'x' },
  ],
  [
    'org-2',
    { resourceType: 'Organization', name: 'x', address: [{ use: 'home' }] },
    { resourceType: 'Organization', name: 'x', address: [{ use: 'work' }] },
  ],
  [
    'org-3',
    { resourceType: 'Organization', name: 'x', telecom: [{ use: 'home' }] },
    { resourceType: 'Organization', name: 'x', telecom: [{ use: 'work' }] },
  ],
  ['tim-1', timing({ duration: 1 }), timing({ duration: 1, durationUnit: 'h' })],
  ['tim-5', timing({ period: -1, periodUnit: 'd' }), timing({ period: 1, periodUnit: 'd' })],
  ['tim-9', timing({ offset: 1, when: ['C'] }), timing({ offset: 1, when: ['ACM'] })],
  ['tim-10', timing({ when: ['ACM'], timeOfDay: ['12:00:00'] }), timing({ when: ['ACM'] })],
  [
    'bdl-1',
    bundle('collection', [{ resource: patient }], { total: 1 }),
    bundle('searchset', [{ resource: patient }], { total: 1 }),
  ],
  [
    'bdl-2',
    bundle('collection', [{ resource: patient, search: { mode: 'match' } }]),
    bundle('searchset', [{ resource: patient, search: { mode: 'match' } }]),
  ],
  ['bdl-3', bundle('batch', [{ resource: patient }]), bundle('batch', [{ request }])],
  [
    'bdl-4',
    bundle('collection', [{ response: { status: '200' } }]),
    bundle('batch-response', [{ response: { status: '200' } }]),
  ],
  [
    'bdl-5',
    bundle('collection', [{ fullUrl: 'urn:x:1' }]),
    bundle('collection', [{ fullUrl: 'urn:x:1', resource: patient }]),
  ],
  [
    'bdl-7',
    bundle('collection', [
      { fullUrl: 'urn:x:1', resource: patient },
      { fullUrl: 'urn:x:1', resource: patient },
    ]),
    bundle('collection', [{ resource: patient }, { resource: patient }]),
  ],
  [
    'bdl-8',
    bundle('collection', [{ fullUrl: 'http://a.b/Patient/1/_history/1', resource: patient }]),
    bundle('collection', [{ fullUrl: 'http://a.b/Patient/1', resource: patient }]),
  ],
  [
    'bdl-12',
    bundle('message', [{ resource: patient }]),
    bundle('message', [
      {
        resource: {
          resourceType: 'MessageHeader',
          eventCoding: { code: 'x' },
          source: { endpoint: 'urn:x' },
        },
      },
    ]),
  ],
  [
    'inv-1',
    { resourceType: 'Parameters', parameter: [{ name: 'a' }] },
    { resourceType: 'Parameters', parameter: [{ name: 'a', valueInteger: 1 }] },
  ],
  ['que-1', questionnaire({ type: 'group' }), questionnaire({ type: 'display', text: 'x' })],
  [
    'que-2',
    questionnaire({ type: 'string', linkId: 'a' }, { type: 'string', linkId: 'a' }),
    questionnaire({ type: 'string' }, { type: 'string' }),
  ],
  [
    'sdf-19',
    structure([
      { id: 'X', path: 'X' },
      { id: 'X.a', path: 'X.a', type: [{ code: 'no type' }] },
    ]),
    structure([
      { id: 'X', path: 'X' },
      { id: 'X.a', path: 'X.a', type: [{ code: 'string' }] },
    ]),
  ],
  [
    'sdf-17',
    structure([
      { id: 'X', path: 'X' },
      { id: 'X', path: 'X.a' },
    ]),
    structure([
      { id: 'X', path: 'X' },
      { id: 'X.a', path: 'X.a' },
    ]),
  ],
];

describe('an invariant', () => {
  test.each(cases)('%s is reported where it is broken, and only there', (key, broken, kept) => {
    const found = validate(broken).filter((issue) => issue.diagnostics.endsWith(`(${key})`));
    expect(found).toHaveLength(1);
    expect(found[0]?.code).toBe('invariant');
    expect(validate(kept)).toEqual([]);
  });

  test('that the FHIRPath stage is to judge is on the list of those left', () => {
    const structural = ['dom-2', 'dom-3', 'dom-4', 'dom-5', 'ele-1', 'ref-1', 'txt-1', 'txt-2'];
    const left = new Set<string>();
    for (const type of definitions.types.values()) {
      const all = [type, ...type.elements].flatMap((one) => one.constraints ?? []);
      for (const { key, severity } of all) {
        const known = invariants.has(key) || invariants.has(`${type.name}/${key}`);
        if (severity === 'error' && !known && !structural.includes(key)) left.add(key);
      }
    }
    const named = ['ctm-1', 'eld-11', 'eld-19', 'eld-3', 'ppc-2', 'ppc-3', 'ppc-4', 'ppc-5'];
    expect([...left].sort()).toEqual(named);
  });

  test('bears wrong JSON kinds and numbers whose text is kept', () => {
    const odd = [1, true, [], {}, null, numberOf('1.00')] as JsonValue[];
    const names = new Set(
      [...definitions.types.values()].flatMap((type) => type.elements.map(({ name }) => name)),
    );
    for (const value of odd) {
      const all = Object.fromEntries([...names].map((name) => [name, value]));
      const lists = Object.fromEntries([...names].map((name) => [name, [value, all]]));
      for (const [key, rule] of invariants) {
        for (const it of [all, lists]) expect(() => rule(it, { resource: it }), key).not.toThrow();
      }
    }
  });
});
