import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { createValidator } from '../../server/fhir/validate.ts';

const definitions = loadDefinitions();
const { validate } = createValidator(definitions);

const patient = { resourceType: 'Patient', id: 'p' };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };

describe('validate() refuses', () => {
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
