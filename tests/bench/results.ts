import type { Figures } from './loop.ts';
import type { Options } from './options.ts';
import type { Usage } from './process.ts';

/** All that a run finds out; what was not measured is missing. Written by `--out` as JSON. */
export interface Report {
  readonly date: string;
  readonly machine: { cpu: string; cores: number; memoryGb: number; system: string };
  readonly versions: { kiln: string; node: string; postgres: string };
  readonly options: Options;
  readonly scenarios: Result[];
  disk: Disk[];
  memory?: Memory;
  starts: Start[];
  growth?: Growth;
  search?: SearchGrowth;
  soak?: Soak;
  auth?: readonly AuthRow[];
}

export interface Result {
  readonly name: string;
  readonly figures?: Figures;
  /** CPU milliseconds per request; per resource for the import. */
  readonly cpu?: Usage | undefined;
  /** Bundle entries per answer, of those looked at in full. */
  readonly entries?: number | undefined;
  readonly floor?: Floor;
  /** Why there are no figures: what the server answered. */
  readonly unsupported?: string;
  readonly failed?: string;
}

export interface Floor {
  readonly figures: Figures;
  readonly cpu?: Usage | undefined;
  /** Rate of the server over that of the floor: the median of the rounds. */
  readonly ratio: number;
}

export interface Disk {
  readonly when: string;
  readonly resources?: number;
  /** Growth of the database since it was empty, indexes and history included. */
  readonly databaseBytes: number;
  /** Resources as they were sent, all versions. */
  readonly jsonBytes: number;
}

/** MiB. */
export interface Memory {
  readonly afterImport: number;
  readonly atEnd: number;
  readonly postgres: number;
}

export interface Start {
  readonly kind: string;
  /** Milliseconds until the first answer, one per repetition. */
  readonly times: number[];
}

export interface Growth {
  readonly sizes: number[];
  /** p50 in milliseconds and CPU milliseconds per request, at each of the sizes. */
  readonly shapes: Shape[];
  /** MiB, after each load. */
  readonly rss: number[];
  readonly loadRates: number[];
}

export interface Shape {
  readonly name: string;
  readonly p50: number[];
  readonly node: number[];
  readonly postgres: number[];
  readonly errors: number[];
  /** What p50 may grow by. */
  readonly limit?: number;
}

/** What one question came to at one size. */
export interface Trialled {
  /** Milliseconds, under load and by a single client (if that was measured). */
  readonly p50: number;
  readonly alone: number;
  /** Answers per second under load that passed their check. */
  readonly rps: number;
  /** CPU milliseconds per request. */
  readonly node: number;
  readonly postgres: number;
  /** Bundle entries per answer, of those looked at in full. */
  readonly entries: number | undefined;
  readonly errors: number;
  /** The first or most frequent of the errors. */
  readonly fault: string | undefined;
}

export interface SearchGrowth {
  readonly sizes: number[];
  readonly rows: SearchRow[];
}

/** A search shape. */
export interface SearchRow {
  readonly name: string;
  readonly kind: 'page' | 'matches' | 'control';
  /** One for each size. */
  readonly at: Trialled[];
  /** Milliseconds by a single client, in place of the limit under load. */
  readonly aloneLimit?: number;
}

/** One request to the servers without authentication, with it, and with an audit. */
export interface AuthRow {
  readonly caller: string;
  readonly name: string;
  readonly sides: readonly AuthSide[];
  readonly failed?: string;
}

export interface AuthSide {
  readonly figures: Figures;
  readonly cpu: Usage | undefined;
  /** Requests per second of each round. */
  readonly rates: readonly number[];
}

export interface Soak {
  readonly minutes: number;
  readonly figures: Figures;
  /** Seconds since the start and RSS in MiB, every other second. */
  readonly samples: (readonly [seconds: number, rss: number])[];
  /** MiB per minute, by least squares over the second half. */
  readonly slope: number;
  /** Medians of the second and of the last quarter. */
  readonly secondQuarter: number;
  readonly lastQuarter: number;
}

export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
