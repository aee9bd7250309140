import fhirpath from 'fhirpath';
import { describe, expect, it } from 'vitest';
import type { ElementDef } from '../../server/fhir/definitions.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';

const definitions = loadDefinitions();

function element(type: string, name: string): ElementDef {
  const found = definitions.types.get(type)?.elements.find((one) => one.name === name);
  if (!found) throw new Error(`${type} has no element ${name}`);
  return found;
}

describe('loadDefinitions() types', () => {
  it('holds the 146 concrete resource types of R4 in order', () => {
    expect(definitions.resourceTypes).toHaveLength(146);
    expect(definitions.resourceTypes).toEqual([...definitions.resourceTypes].sort());
    expect(definitions.resourceTypes).not.toContain('DomainResource');
  });

  it('names only types that exist', () => {
    const names = [...definitions.types.values()].flatMap((type) => [
      ...(type.base ? [type.base] : []),
      ...type.elements.flatMap((one) => [...one.types, ...(one.targets ?? [])]),
    ]);
    expect(names.filter((name) => !definitions.types.has(name))).toEqual([]);
  });

  it('keeps snapshot order with inherited elements first', () => {
    const names = definitions.types.get('Patient')?.elements.map((one) => one.name);
    expect(names?.slice(0, 10)).toEqual([
      'id',
      'meta',
      'implicitRules',
      'language',
      'text',
      'contained',
      'extension',
      'modifierExtension',
      'identifier',
      'active',
    ]);
  });

  it.each<[string, string, Partial<ElementDef>]>([
    ['Patient', 'id', { types: ['id'], min: 0, max: 1 }],
    ['Patient', 'contact', { types: ['Patient.contact'], max: -1 }],
    ['Patient.contact', 'id', { types: ['string'], attribute: true }],
    ['Patient', 'deceased', { types: ['boolean', 'dateTime'], choice: true, modifier: true }],
    ['Extension', 'url', { types: ['uri'], min: 1, attribute: true }],
    ['Narrative', 'div', { types: ['xhtml'], min: 1 }],
    ['Observation.component', 'referenceRange', { types: ['Observation.referenceRange'] }],
    ['Questionnaire.item', 'item', { types: ['Questionnaire.item'], max: -1 }],
    ['Observation', 'subject', { targets: ['Device', 'Group', 'Location', 'Patient'] }],
    ['Patient', 'gender', { binding: 'http://hl7.org/fhir/ValueSet/administrative-gender' }],
    ['Bundle.entry', 'resource', { types: ['Resource'] }],
    ['Patient', 'active', { summary: true, modifier: true }],
  ])('describes %s.%s', (type, name, expected) => {
    expect(element(type, name)).toMatchObject(expected);
  });

  it('leaves the targets of a reference to any type open', () => {
    expect(element('Observation', 'focus').targets).toBeUndefined();
  });

  it.each([
    ['decimal', 'number', '1.50', '1.'],
    ['positiveInt', 'number', '7', '0'],
    ['boolean', 'boolean', 'true', 'yes'],
    ['id', 'string', 'a.b-c', 'a_b'],
    ['instant', 'string', '2020-01-01T00:00:00Z', '2020-01-01'],
  ])('gives %s its JSON type and regular expression', (name, json, good, bad) => {
    const type = definitions.types.get(name);
    const regex = new RegExp(`^(?:${type?.regex})$`);
    expect([type?.json, regex.test(good), regex.test(bad)]).toEqual([json, true, false]);
  });

  it('puts the invariants of a backbone element on its type', () => {
    const keys = definitions.types.get('Patient.contact')?.constraints?.map((one) => one.key);
    expect(keys).toEqual(['ele-1', 'pat-1']);
    expect(element('Patient', 'contact').constraints).toBeUndefined();
    expect(element('Organization', 'telecom').constraints?.map((one) => one.key)).toEqual([
      'org-3',
    ]);
  });
});

