import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { runAuth } from './auth.ts';
import { runGrowth } from './grow.ts';
import { type Options, readOptions } from './options.ts';
import { lineHead, printLine, printReport } from './print.ts';
import type { Report } from './results.ts';
import { type Bench, runScenarios } from './run.ts';
import { runSearch } from './search.ts';
import { createWorkspace, type Workspace } from './server.ts';
import { runSoak } from './soak.ts';
import { runStarts } from './start.ts';

/** `npm run bench`: what it measures and what the columns mean stands in docs/performance.md. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') return tell(options);
  const report = emptyReport(options);
  const workspace = createWorkspace();
  const onSignal = (): void => void endBy(workspace);
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const bench: Bench = {
    ...{ options, workspace, report, say },
    onResult: (result) => {
      report.scenarios.push(result);
      say(printLine(result));
      save(report);
    },
  };
  save(report); // a bad --out fails before the work
  try {
    await runAll(bench);
  } finally {
    save(report);
    await workspace.remove();
    process.stdout.write(`\n${printReport(report, options.markdown)}`);
  }
}

async function runAll(bench: Bench): Promise<void> {
  const { scenarios, grow, search, soak, starts, auth } = bench.options;
  if (scenarios.length > 0) {
    say(lineHead());
    await runScenarios(bench);
  }
  if (starts !== undefined) await runStarts(bench, starts);
  if (grow !== undefined) await runGrowth(bench, grow);
  if (search !== undefined) await runSearch(bench, search);
  if (soak !== undefined) await runSoak(bench, soak);
  if (auth) await runAuth(bench);
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 2;
}

/** Progress goes to stderr, so that stdout holds the tables alone. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function save(report: Report): void {
  const { out } = report.options;
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
}

async function endBy(workspace: Workspace): Promise<void> {
  await workspace.remove();
  process.exit(130);
}

function emptyReport(options: Options): Report {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    versions: { kiln: version, node: process.versions.node, postgres: 'unknown' },
    options,
    scenarios: [],
    disk: [],
    starts: [],
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
