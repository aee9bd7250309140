import { dateOf, ofPatient, type Seen, searchset } from './checks.ts';
import { diabetic, LOINC, laboratory, vitalSigns } from './codes.ts';
import type { Request } from './http.ts';
import type { LoadedPatient } from './import.ts';
import { MIDDLE } from './records.ts';
import type { World } from './world.ts';

/** The searches, each as one request. What they must find is known from the records loaded. */

const PAGE = 20;
const q = encodeURIComponent;

export const vitalsOf = (world: World, { id, vitals }: LoadedPatient): Request => ({
  path: `Observation?patient=${id}&category=vital-signs&_sort=-date&_count=${PAGE}`,
  check: searchset(world, {
    type: 'Observation',
    least: Math.min(vitals, PAGE),
    each: ofPatient(id),
    descending: dateOf,
  }),
});

export const byIdentifier = (world: World, { identifier }: LoadedPatient): Request => ({
  path: `Patient?identifier=${q(identifier)}`,
  check: searchset(world, {
    type: 'Patient',
    each: (resource) =>
      resource.identifier?.some(({ system, value }) => `${system}|${value}` === identifier)
        ? undefined
        : `no identifier ${identifier}`,
  }),
});

/** By the first letters of a family name. */
export function byName(world: World, { family }: LoadedPatient, length = 3): Request {
  const letters = family.slice(0, length).toLowerCase();
  const fits = ({ name }: Seen): boolean =>
    JSON.stringify(name).toLowerCase().includes(`"${letters}`);
  return {
    path: `Patient?name=${q(letters)}&_count=${PAGE}`,
    check: searchset(world, {
      type: 'Patient',
      each: (resource) => (fits(resource) ? undefined : `no name begins with ${letters}`),
    }),
  };
}

/** The codes that most patients have many times. */
export const frequentCodes: readonly string[] = [
  '85354-9',
  ...vitalSigns.map(([code]) => code),
  ...laboratory.slice(0, 4).map(([code]) => code),
];

const hasCode =
  (code: string) =>
  ({ code: concept }: Seen): string | undefined =>
    concept?.coding?.some((coding) => coding.system === LOINC && coding.code === code)
      ? undefined
      : `no code ${code}`;

export const byCode = (world: World, code: string): Request => ({
  path: `Observation?code=${q(`${LOINC}|${code}`)}&_count=${PAGE}`,
  check: searchset(world, { type: 'Observation', least: PAGE, each: hasCode(code) }),
});

/** Half of a code's observations are later than the middle date. */
export const byCodeAndDate = (world: World, code: string): Request => ({
  path: `Observation?code=${q(`${LOINC}|${code}`)}&date=ge${MIDDLE}&_count=${PAGE}`,
  check: searchset(world, {
    type: 'Observation',
    each: (resource) =>
      dateOf(resource) >= Date.parse(MIDDLE) ? hasCode(code)(resource) : 'too early a date',
  }),
});

export const withIncludes = (world: World, { id }: LoadedPatient): Request => ({
  path:
    `Encounter?patient=${id}&_include=Encounter:patient` +
    '&_revinclude=Observation:encounter&_sort=-date&_count=10',
  check: searchset(world, { type: 'Encounter', each: ofPatient(id), includes: 'Patient' }),
});

export const byChain = (world: World, { family }: LoadedPatient): Request => ({
  path: `Observation?patient.name=${q(family)}&_count=${PAGE}`,
  check: searchset(world, { type: 'Observation' }),
});

/** Codes that some patients have and others have not. */
export const byHas = (world: World): Request[] =>
  diabetic.map(([code]) => ({
    path: `Patient?_has:Observation:patient:code=${q(`${LOINC}|${code}`)}&_count=${PAGE}`,
    check: searchset(world, { type: 'Patient' }),
  }));
