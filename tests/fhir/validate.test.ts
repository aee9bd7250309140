import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { createValidator } from '../../server/fhir/validate.ts';

const definitions = loadDefinitions();
const { validate } = createValidator(definitions);

const patient = { resourceType: 'Patient', id: 'p' };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };
const encounter = { resourceType: 'Encounter', status: 'planned', class: { code: 'AMB' } };
const narrative = (div: string) => ({ status: 'generated', div });
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';

type Case = [name: string, resource: object, expression: string, code: string, says: string];

const structure: Case[] = [
  [
    'an unknown element',
    { ...patient, birthdate: '2020' },
    'Patient.birthdate',
    'structure',
    '"birthDate"',
  ],
  [
    'an unknown element deep down',
    { ...patient, name: [{ famly: 'x' }] },
    'Patient.name[0].famly',
    'structure',
    '"family"',
  ],
  ['an unknown name that is no path', { ...patient, 'a b': 1 }, 'Patient', 'structure', '"a b"'],
  [
    'resourceType in an element',
    { ...patient, name: [{ resourceType: 'Patient' }] },
    'Patient.name[0].resourceType',
    'structure',
    'no element',
  ],
  [
    'one value for an array',
    { ...patient, name: { family: 'x' } },
    'Patient.name',
    'structure',
    'write an array',
  ],
  [
    'an array for one value',
    { ...patient, gender: ['male'] },
    'Patient.gender',
    'structure',
    'does not repeat',
  ],
  [
    'a text for an object',
    { ...patient, name: ['x'] },
    'Patient.name[0]',
    'structure',
    'write an object',
  ],
  [
    'an object for a text',
    { ...patient, birthDate: {} },
    'Patient.birthDate',
    'structure',
    'is an object',
  ],
  [
    'a text for a boolean',
    { ...patient, active: 'true' },
    'Patient.active',
    'structure',
    'without quotes',
  ],
  [
    'a text for a number',
    { ...patient, multipleBirthInteger: '2' },
    'Patient.multipleBirth',
    'structure',
    'JSON number',
  ],
  ['null', { ...patient, gender: null }, 'Patient.gender', 'structure', 'is null'],
  ['an empty array', { ...patient, name: [] }, 'Patient.name', 'structure', 'leave it out'],
  ['an empty object', { ...patient, name: [{}] }, 'Patient.name[0]', 'invariant', 'ele-1'],
  [
    'an element with nothing but its id',
    { ...patient, name: [{ id: 'a' }] },
    'Patient.name[0]',
    'invariant',
    'ele-1',
  ],
  ['an empty text', { ...patient, language: '' }, 'Patient.language', 'value', 'is empty'],
  [
    'a required element that is missing',
    { resourceType: 'Observation', code: { text: 'x' } },
    'Observation.status',
    'required',
    'add it',
  ],
  [
    'a required choice that is missing',
    {
      resourceType: 'MedicationRequest',
      status: 'active',
      intent: 'order',
      subject: { display: 'x' },
    },
    'MedicationRequest.medication',
    'required',
    'medicationCodeableConcept',
  ],
  [
    'two values of a choice',
    { ...observation, valueString: 'x', valueInteger: 1 },
    'Observation.value',
    'structure',
    'valueString and valueInteger',
  ],
  [
    'a type that a choice does not have',
    { ...observation, valueMoney: {} },
    'Observation.valueMoney',
    'structure',
    'valueQuantity',
  ],
  [
    'a choice without its type',
    { ...observation, value: 'x' },
    'Observation.value',
    'structure',
    'value[x] may be',
  ],
];

const siblings: Case[] = [
  [
    'null in an array without its other half',
    { ...patient, name: [{ given: ['a', null] }] },
    'Patient.name[0].given[1]',
    'structure',
    'is null',
  ],
  [
    'null in both arrays',
    { ...patient, name: [{ given: ['a', null], _given: [{ id: 'x' }, null] }] },
    'Patient.name[0].given[1]',
    'structure',
    'is null',
  ],
  [
    'arrays of different length',
    { ...patient, name: [{ given: ['a', 'b'], _given: [{ id: 'x' }] }] },
    'Patient.name[0].given',
    'structure',
    'pad with null',
  ],
  [
    'an id alone beside no value',
    { ...patient, _birthDate: { id: 'x' } },
    'Patient.birthDate',
    'invariant',
    'ele-1',
  ],
  [
    'an empty sibling',
    { ...patient, birthDate: '2020', _birthDate: {} },
    'Patient.birthDate',
    'invariant',
    'ele-1',
  ],
  [
    'a sibling that is not an element',
    { ...patient, _birthDate: 'x' },
    'Patient.birthDate',
    'structure',
    'write an object',
  ],
  [
    'a sibling of an object',
    { ...patient, _name: [{ id: 'x' }] },
    'Patient._name',
    'structure',
    'no element',
  ],
  [
    'an unknown member of a sibling',
    { ...patient, birthDate: '2020', _birthDate: { value: 1 } },
    'Patient.birthDate.value',
    'structure',
    'no element',
  ],
];

