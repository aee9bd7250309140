import type { ElementDef } from './definitions.ts';
import type { Rule } from './invariants.ts';
import { narrativeFaults } from './narrative.ts';
import { kindOf, type PrimitiveCheck } from './primitive.ts';
import type { JsonObject, JsonValue } from './types.ts';
import { type Binding, codeFault } from './validate-binding.ts';
import { type Context, isObject } from './validate-context.ts';
import { noteFragment } from './validate-reference.ts';
import { type Property, type TypeChecker, walk } from './validate-walk.ts';

/** Checks one value of an element; the context stands on the parent. */
export type ValueCheck = (value: JsonValue, ctx: Context, name: string, index: number) => void;

const URIS = new Set(['uri', 'url', 'canonical']);

/** The check of a primitive type, with its required binding. */
export function primitiveValue(
  type: string,
  check: PrimitiveCheck,
  binding: Binding | undefined,
): ValueCheck {
  const isUri = URIS.has(type);
  return (value, ctx, name, index) => {
    const fault = check(value);
    if (fault !== undefined) return ctx.fail(codeOf(value, fault), fault, name, index);
    if (isUri) noteFragment(value, ctx);
    if (!binding) return;
    const unlisted = codeFault(binding, value);
    if (unlisted !== undefined) ctx.fail('code-invalid', unlisted, name, index);
  };
}

/** A wrong JSON kind is a matter of structure, the rest of the value. */
const codeOf = (value: JsonValue, fault: string): string =>
  fault.startsWith(`is ${kindOf(value)}`) ? 'structure' : 'value';

export const narrativeValue: ValueCheck = (value, ctx, name, index) => {
  if (typeof value !== 'string') {
    return ctx.fail('structure', `is ${kindOf(value)}; write XHTML in a string`, name, index);
  }
  for (const fault of narrativeFaults(value)) ctx.fail('invalid', fault, name, index);
};

/** The check of a complex type: `extra` and `rules` run on the element after its members. */
export function complexValue(
  type: TypeChecker,
  rules: readonly Rule[],
  extra?: (it: JsonObject, ctx: Context) => void,
): ValueCheck {
  return (value, ctx, name, index) => {
    if (!isObject(value)) {
      return ctx.fail('structure', `is ${kindOf(value)}; write an object`, name, index);
    }
    ctx.enter(name, index);
    walk(type, value, ctx);
    extra?.(value, ctx);
    for (const rule of rules) {
      if (!rule.test(value, ctx)) ctx.fail('invariant', `${rule.human}; correct it (${rule.key})`);
    }
    ctx.leave();
  };
}

interface Place {
  /** Of the definition: the segment of expressions. */
  def: ElementDef;
  /** In JSON: with the type of a choice. */
  json: string;
  bit: number;
}

const countsIn = ({ def }: Place): boolean => !(def.attribute && def.name === 'id');

export function singleProperty(place: Place, check: ValueCheck): Property {
  const { name } = place.def;
  return {
    bit: place.bit,
    counts: countsIn(place),
    check(value, _parent, ctx) {
      if (Array.isArray(value)) {
        ctx.fail('structure', `is an array; ${name} does not repeat, write its one value`, name);
      } else check(value, ctx, name, -1);
    },
  };
}

/** False, with an issue, for what is not an array with content. */
function isList(value: JsonValue, def: ElementDef, ctx: Context): value is JsonValue[] {
  if (!Array.isArray(value)) {
    ctx.fail('structure', `is ${kindOf(value)}; ${def.name} repeats, write an array`, def.name);
    return false;
  }
  if (value.length === 0) {
    ctx.fail('structure', 'is an empty array; leave it out', def.name);
  } else if (def.max > 0 && value.length > def.max) {
    ctx.fail('structure', `has ${value.length} values; at most ${def.max} may stand`, def.name);
  }
  return true;
}

export function listProperty(place: Place, check: ValueCheck): Property {
  const { def } = place;
  return {
    bit: place.bit,
    counts: true,
    check(value, _parent, ctx) {
      if (!isList(value, def, ctx)) return;
      for (let i = 0; i < value.length && !ctx.hopeless; i++) {
        check(value[i] as JsonValue, ctx, def.name, i);
      }
    },
  };
}

const NULL_ADVICE = 'is null without an entry in the other array; remove it on both sides';

/** Primitives in an array may be null where the `_` array has an element (R4 2.6.2.3). */
export function primitiveListProperty(place: Place, check: ValueCheck): Property {
  const { def, json } = place;
  const siblingName = `_${json}`;
  return {
    bit: place.bit,
    counts: true,
    check(value, parent, ctx) {
      if (!isList(value, def, ctx)) return;
      for (let i = 0; i < value.length && !ctx.hopeless; i++) {
        const item = value[i] as JsonValue;
        if (item !== null) check(item, ctx, def.name, i);
        else if (!at(parent[siblingName], i)) ctx.fail('structure', NULL_ADVICE, def.name, i);
      }
    },
  };
}

const at = (value: JsonValue | undefined, index: number): boolean =>
  Array.isArray(value) && value[index] !== null && value[index] !== undefined;

/** `_birthDate`: id and extensions of a primitive; an id alone needs the value beside it (ele-1). */
export function siblingProperty(place: Place, element: ValueCheck): Property {
  const { def, json, bit } = place;
  const one = (value: JsonValue, hasValue: boolean, ctx: Context, index: number): void => {
    element(value, ctx, def.name, index);
    if (hasValue || !isObject(value) || value.extension !== undefined) return;
    ctx.fail('invariant', 'has no value; add one, or an extension (ele-1)', def.name, index);
  };
  const single: Property['check'] = (value, parent, ctx) => {
    one(value, parent[json] !== undefined, ctx, -1);
  };
  const list: Property['check'] = (value, parent, ctx) => {
    if (!isList(value, def, ctx)) return;
    const values = parent[json];
    if (Array.isArray(values) && values.length !== value.length) {
      ctx.fail('structure', `${json} and _${json} differ in length; pad with null`, def.name);
    }
    for (let i = 0; i < value.length && !ctx.hopeless; i++) {
      const item = value[i] as JsonValue;
      if (item !== null) one(item, at(values, i), ctx, i);
      else if (values === undefined) ctx.fail('structure', NULL_ADVICE, def.name, i);
    }
  };
  return { bit, counts: true, check: def.max === 1 ? single : list };
}
