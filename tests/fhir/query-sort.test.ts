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
  ])('of %s %s is %s', (type, code, expected) => {
    expect(isSortable(type, def(type, code))).toBe(expected);
  });
});
