import type { Request } from './http.ts';
import { joinShapes } from './shapes-joins.ts';
import { resultShapes } from './shapes-results.ts';
import { valueShapes } from './shapes-values.ts';
import type { World } from './world.ts';

/** A search of everyday use, in as many variants as the data give. */
export interface SearchShape {
  readonly name: string;
  /**
   * What its work is bounded by. `page`: by a page, or by one patient's record, which an index leads
   * to: it must not grow with the data. `matches`: by all that matches, which grows as the data do.
   */
  readonly kind: 'page' | 'matches';
  readonly requests: (world: World) => Request[];
  /** Milliseconds that one takes at most while no other runs, in place of the limit under load. */
  readonly alone?: number;
}

/** One row each in the table of `--search`. */
export const searchShapes: readonly SearchShape[] = [
  ...valueShapes,
  ...joinShapes,
  ...resultShapes,
];

/** Throws where there is none of this name. */
export function shapeOf(name: string): SearchShape {
  const shape = searchShapes.find((one) => one.name === name);
  if (!shape) throw new Error(`there is no search shape ${name}`);
  return shape;
}
