import type { SearchGrowth } from './results.ts';
import type { Bench } from './run.ts';
import { searchShapes } from './shapes.ts';
import { atSizes, CONTROL, controlOf, trialOf } from './stages.ts';
import { takeTurns } from './trial.ts';

/** Loads to each size and measures every search shape there, the floor's reads beside them. */
export async function runSearch(bench: Bench, sizes: readonly number[]): Promise<void> {
  const { report, options, say } = bench;
  const search = emptySearch(sizes);
  report.search = search;
  await atSizes(bench, { name: 'search', sizes }, async (stage) => {
    // Autovacuum would do it within minutes, and change plans while they are measured.
    await stage.running.sql(options.vacuum ? 'vacuum analyze' : 'analyze');
    await stage.running.sql('checkpoint');
    const asked = searchShapes.map((shape) => trialOf(bench, stage, shape));
    const trials = [...asked, controlOf(stage)];
    await takeTurns(trials, options, true);
    for (const [at, trial] of trials.entries()) search.rows[at]?.at.push(trial.result());
    say(trials.map((trial) => trial.line()).join('\n'));
  });
}

function emptySearch(sizes: readonly number[]): SearchGrowth {
  const rows = searchShapes.map(({ name, kind, alone }) => ({
    ...{ name, kind, at: [] },
    ...(alone === undefined ? {} : { aloneLimit: alone }),
  }));
  return { sizes: [...sizes], rows: [...rows, { name: CONTROL, kind: 'control', at: [] }] };
}
