import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync } from 'node:fs';

/** Runs `act` with a umask of its own, so that what it makes has the modes it names. */
export function withUmask<T>(mask: number, act: () => T): T {
  const before = process.umask(mask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

/** Makes `path` (0700). False when it is there but is somebody else's or open to others. */
export function makePrivate(path: string, owner: number | undefined): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path);
  const owners = [owner, process.getuid?.()];
  return stat.isDirectory() && (stat.mode & 0o077) === 0 && owners.includes(stat.uid);
}

/** Makes the directory's entries (a rename in it) survive a power cut. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