describe('loadDefinitions() search parameters', () => {
  const all = definitions.resourceTypes.flatMap((type) =>
    [...definitions.searchParams(type).values()].map((one) => ({ ...one, base: type })),
  );
  const param = (type: string, code: string) => definitions.searchParams(type).get(code);

  it('finds every parameter of R4 by type, the common ones included', () => {
    const urls = new Set(all.map((one) => one.url));
    expect([...urls].filter((url) => url.startsWith('http://hl7.org/fhir/')).length).toBe(1376);
    expect(urls.size, 'and one of our own').toBe(1377);
    const own = (type: string) =>
      [...definitions.searchParams(type).keys()].filter((code) => !code.startsWith('_')).length;
    expect([own('Patient'), own('Observation'), own('Binary')]).toEqual([23, 38, 1]);
    expect(param('Binary', '_id')?.type).toBe('token');
    expect(param('Binary', '_text'), 'Binary is no DomainResource').toBeUndefined();
  });

  it.each([
    ['_id', 'token', 'Resource.id'],
    ['_lastUpdated', 'date', 'Resource.meta.lastUpdated'],
    ['_source', 'uri', 'Resource.meta.source'],
    ['_tag', 'token', 'Resource.meta.tag'],
  ])('offers %s on every type', (code, type, expression) => {
    for (const name of definitions.resourceTypes) {
      expect(param(name, code)).toMatchObject({ type, expression });
    }
  });

  it.each([
    ['Observation', 'patient', 'Observation.subject.where(resolve() is Patient)'],
    ['MedicationRequest', 'code', 'MedicationRequest.medication.ofType(CodeableConcept)'],
    ['InsurancePlan', 'name', 'InsurancePlan.name | InsurancePlan.alias'],
    ['Patient', 'deceased', 'Patient.deceased.exists() and Patient.deceased != false'],
  ])('splits the union of %s.%s by type', (type, code, expression) => {
    expect(param(type, code)?.expression).toBe(expression);
  });

  it('writes only expressions that fhirpath.js can read', () => {
    const parts = all.flatMap((one) => [one, ...(one.components ?? [])]);
    const texts = new Set(parts.map((one) => one.expression).filter((text) => text !== ''));
    const broken = [...texts].filter((text) => {
      try {
        fhirpath.parse(text);
        return false;
      } catch {
        return true;
      }
    });
    expect(broken).toEqual([]);
  });

  it.each([
    ['Observation', 'encounter', ['Encounter']],
    ['Observation', 'patient', ['Patient']],
    ['Encounter', 'practitioner', ['Practitioner']],
    ['Observation', 'focus', undefined],
  ])('limits the targets of %s.%s to what its element allows', (type, code, targets) => {
    expect(param(type, code)?.targets).toEqual(targets);
  });

  it.each([
    ['Observation', 'code', undefined],
    ['Observation', 'category', true],
    ['Observation', 'component-code', true],
    ['Condition', 'onset-date', undefined],
    ['Patient', 'name', true],
  ])('knows whether %s.%s may repeat', (type, code, many) => {
    expect(param(type, code)?.many).toBe(many);
  });

  it('resolves the components of a composite', () => {
    expect(param('Observation', 'code-value-date')?.components).toEqual([
      { code: 'code', type: 'token', expression: 'code' },
      {
        code: 'value-date',
        type: 'date',
        expression: 'value.ofType(dateTime) | value.ofType(Period)',
      },
    ]);
  });

  it('names the parameters that a union of theirs repeats', () => {
    const keyed = all
      .filter((one) => one.keys && !one.keys.includes(one.code))
      .map((one) => [one.base, one.code, one.keys]);
    expect(keyed).toEqual([
      ['Observation', 'combo-code', ['code', 'component-code']],
      [
        'Observation',
        'combo-data-absent-reason',
        ['component-data-absent-reason', 'data-absent-reason'],
      ],
      ['Observation', 'combo-value-concept', ['component-value-concept', 'value-concept']],
      ['Observation', 'combo-value-quantity', ['component-value-quantity', 'value-quantity']],
      ['Patient', 'phonetic', ['name']],
      ['Person', 'phonetic', ['name']],
      ['Practitioner', 'phonetic', ['name']],
      ['RelatedPerson', 'phonetic', ['name']],
    ]);
  });
});

describe('loadDefinitions() main columns', () => {
  it.each([
    ['Patient', { patient: 'Patient', date: 'birthdate' }],
    ['Observation', { patient: 'patient', date: 'date' }],
    ['MedicationRequest', { patient: 'patient', date: 'authoredon' }],
    ['Condition', { patient: 'patient', date: 'recorded-date' }],
    ['Account', { date: 'period' }],
    ['Binary', { patient: 'security-context' }],
    ['Nonsense', {}],
  ])('files %s under %j', (type, expected) => {
    expect(definitions.main(type)).toEqual(expected);
  });
});

describe('loadDefinitions() compartments and operations', () => {
  it('links each compartment by reference parameters that the types have', () => {
    expect([...definitions.compartments.keys()].sort()).toEqual([
      'Device',
      'Encounter',
      'Patient',
      'Practitioner',
      'RelatedPerson',
    ]);
    const links = [...definitions.compartments.values()].flatMap((one) =>
      Object.entries(one.resources).flatMap(([type, codes]) => codes.map((code) => [type, code])),
    );
    const odd = links.filter(
      ([type = '', code = '']) =>
        code !== '{def}' && definitions.searchParams(type).get(code)?.type !== 'reference',
    );
    expect(odd).toEqual([]);
  });

  it('lists the operations of R4', () => {
    expect(definitions.operations).toHaveLength(46);
    expect(definitions.operations.find((one) => one.url.endsWith('/Patient-everything'))).toEqual({
      url: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
      code: 'everything',
      system: false,
      type: true,
      instance: true,
      resource: ['Patient'],
      affectsState: false,
    });
  });
});

describe('loadDefinitions() value sets', () => {
  it('lists every required binding but the four that have no end', () => {
    const bound = [...definitions.types.values()]
      .flatMap((type) => type.elements)
      .flatMap((one) => one.binding ?? []);
    expect([...new Set(bound)].filter((url) => !definitions.valueSet(url)).sort()).toEqual([
      'http://hl7.org/fhir/ValueSet/currencies',
      'http://hl7.org/fhir/ValueSet/mimetypes',
      'http://hl7.org/fhir/ValueSet/ucum-units',
      'http://loinc.org/vs/LL379-9',
    ]);
  });

  it('gives the codes by system, nested ones included', () => {
    const gender = definitions.valueSet('http://hl7.org/fhir/ValueSet/administrative-gender');
    expect([...(gender?.get('http://hl7.org/fhir/administrative-gender') ?? [])]).toEqual([
      'female',
      'male',
      'other',
      'unknown',
    ]);
    const issues = definitions.valueSet('http://hl7.org/fhir/ValueSet/issue-type');
    expect(issues?.get('http://hl7.org/fhir/issue-type')?.has('multiple-matches')).toBe(true);
  });

  it('lists the types of R4', () => {
    const types = definitions.valueSet('http://hl7.org/fhir/ValueSet/all-types');
    expect(types?.get('http://hl7.org/fhir/resource-types')?.has('Patient')).toBe(true);
    expect(types?.get('http://hl7.org/fhir/data-types')?.has('HumanName')).toBe(true);
  });
});
