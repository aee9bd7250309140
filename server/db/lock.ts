import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { startOf } from './process.ts';

/** Who holds a lock file: a process, told apart from later ones with the same pid. */
export interface Holder {
  readonly pid: number;
  readonly start: string;
}

export type Lock = { readonly release: () => void } | { readonly heldBy: Holder };

/**
 * Takes the lock `file` for as long as this process lives. A lock whose holder is gone (`kill -9`,
 * power cut) is taken over. Node has no flock(2), hence a file with the holder's name in it.
 */
export function acquireLock(file: string): Lock {
  const me: Holder = { pid: process.pid, start: startOf(process.pid) ?? '' };
  const mine = `${file}.${me.pid}`;
  for (;;) {
    writeFileSync(mine, JSON.stringify(me));
    try {
      linkSync(mine, file); // atomic, and never shows a half-written file
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(mine, { force: true });
    }
    const holder = readHolder(file);
    if (holder && isAlive(holder)) return { heldBy: holder };
    if (holder) removeStale(file, holder);
  }
}

/**
 * Removes the lock of a dead holder, and only that one: two processes may see the same corpse, and
 * the slower must not remove the lock that the faster has just taken. So the right to remove is
 * itself a lock, named after the dead holder.
 */
function removeStale(file: string, dead: Holder): void {
  const right = acquireLock(`${file}.${dead.pid}.stale`);
  if ('heldBy' in right) return;
  try {
    const now = readHolder(file);
    if (now && now.pid === dead.pid && now.start === dead.start) {
      rmSync(file, { force: true });
    }
  } finally {
    right.release();
  }
}

const isAlive = (holder: Holder): boolean => startOf(holder.pid) === holder.start;

/** The holder as written; a file that makes no sense has a holder that is not alive. */
function readHolder(file: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { pid, start } = JSON.parse(text) as Partial<Holder>;
    return { pid: Number(pid) || 0, start: String(start) };
  } catch {
    return { pid: 0, start: text.slice(0, 40) };
  }
}
