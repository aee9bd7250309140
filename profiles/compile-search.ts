import type { SearchParameter } from '@medplum/fhirtypes';
import type { SearchParamDef, SearchType } from '../server/fhir/definitions.ts';
import type { SearchRow, TypeRow } from '../server/fhir/load-definitions.ts';
import {
  branches,
  type ElementLookup,
  elementLookup,
  isPath,
  normalise,
  type Walk,
  walk,
} from './compile-paths.ts';
import { byText } from './compile-source.ts';

type Components = NonNullable<SearchParamDef['components']>;

/**
 * What R4 has no parameter for and the server has to look up: whose a Binary is
 * (R4 Binary.securityContext).
 */
const OWN: readonly SearchParameter[] = [
  {
    resourceType: 'SearchParameter',
    url: 'urn:kiln:search-parameter:Binary-security-context',
    name: 'security-context',
    code: 'security-context',
    status: 'active',
    description: 'The resource whose access rules hold for the Binary',
    base: ['Binary'],
    type: 'reference',
    expression: 'Binary.securityContext',
  },
];

/**
 * Every search parameter once per base type, sorted by type and code. Expressions are the branches
 * of the union that begin with that type, in one spelling (see `normalise`).
 *
 * @throws Error where an expression names an element that the type does not have
 */
export function compileSearch(
  parameters: readonly SearchParameter[],
  types: readonly TypeRow[],
): SearchRow[] {
  const context: Context = {
    lookup: elementLookup(types),
    byUrl: new Map(parameters.map((one) => [one.url, one])),
    resources: types.filter((one) => one.kind === 'resource' && !one.abstract).length,
  };
  const rows = [...parameters, ...OWN].flatMap((published) =>
    (published.base ?? []).map((base) => paramRow(published, base, context)),
  );
  rows.sort((a, b) => byText(a.base, b.base) || byText(a.code, b.code));
  for (const group of Map.groupBy(rows, (row) => row.base).values()) {
    addKeys(group);
    for (const row of group) addAddressKeys(row, group, context);
  }
  return rows;
}

interface Context {
  lookup: ElementLookup;
  byUrl: ReadonlyMap<string, SearchParameter>;
  /** Number of concrete resource types. */
  resources: number;
}

function paramRow(published: SearchParameter, base: string, context: Context): SearchRow {
  const { code, url, type } = published;
  const own = published.expression ? branchesOf(published.expression, base) : [];
  const row: SearchRow = {
    base,
    code: code ?? '',
    url,
    type: type as SearchType,
    expression: own.join(' | '),
  };
  const walks = own.filter(isPath).map((branch) => walk(branch, context.lookup));
  const targets = type === 'reference' ? targetsOf(published, walks, context) : [];
  if (targets.length > 0) row.targets = targets;
  if (type === 'composite') row.components = componentsOf(published, walks, context);
  if (walks.some((one) => one.many) || new Set(walks.map((one) => one.path)).size > 1)
    row.many = true;
  return row;
}

/** InsurancePlan.name alone is published without its type (`name | alias`). */
function branchesOf(expression: string, base: string): string[] {
  const own = branches(expression)
    .map((branch) => (/^[a-z]\w*$/.test(branch) ? `${base}.${branch}` : branch))
    .filter((branch) => branch === base || branch.startsWith(`${base}.`));
  if (own.length === 0) throw new Error(`${expression} has no branch for ${base}`);
  return own;
}

/**
 * A parameter over many types publishes the targets of all of them; on one type only those count
 * that its element allows. Empty where any may stand, which R4 publishes as the list of all types
 * but Parameters.
 */
function targetsOf(
  published: SearchParameter,
  walks: readonly Walk[],
  { resources }: Context,
): string[] {
  const all: readonly string[] = published.target ?? [];
  const open = walks.some((one) => one.targets === undefined);
  if (open && all.length >= resources - 1) return [];
  const allowed = new Set(walks.flatMap((one) => one.targets ?? all));
  const both = all.filter((target) => allowed.has(target));
  return [...(both.length > 0 ? both : allowed)].sort(byText);
}

function componentsOf(
  published: SearchParameter,
  walks: readonly Walk[],
  { lookup, byUrl }: Context,
): Components {
  return (published.component ?? []).map(({ definition, expression }) => {
    const target = byUrl.get(definition ?? '');
    if (!target?.code) throw new Error(`${published.url} has an unknown component ${definition}`);
    const normal = normalise(expression ?? '');
    for (const branch of branches(normal)) checkComponent(branch, walks, lookup);
    return { code: target.code, type: target.type as SearchType, expression: normal };
  });
}

function checkComponent(branch: string, walks: readonly Walk[], lookup: ElementLookup): void {
  for (const type of walks.flatMap((one) => one.types)) {
    const from = branch.startsWith('%resource.') ? (type.split('.')[0] ?? type) : type;
    walk(branch, lookup, from);
  }
}

const ADDRESS_PARTS = ['city', 'state', 'postalCode', 'country'];

/**
 * `address` finds every part of an address; where four parts have parameters of their own, it stands
 * for the others' values beside the rest of its own (its code is among the keys).
 */
function addAddressKeys(row: SearchRow, group: readonly SearchRow[], { lookup }: Context): void {
  if (row.type !== 'string' || !row.expression || !isPath(row.expression)) return;
  if (!branches(row.expression).every((one) => walk(one, lookup).types.includes('Address'))) return;
  const parts = ADDRESS_PARTS.map((part) =>
    group.find(({ type, expression }) => type === 'string' && expression === partOf(row, part)),
  );
  const codes = parts.flatMap((one) => (one ? [one.code] : []));
  if (codes.length === parts.length) row.keys = [row.code, ...codes].sort(byText);
}

const partOf = (row: SearchRow, part: string): string =>
  branches(row.expression)
    .map((branch) => `${branch}.${part}`)
    .join(' | ');

/**
 * Where the branches of a parameter are those of other parameters of its search type, the others'
 * codes go to `keys`: combo-code of Observation is code and component-code, phonetic is name.
 */
function addKeys(rows: SearchRow[]): void {
  const byBranches = new Map<string, { row: SearchRow; set: ReadonlySet<string> }>();
  for (const row of rows) {
    if (row.type === 'composite' || row.expression === '') continue;
    const set = new Set(branches(row.expression));
    const id = `${row.type} ${[...set].sort(byText).join(' | ')}`;
    const twin = byBranches.get(id);
    // Of strings only: a reference may be the main one of its type, which must be extracted.
    if (twin && row.type === 'string') row.keys = [twin.row.code];
    else if (!twin) byBranches.set(id, { row, set });
  }
  const sets = [...byBranches.values()].sort((a, b) => a.set.size - b.set.size);
  for (const { row, set } of sets) {
    const parts = sets.filter(
      (one) =>
        one.row.type === row.type &&
        one.row.keys === undefined &&
        one.set.size < set.size &&
        one.set.isSubsetOf(set),
    );
    const covered = new Set(parts.flatMap((one) => [...one.set]));
    if (parts.length > 1 && covered.size === set.size)
      row.keys = parts.map((one) => one.row.code).sort(byText);
  }
}
