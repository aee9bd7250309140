import type { Resource } from '../../server/fhir/types.ts';

/**
 * The resources that the search cases are about, in the order in which they are stored. Small enough
 * to work the answer of a query out by hand.
 */
type Stored = Resource & { id: string };

const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';

const concept = (system: string, ...codes: string[]) => ({ coding: codes.map((code) => ({ system, code })) });
const ref = (reference: string) => ({ reference });
const ucum = (value: number, code: string, unit = code) => ({ value, unit, system: UCUM, code });
const tag = (...codes: string[]) => codes.map((code) => ({ system: 'urn:tags', code }));

function patients(base: string): Stored[] {
  return [
    {
      resourceType: 'Patient', id: 'p1', active: true, gender: 'male', birthDate: '1974-12-25',
      meta: { tag: tag('a', 'b'), source: 'urn:source:1', profile: ['http://example.org/p|1.0'], security: [{ system: 'urn:sec', code: 'R' }] },
      identifier: [{ system: 'urn:mrn', value: 'MRN001' }, { value: 'nosys' }],
      name: [
        { family: 'Müller', given: ['Jürgen', 'Hans'], prefix: ['Dr.'] },
        { family: 'Schmidt', text: 'Jürgen Schmidt' },
      ],
      telecom: [{ system: 'phone', value: '(03) 5555 6473' }, { system: 'email', value: 'j.mueller@example.org' }],
      address: [{ use: 'home', line: ['534 Erewhon St', 'Level 3'], city: 'PleasantVille', state: 'Vic', postalCode: '3999', country: 'AU' }],
      generalPractitioner: [ref('Practitioner/d1')], managingOrganization: ref('Organization/o1'),
    },
    {
      resourceType: 'Patient', id: 'p2', active: false, gender: 'female', birthDate: '1974-12', deceasedBoolean: true,
      meta: { tag: tag('b'), source: 'urn:source:2', profile: ['http://example.org/p'] },
      identifier: [{ system: 'urn:mrn', value: 'mrn002' }, { system: 'urn:other', value: 'MRN001' }],
      name: [{ family: 'Carreno Quinones', given: ['María'] }],
      communication: [{ language: concept('urn:ietf:bcp:47', 'es') }],
      generalPractitioner: [ref('Organization/o1'), ref('Practitioner/d2')],
    },
    {
      resourceType: 'Patient', id: 'p3', gender: 'other', birthDate: '1974', deceasedDateTime: '2015-02-14T13:42:00+10:00',
      identifier: [{ system: 'urn:esc', value: 'a|b,c$d\\e' }],
      name: [{ family: "O'Brien", given: ['Pat,Ann'] }],
    },
    {
      resourceType: 'Patient', id: 'p4', deceasedBoolean: false, name: [{ family: 'van der Berg', given: ['ANNA'] }],
      link: [{ other: ref('Patient/p1'), type: 'seealso' }],
    },
    {
      resourceType: 'Patient', id: 'p5', gender: 'male', birthDate: '1975-01-01', name: [{ family: 'Muller', given: ['Anna'] }],
      managingOrganization: ref(`${base}/Organization/o2`),
    },
  ];
}

const places: Stored[] = [
  { resourceType: 'Organization', id: 'o1', active: true, name: 'Burgers University Medical Center', alias: ['BUMC'], meta: { tag: tag('a') } },
  { resourceType: 'Organization', id: 'o2', active: false, name: 'Clinique Sainte-Thérèse', partOf: ref('Organization/o1') },
  { resourceType: 'Organization', id: 'o3', name: 'burg   hospital', partOf: ref('Organization/o2') },
  { resourceType: 'Practitioner', id: 'd1', name: [{ family: 'Careful', given: ['Adam'] }], identifier: [{ system: 'urn:npi', value: '23' }] },
  { resourceType: 'Practitioner', id: 'd2', name: [{ family: 'Tardy' }] },
  { resourceType: 'Location', id: 'l1', name: 'Ward 1', managingOrganization: ref('Organization/o1') },
  { resourceType: 'Device', id: 'x1', identifier: [{ value: 'pump-7' }] },
];

