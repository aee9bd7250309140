import { describe, expect, test } from 'vitest';
import { hierarchyParam, TermProblem } from '../../server/fhir/query-terms.ts';
import { identifierKey, tokenExact } from '../../server/fhir/terms.ts';
import { any, definitions, OWN, parse, rare } from '../helpers/term.ts';

describe('references (R4 3.1.1.4.12 to .14)', () => {
  const to = (type: string, code: string, patient: boolean, ...targets: string[]) => ({
    kind: 'references',
    key: `${type}.${code}`,
    targets,
    patient,
  });
  const encounter = (...targets: string[]) => to('Procedure', 'encounter', false, ...targets);
  const below = (code: string, target: string, direction = 'below') => ({
    kind: 'hierarchy',
    type: 'Procedure',
    code,
    direction,
    target,
  });
  test.each([
    ['Procedure?encounter=1', encounter('Encounter/1')],
    ['Procedure?encounter=Encounter/1', encounter('Encounter/1')],
    [`Procedure?encounter=${OWN}/Encounter/1`, encounter('Encounter/1')],
    ['Procedure?encounter=Encounter/1/_history/2', encounter('Encounter/1')],
    ['Procedure?encounter=http://b.org/Encounter/1', encounter('http://b.org/Encounter/1')],
    [
      'Procedure?encounter=http://b.org/Encounter/1/_history/2',
      encounter('http://b.org/Encounter/1'),
    ],
    [
      'Procedure?encounter:Encounter=http://b.org/Encounter/1',
      encounter('http://b.org/Encounter/1'),
    ],
    ['Procedure?encounter=urn:uuid:1', encounter('urn:uuid:1')],
    ['Procedure?encounter=1,Encounter/2', encounter('Encounter/1', 'Encounter/2')],
    ['Procedure?patient=1', to('Procedure', 'patient', true, 'Patient/1')],
    ['Procedure?subject=1', to('Procedure', 'subject', false, 'Group/1', 'Patient/1')],
    ['Procedure?subject=Patient/1', to('Procedure', 'subject', true, 'Patient/1')],
    ['Procedure?subject:Patient=1', to('Procedure', 'subject', true, 'Patient/1')],
    ['Procedure?subject:Patient=Patient/1', to('Procedure', 'subject', true, 'Patient/1')],
    [
      'Procedure?subject:identifier=urn:s|1',
      rare(tokenExact(identifierKey('Procedure.subject'), 'urn:s', '1')),
    ],
    ['Procedure?location:below=42', below('location', 'Location/42')],
    ['Procedure?location:below=Location/42', below('location', 'Location/42')],
    ['Procedure?encounter:above=21', below('encounter', 'Encounter/21', 'above')],
    [
      'Procedure?location:above=1,2',
      any(below('location', 'Location/1', 'above'), below('location', 'Location/2', 'above')),
    ],
  ])('%s', (query, term) => {
    expect(parse(query)).toEqual(term);
  });

  test.each([
    ['http://b.org/q', ['http://b.org/q']],
    ['http://b.org/q|1', ['http://b.org/q|1']],
    ['q', ['Questionnaire/q']],
    [`${OWN}/Questionnaire/q`, ['Questionnaire/q', `${OWN}/Questionnaire/q`]],
    [`${OWN}/Questionnaire/q|1`, [`${OWN}/Questionnaire/q|1`]],
  ])('a canonical reference to %s', (value, targets) => {
    const term = to('QuestionnaireResponse', 'questionnaire', false, ...targets);
    expect(parse(`QuestionnaireResponse?questionnaire=${value}`)).toEqual(term);
  });

  test('every version of a canonical is below it', () => {
    const query = 'QuestionnaireResponse?questionnaire:below=http://b.org/q';
    const term = to('QuestionnaireResponse', 'questionnaire', false, 'http://b.org/q');
    expect(parse(query)).toEqual(term);
  });

  test.each([
    ['Procedure?subject=Nothing/1', 'it never refers to Nothing; possible: Group, Patient'],
    ['Observation?focus=Nothing/1', 'there is no resource type "Nothing"'],
    ['Procedure?subject:Patient=Group/1', '":Patient" and a reference to Group exclude'],
    [
      'Procedure?subject:Patient=http://b.org/Group/1',
      '":Patient" and a reference to Group exclude',
    ],
    ['Procedure?subject:Patient=http://b.org/a/1', 'is not of this server'],
    ['Procedure?subject=Patient/1|2', 'only these have a "|version"'],
    ['Procedure?subject=not a reference', 'is not a reference'],
    ['Procedure?subject=#a', 'is not a reference'],
    ['Procedure?location:below=http://b.org/Location/1', 'not of a type'],
    ['Task?subject:below=Patient/1', 'not of a type'],
    ['Task?subject:below=1', 'write Type/id'],
    ['QuestionnaireResponse?questionnaire:below=http://b.org/q|1', 'leave the version out'],
  ])('%s is refused', (query, message) => {
    expect(() => parse(query)).toThrow(TermProblem);
    expect(() => parse(query)).toThrow(message);
  });

  test.each([
    ['Location', 'partof'],
    ['Organization', 'partof'],
    ['Encounter', 'part-of'],
    ['Task', 'part-of'],
    ['Specimen', 'parent'],
    ['Patient', undefined],
    ['Observation', undefined],
  ])('%s are parts of each other by %s', (type, code) => {
    expect(hierarchyParam(definitions, type)?.code).toBe(code);
  });
});
