import type { Sink, SinkScope } from './extract-shape.ts';
import { parseReference } from './reference.ts';
import { identifierKey, tokenTerms } from './terms.ts';

/** Targets of reference parameters (R4 3.1.1.4.12). */

interface ReferenceLike {
  reference?: unknown;
  identifier?: { system?: unknown; value?: unknown };
}

/** Most references, and already what they are filed under. */
const LOCAL = /^[A-Z][A-Za-z]*\/[A-Za-z0-9.-]{1,64}$/;

/**
 * What a literal reference is filed under: `Type/id` for a local one, else the absolute url (both
 * without version) or the urn; undefined for fragments, conditional references and what is none.
 */
export function referenceTarget(text: string, bases: readonly string[]): string | undefined {
  if (LOCAL.test(text)) return text;
  const reference = parseReference(text, { bases });
  switch (reference.kind) {
    case 'relative':
      return `${reference.type}/${reference.id}`;
    case 'absolute': {
      const { url, version } = reference;
      return version === undefined ? url : url.slice(0, url.lastIndexOf('/_history/'));
    }
    case 'urn':
      return reference.urn;
    default:
      return undefined;
  }
}

/** A canonical without its version and, where it has one, with it; local ones as `Type/id`. */
export function canonicalTargets(text: string, bases: readonly string[]): string[] {
  const [whole = ''] = text.split('#', 1);
  if (whole === '') return [];
  const bar = whole.indexOf('|');
  if (bar < 0) return [referenceTarget(whole, bases) ?? whole];
  return [whole.slice(0, bar), whole];
}

function fromReference({ key, bases }: SinkScope): Sink {
  const byIdentifier = identifierKey(key);
  return (value, out) => {
    const { reference, identifier } = value as ReferenceLike;
    if (typeof reference === 'string') {
      const target = referenceTarget(reference, bases);
      if (target !== undefined) out.references.push({ key, target });
      else if (reference.startsWith('#')) out.fragments.push({ key, id: reference.slice(1) });
    }
    if (identifier) {
      const { system, value: id } = identifier;
      const text = (one: unknown) => (typeof one === 'string' ? one : undefined);
      out.tokens.push(...tokenTerms(byIdentifier, text(system), text(id)));
    }
  };
}

/** `Bundle.entry[0].resource`: the resource itself is the target. */
function fromResource({ key }: SinkScope): Sink {
  return (value, out) => {
    const { resourceType, id } = value as { resourceType?: unknown; id?: unknown };
    if (typeof resourceType === 'string' && typeof id === 'string') {
      out.references.push({ key, target: `${resourceType}/${id}` });
    }
  };
}

function fromUri({ key, bases }: SinkScope): Sink {
  return (value, out) => {
    if (typeof value !== 'string') return;
    for (const target of canonicalTargets(value, bases)) out.references.push({ key, target });
    const [whole = ''] = value.split('#', 1);
    // Joins must tell it from one with a version (fittingTargets of query-canonical.ts).
    if (whole !== '' && !whole.includes('|')) out.references.push({ key, target: `${whole}|` });
  };
}

/** The sink of a reference parameter for values of the FHIR type; undefined where it has no target. */
export function referenceSink(type: string, scope: SinkScope): Sink | undefined {
  if (type === 'Reference') return fromReference(scope);
  if (type === 'canonical' || type === 'uri' || type === 'url') return fromUri(scope);
  return type === 'Resource' ? fromResource(scope) : undefined;
}
