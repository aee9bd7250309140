import { isNumber } from './decimal.ts';
import type { Rule } from './invariants.ts';
import { quote } from './primitive.ts';
import type { JsonObject, JsonValue } from './types.ts';
import type { Context } from './validate-context.ts';
import { hint } from './validate-nearest.ts';

/** What may stand under one JSON name of a type. */
export interface Property {
  /** Bit of its slot: a required element, or a choice. 0 for the rest. */
  readonly bit: number;
  /** Whether it makes the element more than its id (ele-1). */
  readonly counts: boolean;
  check(value: JsonValue, parent: JsonObject, ctx: Context): void;
}

/** A required element or a choice, of which objects are to have one (value or extensions). */
export interface Slot {
  readonly bit: number;
  readonly name: string;
  readonly required: boolean;
  /** The JSON names of a choice, without their `_` siblings. */
  readonly alternatives?: readonly string[];
}

/** The tables of one type. */
export interface Shape {
  readonly name: string;
  readonly properties: ReadonlyMap<string, Property>;
  readonly slots: readonly Slot[];
  readonly required: number;
  readonly choices: number;
  readonly rules: readonly Rule[];
}

/** A type that is compiled when first met: types refer to each other in circles. */
export class TypeChecker {
  readonly name: string;
  private readonly compile: () => Shape;
  private compiled: Shape | undefined;

  constructor(name: string, compile: () => Shape) {
    this.name = name;
    this.compile = compile;
  }

  get shape(): Shape {
    this.compiled ??= this.compile();
    return this.compiled;
  }
}

/** Checks the members of an object against its type; the context stands on the object. */
export function walk(type: TypeChecker, it: JsonObject, ctx: Context): void {
  const shape = type.shape;
  if (ctx.levels > ctx.limits.maxLevels) {
    return ctx.fail('structure', 'is nested too deep; flatten it');
  }
  let seen = 0;
  let twice = 0;
  let content = false;
  for (const key in it) {
    const property = shape.properties.get(key);
    if (property === undefined) {
      unknown(shape, key, it, ctx);
      content = true;
      continue;
    }
    twice |= seen & property.bit;
    seen |= property.bit;
    content ||= property.counts;
    property.check(it[key] as JsonValue, it, ctx);
  }
  if ((twice & shape.choices) !== 0) tooManyChoices(shape, it, ctx);
  if ((seen & shape.required) !== shape.required) missing(shape, seen, ctx);
  if (!content) ctx.fail('invariant', 'has no value; add content or leave it out (ele-1)');
  for (const rule of shape.rules) {
    if (!rule.test(it, ctx)) ctx.fail('invariant', `${rule.human}; correct it (${rule.key})`);
  }
}

function unknown(shape: Shape, key: string, it: JsonObject, ctx: Context): void {
  if (ctx.full) return ctx.fail('structure', '');
  if (key === 'rawJSON' && isNumber(it)) {
    return ctx.fail('structure', 'is a number; write an object here');
  }
  const name = /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && key.length <= 64 ? key : undefined;
  const advice = choiceHint(shape, key) ?? hint(key, shape.properties.keys());
  ctx.fail('structure', `${shape.name} has no element ${quote(key)}${advice}`, name);
}

/** For `valueFoo` and `value` on a type with value[x]: the names that may stand. */
function choiceHint(shape: Shape, key: string): string | undefined {
  for (const { name, alternatives } of shape.slots) {
    if (!alternatives) continue;
    const rest = key.startsWith(name) ? key.slice(name.length) : undefined;
    if (rest === '' || (rest !== undefined && /^[A-Z]/.test(rest))) {
      return `; ${name}[x] may be ${shorten(alternatives)}`;
    }
  }
  return undefined;
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 12).join(', ');
  return names.length > 12 ? `${shown} and ${names.length - 12} more` : shown;
}

function tooManyChoices(shape: Shape, it: JsonObject, ctx: Context): void {
  for (const { name, alternatives } of shape.slots) {
    const given = alternatives?.filter(
      (one) => it[one] !== undefined || it[`_${one}`] !== undefined,
    );
    if (given && given.length > 1) {
      ctx.fail('structure', `has ${given.join(' and ')}; keep one of them`, name);
    }
  }
}

function missing(shape: Shape, seen: number, ctx: Context): void {
  for (const { bit, name, required, alternatives } of shape.slots) {
    if (!required || (seen & bit) !== 0) continue;
    const advice = alternatives ? `add one of ${shorten(alternatives)}` : 'add it';
    ctx.fail('required', `is required; ${advice}`, name);
  }
}
