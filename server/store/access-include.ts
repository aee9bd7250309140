import type { Definitions } from '../fhir/definitions.ts';
import type { Include, SearchQuery } from '../fhir/query.ts';
import { isReference } from '../fhir/query-param.ts';

/**
 * The types that a search may include: what may be seen of others need not be known. Undefined where it
 * includes nothing.
 */
export function includedTypes(
  definitions: Definitions,
  { types, include, revinclude }: Pick<SearchQuery, 'types' | 'include' | 'revinclude'>,
): ReadonlySet<string> | undefined {
  if (include.length + revinclude.length === 0) return undefined;
  const all = definitions.resourceTypes;
  const found = [
    ...include.flatMap((one) => targetsOf(definitions, types, one)),
    ...revinclude.flatMap(({ source }) => (source === '*' ? all : [source])),
  ];
  return new Set(found);
}

function targetsOf(
  definitions: Definitions,
  types: readonly string[],
  { source, code, target, iterate }: Include,
): readonly string[] {
  if (target !== undefined) return [target];
  const all = definitions.resourceTypes;
  if (source === '*' && iterate) return all;
  return (source === '*' ? types : [source]).flatMap((type) =>
    [...definitions.searchParams(type).values()]
      .filter((def) => isReference(def) && (code === '*' || def.code === code))
      .flatMap((def) => def.targets ?? all),
  );
}
