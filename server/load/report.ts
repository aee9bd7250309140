import { appendFileSync, writeFileSync } from 'node:fs';
import type { Delivered, Fate, Reason } from './deliver.ts';
import { withinEntry } from './issues.ts';

/** A line of the report. */
export interface Refusal {
  file: string;
  /** `entry 12`, `line 7`; empty: the whole file. */
  at: string;
  /** `Observation/123`, or the type alone. */
  resource: string;
  /** HTTP status; 0 where nothing was sent. */
  status: number;
  code: string;
  expression: string;
  diagnostics: string;
}

/** Refusals kept for the screen; the rest is only counted, and written to the report. */
const KEPT = 20;

/** Counts what has become of everything, and keeps the reasons of refusals. */
export class Report {
  readonly counts: Record<Fate, number> = {
    ...{ created: 0, updated: 0, unchanged: 0, other: 0, refused: 0 },
  };
  /** The first refusals. */
  readonly refusals: Refusal[] = [];
  refusalCount = 0;
  skipped: { file: string; why: string }[] = [];
  readonly #path: string | undefined;

  /** @param path file for all refusals, one JSON object a line; written over */
  constructor(path?: string) {
    this.#path = path;
    if (path !== undefined) writeFileSync(path, '');
  }

  /** Entries that have been dealt with. */
  get total(): number {
    return Object.values(this.counts).reduce((sum, each) => sum + each, 0);
  }

  add(file: string, { counts, reasons }: Delivered): void {
    for (const [fate, by] of Object.entries(counts)) this.counts[fate as Fate] += by;
    for (const reason of reasons) this.#refuse(refusalOf(file, reason));
  }

  /** Something that was not even sent. */
  unreadable(file: string, at: string, diagnostics: string): void {
    this.counts.refused += 1;
    const nothing = { resource: '', status: 0, expression: '' };
    this.#refuse({ file, at, ...nothing, code: 'invalid', diagnostics });
  }

  #refuse(refusal: Refusal): void {
    this.refusalCount += 1;
    if (this.refusals.length < KEPT) this.refusals.push(refusal);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(refusal)}\n`);
  }
}

function refusalOf(
  file: string,
  { shipped, status, code, diagnostics, expression }: Reason,
): Refusal {
  const { resourceType, id } = (shipped?.entry['resource'] ?? {}) as Record<string, unknown>;
  const type = typeof resourceType === 'string' ? resourceType : '';
  const resource = id === undefined || shipped?.once ? type : `${type}/${id}`;
  const path = withinEntry(expression, type);
  return { file, at: shipped?.at ?? '', resource, status, code, expression: path, diagnostics };
}

/** The refusal in a line: where, what, why. */
export function refusalText({
  file,
  at,
  resource,
  status,
  expression,
  diagnostics,
}: Refusal): string {
  const place = [file, at, resource].filter((part) => part !== '').join(', ');
  const path = expression === '' || diagnostics.includes(expression) ? '' : `${expression}: `;
  return `${place}: ${path}${diagnostics}${status === 0 ? '' : ` (${status})`}`;
}

/** The last words of a load. */
export function summaryText(report: Report, files: number, seconds: number): string {
  const { created, updated, unchanged, other, refused } = report.counts;
  const done = report.total - refused;
  const rate = Math.round(done / Math.max(seconds, 0.001));
  const parts = [
    `${number(created)} created`,
    `${number(updated)} updated`,
    `${number(unchanged)} unchanged`,
    ...(other > 0 ? [`${number(other)} other`] : []),
  ];
  const lines = [
    `Loaded ${number(done)} resources from ${number(files)} files in ${seconds.toFixed(1)} s ` +
      `(${number(rate)}/s): ${parts.join(', ')}.`,
  ];
  for (const { file, why } of report.skipped.slice(0, KEPT)) lines.push(`Skipped ${file}: ${why}`);
  if (refused > 0) lines.push(`Refused ${number(refused)}:`);
  lines.push(...report.refusals.map((refusal) => `  ${refusalText(refusal)}`));
  const more = report.refusalCount - report.refusals.length;
  if (more > 0) lines.push(`  and ${number(more)} more reasons: --report FILE writes all of them`);
  return `${lines.join('\n')}\n`;
}

export const number = (value: number): string => value.toLocaleString('en-US');
