import { describe, expect, test } from 'vitest';
import { createExtractor, type Extracted } from '../../server/fhir/extract.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';

const definitions = loadDefinitions();
const extractor = createExtractor(definitions);

const of = (resourceType: string, body: JsonObject): Extracted =>
  extractor.extract({ resourceType, ...body } as Resource);

const rows = <T extends { key: string }>(list: readonly T[], key: string): Omit<T, 'key'>[] =>
  list.filter((row) => row.key === key).map(({ key: _, ...rest }) => rest);

const valuesOf = (found: Extracted, key: string): string[] =>
  rows(found.strings, key).flatMap(({ value, part }) => (part ? [] : [value]));

describe('extract() strings', () => {
  test('file every part of names and addresses, folded, once', () => {
    const found = of('Patient', {
      name: [{ text: 'Zoë  MÜLLER', family: 'Müller', given: ['Zoë', 'Ann'], prefix: ['Dr.'] }],
      address: [{ line: ['1 Main St'], city: 'Ulm', district: 'Ulm', postalCode: '89073' }],
    });
    const values = (key: string) => valuesOf(found, key);
    expect(values('Patient.name')).toEqual(['zoe muller', 'muller', 'zoe', 'ann', 'dr.']);
    expect(values('Patient.given')).toEqual(['zoe', 'ann']);
    expect(values('Patient.address')).toEqual(['1 main st', 'ulm']);
    expect(values('Patient.address-postalcode')).toEqual(['89073']);
  });

  test('keep the parts of an address together where they have no parameters of their own', () => {
    const address = { city: 'Ulm', country: 'DE' };
    const home = { code: 'home', type: 'string', expression: 'Patient.address' } as const;
    const own = createExtractor({
      ...definitions,
      searchParams: () => new Map([['home', { ...home, url: 'http://x.test/home' }]]),
    });
    const found = own.extract({ resourceType: 'Patient', address: [address] });
    expect(valuesOf(found, 'Patient.home')).toEqual(['ulm', 'de']);
  });

  test.each([
    ['Anna', []],
    ['van der Berg', ['der berg', 'berg']],
    ['Meyer-Landrut', ['landrut']],
    ['- a -  b -', ['a - b -', 'b -']],
    ['a b c d e f g h i j', ['b', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['no no no', ['no no', 'no']],
  ])('are found by the words of %j', (family, starts) => {
    const found = of('Patient', { name: [{ family }] });
    const parts = rows(found.strings, 'Patient.family').filter((row) => row.part);
    const [whole] = rows(found.strings, 'Patient.family');
    expect(parts.map(({ value }) => value)).toHaveLength(starts.length);
    for (const [i, { value, original }] of parts.entries()) {
      expect(value.startsWith(starts[i] as string)).toBe(true);
      expect(whole?.value.endsWith(value)).toBe(true);
      expect(original).toBeUndefined();
    }
  });

  test('leave out parts that stand there as values', () => {
    const found = of('Patient', { name: [{ text: 'Peter Chalmers', family: 'Chalmers' }] });
    const parts = rows(found.strings, 'Patient.name').filter((row) => row.part);
    expect(parts).toEqual([]);
  });

  test.each([
    ['anna', undefined],
    ['Anna', 'Anna'],
    [' anna', ' anna'],
    ['x'.repeat(501), 'x'.repeat(501)],
    ['x'.repeat(900), 'x'.repeat(501)],
    ['x'.repeat(500), undefined],
  ])('keep the spelling of %j', (name, original) => {
    const [row] = of('Organization', { name }).strings;
    expect(row?.original).toBe(original);
  });

  test('keep two spellings of one value', () => {
    const found = of('Patient', { name: [{ family: 'SMITH' }, { family: 'Smith' }] });
    const spelt = rows(found.strings, 'Patient.family').map((row) => row.original);
    expect(spelt).toEqual(['SMITH', 'Smith']);
  });

  test('keep five hundred characters at most', () => {
    const found = of('Organization', { name: '한'.repeat(5000) });
    expect(rows(found.strings, 'Organization.name')[0]?.value).toHaveLength(500);
  });
});
