import { type Goal, growthOf, judge, rateOf } from './goals.ts';
import { authGoals, authTable } from './goals-auth.ts';
import { searchGoals, verdictOf } from './goals-search.ts';
import { median, type Report, type Result, type Trialled } from './results.ts';

/** A table of texts; the first row is the head. */
type Table = readonly (readonly string[])[];

const fixed = (value: number | undefined, digits = 1): string =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits);

const mb = (bytes: number): string => fixed(bytes / 1e6, 1);

const HEAD = [
  ...['scenario', 'per s', 'p50 ms', 'p95 ms', 'p99 ms', 'errors', 'node ms', 'pg ms', 'entries'],
  ...['client %', 'floor/s', 'floor node', 'floor pg', 'of floor'],
];

function scenarioRow(result: Result): string[] {
  const { name, figures, cpu, entries, floor } = result;
  if (!figures) return [name, result.unsupported ? 'unsupported' : 'FAILED'];
  return [
    name === 'import' ? 'import (resources)' : name,
    fixed(rateOf(result), 0),
    ...[figures.p50, figures.p95, figures.p99].map((ms) => fixed(ms, 2)),
    String(figures.errors),
    ...[cpu?.node, cpu?.postgres].map((ms) => fixed(ms, 3)),
    fixed(entries),
    fixed(figures.clientCpu, 0),
    fixed(floor?.figures.rps, 0),
    ...[floor?.cpu?.node, floor?.cpu?.postgres].map((ms) => fixed(ms, 3)),
    floor ? `${fixed(floor.ratio * 100, 0)} %` : '-',
  ];
}

const verdict = ({ pass }: Goal): string =>
  pass === undefined ? 'not measured' : pass ? 'pass' : 'MISS';

const goalRow = (goal: Goal): string[] => [goal.name, goal.goal, goal.found ?? '-', verdict(goal)];

function growthTable({ growth }: Report): Table {
  if (!growth) return [];
  const head = ['shape', ...growth.sizes.map((size) => `p50 ms at ${size}`), 'growth'];
  const cpu = growth.sizes.flatMap((size) => [`node ms at ${size}`, `pg ms at ${size}`]);
  const rows = growth.shapes.map(({ name, p50, node, postgres, errors }) => [
    name,
    ...p50.map((ms) => fixed(ms, 2)),
    `${fixed(growthOf(p50), 2)} x`,
    ...node.flatMap((ms, at) => [fixed(ms, 3), fixed(postgres[at], 3)]),
    String(errors.reduce((sum, count) => sum + count, 0)),
  ]);
  return [[...head, ...cpu, 'errors'], ...rows];
}

const KINDS = { page: 'page', matches: 'matches', control: '-' };

/** A column of the table for each figure and size. */
const searchFigures: readonly [name: string, show: (at: Trialled) => string][] = [
  ['p50 ms', ({ p50 }) => fixed(p50, 2)],
  ['alone ms', ({ alone }) => fixed(alone, 2)],
  ['per s', ({ rps }) => fixed(rps, 0)],
  ['node ms', ({ node }) => fixed(node, 3)],
  ['pg ms', ({ postgres }) => fixed(postgres, 3)],
];

function searchTable({ search }: Report): Table {
  if (!search) return [];
  const { sizes, rows } = search;
  const figures = searchFigures.flatMap(([name]) => sizes.map((size) => `${name} at ${size}`));
  const head = ['search', 'bounded by', 'growth', ...figures, 'entries', 'errors', ''];
  return [
    head,
    ...rows.map((row) => [
      ...[row.name, KINDS[row.kind], `${fixed(growthOf(row.at.map(({ p50 }) => p50)), 2)} x`],
      ...searchFigures.flatMap(([, show]) => row.at.map(show)),
      fixed(row.at.at(-1)?.entries),
      String(row.at.reduce((sum, { errors }) => sum + errors, 0)),
      verdictOf(row, sizes),
    ]),
  ];
}

function loadTable({ growth }: Report): Table {
  if (!growth) return [];
  const rows = growth.sizes.map((size, at) => [
    String(size),
    fixed(growth.loadRates[at], 0),
    fixed(growth.rss[at], 0),
  ]);
  return [['resources', 'loaded per s', 'RSS MiB'], ...rows];
}

