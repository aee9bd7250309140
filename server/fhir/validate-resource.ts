import type { ElementDef } from './definitions.ts';
import { kindOf, quote } from './primitive.ts';
import type { JsonObject, JsonValue } from './types.ts';
import { type Context, isObject, scopeOf, type Uses } from './validate-context.ts';
import type { ValueCheck } from './validate-element.ts';
import { hint } from './validate-nearest.ts';
import type { Compiler } from './validate-type.ts';
import { type TypeChecker, walk } from './validate-walk.ts';

/** The checker for `resourceType`, or what is wrong with it. */
export function typeOfResource(it: JsonObject, compiler: Compiler): TypeChecker | string {
  const name = it.resourceType;
  if (typeof name !== 'string') {
    return name === undefined
      ? 'has no resourceType; say which resource it is'
      : `resourceType is ${kindOf(name)}; write the name of a resource type`;
  }
  const type = compiler.known.has(name) ? compiler.typeOf(name) : undefined;
  return type ?? `${quote(name)} is no resource type of R4${hint(name, compiler.known)}`;
}

/** Checks a resource and what it contains; the context stands on it, in its own scope. */
export function checkResource(type: TypeChecker, it: JsonObject, ctx: Context): void {
  walk(type, it, ctx);
  const { uses } = ctx.scope;
  if (uses && Array.isArray(it.contained)) checkUses(it.contained, uses, ctx);
}

/** dom-3: each contained resource is referred to, or refers to the container. */
function checkUses(contained: readonly JsonValue[], uses: Uses, ctx: Context): void {
  const seen = new Set<string>();
  contained.forEach((item, index) => {
    if (!isObject(item)) return;
    const id = typeof item.id === 'string' ? item.id : undefined;
    if (id !== undefined && seen.has(id)) {
      ctx.fail('duplicate', `id ${quote(id)} is taken; number contained ids`, 'contained', index);
    }
    if (id !== undefined) seen.add(id);
    if ((id !== undefined && uses.ids.has(id)) || uses.linked.has(item)) return;
    const advice = id === undefined ? 'give it an id and refer to it' : `refer to it by "#${id}"`;
    ctx.fail(
      'invariant',
      `nothing refers to it; ${advice}, or remove it (dom-3)`,
      'contained',
      index,
    );
  });
}

/** The check of an element that holds a resource: contained ones share the scope of their container. */
export function nestedResource(def: ElementDef, compiler: () => Compiler): ValueCheck {
  const check = def.name === 'contained' ? checkContained : checkOwn;
  return (value, ctx, name, index) => {
    if (!isObject(value)) {
      return ctx.fail('structure', `is ${kindOf(value)}; write a resource`, name, index);
    }
    ctx.enter(name, index);
    const type = typeOfResource(value, compiler());
    if (typeof type === 'string') ctx.fail('structure', type);
    else check(type, value, ctx);
    ctx.leave();
  };
}

/** A resource that stands by itself: an entry of a Bundle, a parameter. */
function checkOwn(type: TypeChecker, it: JsonObject, ctx: Context): void {
  const { resource, scope } = ctx;
  ctx.resource = it;
  ctx.scope = scopeOf(it);
  checkResource(type, it, ctx);
  ctx.resource = resource;
  ctx.scope = scope;
}

/** dom-2, dom-4 and dom-5. */
function checkContained(type: TypeChecker, it: JsonObject, ctx: Context): void {
  const { resource } = ctx;
  const { root, uses } = ctx.scope;
  if (resource !== root) {
    return ctx.fail('invariant', 'is contained in a contained resource; move it up (dom-2)');
  }
  const before = uses?.container ?? false;
  ctx.resource = it;
  if (uses) uses.container = false;
  walk(type, it, ctx);
  if (uses?.container) uses.linked.add(it);
  if (uses) uses.container = before;
  ctx.resource = resource;
  if (!isObject(it.meta)) return;
  for (const name of ['versionId', 'lastUpdated', 'security']) {
    if (it.meta[name] === undefined) continue;
    const key = name === 'security' ? 'dom-5' : 'dom-4';
    ctx.fail('invariant', `a contained resource has no meta.${name}; remove it (${key})`, 'meta');
  }
}
