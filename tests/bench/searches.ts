import type { Expected } from './checks.ts';
import { dateOf, descending, isCoded, ofPatient, type Seen, searchset, where } from './checks.ts';
import { diabetic, LOINC, laboratory, vitalSigns } from './codes.ts';
import type { Request } from './http.ts';
import type { LoadedPatient } from './import.ts';
import { MIDDLE } from './records.ts';
import type { World } from './world.ts';

/** The searches, each as one request. What they must find is known from the records loaded. */

export const PAGE = 20;
export const q = encodeURIComponent;

/** A search and what must be true of its answer. */
export const ask = (world: World, path: string, expected: Expected): Request => ({
  path,
  check: searchset(world, expected),
});

export type Search = (world: World, patient: LoadedPatient) => Request;

/** The same search of each record. */
export const perPatient =
  (search: Search) =>
  (world: World): Request[] =>
    world.loaded.patients.map((patient) => search(world, patient));

/** At most a page: how many matches an answer must have. */
export const upToPage = (count = 0): number => Math.min(count, PAGE);

export const ofRecord: Search = (world, { id, counts }) =>
  ask(world, `Observation?patient=${id}&_count=${PAGE}`, {
    type: 'Observation',
    least: upToPage(counts.get('Observation')),
    each: ofPatient(id),
  });

export const vitalsOf: Search = (world, { id, vitals }) =>
  ask(world, `Observation?patient=${id}&category=vital-signs&_sort=-date&_count=${PAGE}`, {
    type: 'Observation',
    least: upToPage(vitals),
    each: ofPatient(id),
    inOrder: descending(dateOf),
  });

export const byIdentifier: Search = (world, { identifier }) =>
  ask(world, `Patient?identifier=${q(identifier)}`, {
    type: 'Patient',
    each: where(identifier, (resource) =>
      Boolean(
        resource.identifier?.some(({ system, value }) => `${system}|${value}` === identifier),
      ),
    ),
  });

/** By the first letters of a family name. */
export function byName(world: World, { family }: LoadedPatient, length = 3): Request {
  const letters = family.slice(0, length).toLowerCase();
  const fits = ({ name }: Seen): boolean =>
    JSON.stringify(name).toLowerCase().includes(`"${letters}`);
  return ask(world, `Patient?name=${q(letters)}&_count=${PAGE}`, {
    type: 'Patient',
    each: where(`called ${letters}..`, fits),
  });
}

/** The codes that most patients have many times. */
export const frequentCodes: readonly string[] = [
  '85354-9',
  ...vitalSigns.map(([code]) => code),
  ...laboratory.slice(0, 4).map(([code]) => code),
];

export const loinc = (code: string): string => q(`${LOINC}|${code}`);

const hasCode = (code: string) =>
  where(`of the code ${code}`, (resource) => isCoded(resource.code, code));

export const byCode = (world: World, code: string): Request =>
  ask(world, `Observation?code=${loinc(code)}&_count=${PAGE}`, {
    type: 'Observation',
    least: PAGE,
    each: hasCode(code),
  });

export const isLate = (resource: Seen): boolean => dateOf(resource) >= Date.parse(MIDDLE);

/** Half of a code's observations are later than the middle date. */
export const byCodeAndDate = (world: World, code: string): Request =>
  ask(world, `Observation?code=${loinc(code)}&date=ge${MIDDLE}&_count=${PAGE}`, {
    type: 'Observation',
    each: where(`of the code ${code} and since ${MIDDLE}`, (resource) =>
      Boolean(isLate(resource) && isCoded(resource.code, code)),
    ),
  });

const ENCOUNTERS = 10;

/** Encounters of a patient with what is asked for beside them. */
export function encountersWith(
  world: World,
  { id, counts }: LoadedPatient,
  { query, includes }: { query: string; includes: readonly string[] },
): Request {
  return ask(world, `Encounter?patient=${id}${query}&_count=${ENCOUNTERS}`, {
    type: 'Encounter',
    least: Math.min(counts.get('Encounter') ?? 0, ENCOUNTERS),
    each: ofPatient(id),
    includes,
  });
}

export const withIncludes: Search = (world, patient) =>
  encountersWith(world, patient, {
    query: '&_include=Encounter:patient&_revinclude=Observation:encounter&_sort=-date',
    includes: ['Patient', 'Observation'],
  });

export const byChain: Search = (world, { family, counts }) =>
  ask(world, `Observation?patient.name=${q(family)}&_count=${PAGE}`, {
    type: 'Observation',
    least: upToPage(counts.get('Observation')),
    each: where(`of a ${family}`, ({ subject }) => subject?.display?.includes(family) === true),
  });

/** Codes that some patients have and others have not. */
export const byHas = (world: World): Request[] =>
  diabetic.map(([code]) =>
    ask(world, `Patient?_has:Observation:patient:code=${loinc(code)}&_count=${PAGE}`, {
      type: 'Patient',
      each: where(`one with a result of ${code}`, ({ id }) =>
        Boolean(world.loaded.byId.get(id)?.counts.has(`Observation|${code}`)),
      ),
    }),
  );
