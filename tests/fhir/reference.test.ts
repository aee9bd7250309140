import { describe, expect, test } from 'vitest';
import { isId, parseReference, type Reference } from '../../server/fhir/reference.ts';

const ID64 = 'a'.repeat(64);
const UUID = 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520';
const PATIENT = 'https://kiln.test/fhir/Patient/1';

const cases: [text: string, parsed: Reference][] = [
  ['Patient/1', { kind: 'relative', type: 'Patient', id: '1' }],
  [`Patient/${ID64}`, { kind: 'relative', type: 'Patient', id: ID64 }],
  ['Patient/a-b.C', { kind: 'relative', type: 'Patient', id: 'a-b.C' }],
  ['Patient/1/_history/2', { kind: 'relative', type: 'Patient', id: '1', version: '2' }],
  [PATIENT, { kind: 'absolute', url: PATIENT, type: 'Patient', id: '1' }],
  [
    `${PATIENT}/_history/3`,
    { kind: 'absolute', url: `${PATIENT}/_history/3`, type: 'Patient', id: '1', version: '3' },
  ],
  ['http://example.org/doc.pdf', { kind: 'absolute', url: 'http://example.org/doc.pdf' }],
  ['http://Patient/1', { kind: 'absolute', url: 'http://Patient/1' }],
  ['mailto:a@example.org', { kind: 'absolute', url: 'mailto:a@example.org' }],
  [UUID, { kind: 'urn', urn: UUID }],
  ['urn:oid:1.2.3', { kind: 'urn', urn: 'urn:oid:1.2.3' }],
  ['#org', { kind: 'fragment', id: 'org' }],
  ['#', { kind: 'fragment', id: '' }],
  [
    'Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|99',
    {
      kind: 'conditional',
      type: 'Practitioner',
      query: 'identifier=http://hl7.org/fhir/sid/us-npi|99',
    },
  ],
];

const invalid = [
  '',
  'Patient',
  'Patient/',
  '/Patient/1',
  'patient/1',
  '../Patient/1',
  'Patient/1/',
  'Patient/1 ',
  'Patient/a_b',
  `Patient/${ID64}a`,
  'Patient/1/_history/',
  'Patient/1/_history/a b',
  'Patient/1/name',
  'Patient?',
  'Patient?name=a b',
  '#a b',
  'http://example.org/a b',
  'urn:',
  ':x',
];

describe('parseReference()', () => {
  test.each(cases)('reads %s', (text, parsed) => {
    expect(parseReference(text)).toEqual(parsed);
  });

  test.each(invalid)('calls %j invalid', (text) => {
    expect(parseReference(text)).toEqual({ kind: 'invalid' });
  });

  test('makes an address below an own base relative', () => {
    const bases = ['https://kiln.test/fhir'];
    expect(parseReference(PATIENT, { bases })).toEqual({
      kind: 'relative',
      type: 'Patient',
      id: '1',
    });
    expect(parseReference('https://kiln.test/fhirPatient/1', { bases }).kind).toBe('absolute');
  });
});

test.each([
  ['abc', true],
  ['A-1.b', true],
  ['', false],
  ['a/b', false],
  ['ä', false],
  [`${ID64}a`, false],
])('isId() says of %j: %s', (text, expected) => {
  expect(isId(text)).toBe(expected);
});
