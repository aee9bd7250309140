import { hash } from 'node:crypto';
import type { Context } from './context.ts';
import type { Printer } from './search-sql-base.ts';
import type { Pace } from './search-sql-plan.ts';

/**
 * Prints a search tree as one SQL statement: the only place that composes SQL text. Every value is a
 * bound parameter. What the planner may choose is decided here (docs/architecture.md, "Plans"):
 *
 * - a patient's data: one range of the patient index, tokens as a filter (`is true`);
 * - a compartment: the token index with all its references first, then types and order;
 * - business identifiers: the token index first (fenced), then order;
 * - one string beginning and no order asked for: a walk along the string index in its order;
 * - by main date first: a walk along the date index, then the undated;
 * - all else: left to the planner with the values known (unnamed statement, custom plan).
 */
export interface SearchStatement {
  /** Absent for statements that must be planned with their values known. */
  name?: string;
  text: string;
  values: unknown[];
}

/** A statement while it is printed. */
export class Statement implements Printer {
  readonly context: Context;
  readonly values: unknown[] = [];
  #aliases = 0;
  constructor(context: Context) {
    this.context = context;
  }
  bind(value: unknown, cast: string): string {
    this.values.push(value);
    return `$${this.values.length}::${cast}`;
  }
  /** The hash of an index word, bound. */
  word(text: string): string {
    return this.bind(String(this.context.hasher.word(text)), 'bigint');
  }
  alias(): string {
    this.#aliases += 1;
    return `t${this.#aliases}`;
  }
  finish(text: string, pace: Pace): SearchStatement {
    const { values } = this;
    if (pace === 'planned') return { text, values };
    return { name: `s${hash('sha1', text).slice(0, 20)}`, text, values };
  }
}
