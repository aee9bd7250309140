import type { Extracted } from '../fhir/extract-shape.ts';
import type { Term } from '../fhir/query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Context } from './context.ts';

/**
 * Whether a version without rows of its own (one to be written, one superseded) fits, by what the index
 * would hold of it. Undefined where its content alone does not tell: callers take that for a no.
 */
export function fitsContent(context: Context, resource: Resource, term: Term): boolean | undefined {
  return fits({ resource, found: context.extractor.extract(resource) }, term);
}

interface Content {
  resource: Resource;
  found: Extracted;
}

function fits(content: Content, term: Term): boolean | undefined {
  const { resource, found } = content;
  switch (term.kind) {
    case 'id': {
      const ofType = term.type === undefined || term.type === resource.resourceType;
      return ofType && typeof resource.id === 'string' && term.ids.includes(resource.id);
    }
    case 'words':
      return term.words.some((word) => found.tokens.includes(word));
    case 'references':
      return term.patient
        ? found.main.patient !== undefined && term.targets.includes(found.main.patient)
        : found.references.some(
            ({ key, target }) => key === term.key && term.targets.includes(target),
          );
    case 'any':
      return anyOf(term.terms.map((one) => fits(content, one)));
    case 'all':
      return not(anyOf(term.terms.map((one) => not(fits(content, one)))));
    case 'not':
      return not(fits(content, term.term));
    case 'typed': {
      const own = term.of.filter(({ types }) => types.includes(resource.resourceType));
      return anyOf(own.map(({ term: inner }) => (inner ? fits(content, inner) : true)));
    }
    default:
      return undefined;
  }
}

const not = (value: boolean | undefined): boolean | undefined =>
  value === undefined ? undefined : !value;

function anyOf(values: readonly (boolean | undefined)[]): boolean | undefined {
  if (values.includes(true)) return true;
  return values.includes(undefined) ? undefined : false;
}
