import type { Request } from './http.ts';
import { byName, perPatient } from './searches.ts';
import { shapeOf } from './shapes.ts';
import { inTurn, type Scenario, type World } from './world.ts';

const searching = (name: string, requests: (world: World) => Request[]): Scenario => ({
  name,
  prepare: (world) => inTurn(requests(world)),
});

const shaped = (name: string, shape: string): Scenario => searching(name, shapeOf(shape).requests);

/** Some of the search shapes, beside reads and writes; `--search` has them all. */
export const searchScenarios: readonly Scenario[] = [
  shaped('search-patient-obs', 'patient and category, sorted by date'),
  { ...shaped('search-token', 'identifier'), floor: 'read' },
  searching('search-name', perPatient(byName)),
  shaped('search-code-date', 'code and date'),
  shaped('search-chain', 'chained, patient.name'),
  shaped('search-include', '_include and _revinclude'),
  shaped('search-has', '_has'),
  shaped('everything', 'Patient/$everything'),
];
