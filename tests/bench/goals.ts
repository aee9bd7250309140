import { median, type Report, type Result } from './results.ts';

/** A goal of the project on its two-core machine, and what this run found. */
export interface Goal {
  readonly name: string;
  readonly goal: string;
  /** Undefined where this run did not measure it. */
  readonly found?: string | undefined;
  readonly pass?: boolean | undefined;
}

export const GROWTH_LIMIT = 1.4;

const LIMITS = { disk: 1.3, rss: 350, firstStart: 15_000, nextStart: 1500, soakGrowth: 1.05 };

/** Requests per second at the data of the main run. */
const searchRates = [
  ['search-patient-obs', 3500],
  ['search-code-date', 3500],
  ['search-name', 3500],
  ['search-chain', 1500],
  ['search-has', 1500],
  ['search-include', 900],
  ['everything', 300],
] as const;

export function judge(report: Report): Goal[] {
  return [
    ofFloor(report, 'read', 0.7),
    ofFloor(report, 'vread', 0.7),
    ofFloor(report, 'create', 0.55),
    ofFloor(report, 'update', 0.45),
    ofFloor(report, 'search-token', 0.5),
    rate(report, 'import', { least: 4000, unit: 'resources/s' }),
    rate(report, 'transaction-small', { least: 600, unit: '/s' }),
    ...searchRates.map(([name, least]) => rate(report, name, { least, unit: '/s' })),
    ...growth(report),
    ...report.disk.map(({ when, databaseBytes, jsonBytes }) =>
      atMost(
        `disk ${when}`,
        databaseBytes / jsonBytes,
        LIMITS.disk,
        (x) => `${x.toFixed(2)} x JSON`,
      ),
    ),
    atMost('memory after the import', report.memory?.afterImport, LIMITS.rss, mib),
    ...grownMemory(report),
    soak(report),
    start(report, 'first', LIMITS.firstStart),
    start(report, 'next', LIMITS.nextStart),
  ];
}

const mib = (value: number): string => `${value.toFixed(0)} MiB`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function atMost(
  name: string,
  value: number | undefined,
  limit: number,
  show: (value: number) => string,
): Goal {
  const goal = `at most ${show(limit)}`;
  return value === undefined
    ? { name, goal }
    : { name, goal, found: show(value), pass: value <= limit };
}

const resultOf = (report: Report, name: string): Result | undefined =>
  report.scenarios.find((result) => result.name === name);

/** A scenario with errors has not reached its goal, however fast it was. */
const isClean = ({ figures }: Result): boolean => figures?.errors === 0;

function ofFloor(report: Report, name: string, least: number): Goal {
  const result = resultOf(report, name);
  const percent = (part: number): string => `${(part * 100).toFixed(0)} % of the floor`;
  const goal = `at least ${percent(least)}`;
  if (result?.failed ?? result?.unsupported) return { name, goal, found: 'failed', pass: false };
  if (!result?.floor) return { name, goal };
  const { ratio } = result.floor;
  return { name, goal, found: percent(ratio), pass: ratio >= least && isClean(result) };
}

function rate(report: Report, name: string, wanted: { least: number; unit: string }): Goal {
  const result = resultOf(report, name);
  const show = (value: number): string => `${value.toFixed(0)} ${wanted.unit}`;
  const goal = `at least ${show(wanted.least)}`;
  if (result?.failed ?? result?.unsupported) return { name, goal, found: 'failed', pass: false };
  if (!result?.figures) return { name, goal };
  const value = rateOf(result);
  return { name, goal, found: show(value), pass: value >= wanted.least && isClean(result) };
}

/** Requests per second; resources per second for the import. */
export function rateOf({ name, figures }: Result): number {
  if (!figures) return Number.NaN;
  return name === 'import' ? figures.resources / figures.seconds : figures.rps;
}

function growth({ growth }: Report): Goal[] {
  if (!growth) return [{ name: 'growth of p50', goal: `at most ${times(GROWTH_LIMIT)}` }];
  const sizes = growth.sizes.join(' -> ');
  return growth.shapes
    .filter(({ limit }) => limit !== undefined)
    .map((shape) => {
      const found = growthOf(shape.p50);
      const goal = atMost(`${shape.name}, ${sizes}`, found, shape.limit ?? 0, times);
      return { ...goal, pass: goal.pass && shape.errors.every((count) => count === 0) };
    });
}

export const times = (value: number): string => `${value.toFixed(2)} x`;

/** The last value over the first. */
export const growthOf = (values: readonly number[]): number =>
  (values.at(-1) ?? Number.NaN) / (values[0] ?? Number.NaN);

const grownMemory = ({ growth }: Report): Goal[] =>
  (growth?.rss ?? []).map((rss, at) =>
    atMost(`memory after ${growth?.sizes[at]} resources`, rss, LIMITS.rss, mib),
  );

/** "No growth": the last quarter's median is at most 5 % above that of the second. */
function soak({ soak }: Report): Goal {
  const name = soak ? `memory over ${soak.minutes} minutes` : 'memory over a mixed run';
  const share = soak && soak.lastQuarter / soak.secondQuarter;
  return atMost(name, share, LIMITS.soakGrowth, times);
}

/** The slowest kind counts. */
function start({ starts }: Report, kind: 'first' | 'next', limit: number): Goal {
  const medians = starts.filter((one) => one.kind.startsWith(kind)).map((one) => median(one.times));
  const slowest = medians.length > 0 ? Math.max(...medians) : undefined;
  return atMost(`${kind} start`, slowest, limit, seconds);
}
