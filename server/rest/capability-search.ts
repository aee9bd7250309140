import type { Definitions, SearchParamDef, SearchType } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { Fulltext } from '../fhir/query-param.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import { LIST_PARAM } from '../fhir/query-terms.ts';
import { AUDIT_EVENT } from '../store/store.ts';

/** What can be searched, found out by asking the parser: nothing is claimed that it refuses. */
export interface Searchable {
  ofType(type: string): SearchParamDef[];
  /** Parameters that a search over all types takes. */
  everywhere: SearchParamDef[];
  /** Canonical urls of the compartments that can be searched. */
  compartments: string[];
  /** Values of `_include`: `Observation:subject`, `Observation:*`, `*`. */
  includes(type: string): string[];
  /** Values of `_revinclude` on searches of the type. */
  revincludes(type: string): string[];
}

export function searchable(definitions: Definitions, fulltext: Fulltext): Searchable {
  const types = definitions.resourceTypes;
  const taken = new Map(types.map((type) => [type, takenOf({ definitions, fulltext }, [type])]));
  const ofType = (type: string): SearchParamDef[] => taken.get(type) ?? [];
  const includes = (type: string): string[] => {
    const references = ofType(type).filter(isFollowed);
    const named = references.map((def) => `${type}:${def.code}`);
    return named.length === 0 ? [] : ['*', `${type}:*`, ...named];
  };
  const reverse = reverseIncludes(types, (type) => ofType(type).filter(isFollowed));
  return {
    ofType,
    compartments: [...definitions.compartments.keys()].map(
      (code) => `http://hl7.org/fhir/CompartmentDefinition/${code.toLowerCase()}`,
    ),
    everywhere: takenOf({ definitions, fulltext }, types),
    includes,
    revincludes: (type) => reverse.get(type) ?? [],
  };
}

const isFollowed = (def: SearchParamDef): boolean => def.type === 'reference';

function reverseIncludes(
  types: readonly string[],
  followed: (type: string) => SearchParamDef[],
): Map<string, string[]> {
  const found = new Map<string, string[]>(types.map((type) => [type, []]));
  for (const source of types) {
    if (source === AUDIT_EVENT) continue;
    for (const def of followed(source)) {
      for (const target of def.targets ?? []) found.get(target)?.push(`${source}:${def.code}`);
    }
  }
  for (const list of found.values()) if (list.length > 0) list.unshift('*');
  return found;
}

interface Site {
  definitions: Definitions;
  fulltext: Fulltext;
}

function takenOf(site: Site, types: readonly string[]): SearchParamDef[] {
  const [first = ''] = types;
  return [...site.definitions.searchParams(first).values(), LIST_PARAM]
    .filter((def) => isTaken(site, types, def))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

function isTaken(site: Site, types: readonly string[], def: SearchParamDef): boolean {
  const value = sampleOf(def);
  if (value === undefined) return false;
  try {
    parseQuery({
      ...{ ...site, types, params: [[def.code, value]], lenient: false },
      ...{ count: 1, maxCount: 1, bases: [], zone: 0, now: 0 },
    });
    return true;
  } catch (error) {
    if (error instanceof FhirError) return false;
    throw error;
  }
}

/** Of parameters that are searched in a way of their own. */
const special: Record<string, string> = { near: '47.5|19|10|km', _filter: '_id eq 1' };

const samples: Record<SearchType, string | undefined> = {
  string: 'a',
  token: 'a',
  reference: '1',
  date: '2020',
  number: '1',
  quantity: '1',
  uri: 'http://example.org',
  composite: undefined,
  special: '1',
};

/** A value of the parameter's form; undefined where it cannot have one. */
export function sampleOf(def: SearchParamDef): string | undefined {
  if (Object.hasOwn(special, def.code)) return special[def.code];
  if (def.type === 'reference') return `${def.targets?.[0] ?? 'Patient'}/1`;
  if (def.type !== 'composite') return samples[def.type];
  const parts = (def.components ?? []).map(({ type }) =>
    type === 'reference' ? 'Patient/1' : samples[type],
  );
  return parts.length === 0 || parts.includes(undefined) ? undefined : parts.join('$');
}
