import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dateRange, MAX_MS } from '../../server/fhir/date.ts';
import type { Definitions, SearchParamDef } from '../../server/fhir/definitions.ts';
import { createExtractor, type Extracted } from '../../server/fhir/extract.ts';
import { parseResource } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import {
  identifierKey,
  tokenAny,
  tokenExact,
  tokenSystem,
  tokenTerms,
  uriTerm,
} from '../../server/fhir/terms.ts';
import type { JsonObject, Resource } from '../../server/fhir/types.ts';

const definitions = loadDefinitions();
const extractor = createExtractor(definitions, { bases: ['https://kiln.test/fhir/'] });

const LOINC = 'http://loinc.org';

const of = (resourceType: string, body: JsonObject): Extracted =>
  extractor.extract({ resourceType, ...body } as Resource);

/** The words of one parameter: its key and a separator that no code starts with. */
const words = (found: Extracted, key: string): string[] =>
  found.tokens.filter((word) => word.startsWith(key) && !/[\w:$-]/.test(word.charAt(key.length)));

const rows = <T extends { key: string }>(list: readonly T[], key: string): Omit<T, 'key'>[] =>
  list.filter((row) => row.key === key).map(({ key: _, ...rest }) => rest);

const day = (text: string) => dateRange(text);

const withParams = (...params: SearchParamDef[]): Definitions => ({
  ...definitions,
  searchParams: (type) =>
    new Map(type === 'Patient' ? params.map((param) => [param.code, param]) : []),
});
const param = (code: string, type: SearchParamDef['type'], expression: string): SearchParamDef => ({
  ...{ code, type, expression },
  url: `http://x.test/${code}`,
});

describe('extract() tokens', () => {
  const coding = { system: LOINC, code: '8480-6' };
  const TOKENS: [what: string, type: string, body: JsonObject, key: string, expected: string[]][] =
    [
      [
        'a coding with and without its system, and the system',
        'Observation',
        { code: { coding: [coding] } },
        'Observation.code',
        [
          tokenExact('Observation.code', LOINC, '8480-6'),
          tokenAny('Observation.code', '8480-6'),
          tokenSystem('Observation.code', LOINC),
        ],
      ],
      [
        'equal codings once',
        'Observation',
        { code: { coding: [coding, coding] } },
        'Observation.code',
        tokenTerms('Observation.code', LOINC, '8480-6'),
      ],
      [
        'a code by one word, as it has no system of its own',
        'Patient',
        { gender: 'female' },
        'Patient.gender',
        [tokenAny('Patient.gender', 'female')],
      ],
      [
        'an identifier by system and value',
        'Patient',
        { identifier: [{ system: 'urn:mrn', value: 'A1' }, { value: 'B2' }] },
        'Patient.identifier',
        [
          ...tokenTerms('Patient.identifier', 'urn:mrn', 'a1'),
          ...tokenTerms('Patient.identifier', undefined, 'b2'),
        ],
      ],
      [
        'a contact point by value, and by its system',
        'Patient',
        { telecom: [{ system: 'phone', value: '555' }] },
        'Patient.phone',
        [
          ...tokenTerms('Patient.phone', undefined, '555'),
          ...tokenTerms('Patient.phone', 'phone', '555'),
        ],
      ],
      [
        'a boolean',
        'Patient',
        { active: true },
        'Patient.active',
        [tokenAny('Patient.active', 'true')],
      ],
      [
        'a date of death as a boolean',
        'Patient',
        { deceasedDateTime: '2020' },
        'Patient.deceased',
        [tokenAny('Patient.deceased', 'true')],
      ],
      [
        'a tag under the key that all types share',
        'Patient',
        { meta: { tag: [{ code: 't' }] } },
        '_tag',
        tokenTerms('_tag', undefined, 't'),
      ],
      [
        'a profile with and without version',
        'Patient',
        { meta: { profile: ['http://x.test/p|1'] } },
        '_profile',
        [uriTerm('_profile', 'http://x.test/p|1'), uriTerm('_profile', 'http://x.test/p')],
      ],
      [
        'a uri as it is',
        'ValueSet',
        { url: 'http://x.test/VS' },
        'ValueSet.url',
        [uriTerm('ValueSet.url', 'http://x.test/VS')],
      ],
    ];

  test.each(TOKENS)('file %s', (_, type, body, key, expected) => {
    const found = words(of(type, body), key);
    expect(found.sort()).toEqual([...new Set(expected)].sort());
  });

  test('are distinct among hundreds', () => {
    const tag = Array.from({ length: 200 }, (_, i) => ({ system: 's', code: `c${i % 50}` }));
    const found = words(of('Patient', { meta: { tag } }), '_tag');
    expect(found).toHaveLength(101);
  });

  test('leave out what others stand for, and columns', () => {
    const body = {
      id: 'o',
      meta: { lastUpdated: '2020-01-01T00:00:00Z' },
      code: { coding: [coding] },
    };
    const found = of('Observation', body);
    expect(words(found, 'Observation.combo-code')).toEqual([]);
    expect(words(found, '_id')).toEqual([]);
    expect(found.dates).toEqual([]);
  });
});

