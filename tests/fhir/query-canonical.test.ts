import { describe, expect, it, test } from 'vitest';
import { canonicalTargets } from '../../server/fhir/extract-reference.ts';
import {
  canonicalsOf,
  canonicalTypes,
  fittingTargets,
  mayBeCanonical,
  namedBy,
} from '../../server/fhir/query-canonical.ts';
import { definitions } from '../helpers/store.ts';
import { paramOf } from '../helpers/term.ts';

const url = 'http://x.org/q';

test.each([
  ['QuestionnaireResponse.questionnaire', true],
  ['ConceptMap.source-uri', true],
  ['PlanDefinition.depends-on', true],
  ['Observation.subject', false],
  ['Observation.code', false],
  ['Observation.value-concept', false],
])('mayBeCanonical() tells of %s: %s', (path, expected) => {
  const [type = '', code = ''] = path.split('.');
  expect(mayBeCanonical(definitions, type, paramOf(type, code))).toBe(expected);
});

test('canonicalTypes() leaves out what has no canonical url', () => {
  const types = ['Patient', 'Questionnaire', 'Device', 'DeviceDefinition', 'Library'];
  expect(canonicalTypes(definitions, types)).toEqual(['Questionnaire', 'Library']);
});

describe('fittingTargets()', () => {
  it.each([
    [{ url, version: '1' }, [`${url}|1`, `${url}|`]],
    [{ url }, [`${url}|`]],
  ])('of %j are %j', (named, targets) => expect(fittingTargets(named)).toEqual(targets));

  it('are those of a reference with the version in the index', () => {
    expect(canonicalsOf(canonicalTargets(`${url}|1#part`, []))).toEqual([`${url}|1`]);
    expect(namedBy(`${url}|1`)).toEqual({ url, version: '1' });
    expect(namedBy(`${url}|`)).toEqual({ url });
  });
});
