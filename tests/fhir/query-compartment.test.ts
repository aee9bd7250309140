import { describe, expect, it } from 'vitest';
import type { Term } from '../../server/fhir/query.ts';
import { compartmentTerm, compartmentTypes } from '../../server/fhir/query-compartment.ts';
import { BASE, definitions } from '../helpers/store.ts';

const options = { definitions, bases: [BASE], zone: 0, now: 0 };

function shown(term: Term): string {
  if (term.kind === 'any') return term.terms.map(shown).join(' or ');
  if (term.kind === 'id') return `${term.type}/${term.ids.join()} itself`;
  if (term.kind !== 'references') return term.kind;
  return `${term.key}${term.patient ? '@' : ''}=${term.targets.join()}`;
}

const termOf = (compartment: string, ...types: string[]): string => {
  const [type = '', id = ''] = compartment.split('/');
  return shown(compartmentTerm(options, { type, id }, types));
};

describe('compartmentTerm()', () => {
  // The parameters of R4's compartment definitions; `@` where the patient column speaks for one.
  it.each([
    [
      'Patient/1',
      'Observation',
      'Observation.subject@=Patient/1 or Observation.performer=Patient/1',
    ],
    ['Patient/1', 'Encounter', 'Encounter.patient@=Patient/1'],
    [
      'Patient/1',
      'MedicationAdministration',
      'MedicationAdministration.patient@=Patient/1 or MedicationAdministration.performer=Patient/1',
    ],
    ['Patient/1', 'Patient', 'Patient.link=Patient/1'],
    ['Encounter/2', 'Observation', 'Observation.encounter=Encounter/2'],
    ['Encounter/2', 'Encounter', 'Encounter/2 itself'],
    ['Device/3', 'Schedule', 'Schedule.actor=Device/3'],
    ['RelatedPerson/4', 'RelatedPerson', 'RelatedPerson/4 itself'],
    ['Practitioner/5', 'Practitioner', 'Practitioner/5 itself'],
  ])('of %s and %s is %s', (compartment, type, expected) => {
    expect(termOf(compartment, type)).toBe(expected);
  });

  it('of several types is one condition, without the column that means another thing for others', () => {
    expect(termOf('Patient/1', 'Encounter', 'Provenance')).toBe(
      'Encounter.patient=Patient/1 or Provenance.patient=Patient/1',
    );
  });

  it('is there for every type of all five compartments', () => {
    expect([...definitions.compartments.keys()].sort()).toEqual([
      ...['Device', 'Encounter', 'Patient', 'Practitioner', 'RelatedPerson'],
    ]);
    for (const code of definitions.compartments.keys()) {
      const types = compartmentTypes(definitions, code) ?? [];
      const text = termOf(`${code}/1`, ...types);
      for (const type of types)
        expect(text).toMatch(new RegExp(`\\b${type}(\\.[a-z-]+=|/1 itself)`));
    }
  });
});

describe('compartmentTypes()', () => {
  it('answers nothing for what is no compartment', () => {
    expect(compartmentTypes(definitions, 'Observation')).toBeUndefined();
    expect(compartmentTypes(definitions, 'Patient')).not.toContain('Organization');
  });
});
