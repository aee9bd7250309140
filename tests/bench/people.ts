import { TERMINOLOGY } from './codes.ts';
import type { Random } from './random.ts';

export interface Resource {
  readonly resourceType: string;
  readonly [element: string]: unknown;
}

/** A reference with its display. */
export interface Link {
  readonly reference: string;
  readonly display: string;
}

export const MRN = 'https://hospital.example/fhir/mrn';

const onsets = ['B', 'Br', 'D', 'F', 'G', 'H', 'K', 'L', 'M', 'N', 'P', 'R', 'S', 'St', 'T', 'W'];
const vowels = ['a', 'e', 'i', 'o', 'u', 'au', 'ei'];
const middles = ['ck', 'l', 'll', 'm', 'n', 'nd', 'r', 'rt', 'ss', 't', 'v', 'z'];
const endings = ['berg', 'er', 'ez', 'ham', 'ing', 'mann', 'ov', 'ski', 'son', 'ton'];
const given = {
  female: ['Anna', 'Beatriz', 'Chloë', 'Dorothea', 'Elif', 'Grace', 'Ingrid', 'Maria', 'Zoë'],
  male: ['Adam', 'Bernd', 'César', 'David', 'Emre', 'Jürgen', 'Lukas', 'Mateo', 'Paul'],
} as const;
const cities = ['Springfield', 'Salem', 'Newton', 'Hampden', 'Dover', 'Milton', 'Boxford'];
const streets = ['Mill Lane', 'Park Road', 'Highland View', 'Station Street', 'Quay'];

const HOSPITALS = 20;
const DOCTORS = 60;

export const hospital = (n: number): Link => ({
  reference: `Organization/bench-org-${n % HOSPITALS}`,
  display: `Bench General Hospital ${n % HOSPITALS}`,
});

export const doctor = (n: number): Link => ({
  reference: `Practitioner/bench-prac-${n % DOCTORS}`,
  display: `Dr. Bench Practitioner ${n % DOCTORS}`,
});

/** A family name as Synthea has them, with digits: `Hirthe744`. Its first three letters vary. */
export const familyName = (random: Random): string =>
  random.pick(onsets) +
  random.pick(vowels) +
  random.pick(middles) +
  random.pick(endings) +
  random.int(100, 999);

/** A Patient of about 2.5 kB, narrative included. */
export function patient(random: Random, index: number): Resource {
  const gender = random.chance(0.5) ? 'female' : 'male';
  const family = familyName(random);
  const first = `${random.pick(given[gender])}${random.int(100, 999)}`;
  const mrn = `MRN-${String(index).padStart(9, '0')}`;
  return {
    resourceType: 'Patient',
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><b>${first} ${family}</b>, ${mrn}</div>`,
    },
    identifier: identifiers(random, mrn),
    active: true,
    name: [{ use: 'official', family, given: [first], prefix: [random.pick(['Mr.', 'Ms.'])] }],
    telecom: [{ system: 'phone', value: `555-${random.int(100, 999)}-${random.int(1000, 9999)}` }],
    gender,
    birthDate: `${random.int(1930, 2005)}-0${random.int(1, 9)}-${random.int(10, 28)}`,
    address: [address(random)],
    maritalStatus: concept(`${TERMINOLOGY}/v3-MaritalStatus`, 'M', 'Married'),
    multipleBirthBoolean: false,
    communication: [{ language: concept('urn:ietf:bcp:47', 'en-US', 'English (United States)') }],
    managingOrganization: hospital(index),
  };
}

function identifiers(random: Random, mrn: string): unknown[] {
  const typed = (code: string, display: string, system: string, value: string) => ({
    type: concept(`${TERMINOLOGY}/v2-0203`, code, display),
    system,
    value,
  });
  const ssn = `999-${random.int(10, 99)}-${random.int(1000, 9999)}`;
  const passport = `X${random.int(10_000_000, 99_999_999)}X`;
  return [
    typed('MR', 'Medical Record Number', MRN, mrn),
    typed('SS', 'Social Security Number', 'http://hl7.org/fhir/sid/us-ssn', ssn),
    typed('DL', 'Driver license number', 'urn:oid:2.16.840.1.113883.4.3.25', random.uuid()),
    typed('PPN', 'Passport Number', 'http://hl7.org/fhir/sid/passport-USA', passport),
  ];
}

const address = (random: Random): unknown => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/StructureDefinition/geolocation',
      extension: [
        { url: 'latitude', valueDecimal: 42 + random.int(1, 99_999) / 100_000 },
        { url: 'longitude', valueDecimal: -71 - random.int(1, 99_999) / 100_000 },
      ],
    },
  ],
  line: [`${random.int(1, 999)} ${random.pick(streets)}`],
  city: random.pick(cities),
  state: 'MA',
  postalCode: String(random.int(1001, 2799)).padStart(5, '0'),
  country: 'US',
});

/** A CodeableConcept with one coding. */
export const concept = (system: string, code: string, display: string): unknown => ({
  coding: [{ system, code, display }],
  text: display,
});

/** Those of the emergency department: what else a visit has follows from its doctor. */
export const isEmergency = (doctorReference: string): boolean =>
  Number(doctorReference.split('-').at(-1)) % 10 === 0;

/** A transaction that puts the organizations and practitioners in place, also a second time. */
export function staffBundle(): string {
  const put = (resource: Resource, reference: string): unknown => ({
    resource: { ...resource, id: reference.split('/')[1] },
    request: { method: 'PUT', url: reference },
  });
  const organizations = Array.from({ length: HOSPITALS }, (_, n) => {
    const { reference, display } = hospital(n);
    return put({ resourceType: 'Organization', active: true, name: display }, reference);
  });
  const practitioners = Array.from({ length: DOCTORS }, (_, n) => {
    const { reference, display } = doctor(n);
    const name = [{ family: display.slice(4), prefix: ['Dr.'] }];
    return put({ resourceType: 'Practitioner', active: true, name }, reference);
  });
  return JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [...organizations, ...practitioners],
  });
}
