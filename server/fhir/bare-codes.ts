import type { Definitions, SearchParamDef } from './definitions.ts';
import { planPath } from './fhirpath-compile.ts';

/** Types whose values carry no system of their own. */
const BARE = new Set('code boolean string markdown id uri url canonical oid uuid'.split(' '));

/** Codes by the system that their binding implies. */
export type ImpliedSystems = ReadonlyMap<string, ReadonlySet<string>>;

const known = new WeakMap<SearchParamDef, ImpliedSystems | null>();

/**
 * For a token parameter all of whose values are without a system (`gender`, `status`, `active`): the
 * codes by the systems that required value sets imply. Such values are filed under one word; what a
 * query says of the system is checked here and not in the index. Undefined for other parameters.
 */
export function bareCodes(
  definitions: Definitions,
  type: string,
  def: SearchParamDef,
): ImpliedSystems | undefined {
  let found = known.get(def);
  if (found === undefined) {
    found = def.type === 'token' ? impliedSystems(definitions, type, def) : null;
    known.set(def, found);
  }
  return found ?? undefined;
}

function impliedSystems(
  definitions: Definitions,
  type: string,
  def: SearchParamDef,
): ImpliedSystems | null {
  const branches = planPath(def.expression, { types: definitions.types, context: type });
  if (!branches?.length || branches.some((branch) => !BARE.has(branch.type))) return null;
  const systems = new Map<string, Set<string>>();
  for (const { element } of branches) {
    const codes = element?.binding ? definitions.valueSet(element.binding) : undefined;
    for (const [system, set] of codes ?? []) {
      const all = systems.get(system) ?? new Set();
      for (const code of set) all.add(code);
      systems.set(system, all);
    }
  }
  return systems;
}
