import { containedTerm } from '../fhir/extract-contained.ts';
import type { Chain, Term } from '../fhir/query.ts';
import { allOf, anyOf, factorsOf, isNothing } from './access-terms.ts';
import type { Context } from './context.ts';
import { canonicalCode } from './search-canonical.ts';

/**
 * Limits as conditions that are looked at row by row, with nothing looked up beforehand: what a few
 * rows are judged by, exactly as they stand, in one statement. Also the shape in which a limit is worked
 * on (access-reach.ts).
 */

type Known = Pick<Context, 'definitions'>;

/** Terms last as long as the access that they are of. */
const shapes = new WeakMap<Term, Term | 'none'>();

/** Undefined where something has to be looked up: codes, hierarchies, canonical urls. */
export function shapeOf(context: Known, term: Term): Term | undefined {
  const before = shapes.get(term);
  if (before) return before === 'none' ? undefined : before;
  const made = term.kind === 'typed' ? typed(context, term) : rowwise(context, joined(term));
  shapes.set(term, made ?? 'none');
  return made;
}

type Typed = Extract<Term, { kind: 'typed' | 'about' }>;

/** The terms of the types are limits, and known by themselves. */
function typed(context: Known, term: Typed): Term | undefined {
  const of = term.of.map(({ types, term: inner }) => ({
    types,
    inner,
    shape: inner && shapeOf(context, inner),
  }));
  if (of.some(({ inner, shape }) => inner && !shape)) return undefined;
  return {
    ...term,
    of: of.map(({ types, shape }) => (shape ? { types, term: shape } : { types })),
  };
}

/** A chain along the patient column to one type: a resource has one patient at most. */
interface Single extends Chain {
  targets: [Chain['targets'][number]];
}

const isSingle = (term: Term): term is Single =>
  term.kind === 'chain' && term.patient && term.targets.length === 1;

/**
 * Conditions on the one patient of a resource as one condition: those who are in care and of the branch
 * are fewer than all of the branch.
 */
function joined(term: Term): Term {
  switch (term.kind) {
    case 'any':
      return anyOf(together(term.terms.map(joined), (parts) => [anyOf(parts.map(allOf))]));
    case 'all':
      return allOf(together(term.terms.map(joined).flatMap(factorsOf), (parts) => parts.flat()));
    default:
      return term;
  }
}

/** Chains that go the same way become one, of whose conditions `combine` makes one list. */
function together(terms: readonly Term[], combine: (parts: Term[][]) => Term[]): Term[] {
  const ways = Map.groupBy(
    terms.filter(isSingle),
    ({ key, targets: [{ type }] }) => `${key} ${type}`,
  );
  const chains = [...ways.values()].map((group): Term => {
    const [first] = group as [Single];
    if (group.length === 1) return first;
    const where = combine(group.map(({ targets: [target] }) => target.where));
    return { ...first, targets: [{ type: first.targets[0].type, where }] };
  });
  return [...chains, ...terms.filter((term) => !isSingle(term))];
}

function rowwise(context: Known, term: Term): Term | undefined {
  switch (term.kind) {
    case 'any':
    case 'all': {
      const terms = each(context, term.terms);
      return terms && (term.kind === 'any' ? anyOf(terms) : allOf(terms));
    }
    case 'not': {
      const inner = rowwise(context, term.term);
      return inner && { kind: 'not', term: inner };
    }
    case 'typed':
    case 'about':
      return typed(context, term);
    case 'has': {
      const where = each(context, term.where);
      const isByUrl = !term.patient && canonicalCode(context, term.key) !== undefined;
      return where && !isByUrl ? { ...term, where } : undefined;
    }
    case 'chain':
      return canonicalCode(context, term.key) === undefined ? chain(context, term) : undefined;
    case 'codes':
    case 'hierarchy':
      return undefined;
    default:
      return term;
  }
}

function each(context: Known, terms: readonly Term[]): Term[] | undefined {
  const made = terms.map((one) => rowwise(context, one));
  return made.every((one) => one !== undefined) ? made : undefined;
}

/** To stored resources, and to those that it contains itself (R4 3.1.1.5.5). */
function chain(context: Known, term: Chain): Term | undefined {
  const targets: Chain['targets'] = [];
  const contained: Term[] = [];
  for (const target of term.targets) {
    const where = each(context, target.where);
    const inside = containedTerm(term.key, target);
    const folded = inside && rowwise(context, inside);
    if (!where || (inside && !folded)) return undefined;
    targets.push({ ...target, where });
    if (folded && !isNothing(folded)) contained.push(folded);
  }
  return anyOf([{ ...term, targets }, ...contained]);
}
