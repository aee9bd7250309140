import { ofPatient, type Seen, where } from './checks.ts';
import { ofLargeRecords, ofMiddlingRecords, ofVisits } from './everything.ts';
import { isEmergency } from './people.ts';
import {
  ask,
  byChain,
  byHas,
  encountersWith,
  PAGE,
  perPatient,
  q,
  upToPage,
  withIncludes,
} from './searches.ts';
import type { SearchShape } from './shapes.ts';

/** What leads from one resource to another: chains, includes, compartments, `$everything`. */

/** Visits of the emergency department are told by their doctors. */
const isOfEmergency = ({ performer }: Seen): boolean =>
  performer?.some(({ reference = '' }) => isEmergency(reference)) === true;

export const joinShapes: readonly SearchShape[] = [
  { name: 'chained, patient.name', kind: 'page', requests: perPatient(byChain) },
  {
    name: 'chained, subject.identifier',
    kind: 'page',
    requests: perPatient((world, { id, identifier, counts }) =>
      ask(world, `Encounter?subject.identifier=${q(identifier)}&_count=${PAGE}`, {
        type: 'Encounter',
        least: upToPage(counts.get('Encounter')),
        each: ofPatient(id),
      }),
    ),
  },
  {
    name: 'chained, encounter.class',
    kind: 'page',
    requests: (world) => [
      ask(world, `Observation?encounter.class=EMER&_count=${PAGE}`, {
        type: 'Observation',
        least: PAGE,
        each: where('of an emergency', isOfEmergency),
      }),
    ],
  },
  { name: '_has', kind: 'page', requests: byHas },
  {
    name: '_include',
    kind: 'page',
    requests: perPatient((world, patient) =>
      encountersWith(world, patient, {
        query: '&_include=Encounter:patient&_include=Encounter:service-provider',
        includes: ['Patient', 'Organization'],
      }),
    ),
  },
  {
    name: '_revinclude',
    kind: 'page',
    requests: perPatient((world, patient) =>
      encountersWith(world, patient, {
        query: '&_revinclude=Observation:encounter',
        includes: ['Observation'],
      }),
    ),
  },
  { name: '_include and _revinclude', kind: 'page', requests: perPatient(withIncludes) },
  {
    name: '_include:iterate',
    kind: 'page',
    requests: perPatient((world, { id, counts }) =>
      ask(
        world,
        `Observation?patient=${id}&_include=Observation:encounter` +
          `&_include:iterate=Encounter:service-provider&_count=${PAGE}`,
        {
          type: 'Observation',
          least: upToPage(counts.get('Observation')),
          each: ofPatient(id),
          includes: ['Encounter', 'Organization'],
        },
      ),
    ),
  },
  {
    name: 'compartment, one type',
    kind: 'page',
    requests: perPatient((world, { id, counts }) =>
      ask(world, `Patient/${id}/Observation?_count=${PAGE}`, {
        type: 'Observation',
        least: upToPage(counts.get('Observation')),
        each: ofPatient(id),
      }),
    ),
  },
  {
    name: 'compartment, all types',
    kind: 'page',
    requests: perPatient((world, { id, resources }) =>
      ask(world, `Patient/${id}/*?_count=${PAGE}`, {
        least: upToPage(resources),
        each: ofPatient(id),
      }),
    ),
  },
  { name: 'Patient/$everything', kind: 'page', requests: ofMiddlingRecords },
  {
    name: 'Patient/$everything, 1,000 resources',
    kind: 'page',
    requests: ofLargeRecords,
    alone: 30,
  },
  { name: 'Encounter/$everything', kind: 'page', requests: ofVisits },
];
