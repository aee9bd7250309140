/**
 * The R4 definitions as the server uses them: loaded once at start from the compact artefacts that
 * `profiles/compile.ts` writes to `profiles/compiled/`.
 */

export type TypeKind = 'resource' | 'complex' | 'backbone' | 'primitive';

/** An invariant (ElementDefinition.constraint) as published. */
export interface Constraint {
  key: string;
  severity: 'error' | 'warning';
  human: string;
  /** FHIRPath, evaluated on the element that carries the constraint. */
  expression: string;
}

/** One element of a type, inherited ones included (R4 ElementDefinition, reduced). */
export interface ElementDef {
  /** JSON name without the choice suffix: `value` for value[x]. */
  name: string;
  min: number;
  /** -1 stands for `*`. */
  max: number;
  /**
   * Names of types in `Definitions.types`; more than one only where `choice` is set. A content
   * reference is resolved to the backbone type it repeats. `Resource` for contained and the like.
   */
  types: string[];
  /** True for value[x]: JSON names are `name` + capitalised type. */
  choice?: true;
  /** Allowed resource types of a Reference or canonical; absent where any may stand. */
  targets?: string[];
  /** Canonical url (no version) of a required value set binding. */
  binding?: string;
  /** Written as an XML attribute (`id`, Extension.url). */
  attribute?: true;
  /** Invariants of this element beyond those of its type (so without `ele-1` and `ext-1`). */
  constraints?: Constraint[];
  /** True where the element is in the summary (`_summary=true`). */
  summary?: true;
  /** True for elements that are modifiers. */
  modifier?: true;
}

export interface TypeDef {
  /** `Patient`, `Patient.contact` (backbone), `HumanName`, `date`. */
  name: string;
  kind: TypeKind;
  /** The type it specialises: `DomainResource`, `Quantity` for Age; absent for the roots. */
  base?: string;
  abstract?: true;
  /** In snapshot order, inherited ones included. Empty for primitives. */
  elements: ElementDef[];
  /** Inherited ones included; those of a backbone element stand here, not on the element. */
  constraints?: Constraint[];
  /**
   * Primitives: the JSON type and the regular expression of the specification, unanchored as
   * published: test with `^(?:regex)$`.
   */
  json?: 'string' | 'number' | 'boolean';
  regex?: string;
}

export type SearchType =
  | 'string'
  | 'token'
  | 'reference'
  | 'date'
  | 'number'
  | 'quantity'
  | 'uri'
  | 'composite'
  | 'special';

export interface SearchParamDef {
  code: string;
  url: string;
  type: SearchType;
  /**
   * FHIRPath for this base type only: the branches of the union that begin with the type (`Resource`
   * and `DomainResource` for the common ones). Casts are spelt `ofType(T)`. Empty where R4 publishes
   * none (_text, _content, _query, _filter).
   */
  expression: string;
  /** Allowed target types of a reference parameter on this type; absent where any may stand. */
  targets?: string[];
  /** Of a composite: the component parameters (resolved by url) and expressions on the base. */
  components?: { code: string; type: SearchType; expression: string }[];
  /** True where the parameter may repeat in one resource (a path of it may hold several values). */
  many?: true;
  /**
   * Codes of parameters of the same type and search type that together find what this one finds
   * (combo-code of Observation: code, component-code). The index need not hold it: a search on it is
   * a search on any of these. Never on composites.
   */
  keys?: string[];
}

export interface CompartmentDef {
  /** `Patient`, `Encounter`, `RelatedPerson`, `Practitioner`, `Device`. */
  code: string;
  /** Resource type -> the reference parameters that link it; `{def}` stands for the resource itself. */
  resources: Record<string, string[]>;
}

export interface OperationDef {
  url: string;
  code: string;
  system: boolean;
  type: boolean;
  instance: boolean;
  resource: string[];
  affectsState: boolean;
}

/** What a type is filed under in the search row (ARCHITECTURE 3): both paths are singular. */
export interface MainColumns {
  /** Reference parameter whose Patient target goes to the `patient` column; 'Patient' uses itself. */
  patient?: string;
  /** Date parameter whose period goes to the `lo`/`hi` columns. */
  date?: string;
}

export interface Definitions {
  types: ReadonlyMap<string, TypeDef>;
  /** Concrete resource types, sorted. */
  resourceTypes: readonly string[];
  /**
   * Grows whenever the parameters change (definitions-custom.ts): what was made from the definitions
   * before may be stale.
   */
  readonly revision: number;
  /** Parameters of a resource type by code, those of Resource and DomainResource included. */
  searchParams(type: string): ReadonlyMap<string, SearchParamDef>;
  compartments: ReadonlyMap<string, CompartmentDef>;
  operations: readonly OperationDef[];
  main(type: string): MainColumns;
  /**
   * Codes of a required value set by system, or undefined where the set cannot be listed
   * (MIME types, languages, currencies from outside).
   */
  valueSet(url: string): ReadonlyMap<string, ReadonlySet<string>> | undefined;
}