const visits: Stored[] = [
  {
    resourceType: 'Encounter', id: 'e1', status: 'finished', class: { system: ACT, code: 'AMB' }, subject: ref('Patient/p1'),
    period: { start: '2013-01-14T09:00:00Z', end: '2013-01-14T09:30:00Z' }, length: ucum(30, 'min'),
    participant: [{ individual: ref('Practitioner/d1') }], diagnosis: [{ condition: ref('Condition/c1') }],
    location: [{ location: ref('Location/l1'), period: { start: '2013-01-14', end: '2013-01-14' } }, { location: ref('Location/l1'), period: { start: '2013-03-01' } }],
    serviceProvider: ref('Organization/o1'),
  },
  {
    resourceType: 'Encounter', id: 'e2', status: 'in-progress', class: { system: ACT, code: 'IMP' }, subject: ref('Patient/p2'),
    period: { start: '2013-02-01' }, partOf: ref('Encounter/e1'), participant: [{ individual: ref('Practitioner/d2') }, { individual: ref('Practitioner/d1') }],
  },
  {
    resourceType: 'Appointment', id: 'a1', status: 'booked', start: '2013-12-10T09:00:00Z', end: '2013-12-10T11:00:00Z',
    participant: [{ actor: ref('Patient/p1'), status: 'accepted' }, { actor: ref('Practitioner/d1'), status: 'accepted' }, { actor: ref('Location/l1'), status: 'tentative' }],
  },
  {
    resourceType: 'Appointment', id: 'a2', status: 'booked', start: '2013-12-11T09:00:00+02:00', end: '2013-12-11T11:00:00+02:00',
    participant: [{ actor: ref('Patient/p2'), status: 'declined' }, { actor: ref('Patient/p1'), status: 'accepted' }],
  },
  { resourceType: 'Condition', id: 'c1', subject: ref('Patient/p1'), encounter: ref('Encounter/e1/_history/1'), code: concept('http://snomed.info/sct', '39065001', '195'), clinicalStatus: concept(CLINICAL, 'active'), recordedDate: '2014-01-01', onsetDateTime: '2012-05-24' },
  { resourceType: 'Condition', id: 'c2', subject: ref('Patient/p2'), clinicalStatus: concept(CLINICAL, 'resolved'), recordedDate: '2014-02-01', onsetPeriod: { start: '2012-05-20', end: '2012-05-30' }, abatementDateTime: '2012-05-30' },
  { resourceType: 'Condition', id: 'c3', subject: ref('Patient/p2'), clinicalStatus: concept(CLINICAL, 'active'), onsetAge: ucum(52, 'a', 'years') },
  { resourceType: 'Condition', id: 'c4', subject: ref('Patient/p1'), clinicalStatus: concept(CLINICAL, 'active'), onsetRange: { low: ucum(40, 'a'), high: ucum(50, 'a') } },
  { resourceType: 'Condition', id: 'c5', subject: ref('Patient/p1'), clinicalStatus: concept(CLINICAL, 'active'), onsetString: 'In childhood' },
];

const pressure = (systolic: number, diastolic: number) => [
  { code: concept(LOINC, '8480-6'), valueQuantity: ucum(systolic, 'mm[Hg]', 'mmHg') },
  { code: concept(LOINC, '8462-4'), valueQuantity: ucum(diastolic, 'mm[Hg]', 'mmHg') },
];
const observation = (id: string, code: object, more: object): Stored => ({ resourceType: 'Observation', id, status: 'final', code, ...more }) as Stored;

const vital = [concept('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs')];
const observations: Stored[] = [
  observation('b1', concept(LOINC, '85354-9'), { meta: { tag: tag('a') }, category: vital, subject: ref('Patient/p1'), encounter: ref('Encounter/e1'), performer: [ref('Practitioner/d1')], effectiveDateTime: '2013-01-14', component: pressure(107, 60) }),
  observation('b2', concept(LOINC, '85354-9'), { category: vital, subject: ref('Patient/p2'), performer: [ref('Practitioner/d1'), ref('Organization/o1')], effectiveDateTime: '2013-01-14T10:00:00Z', component: pressure(140, 107) }),
  observation('w1', concept(LOINC, '29463-7'), { category: vital, subject: ref('Patient/p1'), effectivePeriod: { start: '2013-01-10', end: '2013-01-15' }, valueQuantity: ucum(5.4, 'kg') }),
  observation('w2', concept(LOINC, '29463-7'), { category: vital, subject: ref('Patient/p2'), effectivePeriod: { start: '2013-01-14T00:00:00Z' }, valueQuantity: ucum(5.35, 'kg') }),
  observation('w3', concept(LOINC, '29463-7'), { subject: ref('Patient/p1'), effectivePeriod: { end: '2013-01-14' }, valueQuantity: { value: 5.45, unit: 'kg' } }),
  observation('g1', concept(LOINC, '15074-8'), { subject: ref('Patient/p1'), effectiveInstant: '2013-01-14T12:30:15.250Z', valueQuantity: ucum(6.3, 'mmol/L', 'mmol/l') }),
  observation('g2', concept(LOINC, '15074-8'), { status: 'preliminary', subject: ref('Patient/p2'), effectiveTiming: { event: ['2013-01-13', '2013-01-20'] }, valueQuantity: { ...ucum(5, 'mmol/L'), comparator: '<' } }),
  observation('eye', concept('urn:codes', 'EYE'), { subject: ref('Patient/p2'), valueCodeableConcept: { ...concept('urn:eye', 'BROWN'), text: 'Brown eyes' } }),
  observation('str', concept('urn:codes', 'NOTE'), { subject: ref('Patient/p2'), effectiveDateTime: '2013', valueString: 'Größe normal' }),
  observation('dt', concept('urn:codes', 'WHEN'), { subject: ref('Patient/p2'), effectiveDateTime: '2013-01', valueDateTime: '2012-05-05T23:30:00-05:00' }),
  observation('per', concept('urn:codes', 'WHEN'), { subject: ref('http://other.example/fhir/Patient/p1'), effectiveDateTime: '2013-01-14T23:30:00-05:00', valuePeriod: { start: '2012-05-01', end: '2012-05-10' } }),
  observation('idn', { coding: [{ code: 'EYE' }] }, { subject: { identifier: { system: 'urn:mrn', value: 'MRN001' } }, effectiveDateTime: '2013-01-13T23:59:59Z', component: [{ code: concept('urn:codes', 'CMP'), valueCodeableConcept: concept('urn:eye', 'GREEN') }, { code: concept('urn:codes', 'EYE'), valueCodeableConcept: concept('urn:eye', 'RED') }] }),
  observation('dev', concept(UCUM, 'mG'), { subject: ref('Device/x1'), effectiveDateTime: '2013-01-15', derivedFrom: [ref('Observation/b1'), ref('Observation/b2')], focus: [ref('urn:uuid:0f3eb9ad-6e56-4b4e-9b5c-1a2b3c4d5e6f')] }),
];

