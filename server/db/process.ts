import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/**
 * Which run of which process a pid means. Pids are used again, in containers within minutes, so a
 * pid alone names nobody; a zombie keeps its pid but can do nothing more, so it counts as dead.
 */

const onLinux = process.platform === 'linux';
const onWindows = process.platform === 'win32';

/**
 * The instant at which the process `pid` started, in a form that only equals itself (with the boot
 * of the machine on Linux), or undefined when it is not running.
 */
export function startOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (onLinux) return linuxStart(pid);
  if (!isRunning(pid)) return undefined;
  return onWindows ? 'running' : ps(pid, 'lstart') || undefined;
}

function linuxStart(pid: number): string | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // proc(5): the second field is the name in parentheses and may itself contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (stat === '' || state === 'Z' || state === 'X') return undefined;
  return `${readOrNothing('/proc/sys/kernel/random/boot_id').trim()}/${fields[19]}`;
}

/** True when `pid` is a live PostgreSQL that serves the data directory `pgdata` (a real path). */
export function servesData(pid: number, pgdata: string): boolean {
  if (startOf(pid) === undefined) return false;
  if (onLinux) {
    const command = readOrNothing(`/proc/${pid}/cmdline`);
    return command.includes('postgres') && (worksIn(pid, pgdata) ?? command.includes(pgdata));
  }
  if (onWindows) return taskName(pid).includes('postgres');
  const command = ps(pid, 'command');
  return command.includes('postgres') && command.includes(pgdata);
}

/** The postmaster's working directory is its data directory, whatever path it was started with. */
function worksIn(pid: number, directory: string): boolean | undefined {
  try {
    const theirs = statSync(`/proc/${pid}/cwd`);
    const ours = statSync(directory);
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const ps = (pid: number, field: string): string =>
  String(spawnSync('ps', ['-o', `${field}=`, '-p', String(pid)]).stdout).trim();

const taskName = (pid: number): string =>
  String(spawnSync('tasklist', ['/FI', `PID eq ${pid}`]).stdout).toLowerCase();

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
