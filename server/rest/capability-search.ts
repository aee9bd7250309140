import type { Definitions, SearchParamDef, SearchType } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import { parseQuery } from '../fhir/query-parse.ts';

/** What can be searched, found out by asking the parser: nothing is claimed that it refuses. */
export interface Searchable {
  ofType(type: string): SearchParamDef[];
  /** Parameters that a search over all types takes. */
  everywhere: SearchParamDef[];
  /** Values of `_include`, `Observation:subject`. */
  includes(type: string): string[];
  /** Values of `_revinclude` on searches of the type. */
  revincludes(type: string): string[];
}

export function searchable(definitions: Definitions): Searchable {
  const types = definitions.resourceTypes;
  const taken = new Map(types.map((type) => [type, takenOf(definitions, [type])]));
  const ofType = (type: string): SearchParamDef[] => taken.get(type) ?? [];
  const includes = (type: string): string[] =>
    ofType(type)
      .filter((def) => def.type === 'reference')
      .map((def) => `${type}:${def.code}`);
  const reverse = reverseIncludes(types, ofType);
  return {
    ofType,
    everywhere: takenOf(definitions, types),
    includes,
    revincludes: (type) => reverse.get(type) ?? [],
  };
}

function reverseIncludes(
  types: readonly string[],
  ofType: (type: string) => SearchParamDef[],
): Map<string, string[]> {
  const found = new Map<string, string[]>(types.map((type) => [type, []]));
  for (const source of types) {
    for (const def of ofType(source)) {
      if (def.type !== 'reference') continue;
      for (const target of def.targets ?? []) found.get(target)?.push(`${source}:${def.code}`);
    }
  }
  return found;
}

function takenOf(definitions: Definitions, types: readonly string[]): SearchParamDef[] {
  const [first = ''] = types;
  return [...definitions.searchParams(first).values()]
    .filter((def) => isTaken(definitions, types, def))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

function isTaken(definitions: Definitions, types: readonly string[], def: SearchParamDef): boolean {
  const value = sampleOf(def);
  if (value === undefined) return false;
  try {
    parseQuery({
      ...{ definitions, types, params: [[def.code, value]], lenient: false },
      ...{ count: 1, maxCount: 1, bases: [], zone: 0, now: 0 },
    });
    return true;
  } catch (error) {
    if (error instanceof FhirError) return false;
    throw error;
  }
}

const samples: Record<SearchType, string | undefined> = {
  string: 'a',
  token: 'a',
  reference: '1',
  date: '2020',
  number: '1',
  quantity: '1',
  uri: 'http://example.org',
  composite: undefined,
  special: 'a',
};

/** A value of the parameter's form; undefined where it cannot have one. */
export function sampleOf(def: SearchParamDef): string | undefined {
  if (def.type === 'reference') return `${def.targets?.[0] ?? 'Patient'}/1`;
  if (def.type !== 'composite') return samples[def.type];
  const parts = (def.components ?? []).map(({ type }) =>
    type === 'reference' ? 'Patient/1' : samples[type],
  );
  return parts.length === 0 || parts.includes(undefined) ? undefined : parts.join('$');
}
