import { describe, expect, test } from 'vitest';
import { codesTerm, TermProblem } from '../../server/fhir/query-terms.ts';
import {
  ofTypeTerm,
  tokenAny,
  tokenExact,
  tokenSystem,
  tokenTextKey,
} from '../../server/fhir/terms.ts';
import { any, not, OWN, options, paramOf, parse, rare, texts, words } from '../helpers/term.ts';

const CODE = 'Observation.code';
const GENDER = 'Patient.gender';
const ID = 'Patient.identifier';
const SEX = 'http://hl7.org/fhir/administrative-gender';
const codes = (type: string, code: string, of: object) => ({ kind: 'codes', type, code, of });

describe('tokens (R4 3.1.1.4.10)', () => {
  test.each([
    ['Observation?code=a', words(tokenAny(CODE, 'a'))],
    ['Observation?code=urn:s|a', words(tokenExact(CODE, 'urn:s', 'a'))],
    ['Observation?code=|a', words(tokenExact(CODE, '', 'a'))],
    ['Observation?code=urn:s|', words(tokenSystem(CODE, 'urn:s'))],
    ['Observation?code=a,urn:s|b', words(tokenAny(CODE, 'a'), tokenExact(CODE, 'urn:s', 'b'))],
    ['Observation?code=a\\|b\\,c\\$d\\\\e', words(tokenAny(CODE, 'a|b,c$d\\e'))],
    ['Patient?identifier=urn:s|1', rare(tokenExact(ID, 'urn:s', '1'))],
    ['Patient?identifier=urn:s|', words(tokenSystem(ID, 'urn:s'))],
    ['Patient?_tag=urn:s|a', words(tokenExact('_tag', 'urn:s', 'a'))],
    ['Patient?gender=male', words(tokenAny(GENDER, 'male'))],
    ['Patient?gender=|male', words(tokenAny(GENDER, 'male'))],
    [`Patient?gender=${SEX}|MALE`, words(tokenAny(GENDER, 'male'))],
    ['Patient?gender=urn:other|male', words()],
    [
      `Patient?gender=${SEX}|`,
      words(...['female', 'male', 'other', 'unknown'].map((one) => tokenAny(GENDER, one))),
    ],
    ['Patient?active=true', words(tokenAny('Patient.active', 'true'))],
    ['Patient?phone=phone|1', words(tokenExact('Patient.phone', 'phone', '1'))],
    [
      'Observation?combo-code=a',
      words(tokenAny(CODE, 'a'), tokenAny('Observation.component-code', 'a')),
    ],
    ['Patient?gender:not=male', not(words(tokenAny(GENDER, 'male')))],
    [
      'Observation?code:not=urn:s|a,b',
      not(words(tokenExact(CODE, 'urn:s', 'a'), tokenAny(CODE, 'b'))),
    ],
    ['Observation?code:text=  Kopf  Schmérz', texts([tokenTextKey(CODE)], 'kopf schmerz')],
    ['Observation?code:text=this,that', texts([tokenTextKey(CODE)], 'this', 'that')],
    [
      'Observation?combo-code:text=a',
      texts([tokenTextKey(CODE), tokenTextKey('Observation.component-code')], 'a'),
    ],
    ['Patient?identifier:of-type=urn:t|MR|1', rare(ofTypeTerm(ID, 'urn:t', 'MR', '1'))],
    [
      'Patient?identifier:of-type=urn:t|MR|1\\|2,urn:t|SS|3',
      rare(ofTypeTerm(ID, 'urn:t', 'MR', '1|2'), ofTypeTerm(ID, 'urn:t', 'SS', '3')),
    ],
  ])('%s', (query, term) => {
    expect(parse(query)).toEqual(term);
  });

  const VS = 'http://example.org/ValueSet/a';
  test.each([
    [`Observation?code:in=${VS}`, codes('Observation', 'code', { valueSet: VS })],
    [`Observation?code:in=${VS}|1.0`, codes('Observation', 'code', { valueSet: `${VS}|1.0` })],
    ['Observation?code:in=ValueSet/a', codes('Observation', 'code', { valueSet: 'ValueSet/a' })],
    [
      `Observation?code:in=${OWN}/ValueSet/a`,
      codes('Observation', 'code', { valueSet: 'ValueSet/a' }),
    ],
    [
      'Observation?code:in=http://snomed.info/sct?fhir_vs=isa/126851005',
      codes('Observation', 'code', { valueSet: 'http://snomed.info/sct?fhir_vs=isa/126851005' }),
    ],
    ['Patient?gender:in=urn:oid:1.2', codes('Patient', 'gender', { valueSet: 'urn:oid:1.2' })],
    [
      `Observation?code:in=${VS},ValueSet/b`,
      any(
        codes('Observation', 'code', { valueSet: VS }),
        codes('Observation', 'code', { valueSet: 'ValueSet/b' }),
      ),
    ],
    ['Patient?_tag:in=ValueSet/a', codes('Resource', '_tag', { valueSet: 'ValueSet/a' })],
    [`Observation?code:not-in=${VS}`, not(codes('Observation', 'code', { valueSet: VS }))],
    [
      'Observation?code:not-in=ValueSet/a,ValueSet/b',
      not(
        any(
          codes('Observation', 'code', { valueSet: 'ValueSet/a' }),
          codes('Observation', 'code', { valueSet: 'ValueSet/b' }),
        ),
      ),
    ],
    [
      'Observation?code:below=urn:s|a',
      codes('Observation', 'code', { direction: 'below', system: 'urn:s', code: 'a' }),
    ],
    [
      'Observation?combo-code:above=urn:s|a',
      codes('Observation', 'combo-code', { direction: 'above', system: 'urn:s', code: 'a' }),
    ],
    [
      'Patient?gender:below=other',
      codes('Patient', 'gender', { direction: 'below', system: SEX, code: 'other' }),
    ],
  ])('%s is to be looked up', (query, term) => {
    expect(parse(query)).toEqual(term);
  });

  test.each([
    ['Observation?code=a|b|c', 'more than one "|"'],
    ['Observation?code=|', '"|" alone means nothing'],
    ['Patient?gender=a|b|c', 'more than one "|"'],
    ['Observation?code=', 'empty value'],
    ['Observation?code=a,', 'empty value'],
    ['Observation?code:text=\u0301', 'no letters'],
    ['Observation?code:in=nothing', 'names no value set'],
    ['Observation?code:in=CodeSystem/a', 'names no value set'],
    ['Observation?code:in=ValueSet/a/_history/1', 'names no value set'],
    ['Observation?code:below=a', 'write system|code'],
    ['Observation?code:below=|a', 'write system|code'],
    ['Observation?code:below=urn:s|', 'write system|code'],
    ['Observation?code:above=a|b|c', 'write system|code'],
    ['Patient?gender:below=nothing', 'write system|code'],
    ['Patient?identifier:of-type=urn:t|MR', 'not system|code|value'],
    ['Patient?identifier:of-type=|MR|1', 'not system|code|value'],
    ['Patient?identifier:of-type=urn:t||1', 'not system|code|value'],
    ['Patient?identifier:of-type=urn:t|MR|', 'not system|code|value'],
    ['Patient?identifier:of-type=a|b|c|d', 'not system|code|value'],
  ])('%s is refused', (query, message) => {
    expect(() => parse(query)).toThrow(TermProblem);
    expect(() => parse(query)).toThrow(message);
  });
});

