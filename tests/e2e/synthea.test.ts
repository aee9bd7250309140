import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { countOf, faultsOf } from '../helpers/loaded.ts';
import { freshDatabase } from '../helpers/postgres.ts';
import { loadProcess, type ServerProcess, serverProcess } from '../helpers/processes.ts';
import { root } from '../helpers/source.ts';
import { hospitals, patient, practitioners, writeBundles } from '../helpers/synthea.ts';

/**
 * The main job: a hospital's records go in with `npm run load`, and come out as they were. With made
 * up records always; with the real Synthea patients where they are at hand, a few of them or, with
 * KILN_TEST_FULL=1, all.
 */
const DATA = process.env['KILN_TEST_SYNTHEA'] ?? join(root, '..', 'shared', 'data', 'synthea');
const FULL = process.env['KILN_TEST_FULL'] === '1';

async function server(): Promise<ServerProcess> {
  const fresh = await freshDatabase();
  onTestFinished(fresh.drop);
  return serverProcess(fresh.url);
}

/** Loads and answers the last words. */
async function load(base: string, paths: readonly string[]): Promise<string> {
  const { code, output, errors } = await loadProcess(['--base', base, ...paths]).end;
  expect({ code, errors, refused: /Refused[\s\S]*/.exec(output)?.[0] }).toEqual({
    ...{ code: 0, errors: '' },
  });
  return output;
}

const unpacked = (path: string): Buffer => {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
};

/** Loads files twice and compares everything. */
async function expectLoaded(paths: readonly string[], types: Record<string, number>) {
  const { base, stop } = await server();
  const total = Object.values(types)
    .reduce((sum, each) => sum + each, 0)
    .toLocaleString('en-US');
  expect(await load(base, paths)).toContain(`${total} created, 0 updated, 0 unchanged.`);
  const counts = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.keys(types).map(async (type) => [type, await countOf(base, type)] as const),
      ),
    );
  expect(await counts()).toEqual(types);
  expect(await load(base, paths)).toContain(`0 created, 0 updated, ${total} unchanged.`);
  expect(await counts()).toEqual(types);
  const check = { base, known: new Map<string, string>() };
  for (const path of paths) {
    expect([path, ...(await faultsOf(check, unpacked(path)))]).toEqual([path]);
  }
  await stop();
}

interface Manifest {
  files: { file: string; order: number; entries: number; types: Record<string, number> }[];
}

/** All, or the information files and the smaller patients of both generations. */
function chosen(): Manifest['files'] {
  const { files } = JSON.parse(readFileSync(join(DATA, 'manifest.json'), 'utf8')) as Manifest;
  if (FULL) return files;
  const patients = files.filter(({ order }) => order === 1).sort((a, b) => a.entries - b.entries);
  const some = ['modern', 'classic'].flatMap((set) =>
    patients.filter(({ file }) => file.startsWith(set)).slice(0, 12),
  );
  return [...files.filter(({ order }) => order === 0), ...some];
}

function typesOf(files: Manifest['files']): Record<string, number> {
  const types: Record<string, number> = {};
  for (const each of files) {
    for (const [type, count] of Object.entries(each.types))
      types[type] = (types[type] ?? 0) + count;
  }
  return types;
}

describe('npm run load', () => {
  test('stores made-up records once, completely and with every reference resolved', {
    timeout: 60_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kiln-synthea-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeBundles(folder, {
      'a-self-contained.json': patient(1, { encounters: 10, providers: 0 }),
      'b-patient.json.gz': patient(2, { encounters: 100, providers: 5 }),
      'c-patient.json': patient(3, { encounters: 3, providers: 5 }),
      'y-hospitals.json': hospitals(5),
      'z-practitioners.json.gz': practitioners(5),
    });
    const paths = ['a-self-contained.json', 'b-patient.json.gz', 'c-patient.json'];
    await expectLoaded(
      [...paths, 'y-hospitals.json', 'z-practitioners.json.gz'].map((name) => join(folder, name)),
      {
        ...{ Organization: 5, Practitioner: 5, Patient: 3, Provenance: 3 },
        ...{ Encounter: 113, Observation: 113, ExplanationOfBenefit: 113 },
      },
    );
  });

  test(`stores ${FULL ? 'all' : 'some'} of the Synthea patients likewise`, {
    timeout: 600_000,
  }, async (context) => {
    if (!existsSync(DATA)) return context.skip(`no Synthea data at ${DATA}: set KILN_TEST_SYNTHEA`);
    const files = chosen();
    await expectLoaded(
      files.map(({ file }) => join(DATA, file)),
      typesOf(files),
    );
  });
});
