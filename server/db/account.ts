import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from './error.ts';

/** The user that PostgreSQL runs as when Kiln itself is root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, and initdb needs a passwd entry for its user; so take an
 * account that is there and never make one. Undefined when we are not root: then it runs as we do.
 * A data directory that exists keeps its owner.
 */
export function accountFor(pgdata: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const existing = statSync(pgdata, { throwIfNoEntry: false });
  if (existing && existing.uid !== 0) {
    return { name: `uid ${existing.uid}`, uid: existing.uid, gid: existing.gid };
  }
  const rows = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const row =
    rows.find(([name]) => name === 'postgres') ?? rows.find(([name]) => name === 'nobody');
  if (!row) {
    throw new StartError(
      'Kiln runs as root, PostgreSQL must not, and there is neither a "postgres" nor a "nobody" ' +
        'account to run it as: start Kiln as another user, or set DATABASE_URL.',
    );
  }
  return { name: String(row[0]), uid: Number(row[2]), gid: Number(row[3]) };
}

/** The first directory on the way to `path` that `account` may not enter, if there is one. */
export function barrier(path: string, account: Account): string | undefined {
  for (let at = resolve(path); ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat?.isDirectory() && !mayEnter(stat, account)) return at;
    if (at === dirname(at)) return undefined;
  }
}

function mayEnter(stat: { mode: number; uid: number; gid: number }, account: Account): boolean {
  const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
  return (stat.mode & bit) !== 0;
}
