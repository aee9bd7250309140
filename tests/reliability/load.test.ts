import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../helpers/embedded.ts';
import { countOf } from '../helpers/loaded.ts';
import { freshDatabase } from '../helpers/postgres.ts';
import { loadProcess, type ServerProcess, serverProcess } from '../helpers/processes.ts';
import { hospitals, patient, practitioners, writeBundles } from '../helpers/synthea.ts';

/** A load that is killed, or whose server is, and goes on: everything is there once. */
const PATIENTS = 40;
const ENCOUNTERS = 40;
const PROVIDERS = 20;

/** What the files hold, by type. */
const expected = {
  ...{ Organization: PROVIDERS, Practitioner: PROVIDERS, Patient: PATIENTS, Provenance: PATIENTS },
  Encounter: PATIENTS * ENCOUNTERS,
  Observation: PATIENTS * ENCOUNTERS,
  ExplanationOfBenefit: PATIENTS * ENCOUNTERS,
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kiln-kill-'));
  const providers = PROVIDERS;
  const patients = Array.from({ length: PATIENTS }, (_, n) => [
    `patient-${n}.json.gz`,
    // Every second one brings no hospital along and refers to none.
    patient(n, { encounters: ENCOUNTERS, providers: n % 2 === 0 ? providers : 0 }),
  ]);
  writeBundles(folder, {
    'hospitals.json': hospitals(providers),
    'practitioners.json': practitioners(providers),
    ...Object.fromEntries(patients),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = ({ base }: { base: string }) => loadProcess(['--base', base, folder]);

async function database(): Promise<string> {
  const fresh = await freshDatabase();
  onTestFinished(fresh.drop);
  return fresh.url;
}

const countsOf = async ({ base }: { base: string }) =>
  Object.fromEntries(
    await Promise.all(
      Object.keys(expected).map(async (type) => [type, await countOf(base, type)] as const),
    ),
  );

/** Resolves when some patients are stored, but not nearly all. */
const underWay = (server: ServerProcess, patients: number): Promise<void> =>
  until(async () => (await countOf(server.base, 'Patient').catch(() => 0)) >= patients);

describe('npm run load', { timeout: 90_000 }, () => {
  it('goes on where it was when it is killed again and again, and stores nothing twice', async () => {
    const server = await serverProcess(await database());
    for (const patients of [1, 8, 16]) {
      const killed = load(server);
      await underWay(server, patients);
      killed.child.kill('SIGKILL');
      expect((await killed.end).signal).toBe('SIGKILL');
    }
    const { code, output } = await load(server).end;
    expect(output).not.toContain('Refused');
    expect(code).toBe(0);
    expect(await countsOf(server)).toEqual(expected);
    await server.stop();
  });

  it('waits for a server that is killed and comes back, and stores nothing twice', async () => {
    const url = await database();
    let server = await serverProcess(url);
    const loading = load(server);
    for (const patients of [1, 8, 16]) {
      await underWay(server, patients);
      await server.stop('SIGKILL');
      server = await serverProcess(url, server.port);
    }
    const { code, output } = await loading.end;
    expect(output).not.toContain('Refused');
    expect(output).toContain(' 0 updated, 0 unchanged.');
    expect(code).toBe(0);
    expect(await countsOf(server)).toEqual(expected);
    await server.stop();
  });

  it('finishes what is under way on SIGINT and can be started again', async () => {
    const server = await serverProcess(await database());
    const stopped = load(server);
    await underWay(server, 1);
    stopped.child.kill('SIGINT');
    const { code, output } = await stopped.end;
    expect(output).toContain('Interrupted. Start it again to go on.');
    expect(code).toBe(130);
    const acknowledged = Number(/Loaded ([\d,]+)/.exec(output)?.[1]?.replace(',', ''));
    const stored = Object.values(await countsOf(server)).reduce((sum, each) => sum + each, 0);
    expect(stored).toBe(acknowledged);
    expect((await load(server).end).code).toBe(0);
    expect(await countsOf(server)).toEqual(expected);
    await server.stop();
  });

  it('takes the server that it started along when it is killed', async () => {
    const port = 20_000 + (process.pid % 10_000);
    const base = `http://127.0.0.1:${port}/fhir`;
    const env = {
      ...{ DATABASE_URL: await database(), PORT: String(port), HOST: '127.0.0.1' },
      ...{ KILN_LOG_LEVEL: 'silent', KILN_AUTH: 'none' },
    };
    const killed = loadProcess([folder], env);
    await until(async () => (await countOf(base, 'Patient').catch(() => 0)) >= 1);
    killed.child.kill('SIGKILL');
    await until(async () => {
      await sleep(100);
      return fetch(base).then(
        () => false,
        () => true,
      );
    });
    const { code, output } = await loadProcess([folder], env).end;
    expect(output).not.toContain('Refused');
    expect(code).toBe(0);
  });
});
