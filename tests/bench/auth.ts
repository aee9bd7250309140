import { registerApp, SMART, systemToken, tokenOf } from './callers.ts';
import { importRecords, loadStaff, nothingLoaded } from './import.ts';
import { Recorder } from './loop.ts';
import { type Lane, prepare } from './measure.ts';
import type { AuthRow, AuthSide } from './results.ts';
import { type Bench, newRunId } from './run.ts';
import { scenarioOf } from './scenarios.ts';
import { clinicianScenarios, patientScenarios } from './scenarios-callers.ts';
import type { Running } from './server.ts';
import { CLINICIAN, loadWards } from './wards.ts';
import { makeSide, type Scenario, type Side, type World } from './world.ts';

/**
 * The same requests to three servers in turns: one that asks nobody who calls, one with authentication,
 * one that also keeps an audit. What they come to against each other does not hang on how fast the
 * machine is at the moment.
 */

const SERVERS: readonly { name: string; settings: NodeJS.ProcessEnv }[] = [
  { name: 'none', settings: { KILN_AUTH: 'none', KILN_AUDIT: 'off' } },
  { name: 'auth', settings: { ...SMART, KILN_AUDIT: 'off' } },
  { name: 'audit', settings: { ...SMART, KILN_AUDIT: 'on' } },
];

/** Those of the main run that a system with all rights goes through; the floors are for these. */
const SYSTEM = [
  ...['read', 'vread', 'search-patient-obs', 'search-token', 'search-name'],
  ...['create', 'update', 'transaction-small'],
];

/** A system's token is good for five minutes. */
const RENEW_MS = 120_000;

/** A server with its data, as each of the callers sees it. */
interface Server {
  readonly system: World;
  readonly clinician: World;
  readonly patient: World;
  stop(): Promise<void>;
}

/** Loads the three and measures all scenarios. */
export async function runAuth(bench: Bench): Promise<void> {
  const servers: Server[] = [];
  for (const { name, settings } of SERVERS) {
    servers.push(await startServer(bench, settings));
    bench.say(`loaded the server "${name}"`);
  }
  const rows: AuthRow[] = [];
  bench.report.auth = rows;
  const callers: [keyof Omit<Server, 'stop'>, readonly Scenario[]][] = [
    ['system', SYSTEM.map(scenarioOf)],
    ['clinician', clinicianScenarios],
    ['patient', patientScenarios],
  ];
  for (const [caller, scenarios] of callers) {
    const worlds = servers.map((server) => server[caller]);
    for (const scenario of scenarios) {
      const row = await measureRow(bench, worlds, { caller, scenario });
      rows.push(row);
      bench.say(lineOf(row));
    }
  }
  for (const server of servers) await server.stop();
}

async function startServer(bench: Bench, settings: NodeJS.ProcessEnv): Promise<Server> {
  const { workspace, options, report } = bench;
  const running = await workspace.kiln(workspace.fresh('auth'), settings);
  const { client } = running;
  const { origin } = client;
  const isOpen = settings['KILN_AUTH'] === 'none';
  const renew = async (): Promise<void> => {
    client.authorization = `Bearer ${await systemToken(origin)}`;
  };
  if (!isOpen) await renew();
  const renewing = isOpen ? undefined : setInterval(() => void renew(), RENEW_MS).unref();
  const [row] = await running.sql('show server_version');
  report.versions.postgres = String(row?.server_version);
  const system = await loadAll(bench, running);
  await running.sql('vacuum analyze');
  const people = isOpen ? undefined : await signedIn(origin, system);
  const seenBy = (token: string | undefined): World => {
    const side: Side = { ...system.kiln, client: token ? client.as(token) : client };
    return { ...system, options, kiln: side };
  };
  return {
    system,
    clinician: seenBy(people?.clinician),
    patient: seenBy(people?.patient),
    stop: async () => {
      clearInterval(renewing);
      await running.stop();
    },
  };
}

async function loadAll({ options }: Bench, running: Running): Promise<World> {
  const { client } = running;
  await loadStaff(client);
  const loaded = nothingLoaded();
  const { importConnections: connections, patients } = options;
  const goOn = (index: number): boolean => index < patients;
  await importRecords(client, loaded, { connections, from: 0, goOn }, new Recorder());
  const inCare = await loadWards(client, loaded);
  const runId = newRunId();
  const kiln = await makeSide(running, runId);
  const tally = { answers: 0, entries: 0 };
  return { options, runId, kiln, floor: undefined, loaded, inCare, tally };
}

async function signedIn(
  origin: string,
  { inCare = [] }: World,
): Promise<{ clinician: string; patient: string }> {
  await registerApp(origin);
  const clinician = await tokenOf(origin, {
    ...{ ...CLINICIAN, login: 'clinician', roles: ['Clinician'] },
    scope: 'user/*.cruds',
  });
  const patient = await tokenOf(origin, {
    ...{ login: 'patient', roles: ['Patient'], scope: 'launch/patient patient/*.rs' },
    fhirUser: `Patient/${inCare[0]?.patient.id}`,
  });
  return { clinician, patient };
}

async function measureRow(
  { options }: Bench,
  worlds: readonly World[],
  { caller, scenario }: { caller: string; scenario: Scenario },
): Promise<AuthRow> {
  const { name } = scenario;
  try {
    const lanes: Lane[] = [];
    for (const world of worlds) {
      const lane = await prepare(world, world.kiln, scenario);
      if (typeof lane === 'string') return { caller, name, sides: [], failed: lane };
      lanes.push(lane);
    }
    for (const lane of lanes) await lane.warmUp(options.warmup);
    for (let round = 0; round < options.rounds; round++) {
      // There and back again, so that a machine that becomes slower does so for all of them.
      const order = round % 2 === 0 ? lanes : lanes.toReversed();
      for (const lane of order) await lane.slice(options.duration / options.rounds);
    }
    return { caller, name, sides: lanes.map(sideOf) };
  } catch (error) {
    return { caller, name, sides: [], failed: (error as Error).message };
  }
}

const sideOf = ({ recorder, meter, rates }: Lane): AuthSide => ({
  figures: recorder.figures(),
  cpu: meter.per(recorder.requests),
  rates,
});

const lineOf = (row: AuthRow): string => {
  if (row.failed !== undefined) return `${row.caller}, ${row.name}: ${row.failed.slice(0, 300)}`;
  const rates = row.sides.map(({ figures }) => figures.rps.toFixed(0)).join(' / ');
  const faults = row.sides.flatMap(({ figures }) => figures.faults.map(([text]) => text));
  return `${row.caller}, ${row.name}: ${rates} per s${faults[0] ? `, ${faults[0]}` : ''}`;
};
