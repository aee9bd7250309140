import { describe, expect, test } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { compileFhirPath } from '../../server/fhir/fhirpath.ts';
import { parseResource } from '../../server/fhir/json.ts';

const patient = {
  resourceType: 'Patient',
  id: 'p',
  birthDate: '1970-01-01',
  _birthDate: { extension: [{ url: 'http://x.test/time', valueDateTime: '1970-01-01T01:02:03Z' }] },
  name: [{ family: 'A', given: ['x', 'y'] }],
  contained: [{ resourceType: 'Organization', id: 'org' }],
  managingOrganization: { reference: '#org' },
  generalPractitioner: [{ reference: 'Practitioner/1' }, { reference: 'Organization/2' }],
};

const errorOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe('compileFhirPath()', () => {
  test.each([
    ['Patient.name.given.first()', [{ type: 'string', value: 'x' }]],
    [
      "Patient.birthDate.extension('http://x.test/time').value",
      [{ type: 'dateTime', value: '1970-01-01T01:02:03Z' }],
    ],
    ['Patient.name.given.count() = 2', [{ type: 'boolean', value: true }]],
    [
      'Patient.generalPractitioner.where(resolve() is Practitioner).reference',
      [{ type: 'string', value: 'Practitioner/1' }],
    ],
    [
      'Patient.managingOrganization.where(resolve().is(Organization)).reference',
      [{ type: 'string', value: '#org' }],
    ],
  ])('evaluates `%s` with types', (expression, expected) => {
    expect(compileFhirPath(expression)(patient)).toEqual(expected);
  });

  test('counts with decimals that keep their text', () => {
    const text =
      '{"resourceType":"Observation","status":"final","code":{},"valueQuantity":{"value":1.00}}';
    const observation = parseResource(Buffer.from(text));
    const sum = compileFhirPath('Observation.value.ofType(Quantity).value + 1')(observation);
    expect(sum.map((typed) => Number(typed.value))).toEqual([2]);
  });

  test.each([
    ['Patient.name.where(', 'invalid'],
    ['Patient.nope()', 'unprocessable'],
    ['Patient.managingOrganization.resolve().name', 'not-supported'],
    ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", 'too-large'],
    [`${'(1|2|3|4|5|6|7|8|9).where('.repeat(7)}true${').exists()'.repeat(7)}`, 'too-large'],
    ['Patient..name', 'invalid'],
  ])('refuses `%s` as %s, naming it', (expression, kind) => {
    const error = errorOf(() => compileFhirPath(expression)(patient));
    expect(error).toBeInstanceOf(FhirError);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(expression) });
  });
});