describe('codesTerm()', () => {
  const SNOMED = 'http://snomed.info/sct';
  test.each([
    ['Observation', 'code', [{ system: SNOMED, code: 'A' }], [tokenExact(CODE, SNOMED, 'A')]],
    ['Observation', 'code', [{ code: 'A' }], [tokenAny(CODE, 'A')]],
    ['Observation', 'code', [], []],
    [
      'Observation',
      'combo-code',
      [{ system: SNOMED, code: 'A' }],
      [CODE, 'Observation.component-code'].map((key) => tokenExact(key, SNOMED, 'A')),
    ],
    ['Patient', 'gender', [{ system: SEX, code: 'male' }], [tokenAny(GENDER, 'male')]],
    ['Patient', 'gender', [{ system: SNOMED, code: 'male' }], []],
    ['Patient', 'gender', [{ code: 'male' }], [tokenAny(GENDER, 'male')]],
    [
      'DocumentReference',
      'contenttype',
      [{ system: 'urn:ietf:bcp:13', code: 'text/xml' }],
      [tokenAny('DocumentReference.contenttype', 'text/xml')],
    ],
  ])('files %s.%s with %j as the index does', (type, code, list, expected) => {
    expect(codesTerm(type, paramOf(type, code), list, options)).toEqual(words(...expected));
  });
});
