import type { Term } from './query.ts';
import { anyOf, TermProblem } from './query-param.ts';

/**
 * One term for rows of several types (R4 3.1.1.2: parameters common to all of them). The keys of
 * most kinds of term carry the type, so that an OR of the terms of all types is right for each row.
 */

/**
 * The terms of the types, joined to one that finds of each type what its own term finds.
 * @throws TermProblem where what the terms look at does not tell the types apart
 */
export function joinTypes(terms: readonly Term[]): Term {
  const joined = join(terms);
  if (joined) return joined;
  throw new TermProblem('it cannot be asked of these types together; ask type by type', true);
}

function join(terms: readonly Term[]): Term | undefined {
  const [first] = terms;
  if (!first) return undefined;
  const same = (one: Term): boolean => sameColumn(one) === sameColumn(first);
  if (terms.every(same)) return first;
  const inner = terms.flatMap((term) => (term.kind === 'not' ? [term.term] : []));
  if (inner.length === terms.length) {
    const term = join(inner);
    return term && { kind: 'not', term };
  }
  const loose = terms.map(withoutColumn);
  const [loosened] = loose;
  if (loosened && loose.every((term) => sameColumn(term) === sameColumn(loosened))) return loosened;
  return loose.every(isOfOneType) ? mergedAny(loose) : undefined;
}

/** Equal for terms that look at the same column for the same: the type does not matter to them. */
function sameColumn(term: Term): string {
  if (term.kind === 'references' && term.patient) return JSON.stringify({ ...term, key: '' });
  if (term.kind === 'chain' && term.patient) return JSON.stringify({ ...term, key: '' });
  if (term.kind === 'date' && term.main) return JSON.stringify({ ...term, keys: [] });
  return JSON.stringify(term);
}

/** The same without the patient column, which holds something else for other types. */
function withoutColumn(term: Term): Term {
  switch (term.kind) {
    case 'references':
    case 'chain':
    case 'has':
      return { ...term, patient: false };
    case 'any':
    case 'all':
      return { ...term, terms: term.terms.map(withoutColumn) };
    case 'not':
      return { ...term, term: withoutColumn(term.term) };
    default:
      return term;
  }
}

/** Whether only rows of the type that the term was made for can fit. */
function isOfOneType(term: Term): boolean {
  switch (term.kind) {
    case 'any':
      return term.terms.every(isOfOneType);
    case 'all':
      return term.terms.some(isOfOneType);
    case 'date':
      return !term.main;
    case 'id':
      return term.type !== undefined;
    case 'lastUpdated':
    case 'fulltext':
    case 'not':
    case 'has':
      return false;
    default:
      return true;
  }
}

/** An OR of terms, as few as can be: words go into one list. */
export function mergedAny(terms: readonly Term[]): Term {
  const flat = terms.flatMap((term) => (term.kind === 'any' ? term.terms : [term]));
  const rest = flat.filter((term) => term.kind !== 'words');
  const words = flat.flatMap((term) => (term.kind === 'words' ? term.words : []));
  if (words.length === 0) return anyOf(rest);
  const rare = flat.every((term) => term.kind !== 'words' || term.rare);
  return anyOf([{ kind: 'words', words, rare }, ...rest]);
}

/** How many values a term holds, lists of words as one: what a statement has to bind. */
export function sizeOf(term: Term): number {
  switch (term.kind) {
    case 'any':
    case 'all':
      return sum(term.terms);
    case 'not':
      return sizeOf(term.term);
    case 'has':
      return 1 + sum(term.where);
    case 'chain':
      return term.targets.reduce((total, { where }) => total + 1 + sum(where), 0);
    case 'texts':
    case 'date':
    case 'string':
    case 'exact':
    case 'number':
    case 'lastUpdated':
      return term.values.length;
    default:
      return 1;
  }
}

const sum = (terms: readonly Term[]): number =>
  terms.reduce((total, term) => total + sizeOf(term), 0);
