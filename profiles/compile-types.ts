import type { ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import type { Constraint, ElementDef, TypeDef, TypeKind } from '../server/fhir/definitions.ts';
import type { ElementRow, TypeRow } from '../server/fhir/load-definitions.ts';
import { byText } from './compile-source.ts';

export interface CompiledTypes {
  rows: TypeRow[];
  /** Constraints by the name the rows use: the key, or `key~2` where R4 uses a key twice. */
  constraints: Record<string, Constraint>;
}

const STRUCTURE = 'http://hl7.org/fhir/StructureDefinition/';
const FHIR_TYPE = `${STRUCTURE}structuredefinition-fhir-type`;
const REGEX = `${STRUCTURE}regex`;
const SYSTEM_TYPE = 'http://hl7.org/fhirpath/System.';
const NUMERIC = new Set(['decimal', 'integer']);

/**
 * Element tables of every resource, data type and primitive, and of the backbone elements inside
 * them (named by path). Rows are sorted by the name of the type, backbone types behind their owner.
 */
export function compileTypes(structures: readonly StructureDefinition[]): CompiledTypes {
  const pool = new ConstraintPool();
  const sorted = [...structures].sort((a, b) => byText(a.type, b.type));
  const full = sorted.flatMap((structure) => typesOf(structure, pool));
  dropRepeatedConstraints(full);
  return { rows: full.map((row) => inheritElements(row, full)), constraints: pool.sorted() };
}

/** Keeps one copy of each invariant. R4 repeats `ele-1` on nearly every element. */
class ConstraintPool {
  readonly #named = new Map<string, Constraint>();

  name(published: NonNullable<ElementDefinition['constraint']>[number]): string {
    const { key, severity, human, expression } = published;
    if (!key || !expression) throw new Error(`constraint ${key} has no expression`);
    const constraint: Constraint = {
      key,
      severity: severity ?? 'error',
      human: human ?? '',
      expression,
    };
    for (let n = 1; ; n++) {
      const name = n === 1 ? key : `${key}~${n}`;
      const known = this.#named.get(name);
      if (!known) this.#named.set(name, constraint);
      if (!known || known.expression === expression) return name;
    }
  }

  sorted(): Record<string, Constraint> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => byText(a, b)));
  }
}

function typesOf(structure: StructureDefinition, pool: ConstraintPool): TypeRow[] {
  const elements = structure.snapshot?.element ?? [];
  const name = structure.type;
  const root = typeRow(structure, elements[0], pool);
  if (structure.kind === 'primitive-type') return [{ ...root, ...primitive(name, elements) }];
  const owners = new Map<string, TypeRow>([[name, root]]);
  for (const element of elements.slice(1)) {
    const path = element.path ?? '';
    const owner = owners.get(path.slice(0, path.lastIndexOf('.')));
    if (!owner) throw new Error(`${path} stands before its parent`);
    const backbone = isBackbone(element) ? backboneRow(element, pool) : undefined;
    if (backbone) owners.set(path, backbone);
    owner.elements.push(elementRow(element, pool, structure));
  }
  return [...owners.values()];
}

const KINDS: Record<string, TypeKind> = {
  resource: 'resource',
  'complex-type': 'complex',
  'primitive-type': 'primitive',
};

function typeRow(
  structure: StructureDefinition,
  root: ElementDefinition | undefined,
  pool: ConstraintPool,
): TypeRow {
  const row: TypeRow = {
    name: structure.type,
    kind: KINDS[structure.kind] ?? 'complex',
    elements: [],
  };
  if (structure.baseDefinition) row.base = structure.baseDefinition.slice(STRUCTURE.length);
  if (structure.abstract) row.abstract = true;
  if (root?.constraint) row.constraints = root.constraint.map((one) => pool.name(one));
  return row;
}

/** An element whose children stand in the same snapshot. */
function isBackbone(element: ElementDefinition): boolean {
  const code = element.type?.[0]?.code;
  return code === 'BackboneElement' || code === 'Element';
}

/** The invariants of a backbone element move to its type, where content references find them too. */
function backboneRow(element: ElementDefinition, pool: ConstraintPool): TypeRow {
  const row: TypeRow = {
    name: element.path ?? '',
    kind: 'backbone',
    base: element.type?.[0]?.code ?? 'BackboneElement',
    elements: [],
  };
  if (element.constraint) row.constraints = element.constraint.map((one) => pool.name(one));
  return row;
}

