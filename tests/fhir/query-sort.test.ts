import { describe, expect, it } from 'vitest';
import { isSortable, sortPath } from '../../server/fhir/query-sort.ts';
import { definitions } from '../helpers/store.ts';

const def = (type: string, code: string) => {
  const found = definitions.searchParams(type).get(code);
  if (!found) throw new Error(`${type} has no ${code}`);
  return found;
};

describe('sortPath()', () => {
  it.each([
    ['Observation', 'status', '$."status"'],
    ['Patient', '_tag', '$."meta"."tag"'],
    ['Patient', 'address-use', '$."address"."use"'],
    ['Encounter', 'patient', '$."subject" ? (@."reference" like_regex "(^|/)Patient/")'],
    ['MedicationRequest', 'code', '$."medicationCodeableConcept"'],
    ['Patient', 'email', '$."telecom" ? (@."system" == "email")'],
    ['Library', 'composed-of', '$."relatedArtifact" ? (@."type" == "composed-of")."resource"'],
    // More than a path.
    ['Patient', 'deceased', undefined],
    ['AllergyIntolerance', 'code', undefined],
    ['Bundle', 'composition', undefined],
  ])('of %s %s is %s', (type, code, expected) => {
    expect(sortPath(type, def(type, code))).toBe(expected);
  });
});

const custom = (expression: string) => ({
  ...{ code: 'own', url: 'http://x.test/own', type: 'token' as const, expression },
});

describe("a parameter of one's own", () => {
  const RACE = "Patient.extension.where(url='http://x.test/race').value";

  it('on an extension is sorted by whatever type the value has', () => {
    expect(isSortable(definitions, 'Patient', custom(RACE))).toBe(true);
    expect(sortPath('Patient', custom(RACE))).toBe(
      '$."extension" ? (@."url" == "http://x.test/race")' +
        '.keyvalue() ? (@."key" like_regex "^value([A-Z]|$)")."value"',
    );
  });

  it.each([
    ['Patient.contact.gender', true],
    ['Observation.value', true],
    ['Observation.value.ofType(CodeableConcept)', true],
    ["Patient.extension('http://x.test/race').value", true],
    ["Patient.contact.extension.where( url = 'http://x.test/race' ).value", true],
    ["Patient.name.where(use = 'official').period.extension('http://x.test/a').nothing", false],
    ['Patient.multipleBirth', false],
    ['Patient.contact.nothing', false],
  ])('with the expression %s: %s', (expression, expected) => {
    const [type = ''] = expression.split('.');
    expect(isSortable(definitions, type, custom(expression))).toBe(expected);
  });
});

describe('isSortable()', () => {
  it.each([
    ['Patient', '_id', true],
    ['Patient', '_lastUpdated', true],
    ['Patient', 'birthdate', true],
    ['Patient', 'name', true],
    ['Observation', 'value-quantity', true],
    ['Observation', 'code-value-quantity', false],
    ['Patient', '_text', false],
    ['Patient', '_filter', false],
    ['Location', 'near', false],
    ['Library', 'composed-of', true],
    ['MedicationRequest', 'code', true],
    // Its two names in JSON are not in the expression.
    ['Consent', 'source-reference', false],
    ['PlanDefinition', 'definition', false],
  ])('of %s %s is %s', (type, code, expected) => {
    expect(isSortable(definitions, type, def(type, code))).toBe(expected);
  });
});
