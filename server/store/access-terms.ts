import type { Term } from '../fhir/query.ts';

/** AND and OR of terms, as flat as can be. */

/** What nothing fits. */
export const NOTHING: Term = { kind: 'any', terms: [] };

export const isNothing = (term: Term): boolean => term.kind === 'any' && term.terms.length === 0;

/** One of them fits. */
export function anyOf(terms: readonly Term[]): Term {
  const flat = terms.flatMap((term) => (term.kind === 'any' ? term.terms : [term]));
  const [only] = flat;
  return only && flat.length === 1 ? only : { kind: 'any', terms: flat };
}

/** All of them fit; of none everything does. */
export function allOf(terms: readonly Term[]): Term {
  const flat = terms.flatMap(factorsOf);
  if (flat.some(isNothing)) return NOTHING;
  const [only] = flat;
  return only && flat.length === 1 ? only : { kind: 'all', terms: flat };
}

/** What has to fit for a term to fit. */
export const factorsOf = (term: Term): readonly Term[] =>
  term.kind === 'all' ? term.terms : [term];

/** Whether rows of the term's own type are looked at by such a join. */
export function hasJoin(term: Term, kind: 'chain' | 'has' | 'about'): boolean {
  if (term.kind === 'any' || term.kind === 'all') {
    return term.terms.some((one) => hasJoin(one, kind));
  }
  return term.kind === 'not' ? hasJoin(term.term, kind) : term.kind === kind;
}

/** The types that the joins of a term look into. */
export function typesIn(term: Term): string[] {
  switch (term.kind) {
    case 'any':
    case 'all':
      return term.terms.flatMap(typesIn);
    case 'not':
      return typesIn(term.term);
    case 'chain':
      return term.targets.flatMap(({ type, where }) => [type, ...where.flatMap(typesIn)]);
    case 'has':
      return [term.source, ...term.where.flatMap(typesIn)];
    case 'about':
      return term.of.flatMap(({ types, term: inner }) =>
        inner ? [...types, ...typesIn(inner)] : [],
      );
    default:
      return [];
  }
}

const COSTS: Partial<Record<Term['kind'], number>> = { present: 1, chain: 2, has: 2, about: 2 };

/** 0 where a row tells by itself, 2 where other rows have to be looked at for it. */
export function costOf(term: Term): number {
  if (term.kind === 'not') return costOf(term.term);
  if (term.kind !== 'any' && term.kind !== 'all') return COSTS[term.kind] ?? 0;
  return Math.max(0, ...term.terms.map(costOf));
}

export const cheapestFirst = (terms: readonly Term[]): Term[] =>
  [...terms].sort((a, b) => costOf(a) - costOf(b));