const bindings: Case[] = [
  [
    'a code outside the value set',
    { ...patient, gender: 'm' },
    'Patient.gender',
    'code-invalid',
    'female | male | other | unknown',
  ],
  [
    'a status outside the value set',
    { ...observation, status: 'done' },
    'Observation.status',
    'code-invalid',
    'observation-status',
  ],
  [
    'a CodeableConcept with text alone',
    {
      resourceType: 'AllergyIntolerance',
      patient: { display: 'x' },
      clinicalStatus: { text: 'active' },
    },
    'AllergyIntolerance.clinicalStatus',
    'code-invalid',
    'active',
  ],
  [
    'a coding of another system',
    {
      resourceType: 'AllergyIntolerance',
      patient: { display: 'x' },
      clinicalStatus: { coding: [{ system: 'urn:x', code: 'active' }] },
    },
    'AllergyIntolerance.clinicalStatus',
    'code-invalid',
    'allergyintolerance-clinical',
  ],
];

const references: Case[] = [
  [
    'a type that the element does not allow',
    { ...observation, subject: { reference: 'Claim/1' } },
    'Observation.subject.reference',
    'value',
    'may not point to a Claim',
  ],
  [
    'an absolute address of such a type',
    { ...observation, subject: { reference: 'http://a.b/Claim/1' } },
    'Observation.subject.reference',
    'value',
    'may not point to a Claim',
  ],
  [
    'an unknown type',
    { ...observation, subject: { reference: 'Patiant/1' } },
    'Observation.subject.reference',
    'value',
    '"Patient"',
  ],
  [
    'a text that is no reference',
    { ...observation, subject: { reference: 'Patient 1' } },
    'Observation.subject.reference',
    'value',
    'Type/id',
  ],
  [
    'a search outside of a transaction',
    { ...observation, subject: { reference: 'Patient?name=x' } },
    'Observation.subject.reference',
    'value',
    'transaction',
  ],
  [
    'a type that contradicts the reference',
    { ...observation, subject: { reference: 'Patient/1', type: 'Group' } },
    'Observation.subject.type',
    'value',
    'make them agree',
  ],
  [
    'a fragment without its resource',
    { ...observation, subject: { reference: '#p' } },
    'Observation.subject.reference',
    'invariant',
    'ref-1',
  ],
  [
    'a contained resource that nothing refers to',
    { ...observation, contained: [patient] },
    'Observation.contained[0]',
    'invariant',
    'dom-3',
  ],
  [
    'a fragment of the wrong type',
    { ...encounter, contained: [patient], serviceProvider: { reference: '#p' } },
    'Encounter.serviceProvider.reference',
    'value',
    'may not point to a Patient',
  ],
  [
    'a resource contained in a contained one',
    {
      ...observation,
      contained: [
        {
          ...patient,
          contained: [{ ...patient, id: 'q' }],
          link: [{ other: { reference: '#q' }, type: 'refer' }],
        },
      ],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].contained[0]',
    'invariant',
    'dom-2',
  ],
  [
    'a version in a contained resource',
    {
      ...observation,
      contained: [{ ...patient, meta: { versionId: '1' } }],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].meta',
    'invariant',
    'dom-4',
  ],
  [
    'a security label in a contained resource',
    {
      ...observation,
      contained: [{ ...patient, meta: { security: [{ code: 'R' }] } }],
      subject: { reference: '#p' },
    },
    'Observation.contained[0].meta',
    'invariant',
    'dom-5',
  ],
  [
    'one id twice among the contained',
    { ...observation, contained: [patient, patient], subject: { reference: '#p' } },
    'Observation.contained[1]',
    'duplicate',
    'is taken',
  ],
];

const nested: Case[] = [
  [
    'a fault in an entry',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: patient }, { resource: { ...patient, gender: 'x' } }],
    },
    'Bundle.entry[1].resource.gender',
    'code-invalid',
    'male',
  ],
  [
    'a fault in a parameter',
    {
      resourceType: 'Parameters',
      parameter: [{ name: 'a', resource: { ...patient, photo: [{ foo: 1 }] } }],
    },
    'Parameters.parameter[0].resource.photo[0].foo',
    'structure',
    'Attachment has no element',
  ],
  [
    'an entry of unknown type',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patent' } }],
    },
    'Bundle.entry[0].resource',
    'structure',
    '"Patient"',
  ],
  [
    'an entry that refers into its bundle by fragment',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { ...observation, subject: { reference: '#p' } } }],
    },
    'Bundle.entry[0].resource.subject.reference',
    'invariant',
    'ref-1',
  ],
  [
    'a script in the narrative',
    { ...patient, text: narrative(`<div ${XHTML}><script/>a</div>`) },
    'Patient.text.div',
    'invalid',
    '<script>',
  ],
];

