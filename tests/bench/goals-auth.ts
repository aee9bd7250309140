import type { Goal } from './goals.ts';
import { type AuthRow, type AuthSide, median, type Report } from './results.ts';

/** What authentication and the audit may cost, and what they do: `--auth`. */

const FLOOR = 0.9;

/** Audited are reads and creates (issue 4, part 3); all of a system's requests are authenticated. */
const AUDITED = ['read', 'create'];

export function authGoals({ auth = [] }: Report): Goal[] {
  const system = auth.filter(({ caller }) => caller === 'system');
  return [
    ...system.map((row) => atLeast(`${row.name} with authentication`, row, ratioOf(row, 1, 0))),
    ...system
      .filter(({ name }) => AUDITED.includes(name))
      .map((row) => atLeast(`${row.name} with audit, of that without`, row, ratioOf(row, 2, 1))),
  ];
}

function atLeast(name: string, row: AuthRow, ratio: number | undefined): Goal {
  const goal = `at least ${percent(FLOOR)}`;
  if (ratio === undefined) return { name, goal, found: 'failed', pass: false };
  const isClean = row.sides.every(({ figures }) => figures.errors === 0);
  return { name, goal, found: percent(ratio), pass: ratio >= FLOOR && isClean };
}

/** The rate of a server over that of another: the median of the rounds. */
const ratioOf = ({ sides }: AuthRow, at: number, to: number): number | undefined => {
  const [over, under] = [sides[at], sides[to]];
  if (!over || !under) return undefined;
  return median(over.rates.map((rate, round) => rate / (under.rates[round] ?? Number.NaN)));
};

const percent = (part: number | undefined): string =>
  part === undefined ? '-' : `${(part * 100).toFixed(0)} %`;

const cpuOf = ({ cpu }: AuthSide): string =>
  cpu ? `${cpu.node.toFixed(3)} + ${cpu.postgres.toFixed(3)}` : '-';

/** Rates, p50 and CPU per request (Node + PostgreSQL) of the three servers, the first the one without. */
export function authTable({ auth = [] }: Report): string[][] {
  if (auth.length === 0) return [];
  const names = ['none', 'auth', 'audit'];
  const head = [
    ...['caller', 'request', ...names.map((name) => `${name}/s`)],
    ...['auth of none', 'audit of none', 'audit of auth'],
    ...names.map((name) => `${name} p50 ms`),
    ...names.map((name) => `${name} node + pg ms`),
    'errors',
  ];
  return [head, ...auth.map(rowOf)];
}

function rowOf(row: AuthRow): string[] {
  const { caller, name, sides } = row;
  if (sides.length === 0) return [caller, name, 'FAILED'];
  return [
    ...[caller, name, ...sides.map(({ figures }) => figures.rps.toFixed(0))],
    ...[percent(ratioOf(row, 1, 0)), percent(ratioOf(row, 2, 0)), percent(ratioOf(row, 2, 1))],
    ...sides.map(({ figures }) => figures.p50.toFixed(2)),
    ...sides.map(cpuOf),
    String(sides.reduce((sum, { figures }) => sum + figures.errors, 0)),
  ];
}