describe('extract() references', () => {
  const KEY = 'Observation.performer';
  test.each([
    ['Practitioner/1', ['Practitioner/1']],
    ['Practitioner/1/_history/3', ['Practitioner/1']],
    ['https://kiln.test/fhir/Practitioner/1', ['Practitioner/1']],
    ['https://kiln.test/fhir/Practitioner/1/_history/2', ['Practitioner/1']],
    ['https://other.test/fhir/Practitioner/1', ['https://other.test/fhir/Practitioner/1']],
    ['https://other.test/Practitioner/1/_history/2', ['https://other.test/Practitioner/1']],
    [
      'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
      ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
    ],
    ['#contained', []],
    ['Practitioner?identifier=1', []],
  ])('file %s under %j', (reference, targets) => {
    const found = of('Observation', { performer: [{ reference }, { reference }] });
    expect(rows(found.references, KEY).map((row) => row.target)).toEqual(targets);
  });

  test('file a canonical without and with its version', () => {
    const found = of('Measure', { library: ['http://x.test/L|2', 'http://x.test/M'] });
    expect(rows(found.references, 'Measure.depends-on').map((row) => row.target)).toEqual([
      'http://x.test/L',
      'http://x.test/L|2',
      'http://x.test/M',
      'http://x.test/M|',
    ]);
  });

  test('file a logical reference under the identifier key', () => {
    const found = of('Observation', { subject: { identifier: { system: 's', value: 'v' } } });
    const key = identifierKey('Observation.subject');
    expect(words(found, key)).toEqual(tokenTerms(key, 's', 'v'));
    expect(found.references).toEqual([]);
  });

  test('of one parameter are found alone', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      subject: { reference: 'Patient/1' },
      performer: [{ reference: 'Practitioner/2' }],
    };
    expect(extractor.references(resource, 'performer')).toEqual(['Practitioner/2']);
    expect(extractor.references(resource, 'code')).toEqual([]);
    expect(extractor.references(resource, 'nonsense')).toEqual([]);
  });

  test('name the first resource of a document', () => {
    const entry = [{ resource: { resourceType: 'Composition', id: 'c' } }];
    expect(rows(of('Bundle', { entry }).references, 'Bundle.composition')).toEqual([
      { target: 'Composition/c' },
    ]);
  });
});

