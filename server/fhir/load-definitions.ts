import { readFileSync } from 'node:fs';
import type {
  CompartmentDef,
  Constraint,
  Definitions,
  ElementDef,
  MainColumns,
  OperationDef,
  SearchParamDef,
  TypeDef,
} from './definitions.ts';

/** An element as `types.json` holds it: constraints by their name in `constraints.json`. */
export type ElementRow = Omit<ElementDef, 'constraints'> & { constraints?: string[] };

/** A line of `types.json`; with `inherits`, the base's elements come first and are not repeated. */
export type TypeRow = Omit<TypeDef, 'elements' | 'constraints'> & {
  elements: ElementRow[];
  constraints?: string[];
  inherits?: true;
};

/** A line of `search-parameters.json`: a parameter on one base type. */
export type SearchRow = SearchParamDef & { base: string };

/** A line of `value-sets.json`. */
export interface ValueSetRow {
  url: string;
  codes: Record<string, string[]>;
}

/** A line of `main-columns.json`. */
export type MainRow = MainColumns & { type: string };

const COMPILED = new URL('../../profiles/compiled/', import.meta.url);

/** Parameters of every resource stand under the roots; a search on a type sees them too. */
const ROOTS: readonly string[] = ['Resource', 'DomainResource'];

/**
 * Reads the compiled artefacts (1 MB, about 15 ms), once at start.
 *
 * @param folder of the artefacts, with a trailing slash; a test passes its own
 * @throws Error when a file is missing: `npm run compile` writes them
 */
export function loadDefinitions(folder: URL = COMPILED): Definitions {
  const read = <T>(name: string): T =>
    JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as T;
  const types = linkTypes(
    read<TypeRow[]>('types'),
    read<Record<string, Constraint>>('constraints'),
  );
  const compartments = read<CompartmentDef[]>('compartments');
  const main = new Map(read<MainRow[]>('main-columns').map(({ type, ...row }) => [type, row]));
  return {
    types,
    resourceTypes: [...types.values()]
      .filter((type) => type.kind === 'resource' && !type.abstract)
      .map((type) => type.name),
    revision: 0,
    searchParams: searchParamsOf(read<SearchRow[]>('search-parameters'), types),
    compartments: new Map(compartments.map((one) => [one.code, one])),
    operations: read<OperationDef[]>('operations'),
    main: (type) => main.get(type) ?? {},
    valueSet: valueSetOf(read<ValueSetRow[]>('value-sets')),
  };
}

function linkTypes(
  rows: readonly TypeRow[],
  pool: Readonly<Record<string, Constraint>>,
): Map<string, TypeDef> {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const types = new Map<string, TypeDef>();
  const link = (row: TypeRow): TypeDef => {
    const known = types.get(row.name);
    if (known) return known;
    const { inherits, constraints, elements, ...rest } = row;
    const base = inherits && row.base ? byName.get(row.base) : undefined;
    const own = elements.map((element) => linkElement(element, pool));
    const type: TypeDef = { ...rest, elements: base ? [...link(base).elements, ...own] : own };
    if (constraints) type.constraints = resolve(constraints, pool);
    types.set(row.name, type);
    return type;
  };
  // a base may stand behind what specialises it: fill in the order of the file at the end
  for (const row of rows) link(row);
  return new Map(rows.map((row) => [row.name, link(row)]));
}

function linkElement(row: ElementRow, pool: Readonly<Record<string, Constraint>>): ElementDef {
  const { constraints, ...element } = row;
  return constraints ? { ...element, constraints: resolve(constraints, pool) } : element;
}

function resolve(
  names: readonly string[],
  pool: Readonly<Record<string, Constraint>>,
): Constraint[] {
  return names.map((name) => {
    const constraint = pool[name];
    if (!constraint) throw new Error(`constraints.json has no ${name}; run npm run compile`);
    return constraint;
  });
}

function searchParamsOf(
  rows: readonly SearchRow[],
  types: ReadonlyMap<string, TypeDef>,
): Definitions['searchParams'] {
  const byBase = Map.groupBy(rows, (row) => row.base);
  const known = new Map<string, ReadonlyMap<string, SearchParamDef>>();
  return (type) => {
    const found = known.get(type);
    if (found) return found;
    const lineage = [...ROOTS.filter((root) => descends(type, root, types)), type];
    const params = new Map<string, SearchParamDef>();
    for (const base of new Set(lineage)) {
      for (const row of byBase.get(base) ?? []) params.set(row.code, row);
    }
    known.set(type, params);
    return params;
  };
}

function descends(type: string, root: string, types: ReadonlyMap<string, TypeDef>): boolean {
  for (let at = types.get(type); at; at = types.get(at.base ?? ''))
    if (at.name === root) return true;
  return false;
}

function valueSetOf(rows: readonly ValueSetRow[]): Definitions['valueSet'] {
  const byUrl = new Map(rows.map((row) => [row.url, row.codes]));
  const known = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>();
  return (url) => {
    const codes = byUrl.get(url);
    if (!codes || known.has(url)) return known.get(url);
    const sets = new Map(Object.entries(codes).map(([system, list]) => [system, new Set(list)]));
    known.set(url, sets);
    return sets;
  };
}
