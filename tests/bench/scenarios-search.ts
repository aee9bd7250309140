import { isType, parse } from './checks.ts';
import type { Request } from './http.ts';
import type { LoadedPatient } from './import.ts';
import {
  byChain,
  byCodeAndDate,
  byHas,
  byIdentifier,
  byName,
  frequentCodes,
  vitalsOf,
  withIncludes,
} from './searches.ts';
import { inTurn, type Scenario, type World } from './world.ts';

type Search = (world: World, patient: LoadedPatient) => Request;

const overPatients = (name: string, search: Search): Scenario => ({
  name,
  prepare: (world) => inTurn(world.loaded.patients.map((patient) => search(world, patient))),
});

const SMALL_RECORD = 400;

/** Of patients with small records only, so that one page holds all. */
function everything(world: World): Request[] {
  const small = world.loaded.patients.filter(({ resources }) => resources <= SMALL_RECORD);
  return small.map(({ id, resources }) => ({
    path: `Patient/${id}/$everything?_count=1000`,
    check: (answer, full) => {
      if (!full) return isType(answer, 'Bundle');
      const { entry = [] } = parse<{ entry?: unknown[] }>(answer);
      world.tally.answers++;
      world.tally.entries += entry.length;
      return entry.length >= resources ? undefined : `${entry.length} entries, not ${resources}`;
    },
  }));
}

export const searchScenarios: readonly Scenario[] = [
  overPatients('search-patient-obs', vitalsOf),
  { ...overPatients('search-token', byIdentifier), floor: 'read' },
  overPatients('search-name', byName),
  {
    name: 'search-code-date',
    prepare: (world) => inTurn(frequentCodes.map((code) => byCodeAndDate(world, code))),
  },
  overPatients('search-chain', byChain),
  overPatients('search-include', withIncludes),
  { name: 'search-has', prepare: (world) => inTurn(byHas(world)) },
  { name: 'everything', prepare: (world) => inTurn(everything(world)) },
];
