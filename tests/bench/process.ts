import { readdirSync, readFileSync } from 'node:fs';

/** What processes have used, from /proc (proc(5)): on Linux only, elsewhere undefined. */

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on
const MIB = 1024;

export interface Usage {
  /** CPU milliseconds of the server's own process, and of PostgreSQL with all its children. */
  readonly node: number;
  readonly postgres: number;
}

interface Stat {
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended and been waited for. */
  readonly reaped: number;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it ended meanwhile, or is not ours to see
  }
}

function statOf(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === '') return undefined;
  // The name in parentheses may hold anything; after it: state, ppid, ..., utime (12th)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (at: number): number => Number(fields[at]) * TICK_MS;
  return { parent: Number(fields[1]), own: ticks(11) + ticks(12), reaped: ticks(13) + ticks(14) };
}

function childrenOf(root: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => statOf(pid)?.parent === root);
}

export function usageOf(node: number, postmaster: number): Usage | undefined {
  const own = statOf(node);
  const root = statOf(postmaster);
  if (!own || !root) return undefined;
  const backends = childrenOf(postmaster).map((pid) => statOf(pid)?.own ?? 0);
  const postgres = backends.reduce((sum, ms) => sum + ms, root.own + root.reaped);
  return { node: own.own, postgres };
}

/** Resident memory in MiB. */
export function rssOf(pid: number): number | undefined {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return kib === undefined ? undefined : Number(kib) / MIB;
}

/** Memory of PostgreSQL in MiB; pages that its processes share count once. */
export function memoryOfTree(root: number): number | undefined {
  if (!statOf(root)) return undefined;
  const sizes = [root, ...childrenOf(root)].map((pid) => {
    const [, kib] = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`)) ?? [];
    return Number(kib ?? 0) / MIB;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}
