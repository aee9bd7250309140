import type { CodeSystem, CodeSystemConcept, ValueSetComposeInclude } from '@medplum/fhirtypes';
import { byText, type Source } from './compile-source.ts';

/** Codes by system; undefined stands for a set that cannot be listed. */
export type Listing = Map<string, Set<string>> | undefined;

type Terminology = Pick<Source, 'codeSystems' | 'valueSets'>;

/**
 * Lists a value set from its definition (R4 4.9.5): whole code systems with nested concepts, listed
 * concepts, the filters `is-a`, `descendent-of` and `=`, other value sets, exclusions.
 *
 * @returns undefined where a code system is not in the package or not complete there (MIME types,
 *   UCUM, ISO 4217), or a filter is of another kind
 */
export function listValueSet(url: string, terminology: Terminology, open: string[] = []): Listing {
  const compose = terminology.valueSets.get(url)?.compose;
  if (!compose || open.includes(url)) return undefined;
  const inside = [...open, url];
  const listing = new Map<string, Set<string>>();
  for (const include of compose.include) {
    const part = listInclude(include, terminology, inside);
    if (!part) return undefined;
    merge(listing, part);
  }
  for (const exclude of compose.exclude ?? []) {
    const part = listInclude(exclude, terminology, inside);
    if (!part) return undefined;
    for (const [system, codes] of part) for (const code of codes) listing.get(system)?.delete(code);
  }
  return listing;
}

/** Sorted, so that artefacts do not depend on the order of the definitions. */
export function sortListing(listing: Map<string, Set<string>>): Record<string, string[]> {
  return Object.fromEntries(
    [...listing]
      .sort(([a], [b]) => byText(a, b))
      .map(([system, codes]) => [system, [...codes].sort(byText)]),
  );
}

/** Systems and value sets of one include must all hold (R4 4.9.5: "included in all"). */
function listInclude(
  include: ValueSetComposeInclude,
  terminology: Terminology,
  open: string[],
): Listing {
  const parts: Listing[] = (include.valueSet ?? []).map((url) =>
    listValueSet(url.split('|')[0] ?? '', terminology, open),
  );
  if (include.system) parts.unshift(listSystem(include, include.system, terminology));
  const [first, ...rest] = parts;
  if (!first) return undefined;
  let listing = first;
  for (const part of rest) {
    if (!part) return undefined;
    listing = intersect(listing, part);
  }
  return listing;
}

function listSystem(
  include: ValueSetComposeInclude,
  system: string,
  { codeSystems }: Terminology,
): Listing {
  if (include.concept) {
    return new Map([[system, new Set(include.concept.map((one) => one.code ?? ''))]]);
  }
  const codeSystem = codeSystems.get(system);
  if (codeSystem?.content !== 'complete') return undefined;
  let concepts = flatten(codeSystem.concept ?? []);
  for (const filter of include.filter ?? []) {
    const kept = applyFilter(filter, concepts, codeSystem);
    if (!kept) return undefined;
    concepts = kept;
  }
  return new Map([[system, new Set(concepts.map((one) => one.code ?? ''))]]);
}

type Filter = NonNullable<ValueSetComposeInclude['filter']>[number];

function applyFilter(
  filter: Filter,
  concepts: CodeSystemConcept[],
  codeSystem: CodeSystem,
): CodeSystemConcept[] | undefined {
  if (filter.op === '=') {
    return concepts.filter((one) =>
      one.property?.some(
        (property) =>
          property.code === filter.property && `${propertyValue(property)}` === filter.value,
      ),
    );
  }
  if (filter.property !== 'concept' || codeSystem.hierarchyMeaning === 'grouped-by')
    return undefined;
  if (filter.op !== 'is-a' && filter.op !== 'descendent-of') return undefined;
  const top = flatten(codeSystem.concept ?? []).find((one) => one.code === filter.value);
  const below = new Set(flatten(top?.concept ?? []));
  return concepts.filter((one) => below.has(one) || (filter.op === 'is-a' && one === top));
}

function propertyValue(property: NonNullable<CodeSystemConcept['property']>[number]): unknown {
  return Object.entries(property).find(([name]) => name.startsWith('value'))?.[1];
}

function flatten(concepts: readonly CodeSystemConcept[]): CodeSystemConcept[] {
  return concepts.flatMap((one) => [one, ...flatten(one.concept ?? [])]);
}

function merge(into: Map<string, Set<string>>, part: Map<string, Set<string>>): void {
  for (const [system, codes] of part) {
    into.set(system, (into.get(system) ?? new Set()).union(codes));
  }
}

function intersect(
  a: Map<string, Set<string>>,
  b: Map<string, Set<string>>,
): Map<string, Set<string>> {
  return new Map(
    [...a].map(([system, codes]) => [system, codes.intersection(b.get(system) ?? new Set())]),
  );
}
