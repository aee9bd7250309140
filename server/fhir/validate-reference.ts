import { quote } from './primitive.ts';
import { parseReference, type Reference } from './reference.ts';
import type { JsonObject } from './types.ts';
import type { Context } from './validate-context.ts';
import { hint } from './validate-nearest.ts';

/** Literal references (R4 2.3.0): their syntax, the types they may point to, contained ones (ref-1). */
export class ReferenceRule {
  private readonly known: ReadonlySet<string>;
  private readonly targets: ReadonlySet<string> | undefined;

  /** @param targets the types allowed; undefined or with `Resource` where any may stand */
  constructor(known: ReadonlySet<string>, targets: readonly string[] | undefined) {
    this.known = known;
    this.targets = !targets || targets.includes('Resource') ? undefined : new Set(targets);
  }

  /** Checks a Reference element; the context stands on it. */
  check(it: JsonObject, ctx: Context): void {
    const type = typeof it.type === 'string' ? it.type : undefined;
    if (type !== undefined) this.target(type, ctx, 'type');
    const text = it.reference;
    if (typeof text !== 'string') return;
    const pointed = this.pointedType(parseReference(text), text, ctx);
    if (pointed === undefined) return;
    this.target(pointed, ctx, 'reference');
    if (type !== undefined && pointed !== type && this.known.has(type)) {
      ctx.fail(
        'value',
        `is ${type}, but the reference is to a ${pointed}; make them agree`,
        'type',
      );
    }
  }

  /** The type a reference states, as far as it does; reports what cannot stand. */
  private pointedType(to: Reference, text: string, ctx: Context): string | undefined {
    switch (to.kind) {
      case 'relative':
        return this.knownType(to.type, ctx);
      case 'absolute':
        return to.type !== undefined && this.known.has(to.type) ? to.type : undefined;
      case 'fragment':
        return fragmentType(to.id, ctx);
      case 'conditional':
        if (ctx.limits.conditionalReferences) return this.knownType(to.type, ctx);
        ctx.fail('value', 'a search may only stand in a transaction; write Type/id', 'reference');
        return undefined;
      case 'urn':
        return undefined;
      default:
        ctx.fail('value', `${quote(text)} is no reference; ${FORMS}`, 'reference');
        return undefined;
    }
  }

  private knownType(type: string, ctx: Context): string | undefined {
    if (this.known.has(type)) return type;
    ctx.fail('value', `${quote(type)} is no resource type${hint(type, this.known)}`, 'reference');
    return undefined;
  }

  private target(type: string, ctx: Context, member: string): void {
    if (!this.targets || this.targets.has(type) || !this.known.has(type)) return;
    const allowed = [...this.targets].join(', ');
    ctx.fail('value', `may not point to a ${type}; refer to ${allowed}`, member);
  }
}

const HASH = 35;
const FORMS = 'write Type/id, an absolute url, urn:uuid:.., or #id of a contained resource';

function fragmentType(id: string, ctx: Context): string | undefined {
  note(id, ctx);
  if (id === '') return undefined;
  const type = ctx.scope.contained.get(id);
  if (type === undefined) {
    ctx.fail('invariant', `no contained resource has id ${quote(id)}; add it (ref-1)`, 'reference');
  }
  return type;
}

/** Notes `#id` in a uri, url or canonical, which keeps a contained resource too (dom-3). */
export function noteFragment(value: unknown, ctx: Context): void {
  if (typeof value === 'string' && value.charCodeAt(0) === HASH) note(value.slice(1), ctx);
}

function note(id: string, ctx: Context): void {
  const { uses } = ctx.scope;
  if (!uses) return;
  if (id === '') uses.container = true;
  else uses.ids.add(id);
}
