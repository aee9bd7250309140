import { readScenarios } from './scenarios-read.ts';
import { searchScenarios } from './scenarios-search.ts';
import { writeScenarios } from './scenarios-write.ts';
import type { Scenario } from './world.ts';

/** In the order in which they run: those that write come last. The import precedes them all. */
export const scenarios: readonly Scenario[] = [
  ...readScenarios,
  ...searchScenarios,
  ...writeScenarios,
];

export const scenarioNames: readonly string[] = scenarios.map(({ name }) => name);

/** Throws where there is none of this name. */
export function scenarioOf(name: string): Scenario {
  const scenario = scenarios.find((one) => one.name === name);
  if (!scenario) throw new Error(`there is no scenario ${name}`);
  return scenario;
}
