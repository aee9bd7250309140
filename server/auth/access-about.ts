import type { Definitions } from '../fhir/definitions.ts';
import type { Term } from '../fhir/query.ts';
import { paramKey } from '../fhir/terms.ts';

/**
 * Types that are somebody's by what they are about: a Binary by its securityContext (R4
 * Binary.securityContext: whoever may access that resource may access the Binary), a Provenance by
 * all of its targets.
 */
export const ABOUT: ReadonlyMap<string, string> = new Map([
  ['Binary', 'security-context'],
  ['Provenance', 'target'],
]);

/** What of each type it may be about: all where there are no terms. */
export type Subjects = ReadonlyMap<string, readonly Term[]>;

/** That a resource of the type is about such subjects only; what is of the types `beside` never counts. */
export function aboutTerm(type: string, subjects: Subjects, beside: Iterable<string>): Term {
  const key = paramKey(type, ABOUT.get(type) ?? '');
  const groups = Map.groupBy(subjects, ([, where]) => JSON.stringify(where.map(alike)));
  const of = [...groups.values()].map((group) => {
    const types = group.map(([one]) => one);
    const [first, ...others] = group[0]?.[1] ?? [];
    if (!first) return { types };
    const term: Term = others.length === 0 ? first : { kind: 'all', terms: [first, ...others] };
    return { types, term };
  });
  return { kind: 'about', key, of, beside: [...beside] };
}

/** Types whose patient column decides are one condition. */
const alike = (term: Term): unknown =>
  term.kind === 'references' && term.patient ? { ...term, key: '' } : term;

/** Types that something may be about: those that are about others themselves are none. */
export const subjectTypes = ({ resourceTypes }: Pick<Definitions, 'resourceTypes'>): string[] =>
  resourceTypes.filter((type) => !ABOUT.has(type));
