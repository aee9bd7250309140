import type { Definitions, SearchParamDef } from './definitions.ts';

/** Search parameters beyond those of R4, by resource type. */
export type CustomParams = ReadonlyMap<string, readonly SearchParamDef[]>;

/** Definitions of one store, whose own search parameters may change at run time. */
export interface ExtensibleDefinitions extends Definitions {
  /**
   * Puts these in the place of all custom parameters so far. They must not have codes that R4 uses
   * on the type (`judgeSearchParameter`).
   *
   * @returns the types whose parameters changed; the others keep their very objects
   */
  setCustom(params: CustomParams): string[];
}

const none: readonly SearchParamDef[] = [];

/** Lays a replaceable set of custom search parameters over definitions, which stay as they are. */
export function extensible(standard: Definitions): ExtensibleDefinitions {
  let custom: CustomParams = new Map();
  let revision = standard.revision;
  const merged = new Map<string, ReadonlyMap<string, SearchParamDef>>();
  return {
    ...standard,
    get revision() {
      return revision;
    },
    searchParams(type) {
      const own = custom.get(type);
      if (!own?.length) return standard.searchParams(type);
      const known = merged.get(type);
      if (known) return known;
      const params = new Map(standard.searchParams(type));
      for (const [code, def] of params) {
        // How a composite is answered hangs on the others, and callers remember it by the object.
        if (def.type === 'composite') params.set(code, { ...def });
      }
      for (const def of own) params.set(def.code, def);
      merged.set(type, params);
      return params;
    },
    setCustom(params) {
      const before = custom;
      const changed = [...new Set([...before.keys(), ...params.keys()])].filter(
        (type) => !sameParams(before.get(type), params.get(type)),
      );
      const kept = [...params].map(([type, defs]) =>
        changed.includes(type)
          ? ([type, defs] as const)
          : ([type, before.get(type) ?? []] as const),
      );
      custom = new Map(kept);
      for (const type of changed) merged.delete(type);
      if (changed.length > 0) revision += 1;
      return changed;
    },
  };
}

const sameParams = (
  a: readonly SearchParamDef[] | undefined,
  b: readonly SearchParamDef[] | undefined,
): boolean => JSON.stringify(a ?? none) === JSON.stringify(b ?? none);