/** R4 2.24.0.1: regular expression and JSON type of a primitive; numbers derive from two types. */
function primitive(
  name: string,
  elements: readonly ElementDefinition[],
): Pick<TypeDef, 'json' | 'regex'> {
  const type = elements.find((one) => one.path === `${name}.value`)?.type?.[0];
  const regex = type?.extension?.find((one) => one.url === REGEX)?.valueString;
  const base =
    elements.find((one) => one.path === `${name}.value`)?.base?.path?.split('.')[0] ?? name;
  const json = base === 'boolean' ? 'boolean' : NUMERIC.has(base) ? 'number' : 'string';
  return regex === undefined ? { json } : { json, regex };
}

function elementRow(
  element: ElementDefinition,
  pool: ConstraintPool,
  structure: StructureDefinition,
): ElementRow {
  const path = element.path ?? '';
  const last = path.slice(path.lastIndexOf('.') + 1);
  const choice = last.endsWith('[x]');
  const row: ElementRow = {
    name: choice ? last.slice(0, -3) : last,
    min: element.min ?? 0,
    max: element.max === '*' ? -1 : Number(element.max),
    types: typeNames(element, structure),
  };
  if (choice) row.choice = true;
  const targets = targetTypes(element);
  if (targets.length > 0) row.targets = targets;
  const binding = requiredBinding(element);
  if (binding) row.binding = binding;
  if (element.representation?.includes('xmlAttr')) row.attribute = true;
  if (element.constraint && !isBackbone(element)) {
    row.constraints = element.constraint.map((one) => pool.name(one));
  }
  if (element.isSummary) row.summary = true;
  if (element.isModifier) row.modifier = true;
  return row;
}

function typeNames(element: ElementDefinition, structure: StructureDefinition): string[] {
  const path = element.path ?? '';
  if (element.contentReference) return [element.contentReference.slice(1)];
  if (isBackbone(element)) return [path];
  const names = (element.type ?? []).map((type) => {
    const code = type.code ?? '';
    if (!code.startsWith(SYSTEM_TYPE)) return code;
    // R4 publishes Resource.id as a string, against its own text and id's regular expression
    if (path === `${structure.type}.id` && structure.kind === 'resource') return 'id';
    return type.extension?.find((one) => one.url === FHIR_TYPE)?.valueUrl ?? 'string';
  });
  if (names.length === 0) throw new Error(`${path} has no type`);
  return [...new Set(names)];
}

/** Empty where any type may be the target. */
function targetTypes(element: ElementDefinition): string[] {
  const names = (element.type ?? [])
    .flatMap((type) => type.targetProfile ?? [])
    .map((url) => url.slice(STRUCTURE.length));
  return names.includes('Resource') ? [] : [...new Set(names)].sort(byText);
}

function requiredBinding(element: ElementDefinition): string | undefined {
  const { binding } = element;
  return binding?.strength === 'required' ? binding.valueSet?.split('|')[0] : undefined;
}

/** What the type of an element demands anyway (`ele-1`, `ext-1`) need not stand on the element. */
function dropRepeatedConstraints(rows: readonly TypeRow[]): void {
  const ofType = new Map(rows.map((row) => [row.name, new Set(row.constraints)]));
  for (const element of rows.flatMap((row) => row.elements)) {
    const rest = element.constraints?.filter((name) => {
      if (name === 'ele-1') return false;
      return !element.types.every((type) => ofType.get(type)?.has(name));
    });
    if (rest && rest.length > 0) element.constraints = rest;
    else delete element.constraints;
  }
}

/**
 * Leaves out the leading elements that equal the base's and marks the row, so that each inherited
 * element is written, and held in memory, once.
 */
function inheritElements(row: TypeRow, all: readonly TypeRow[]): TypeRow {
  const base = all.find((one) => one.name === row.base)?.elements ?? [];
  const text = (list: ElementDef[] | ElementRow[]): string => JSON.stringify(list);
  if (base.length === 0 || text(row.elements.slice(0, base.length)) !== text(base)) return row;
  return { ...row, inherits: true, elements: row.elements.slice(base.length) };
}
