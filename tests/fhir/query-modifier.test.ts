import { describe, expect, test } from 'vitest';
import { modifiersOf, parseTerm, TermProblem } from '../../server/fhir/query-terms.ts';
import { paramOf as defOf, options } from '../helpers/term.ts';

function paramOf(path: string) {
  const [type = '', code = ''] = path.split('.');
  return { type, def: defOf(type, code) };
}

const parse = (path: string, modifier: string, value: string) =>
  parseTerm({ ...paramOf(path), modifier }, value, options);

function problemOf(path: string, modifier: string, value: string): TermProblem {
  try {
    parse(path, modifier, value);
  } catch (error) {
    if (error instanceof TermProblem) return error;
    throw error;
  }
  throw new Error(`${path}:${modifier}=${value} is taken`);
}

/** A value that each modifier takes on some parameter. */
const VALUES: Record<string, string> = {
  missing: 'true',
  exact: 'Eve',
  contains: 'eve',
  text: 'eve',
  not: 'male',
  in: 'http://example.org/ValueSet/a',
  'not-in': 'http://example.org/ValueSet/a',
  above: 'http://example.org/a',
  below: 'http://example.org/a',
  'of-type': 'urn:types|MR|1',
  identifier: 'urn:mrn|1',
  Patient: '1',
  nothing: '1',
};

const CODED = 'missing not in not-in above below';
const CONCEPT = `${CODED} text`;

/** Every type of parameter, with each type of value that makes a difference (R4 3.1.1.4.4). */
const TAKEN: [path: string, modifiers: string][] = [
  ['Patient.family', 'missing exact contains text'],
  ['Patient.phonetic', 'missing exact contains text'],
  ['Patient.birthdate', 'missing'],
  ['Patient._lastUpdated', 'missing'],
  ['RiskAssessment.probability', 'missing'],
  ['Observation.value-quantity', 'missing'],
  ['Patient._source', 'missing above below'],
  ['Patient._profile', 'missing above below'],
  ['ValueSet.url', 'missing above below'],
  ['Observation.code', CONCEPT],
  ['Observation.combo-code', CONCEPT],
  ['Patient._tag', CONCEPT],
  ['Patient._security', CONCEPT],
  ['Patient.gender', CODED],
  ['Group.value', CONCEPT],
  ['Patient.identifier', 'missing not text of-type'],
  ['Patient.active', 'missing not'],
  ['Patient.telecom', 'missing not'],
  ['ValueSet.version', 'missing not'],
  ['Patient._id', 'missing not'],
  ['Procedure.location', 'missing identifier above below'],
  ['Procedure.patient', 'missing identifier Patient'],
  ['QuestionnaireResponse.questionnaire', 'missing below'],
  ['Library.depends-on', 'missing below Patient'],
  ['Bundle.message', 'missing'],
  ['Task.subject', 'missing identifier above below Patient'],
  ['Observation.code-value-quantity', ''],
  ['Observation.component-code-value-concept', ''],
  ['Location.near', 'missing'],
  ['Patient._text', ''],
  ['Patient._content', ''],
  ['Patient._query', ''],
  ['Patient._filter', ''],
];

/** Where the value of the table above is not one for the type. */
const OTHER_VALUES: Record<string, string> = {
  'Procedure.location above': 'Location/1',
  'Procedure.location below': 'Location/1',
  'Task.subject above': 'Location/1',
  'Task.subject below': 'Location/1',
};

const cases = TAKEN.flatMap(([path, taken]) =>
  Object.entries(VALUES).map(([modifier, value]) => {
    const token = paramOf(path).def.type === 'token' && /^(above|below)$/.test(modifier);
    const own = OTHER_VALUES[`${path} ${modifier}`] ?? (token ? 'urn:s|a' : value);
    return { path, modifier, value: own, taken: taken.split(' ').includes(modifier) };
  }),
);

describe('modifiers', () => {
  test.each(cases.filter((one) => one.taken))(
    '$path:$modifier is taken',
    ({ path, modifier, value }) => {
      expect(parse(path, modifier, value).kind).toMatch(/\w/);
    },
  );

  test.each(cases.filter((one) => !one.taken && one.modifier !== 'Patient'))(
    '$path:$modifier is refused, with what may be had',
    ({ path, modifier, value }) => {
      const { unsupported, message } = problemOf(path, modifier, value);
      const { def } = paramOf(path);
      expect(unsupported).toBe(true);
      expect(message).toContain(`":${modifier}" is not supported on "${def.code}", a ${def.type}`);
      const taken = modifiersOf({ ...paramOf(path), options });
      for (const name of taken) expect(message).toContain(`:${name}`);
      if (taken.length === 0) expect(message).toMatch(/takes (no modifier|a type)/);
    },
  );

  test.each([
    ['Procedure.location', 'it never refers to Patient; possible: Location'],
    ['Bundle.message', 'it never refers to Patient; possible: MessageHeader'],
  ])('%s:Patient is refused: no such target', (path, message) => {
    expect(problemOf(path, 'Patient', '1')).toMatchObject({ message, unsupported: false });
  });

  test('a type is no modifier of other parameters', () => {
    expect(problemOf('Patient.family', 'Patient', '1').unsupported).toBe(true);
  });
});

describe(':missing', () => {
  test.each([
    ['Patient.birthdate', ['birthdate']],
    ['Patient.phonetic', ['name']],
    ['Observation.combo-code', ['code', 'component-code']],
    ['Patient._tag', ['_tag']],
    ['Patient._profile', ['_profile']],
    ['Location.near', ['near']],
    ['Procedure.location', ['location']],
  ])('of %s asks for a value of %j', (path, codes) => {
    const [type] = path.split('.');
    const present = { kind: 'present', type, codes };
    expect(parse(path, 'missing', 'false')).toEqual(present);
    expect(parse(path, 'missing', 'true')).toEqual({ kind: 'not', term: present });
  });

  test.each(['Patient._id', 'Patient._lastUpdated'])('%s is never missing', (path) => {
    expect(parse(path, 'missing', 'true')).toEqual({ kind: 'any', terms: [] });
    expect(parse(path, 'missing', 'false')).toEqual({ kind: 'all', terms: [] });
  });

  test.each(['yes', 'TRUE', 'true,false', 'true,true', '1'])('refuses "%s"', (value) => {
    const problem = problemOf('Patient.gender', 'missing', value);
    expect(problem.unsupported).toBe(false);
    expect(problem.message).toContain(`either true or false, not "${value}"`);
  });
});
