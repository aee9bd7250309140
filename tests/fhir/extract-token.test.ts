import { describe, expect, test } from 'vitest';
import { createExtractor, type Extracted } from '../../server/fhir/extract.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import {
  ofTypeTerm,
  textWord,
  tokenTerms,
  tokenTextKey,
  uriTextKey,
} from '../../server/fhir/terms.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';

const definitions = loadDefinitions();
const extractor = createExtractor(definitions);

const of = (resourceType: string, body: JsonObject): Extracted =>
  extractor.extract({ resourceType, ...body } as Resource);

const rows = <T extends { key: string }>(list: readonly T[], key: string): Omit<T, 'key'>[] =>
  list.filter((row) => row.key === key).map(({ key: _, ...rest }) => rest);

const LOINC = 'http://loinc.org';

describe('extract() texts', () => {
  const display = 'Systolic  Pressure';
  const TEXTS: [what: string, type: string, body: JsonObject, key: string, expected: string[]][] = [
    [
      'a concept by its text and its displays',
      'Observation',
      { code: { text: 'Blóod', coding: [{ code: 'a', display }, { display: 'Other' }] } },
      tokenTextKey('Observation.code'),
      ['systolic pressure', 'other', 'blood'],
    ],
    [
      'equal texts once',
      'Observation',
      { code: { text: display, coding: [{ display }, { display: 'systolic pressure' }] } },
      tokenTextKey('Observation.code'),
      ['systolic pressure'],
    ],
    [
      'a coding by its display',
      'Encounter',
      { class: { code: 'AMB', display: 'Ambulatory' } },
      tokenTextKey('Encounter.class'),
      ['ambulatory'],
    ],
    [
      'an identifier by the text of its type',
      'Patient',
      { identifier: [{ value: '1', type: { text: 'Record Number' } }] },
      tokenTextKey('Patient.identifier'),
      ['record number'],
    ],
    [
      'a uri as it is, with its version',
      'Patient',
      { meta: { profile: ['http://X.test/p|1'] } },
      uriTextKey('_profile'),
      ['http://X.test/p|1'],
    ],
    [
      'no more than five hundred characters',
      'Observation',
      { code: { text: 'x'.repeat(5000) } },
      tokenTextKey('Observation.code'),
      ['x'.repeat(500)],
    ],
    [
      'no text without letters',
      'Observation',
      { code: { text: ' ' } },
      tokenTextKey('Observation.code'),
      [],
    ],
  ];
  test.each(TEXTS)('file %s', (_what, type, body, key, expected) => {
    expect(rows(of(type, body).texts, key).map(({ value }) => value)).toEqual(expected);
  });

  test('file the uri under the word that finds it', () => {
    const { texts, tokens } = of('ValueSet', { url: 'http://x.test/VS' });
    expect(texts.map(({ key, value }) => textWord(key, value))).toEqual(tokens);
  });

  test('hold nothing of the components of composites', () => {
    const code = { coding: [{ system: LOINC, code: '8480-6', display }] };
    const component = [{ code, valueQuantity: { value: 1 } }];
    const keys = of('Observation', { component }).texts.map(({ key }) => key);
    expect(keys).toEqual([tokenTextKey('Observation.component-code')]);
  });
});

describe('extract() identifiers', () => {
  test('file the value with each coding of the type', () => {
    const coding = [{ system: 'urn:t', code: 'MR' }, { code: 'X' }, { system: 'urn:none' }];
    const { tokens } = of('Location', { identifier: [{ value: 'A1', type: { coding } }] });
    const key = 'Location.identifier';
    expect(tokens).toEqual([
      ...tokenTerms(key, undefined, 'A1'),
      ofTypeTerm(key, 'urn:t', 'MR', 'a1'),
      ofTypeTerm(key, '', 'X', 'A1'),
    ]);
  });
});

describe('extract() presence', () => {
  // The expression of `deceased` says false of whoever is not known to be dead.
  test.each<[type: string, body: JsonObject, codes: string[]]>([
    ['Organization', {}, []],
    ['Organization', { language: 'de', text: { status: 'empty', div: '<div/>' } }, []],
    [
      'Patient',
      { birthDate: '2000', active: false, name: [{ family: 'A' }] },
      ['active', 'birthdate', 'deceased', 'family', 'name'],
    ],
    [
      'Patient',
      { address: [{ city: 'Ulm' }], meta: { tag: [{ code: 't' }] } },
      ['_tag', 'address-city', 'deceased'],
    ],
    ['Organization', { partOf: { display: 'Somebody' } }, []],
    [
      'Observation',
      { code: { text: 'only text' }, subject: { reference: 'Patient/1' } },
      ['code', 'patient', 'subject'],
    ],
    ['Location', { position: { latitude: 48.4, longitude: 9.9 } }, ['near']],
  ])('of %s %j is %j', (type, body, codes) => {
    expect(of(type, body).present).toEqual(codes);
  });
});

describe('extract() places', () => {
  test('file latitude and longitude in one row', () => {
    const { numbers } = of('Location', { position: { latitude: 48.4, longitude: -9.9 } });
    expect(numbers).toEqual([{ key: 'Location.near', lo: 48.4, hi: -9.9 }]);
  });
});
