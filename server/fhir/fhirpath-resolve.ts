import { parseReference } from './reference.ts';

/**
 * `resolve() is T` without resolving: the type is in the reference itself (its `type` element, its
 * text) or, for `#id`, in the contained resource.
 */

interface ReferenceLike {
  reference?: unknown;
  type?: unknown;
}

function containedType(root: unknown, id: string): unknown {
  if (id === '') return (root as { resourceType?: unknown }).resourceType;
  const { contained } = root as { contained?: unknown };
  if (!Array.isArray(contained)) return undefined;
  return contained.find((one) => one?.id === id)?.resourceType;
}

/** The resource type that a reference (Reference, canonical or uri) in `root` points to, if known. */
export function targetType(value: unknown, root: unknown): string | undefined {
  const { reference, type } = (
    typeof value === 'string' ? { reference: value } : value
  ) as ReferenceLike;
  if (typeof reference === 'string') {
    const parsed = parseReference(reference);
    if (parsed.kind === 'fragment') {
      const found = containedType(root, parsed.id);
      if (typeof found === 'string') return found;
    } else if ('type' in parsed && parsed.type) return parsed.type;
  }
  return typeof type === 'string' ? type : undefined;
}

/** Whether a reference in `root` points to a resource of the type. */
export function pointsTo(value: unknown, root: unknown, type: string): boolean {
  if (value === null || value === undefined) return false;
  const text = typeof value === 'string' ? value : (value as ReferenceLike).reference;
  // The common form, before anything is taken apart.
  if (typeof text === 'string' && text.startsWith(type) && text[type.length] === '/') return true;
  return targetType(value, root) === type;
}