const risk = (id: string, ...prediction: object[]): Stored => ({ resourceType: 'RiskAssessment', id, status: 'final', subject: ref('Patient/p1'), prediction }) as Stored;
const risks: Stored[] = [
  risk('r1', { probabilityDecimal: 0.8 }),
  risk('r2', { probabilityDecimal: 0.79999 }),
  risk('r3', { probabilityRange: { low: ucum(0.5, '%'), high: ucum(0.9, '%') } }),
  risk('r4', { probabilityDecimal: 0.01 }),
  risk('r5', { probabilityDecimal: 100 }),
  risk('r6', { probabilityDecimal: 0.1 }, { probabilityDecimal: 0.95 }),
  risk('r7', { qualitativeRisk: concept('urn:risk', 'high') }),
];

const sequence = (id: string, named: object, [windowStart, windowEnd]: number[], ...variants: number[][]): Stored => ({
  resourceType: 'MolecularSequence', id, coordinateSystem: 0, patient: ref('Patient/p1'),
  referenceSeq: { ...named, strand: 'watson', windowStart, windowEnd },
  ...(variants.length ? { variant: variants.map(([start, end]) => ({ start, end })) } : {}),
}) as Stored;
const first = { genomeBuild: 'GRCh 37', chromosome: concept('urn:chr', '1') };

const context = (code: string, more: object) => ({ code: { system: 'http://terminology.hl7.org/CodeSystem/usage-context-type', code }, ...more });

const others: Stored[] = [
  sequence('s1', first, [100, 200], [110, 120], [150, 160]),
  sequence('s2', first, [300, 400], [310, 390]),
  sequence('s3', { referenceSeqId: concept('urn:nc', 'NC_2') }, [100, 200]),
  { resourceType: 'Invoice', id: 'i1', status: 'issued', totalNet: { value: 40.22, currency: 'USD' } },
  { resourceType: 'Invoice', id: 'i2', status: 'issued', totalNet: { value: 40.22, currency: 'EUR' } },
  {
    resourceType: 'ValueSet', id: 'v1', status: 'active', url: 'http://example.org/fhir/ValueSet/a', version: '1.0', name: 'A', description: 'Smoking  status',
    useContext: [context('age', { valueRange: { low: ucum(18, 'a'), high: ucum(65, 'a') } }), context('focus', { valueCodeableConcept: concept('urn:focus', 'X') })] as never,
  },
  {
    resourceType: 'ValueSet', id: 'v2', status: 'draft', url: 'http://example.org/fhir/ValueSet/a/b', version: '2.0', name: 'B',
    useContext: [context('focus', { valueQuantity: ucum(20, 'a') }), context('age', { valueCodeableConcept: concept('urn:focus', 'X') })] as never,
  },
  { resourceType: 'Questionnaire', id: 'q1', status: 'active', url: 'http://example.org/q', version: '1.0', item: [{ linkId: '1', type: 'string', definition: 'http://example.org/d#x' }] },
  { resourceType: 'QuestionnaireResponse', id: 'qr1', status: 'completed', questionnaire: 'http://example.org/q|1.0', subject: ref('Patient/p1'), authored: '2020-02-29' },
  { resourceType: 'QuestionnaireResponse', id: 'qr2', status: 'completed', questionnaire: 'http://example.org/q', subject: ref('Organization/p1'), authored: '2020-02-28T23:59:59.999Z' },
  { resourceType: 'QuestionnaireResponse', id: 'qr3', status: 'amended', questionnaire: 'http://example.org/q|2.0' },
  { resourceType: 'DocumentReference', id: 'f1', status: 'current', content: [{ attachment: { url: 'http://example.org/f/1', contentType: 'text/plain', language: 'de' } }], relatesTo: [{ code: 'replaces', target: ref('DocumentReference/f2') }, { code: 'appends', target: ref('DocumentReference/f3') }] },
  { resourceType: 'DocumentReference', id: 'f2', status: 'superseded', content: [{ attachment: { url: 'http://example.org/f/2' } }], masterIdentifier: { system: 'urn:doc', value: 'F2' } },
];

/** @param base the server's own, for absolute references that lead to it */
export const searchData = (base: string): Stored[] => [
  ...patients(base), ...places, ...visits, ...observations, ...risks, ...others,
];
