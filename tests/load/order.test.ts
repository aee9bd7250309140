import { describe, expect, it } from 'vitest';
import { stageOf } from '../../server/load/order.ts';

/** The beginning of a file that holds resources of these types, in a Bundle or line by line. */
const head = (...types: string[]): string =>
  types.map((type) => `{"resourceType": "${type}", "name": "x"}`).join('\n');
const byCriteria = '{"subject":{"reference":"Practitioner?identifier=http://npi|1"}}';

describe('stageOf()', () => {
  it('loads what others refer to before those who refer to it', () => {
    const files = {
      hospitals: head('Bundle', 'Organization', 'Location'),
      locations: head('Location'),
      practitioners: head('Bundle', 'Practitioner', 'PractitionerRole'),
      roles: head('PractitionerRole'),
      modern: head('Bundle', 'Patient', 'Encounter') + byCriteria,
      classic: head('Bundle', 'Patient', 'Organization', 'Practitioner'),
      observations: head('Observation', 'Observation'),
    };
    const stages = Object.entries(files).map(([name, text]) => [name, stageOf(text)] as const);
    const order = stages.toSorted((a, b) => a[1] - b[1]).map(([name]) => name);
    expect(order).toEqual(Object.keys(files));
    expect(new Set(stages.map(([, stage]) => stage)).size).toBe(order.length);
  });

  it('takes a record that begins with its hospital for a patient', () => {
    expect(stageOf(head('Bundle', 'Organization', 'Patient'))).toBe(stageOf(head('Patient')));
  });

  it('puts what is not FHIR last', () => {
    expect(stageOf('{"files": []}')).toBe(stageOf(head('Observation')));
  });
});
