import { importRecords, type Loading, loadStaff, nothingLoaded } from './import.ts';
import { Recorder } from './loop.ts';
import { Meter, measure } from './measure.ts';
import type { Options } from './options.ts';
import type { Disk, Report, Result } from './results.ts';
import { scenarioOf } from './scenarios.ts';
import type { Running, Workspace } from './server.ts';
import { makeSide, type World } from './world.ts';

/** What the parts of a run are given. */
export interface Bench {
  readonly options: Options;
  readonly workspace: Workspace;
  readonly report: Report;
  /** Told about every result at once; also saves the report. */
  readonly onResult: (result: Result) => void;
  readonly say: (text: string) => void;
}

export const newRunId = (): string => Date.now().toString(36);

/** A Kiln on an empty database, with the size of that. */
export async function startEmpty(
  { workspace, report }: Bench,
  directory: string,
): Promise<{ running: Running; emptyBytes: number }> {
  const running = await workspace.kiln(directory);
  const [row] = await running.sql('show server_version');
  report.versions.postgres = String(row?.server_version);
  const emptyBytes = await running.databaseBytes();
  await loadStaff(running.client);
  return { running, emptyBytes };
}

/** Import, all scenarios, disk, memory, and a start before and after. */
export async function runScenarios(bench: Bench): Promise<void> {
  const { options, workspace, report, onResult } = bench;
  const directory = workspace.fresh('kiln');
  const { running, emptyBytes } = await startEmpty(bench, directory);
  report.starts.push({ kind: 'first, empty directory', times: [running.startMs] });
  const loaded = nothingLoaded();
  onResult(await importAll(running, loaded, options));
  const afterImport = running.rss();
  report.disk.push(await diskOf(running, 'after the import', emptyBytes));

  const floor = await workspace.floor();
  const runId = newRunId();
  const world: World = {
    ...{ options, runId, loaded, tally: { answers: 0, entries: 0 } },
    kiln: await makeSide(running, runId),
    floor: await makeSide(floor, runId),
  };
  for (const name of options.scenarios) onResult(await measure(world, scenarioOf(name)));

  report.disk.push(await diskOf(running, 'at the end, with history', emptyBytes));
  noteMemory(report, running, afterImport);
  await floor.stop();
  await running.stop();
  const again = await workspace.kiln(directory);
  report.starts.push({ kind: 'next, on the data of this run', times: [again.startMs] });
  await again.stop();
}

async function importAll(running: Running, loaded: Loading, options: Options): Promise<Result> {
  const recorder = new Recorder();
  const meter = new Meter(running);
  const { importConnections: connections, patients } = options;
  const goOn = (index: number): boolean => index < patients;
  await meter.during(() =>
    importRecords(running.client, loaded, { connections, from: 0, goOn }, recorder),
  );
  const figures = recorder.figures();
  return { name: 'import', figures, cpu: meter.per(figures.resources) };
}

export async function diskOf(running: Running, when: string, emptyBytes: number): Promise<Disk> {
  const databaseBytes = (await running.databaseBytes()) - emptyBytes;
  return { when, databaseBytes, jsonBytes: running.client.written };
}

function noteMemory(report: Report, running: Running, afterImport: number | undefined): void {
  const atEnd = running.rss();
  const postgres = running.postgresMemory();
  if (afterImport === undefined || atEnd === undefined || postgres === undefined) return;
  report.memory = { afterImport, atEnd, postgres };
}
