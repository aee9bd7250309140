import type { Db } from '../db/db.ts';
import type { Definitions } from '../fhir/definitions.ts';
import type { Extractor } from '../fhir/extract.ts';
import type { Issue } from '../fhir/types.ts';
import type { Reach } from './access-reach.ts';
import type { VersionClock } from './clock.ts';
import type { Hasher } from './hash.ts';
import type { Lately } from './lately.ts';
import type { Params } from './params.ts';

/** What the parts of the store share; made once by createStore. */
export interface Context {
  db: Db;
  /** With the custom search parameters. */
  definitions: Definitions;
  params: Params;
  extractor: Extractor;
  /** Structural faults of a resource; `path` is what their expressions start with. */
  validate(resource: unknown, options?: { path?: string }): Issue[];
  hasher: Hasher;
  /** Searches whose page did not stand among the first rows of its order (`nearKey`). */
  far: Lately;
  /** Joins whose other end was found to be many resources (`manyKey`). */
  many: Lately;
  /** What the limits of actors come to at present. */
  reach: Reach;
  clock: VersionClock;
  newId(): string;
  /** The secret that signs page cursors. */
  secret: string;
  /** Bases of absolute references that mean this server. */
  bases: readonly string[];
  /** Offset of dates without a zone, in minutes east of UTC. */
  zone: number;
  integrity: 'off' | 'warn' | 'on';
  /** What is indexed word by word: narratives (`_text`), also all else (`_content`). */
  fulltext: 'off' | 'narrative' | 'content';
  /** The number of a resource type in the tables. Throws FhirError not-found for an unknown type. */
  typeNumber(type: string): number;
  typeName(num: number): string;
}

/** Runs a statement, on a pool or inside a transaction; rows as arrays, bigint as text. */
export type Run = (
  statement: { name?: string; text: string },
  values: readonly unknown[],
) => Promise<readonly (readonly unknown[])[]>;