describe('extract() of contained resources', () => {
  const medication = { resourceType: 'Medication', id: 'm', manufacturer: { reference: '#o' } };
  const order = (...contained: JsonObject[]) =>
    of('MedicationRequest', { contained, medicationReference: { reference: '#m' } });

  test('goes on from one contained resource to another', () => {
    const maker = { resourceType: 'Organization', id: 'o', name: 'Maker' };
    const key = 'MedicationRequest.medication>Medication.manufacturer>Organization.name';
    const { strings, tokens } = order(medication, maker);
    expect(strings.map((row) => row.key)).toContain(key);
    expect(tokens).toContain('MedicationRequest.medication>Medication');
    expect(tokens).toContain('MedicationRequest.medication>Medication?manufacturer');
  });

  test('comes to an end where they refer to each other in a circle', () => {
    const other = { resourceType: 'Organization', id: 'o', partOf: { reference: '#o' } };
    const { tokens } = order(medication, other);
    expect(tokens.filter((word) => word.endsWith('>Organization'))).toHaveLength(2);
  });
});

describe('extract() ranges', () => {
  const UCUM = 'http://unitsofmeasure.org';
  const UNIT = { system: UCUM, code: 'mg', unit: 'mg' };

  test.each([
    ['5', 5, 5],
    ['1.00', 1, 1],
    ['1e3', 1000, 1000],
  ])('file the quantity %s as a point', (value, lo, hi) => {
    const text = `{"resourceType":"Observation","valueQuantity":{"value":${value},"unit":"mg","system":"${UCUM}","code":"mg"}}`;
    const found = extractor.extract(parseResource(Buffer.from(text)));
    expect(rows(found.numbers, 'Observation.value-quantity')).toEqual([{ lo, hi, unit: UNIT }]);
  });

  test.each([
    ['<', Number.NEGATIVE_INFINITY, 5 - 5e-10],
    ['<=', Number.NEGATIVE_INFINITY, 5],
    ['>=', 5, Number.POSITIVE_INFINITY],
    ['>', 5 + 5e-10, Number.POSITIVE_INFINITY],
  ])('open the side of a quantity %s 5', (comparator, lo, hi) => {
    const found = of('Observation', { valueQuantity: { value: 5, comparator } });
    expect(rows(found.numbers, 'Observation.value-quantity')).toEqual([{ lo, hi }]);
  });

  test('file money under its currency and ranges by their ends', () => {
    const money = of('Invoice', { totalNet: { value: 7, currency: 'EUR' } });
    const unit = { system: 'urn:iso:std:iso:4217', code: 'EUR' };
    expect(rows(money.numbers, 'Invoice.totalnet')).toEqual([{ lo: 7, hi: 7, unit }]);
    const onset = of('Condition', { onsetRange: { low: { value: 3, unit: 'a' } } });
    expect(rows(onset.numbers, 'Condition.onset-age')).toEqual([
      { lo: 3, hi: Number.POSITIVE_INFINITY, unit: { unit: 'a' } },
    ]);
  });

  test.each([
    ['its least and greatest point', { data: '3 -1 E 2' }, -1, 3],
    ['its points from the origin on, by the factor', { data: '1 3', factor: 0.1 }, 0.1, 0.3],
    ['no end above where a point was too high', { data: '1 U 3' }, 1, Number.POSITIVE_INFINITY],
    ['no end below where a point was too low', { data: 'L 3' }, Number.NEGATIVE_INFINITY, 3],
  ])('file sampled data by %s', (_, data, lo, hi) => {
    const valueSampledData = { origin: { value: 0, unit: 'mV' }, period: 10, ...data };
    const found = of('Observation', { valueSampledData });
    const unit = { unit: 'mV' };
    expect(rows(found.numbers, 'Observation.value-quantity')).toEqual([{ lo, hi, unit }]);
    expect(found.present).toContain('value-quantity');
  });

  test.each([
    ['no data', {}],
    ['only errors', { data: 'E E' }],
  ])('file nothing of sampled data with %s', (_, data) => {
    const valueSampledData = { origin: { value: 0 }, period: 10, ...data };
    const found = of('Observation', { valueSampledData });
    expect(rows(found.numbers, 'Observation.value-quantity')).toEqual([]);
  });

  test('file the main date and patient apart', () => {
    const found = of('Observation', {
      effectivePeriod: { start: '2020-01-01' },
      issued: '2020-02-02T00:00:00Z',
      valueDateTime: '2019',
      subject: { reference: 'https://kiln.test/fhir/Patient/9' },
    });
    expect(found.main).toEqual({
      patient: 'Patient/9',
      date: { lo: day('2020-01-01')?.lo, hi: MAX_MS },
    });
    expect(found.dates).toEqual([{ key: 'Observation.value-date', ...day('2019') }]);
  });

  test('take no patient from a subject of another type', () => {
    expect(of('Observation', { subject: { reference: 'Group/1' } }).main).toEqual({});
    expect(of('Patient', { id: '7' }).main.patient).toBe('Patient/7');
  });

  test('put dates without a zone into the zone of the server', () => {
    const local = createExtractor(definitions, { zone: 120 });
    const { main } = local.extract({
      resourceType: 'Observation',
      effectiveDateTime: '2020-01-01',
    });
    expect(main.date).toEqual(dateRange('2020-01-01', 120));
  });
});