describe('validate() refuses', () => {
  test.each([...structure, ...siblings, ...bindings, ...references, ...nested])(
    '%s',
    (_name, resource, expression, code, says) => {
      const issues = validate(resource);
      expect(issues).toContainEqual(
        expect.objectContaining({ severity: 'error', expression, code }),
      );
      expect(issues.map((issue) => issue.diagnostics).join('\n')).toContain(says);
    },
  );

  test.each([
    [undefined, 'JSON object'],
    [null, 'is a JSON object'],
    [[patient], 'an array'],
    ['Patient', 'a string'],
    [{}, 'no resourceType'],
    [{ resourceType: 7 }, 'a number'],
    [{ resourceType: 'Patiant' }, '"Patient"'],
    [{ resourceType: 'DomainResource' }, 'no resource type'],
    [{ resourceType: 'HumanName' }, 'no resource type'],
    [{ resourceType: '__proto__' }, 'no resource type'],
  ])('%j as a resource', (resource, says) => {
    const issues = validate(resource);
    expect(issues).toHaveLength(1);
    expect(issues[0]?.diagnostics).toContain(says);
  });
});

const sound: [name: string, resource: object][] = [
  ['a resource with nothing but its type', { resourceType: 'Patient' }],
  [
    'an extension in place of a required code',
    {
      ...observation,
      status: undefined,
      _status: { extension: [{ url: 'urn:x', valueCode: 'unknown' }] },
    },
  ],
  ['an id beside a value', { ...patient, birthDate: '2020', _birthDate: { id: 'x' } }],
  [
    'null that is an extension',
    {
      ...patient,
      name: [
        {
          given: ['a', null],
          _given: [null, { extension: [{ url: 'urn:x', valueCode: 'masked' }] }],
        },
      ],
    },
  ],
  [
    'a contained resource in use',
    { ...observation, contained: [patient], subject: { reference: '#p' } },
  ],
  [
    'a contained resource that refers to its container',
    { ...patient, contained: [{ ...observation, id: 'o', subject: { reference: '#' } }] },
  ],
  [
    'a contained resource that another refers to',
    {
      ...observation,
      contained: [
        { resourceType: 'Organization', id: 'o', name: 'x' },
        { ...patient, managingOrganization: { reference: '#o' } },
      ],
      subject: { reference: '#p' },
    },
  ],
  [
    'names without an address',
    { ...observation, subject: { reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' } },
  ],
  [
    'a claim of a profile that is not known',
    { ...observation, meta: { profile: ['http://hl7.org/fhir/StructureDefinition/vitalsigns'] } },
  ],
];

describe('validate() accepts', () => {
  test.each(sound)('%s', (_name, resource) => {
    expect(validate(parseJson(JSON.stringify(resource)))).toEqual([]);
  });

  test('a search in a reference where the caller is a transaction', () => {
    const resource = { ...observation, subject: { reference: 'Patient?identifier=urn:x|1' } };
    expect(validate(resource, { conditionalReferences: true })).toEqual([]);
  });
});

describe('validate()', () => {
  test('lists all errors of a resource', () => {
    const issues = validate({
      ...patient,
      gender: 'x',
      birthDate: '2021-02-30',
      foo: 1,
      name: [{}],
    });
    expect(issues.map((issue) => issue.expression)).toEqual([
      'Patient.gender',
      'Patient.birthDate',
      'Patient.foo',
      'Patient.name[0]',
    ]);
  });

  test('counts the errors beyond the limit', () => {
    const issues = validate({ ...patient, name: Array(150).fill({}) });
    expect(issues).toHaveLength(101);
    expect(issues.at(-1)?.diagnostics).toContain('50 more errors');
    expect(validate({ ...patient, name: Array(150).fill({}) }, { maxIssues: 3 })).toHaveLength(4);
  });

  test('starts expressions with the path of the caller', () => {
    const issues = validate({ ...patient, gender: 'x' }, { path: 'Bundle.entry[3].resource' });
    expect(issues[0]?.expression).toBe('Bundle.entry[3].resource.gender');
  });

  test('judges a constraint by the rule the caller gives', () => {
    const lenient = createValidator(definitions, { invariants: new Map([['pat-1', () => true]]) });
    const resource = { ...patient, contact: [{ gender: 'male' }] };
    expect(validate(resource)).toHaveLength(1);
    expect(lenient.validate(resource)).toEqual([]);
  });

  test('bears any JSON under any type', () => {
    const member = fc.constantFrom(
      ...[
        'contained',
        'id',
        'type',
        'entry',
        'component',
        'value',
        'code',
        'coding',
        'repeat',
        'text',
      ],
      ...[
        'extension',
        'url',
        'item',
        'snapshot',
        'element',
        'reference',
        '_id',
        '__proto__',
        'div',
      ],
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 0, 1.5, '', '#', 'Patient', 'Patient/1'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(member, tie('tree'), { maxKeys: 5 }),
      ),
    }));
    const types = fc.constantFrom(...definitions.resourceTypes);
    const body = fc.dictionary(member, tree);
    fc.assert(
      fc.property(types, body, (resourceType, members) => {
        expect(Array.isArray(validate({ ...members, resourceType }))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('can check every type of R4', () => {
    for (const resourceType of definitions.resourceTypes) {
      const codes = validate({ resourceType, foo: 1 }).map((issue) => issue.code);
      expect(codes, resourceType).toContain('structure');
    }
  });
});
