import { describe, expect, test } from 'vitest';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { createValidator } from '../../server/fhir/validate.ts';

const { validate } = createValidator(loadDefinitions());

const patient = { resourceType: 'Patient', id: 'p' };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };

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

describe('validate() refuses', () => {
  test.each([...structure, ...siblings, ...bindings])(
    '%s',
    (_name, resource, expression, code, says) => {
      const issues = validate(resource);
      expect(issues).toContainEqual(
        expect.objectContaining({ severity: 'error', expression, code }),
      );
      expect(issues.map((issue) => issue.diagnostics).join('\n')).toContain(says);
    },
  );
});