describe('extract() with parameters of its own', () => {
  test('reads extensions with or without `.value`', () => {
    const get = "Patient.extension('http://x.test/race')";
    const own = createExtractor(
      withParams(param('a', 'token', get), param('b', 'token', `${get}.value`)),
    );
    const extension = [{ url: 'http://x.test/race', valueCoding: { system: 's', code: 'c' } }];
    const found = own.extract({ resourceType: 'Patient', extension });
    expect(words(found, 'Patient.a')).toEqual(tokenTerms('Patient.a', 's', 'c'));
    expect(words(found, 'Patient.b')).toEqual(tokenTerms('Patient.b', 's', 'c'));
  });

  test('falls back to fhirpath.js', () => {
    const time = "Patient.birthDate.extension('http://x.test/time')";
    const own = createExtractor(
      withParams(
        param('first', 'string', 'Patient.name.given.first()'),
        param('time', 'date', time),
        param('time-value', 'date', `${time}.value`),
      ),
    );
    const valueDateTime = '1970-01-01T01:02:03Z';
    const found = own.extract({
      resourceType: 'Patient',
      name: [{ given: ['Ann', 'Bea'] }],
      _birthDate: { extension: [{ url: 'http://x.test/time', valueDateTime }] },
    });
    expect(found.strings).toEqual([{ key: 'Patient.first', value: 'ann', original: 'Ann' }]);
    expect(found.dates).toEqual([
      { key: 'Patient.time', ...dateRange(valueDateTime) },
      { key: 'Patient.time-value', ...dateRange(valueDateTime) },
    ]);
  });

  test('sees a new parameter once told to forget', () => {
    const params: SearchParamDef[] = [];
    const own = createExtractor({
      ...definitions,
      searchParams: () => new Map(params.map((one) => [one.code, one])),
    });
    const resource: Resource = { resourceType: 'Patient', active: true };
    expect(own.extract(resource).tokens).toEqual([]);
    params.push(param('active', 'token', 'Patient.active'));
    expect(own.extract(resource).tokens).toEqual([]);
    own.forget('Patient');
    expect(own.extract(resource).tokens).toEqual([tokenAny('Patient.active', 'true')]);
  });
});

describe('extract() over all R4 examples', () => {
  test('files every one without a fault or a repeated word', () => {
    const folder = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);
    let count = 0;
    for (const file of readdirSync(folder)) {
      if (!/^[A-Z].*\.json$/.test(file) || /^(SearchP|ValueS|CodeS|StructureD)/.test(file))
        continue;
      const resource = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Resource;
      const { tokens } = extractor.extract(resource);
      expect(new Set(tokens).size, file).toBe(tokens.length);
      count += 1;
    }
    expect(count).toBeGreaterThan(500);
  });

  test('yields nothing for a type that does not exist', () => {
    expect(of('Nonsense', {}).tokens).toEqual([]);
  });
});
