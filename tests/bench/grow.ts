import { GROWTH_LIMIT } from './goals.ts';
import type { Request } from './http.ts';
import type { Growth, Shape } from './results.ts';
import type { Bench } from './run.ts';
import { historyOf, readOf } from './scenarios-read.ts';
import {
  byCode,
  byCodeAndDate,
  byIdentifier,
  byName,
  frequentCodes,
  perPatient,
  vitalsOf,
  withIncludes,
} from './searches.ts';
import { atSizes, CONTROL, controlOf, type Stage, trialOf } from './stages.ts';
import { takeTurns } from './trial.ts';
import type { World } from './world.ts';

/** One request in several variants, as the table of growth names it. */
interface Question {
  readonly name: string;
  readonly requests: (world: World) => Request[];
  /** What its p50 may grow by, given by how much the data grew; without it, it is only told. */
  readonly limit?: (growth: number) => number;
}

const steady = (): number => GROWTH_LIMIT;
const linear = (growth: number): number => growth;

const questions: readonly Question[] = [
  { name: 'read', requests: (world) => world.loaded.sampled.map(readOf), limit: steady },
  {
    name: 'search by patient',
    requests: perPatient(vitalsOf),
    limit: steady,
  },
  {
    name: 'search by identifier',
    requests: perPatient(byIdentifier),
    limit: steady,
  },
  {
    name: 'search by code',
    requests: (world) => frequentCodes.map((code) => byCode(world, code)),
    limit: steady,
  },
  {
    name: 'search by name',
    // One letter, so that pages are full at both sizes: more names must not mean longer answers.
    requests: perPatient((world, patient) => byName(world, patient, 1)),
    limit: steady,
  },
  {
    name: 'search with includes',
    requests: perPatient(withIncludes),
    limit: steady,
  },
  {
    name: 'history',
    requests: (world) => world.loaded.sampled.map((path) => historyOf(path, 1)),
    limit: steady,
  },
  {
    name: 'search by code and date (visits its matches)',
    requests: (world) => frequentCodes.map((code) => byCodeAndDate(world, code)),
    limit: linear,
  },
];

/** Loads to each size and measures the same questions there, the floor's reads beside them. */
export async function runGrowth(bench: Bench, sizes: readonly number[]): Promise<void> {
  const { report, options } = bench;
  const growth = emptyGrowth(sizes);
  report.growth = growth;
  await atSizes(bench, { name: 'grow', sizes }, async (stage) => {
    growth.loadRates.push(stage.loadRate);
    growth.rss.push(stage.rss);
    report.disk.push(stage.disk);
    await stage.running.sql(options.vacuum ? 'vacuum analyze' : 'checkpoint');
    await askAll(bench, growth, stage);
  });
}

function emptyGrowth(sizes: readonly number[]): Growth {
  const factor = (sizes.at(-1) ?? 1) / (sizes[0] ?? 1);
  const none = (): Omit<Shape, 'name'> => ({ p50: [], node: [], postgres: [], errors: [] });
  const shapes: Shape[] = questions.map(({ name, limit }) => ({
    ...{ name, ...none() },
    ...(limit ? { limit: limit(factor) } : {}),
  }));
  const control: Shape = { name: CONTROL, ...none() };
  return { sizes: [...sizes], shapes: [...shapes, control], rss: [], loadRates: [] };
}

async function askAll(bench: Bench, growth: Growth, stage: Stage): Promise<void> {
  const asked = questions.map((question) => trialOf(bench, stage, question));
  const trials = [...asked, controlOf(stage)];
  await takeTurns(trials, bench.options, false);
  for (const [at, trial] of trials.entries()) {
    const { p50, node, postgres, errors } = trial.result();
    const shape = growth.shapes[at];
    shape?.p50.push(p50);
    shape?.node.push(node);
    shape?.postgres.push(postgres);
    shape?.errors.push(errors);
  }
  bench.say(trials.map((trial) => trial.line()).join('\n'));
}