function diskTable({ disk }: Report): Table {
  if (disk.length === 0) return [];
  const rows = disk.map(({ when, databaseBytes, jsonBytes }) => [
    when,
    mb(jsonBytes),
    mb(databaseBytes),
    fixed(databaseBytes / jsonBytes, 2),
  ]);
  return [['disk', 'JSON MB', 'database MB', 'ratio'], ...rows];
}

function startTable({ starts }: Report): Table {
  if (starts.length === 0) return [];
  const rows = starts.map(({ kind, times }) => [
    kind,
    fixed(median(times), 0),
    fixed(Math.max(...times), 0),
    String(times.length),
  ]);
  return [['start', 'median ms', 'longest ms', 'times'], ...rows];
}

function memoryTable({ memory, soak }: Report): Table {
  const rows = [
    ...(memory
      ? [
          ['server, RSS after the import', fixed(memory.afterImport, 0)],
          ['server, RSS after all scenarios', fixed(memory.atEnd, 0)],
          ['PostgreSQL, all processes (PSS)', fixed(memory.postgres, 0)],
        ]
      : []),
    ...(soak
      ? [
          [`soak of ${soak.minutes} min: second quarter, median`, fixed(soak.secondQuarter, 1)],
          ['last quarter, median', fixed(soak.lastQuarter, 1)],
          ['slope of the second half, per minute', fixed(soak.slope, 2)],
          [`answers per second (${soak.figures.errors} errors)`, fixed(soak.figures.rps, 0)],
        ]
      : []),
  ];
  return rows.length > 0 ? [['memory', 'MiB'], ...rows] : [];
}

/** The whole report as text, or as Markdown for docs/performance.md. */
export function printReport(report: Report, markdown: boolean): string {
  const { machine, versions, options, scenarios } = report;
  const show = markdown ? asMarkdown : asText;
  const title = (text: string): string => (markdown ? `### ${text}\n\n` : '');
  const line = (name: string, text: string): string =>
    markdown ? `- ${name}: ${text}\n` : `${name}: ${text}\n`;
  const about =
    line(
      'Machine',
      `${machine.cores} x ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}`,
    ) +
    line(
      'Versions',
      `Kiln ${versions.kiln}, Node ${versions.node}, PostgreSQL ${versions.postgres}`,
    ) +
    line(
      'Run',
      `${report.date}, ${options.connections} connections, ` +
        `${options.duration / 1000} s each in ${options.rounds} rounds`,
    );
  const goals = [...judge(report), ...searchGoals(report), ...authGoals(report)];
  const parts: [string, Table][] = [
    ['Goals', [['goal', 'wanted', 'found', ''], ...goals.map(goalRow)]],
    ['Scenarios', scenarios.length > 0 ? [HEAD, ...scenarios.map(scenarioRow)] : []],
    ['Growth', growthTable(report)],
    ['Search shapes', searchTable(report)],
    ['Authentication and audit', authTable(report)],
    ['Load', loadTable(report)],
    ['Disk', diskTable(report)],
    ['Memory', memoryTable(report)],
    ['Start', startTable(report)],
  ];
  const tables = parts
    .filter(([, table]) => table.length > 0)
    .map(([name, table]) => `${title(name)}${show(table)}`);
  return [about, ...tables].join('\n');
}

/** What one scenario came to, as soon as it is known. */
export const printLine = (result: Result): string =>
  [
    scenarioRow(result)
      .map((cell, at) => pad(cell, at))
      .join(''),
    ...remarks(result),
  ].join('\n');

export const lineHead = (): string => HEAD.map(pad).join('');

const pad = (cell: string, at: number): string => (at === 0 ? cell.padEnd(20) : cell.padStart(11));

function remarks({ figures, failed, unsupported }: Result): string[] {
  const why = failed ?? unsupported;
  const faults = (figures?.faults ?? []).map(([text, count]) => `    ${count} x ${text}`);
  return why === undefined ? faults : [`    ${why.slice(0, 300)}`];
}

function asText(table: Table): string {
  const widths = (table[0] ?? []).map((_, at) =>
    Math.max(...table.map((row) => (row[at] ?? '').length)),
  );
  const align = (cell: string, at: number): string =>
    at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return table.map((row) => `${row.map(align).join('  ').trimEnd()}\n`).join('');
}

function asMarkdown(table: Table): string {
  const [head = [], ...rows] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = head.map((_, at) => (at === 0 ? '---' : '---:'));
  const full = rows.map((row) => head.map((_, at) => row[at] ?? ''));
  return [head, rule, ...full].map(line).join('');
}
