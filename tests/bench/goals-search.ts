import { type Goal, GROWTH_LIMIT, growthOf, times } from './goals.ts';
import type { Report, SearchRow } from './results.ts';

/** What search shapes are held against. */

/** Milliseconds of p50 that no shape is above. */
const LIMIT = 50;

type Figure = (row: SearchRow) => number;

const growth: Figure = ({ at }) => growthOf(at.map(({ p50 }) => p50));
const slowest: Figure = ({ at }) => Math.max(...at.map(({ p50 }) => p50));
const slowestAlone: Figure = ({ at }) => Math.max(...at.map(({ alone }) => alone));

const hasErrors = ({ at }: SearchRow): boolean => at.some(({ errors }) => errors > 0);
const isHeldAlone = ({ aloneLimit }: SearchRow): boolean => aloneLimit !== undefined;

const growthLimit = ({ kind }: SearchRow, sizes: readonly number[]): number =>
  kind === 'page' ? GROWTH_LIMIT : growthOf(sizes);

/** `pass`, or what a shape misses; one with errors has no figures to speak of. */
export function verdictOf(row: SearchRow, sizes: readonly number[]): string {
  if (row.kind === 'control') return '-';
  if (hasErrors(row)) return 'ERRORS';
  const fits = row.aloneLimit ? slowestAlone(row) <= row.aloneLimit : slowest(row) <= LIMIT;
  if (!fits) return 'MISS: ms';
  return growth(row) <= growthLimit(row, sizes) ? 'pass' : 'MISS: growth';
}

/** The worst shape of each kind stands for all; the table of shapes has every one. */
export function searchGoals({ search }: Report): Goal[] {
  const { rows, sizes } = search ?? { rows: [], sizes: [] };
  const over = sizes.length > 0 ? `, ${sizes.join(' -> ')}` : '';
  const asked = rows.filter(({ kind }) => kind !== 'control');
  const page = rows.filter(({ kind }) => kind === 'page');
  const matches = rows.filter(({ kind }) => kind === 'matches');
  const byData = sizes.length > 0 ? growthOf(sizes) : Number.NaN;
  return [
    worst(`page-by-index searches${over}`, page, { by: growth, limit: GROWTH_LIMIT, show: times }),
    worst(`searches that visit their matches${over}`, matches, {
      ...{ by: growth, limit: byData, show: times },
    }),
    worst(
      'slowest search, p50',
      asked.filter((row) => !isHeldAlone(row)),
      { by: slowest, limit: LIMIT, show: ms },
    ),
    ...asked.filter(isHeldAlone).map((row) =>
      worst(`${row.name}, alone`, [row], {
        ...{ by: slowestAlone, limit: row.aloneLimit ?? 0, show: ms },
      }),
    ),
  ];
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;

function worst(
  name: string,
  rows: readonly SearchRow[],
  held: { by: Figure; limit: number; show: (value: number) => string },
): Goal {
  const { by, limit, show } = held;
  const goal = Number.isNaN(limit) ? 'at most as the data' : `at most ${show(limit)}`;
  const faulty = rows.filter(hasErrors).map((row) => row.name);
  if (faulty.length > 0) return { name, goal, found: `errors: ${faulty.join('; ')}`, pass: false };
  const [last] = rows.toSorted((a, b) => by(b) - by(a));
  if (!last || last.at.length === 0) return { name, goal };
  const found = `${show(by(last))}, ${last.name}`;
  return { name, goal, found, pass: by(last) <= limit };
}
