import type { Definitions, ElementDef, TypeDef } from './definitions.ts';
import { type Invariant, type Rule, rulesFor } from './invariants.ts';
import { primitives } from './primitive.ts';
import type { JsonObject } from './types.ts';
import { type Binding, bindingOf, checkCoding, checkConcept } from './validate-binding.ts';
import type { Context } from './validate-context.ts';
import {
  complexValue,
  listProperty,
  narrativeValue,
  primitiveListProperty,
  primitiveValue,
  siblingProperty,
  singleProperty,
  type ValueCheck,
} from './validate-element.ts';
import { ReferenceRule } from './validate-reference.ts';
import { type Property, type Shape, type Slot, TypeChecker } from './validate-walk.ts';

/** Slots are bits of a 32-bit integer; R4's largest type has 9. */
const MAX_SLOTS = 30;

/** id and extension, as they stand beside a primitive: the id alone is judged with the value. */
const SIBLING: TypeDef = {
  name: 'Element',
  kind: 'complex',
  elements: [
    { name: 'id', min: 0, max: 1, types: ['string'] },
    { name: 'extension', min: 0, max: -1, types: ['Extension'] },
  ],
};

const IGNORED: Property = { bit: 0, counts: true, check: () => undefined };

export interface CompilerParts {
  definitions: Definitions;
  /** How a resource within a resource is checked: validate-resource.ts. */
  nested: (def: ElementDef) => ValueCheck;
  /** Rules for constraint keys beyond, or in place of, the table of invariants.ts. */
  invariants?: ReadonlyMap<string, Invariant>;
}

/** Turns element tables into checkers, each type once. */
export class Compiler {
  readonly known: ReadonlySet<string>;
  private readonly parts: CompilerParts;
  private readonly types = new Map<string, TypeChecker>();
  private readonly bindings = new Map<string, Binding | undefined>();
  private readonly sibling: ValueCheck;

  constructor(parts: CompilerParts) {
    this.parts = parts;
    this.known = new Set(parts.definitions.resourceTypes);
    this.sibling = complexValue(new TypeChecker('Element', () => this.shapeOf(SIBLING)), []);
  }

  /** The checker of a type by name; undefined where the definitions do not have it. */
  typeOf(name: string): TypeChecker | undefined {
    const ready = this.types.get(name);
    if (ready) return ready;
    const def = this.parts.definitions.types.get(name);
    if (!def) return undefined;
    const checker = new TypeChecker(name, () => this.shapeOf(def));
    this.types.set(name, checker);
    return checker;
  }

  private shapeOf(def: TypeDef): Shape {
    const properties = new Map<string, Property>();
    const slots: Slot[] = [];
    if (def.kind === 'resource') properties.set('resourceType', IGNORED);
    for (const element of def.elements) {
      const slot = slotOf(element, slots.length);
      if (slot) slots.push(slot);
      for (const [name, property] of this.propertiesOf(element, def, slot?.bit ?? 0)) {
        properties.set(name, property);
      }
    }
    if (slots.length > MAX_SLOTS) throw new Error(`${def.name} has too many required elements`);
    return {
      name: def.name,
      properties,
      slots,
      required: bitsOf(slots, (slot) => slot.required),
      choices: bitsOf(slots, (slot) => slot.alternatives !== undefined),
      rules: rulesFor(def.name, def.constraints, this.parts.invariants),
    };
  }

  private *propertiesOf(
    def: ElementDef,
    owner: TypeDef,
    bit: number,
  ): Generator<[string, Property]> {
    for (const type of def.types) {
      const json = def.choice ? choiceName(def, type) : def.name;
      const place = { def, json, bit };
      const primitive = this.parts.definitions.types.get(type)?.kind === 'primitive';
      const check = primitive ? this.primitive(type, def) : this.complex(type, def, owner);
      if (def.max === 1) yield [json, singleProperty(place, check)];
      else yield [json, (primitive ? primitiveListProperty : listProperty)(place, check)];
      if (primitive && hasSibling(type, def, owner)) {
        yield [`_${json}`, siblingProperty(place, this.sibling)];
      }
    }
  }

  private primitive(type: string, def: ElementDef): ValueCheck {
    if (type === 'xhtml') return narrativeValue;
    const check = primitives.get(type);
    if (!check) throw new Error(`there is no check for the primitive type ${type}`);
    return primitiveValue(type, check, this.binding(def.binding));
  }

  private complex(type: string, def: ElementDef, owner: TypeDef): ValueCheck {
    if (type === 'Resource') return this.parts.nested(def);
    const checker = this.typeOf(type);
    if (!checker) throw new Error(`${owner.name}.${def.name} is of the unknown type ${type}`);
    return complexValue(checker, this.elementRules(type, def, owner), this.extra(type, def));
  }

  /** Rules of the element that its type does not have already. */
  private elementRules(type: string, def: ElementDef, owner: TypeDef): Rule[] {
    const typed = this.parts.definitions.types.get(type)?.constraints ?? [];
    const more = def.constraints?.filter((one) => !typed.some((it) => it.key === one.key));
    return rulesFor(`${owner.name}.${def.name}`, more, this.parts.invariants);
  }

  private extra(
    type: string,
    def: ElementDef,
  ): ((it: JsonObject, ctx: Context) => void) | undefined {
    if (type === 'Reference') {
      const rule = new ReferenceRule(this.known, def.targets);
      return (it, ctx) => rule.check(it, ctx);
    }
    const binding = this.binding(def.binding);
    if (!binding) return undefined;
    if (type === 'Coding') return (it, ctx) => checkCoding(binding, it, ctx);
    if (type === 'CodeableConcept') return (it, ctx) => checkConcept(binding, it, ctx);
    return undefined;
  }

  private binding(url: string | undefined): Binding | undefined {
    if (url === undefined) return undefined;
    if (!this.bindings.has(url)) this.bindings.set(url, bindingOf(url, this.parts.definitions));
    return this.bindings.get(url);
  }
}

const choiceName = (def: ElementDef, type: string): string =>
  def.name + type.charAt(0).toUpperCase() + type.slice(1);

/** Ids and xhtml are never extended (R4 2.6.2, Narrative.div), nor what XML writes as attribute. */
const hasSibling = (type: string, def: ElementDef, owner: TypeDef): boolean =>
  type !== 'xhtml' && !def.attribute && !(def.name === 'id' && owner.kind === 'resource');

function slotOf(def: ElementDef, index: number): Slot | undefined {
  if (def.min === 0 && !def.choice) return undefined;
  const slot: Slot = { bit: 1 << index, name: def.name, required: def.min > 0 };
  if (!def.choice) return slot;
  return { ...slot, alternatives: def.types.map((type) => choiceName(def, type)) };
}

function bitsOf(slots: readonly Slot[], test: (slot: Slot) => boolean): number {
  let bits = 0;
  for (const slot of slots) if (test(slot)) bits |= slot.bit;
  return bits;
}
