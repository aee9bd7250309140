import type { SearchParamDef } from '../fhir/definitions.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import { codesTerm } from '../fhir/query-terms.ts';
import { type Code, TerminologyProblem } from '../fhir/valueset.ts';
import { typeOfLimit } from './access.ts';
import type { Context, Run } from './context.ts';
import { refused } from './search-refused.ts';
import { codesOf } from './search-resolve-codes.ts';
import { resolveHierarchy } from './search-resolve-hierarchy.ts';
import { resolveChain, resolveHas } from './search-resolve-joins.ts';
import { resolvePresent, resolveTexts } from './search-resolve-words.ts';

/**
 * Puts words and references in the place of what a search leaves to the store: the codes of value
 * sets and code systems (`:in`, `:above`, `:below`), hierarchies of resources, the other ends of chains
 * and `_has`, and the words of the dictionaries (`:missing`, `:text`).
 */

type CodesTerm = Extract<Term, { kind: 'codes' }>;
type HierarchyTerm = Extract<Term, { kind: 'hierarchy' }>;

interface Resolver {
  context: Context;
  run: Run;
  /** Whether limits of actors may be as they were found seconds ago (access-reach.ts). */
  kept: boolean;
  /** Looked up once for all terms that mean the same. */
  codes: Map<string, Promise<Code[]>>;
}

/**
 * The query with everything looked up; the same object where nothing is to be.
 * @param kept for searches: limits may be as they were found seconds ago
 * @throws FhirError invalid where the store does not hold what a term names
 */
export async function resolveTerms(
  context: Context,
  run: Run,
  query: SearchQuery,
  kept = false,
): Promise<SearchQuery> {
  const { where, visible, types } = query;
  const hidden = visible !== undefined && isOpen(visible);
  if (!hidden && !where.some(isOpen)) return query;
  const resolver: Resolver = { context, run, kept, codes: new Map() };
  const resolved = { ...query, where: await resolveAll(resolver, where, types) };
  return hidden ? { ...resolved, visible: await resolve(resolver, visible, types) } : resolved;
}

/** One term with everything looked up; of rows of whatever types it names. */
export async function resolveTerm(context: Context, run: Run, term: Term): Promise<Term> {
  return isOpen(term) ? resolve({ context, run, kept: false, codes: new Map() }, term, []) : term;
}

/** Whether something in the term is still to be looked up; limits as a whole. */
function isOpen(term: Term): boolean {
  if (typeOfLimit(term) !== undefined) return true;
  switch (term.kind) {
    case 'codes':
    case 'hierarchy':
    case 'chain':
    case 'present':
    case 'texts':
      return true;
    case 'any':
    case 'all':
      return term.terms.some(isOpen);
    case 'not':
      return isOpen(term.term);
    case 'typed':
    case 'about':
      return term.of.some(({ term: inner }) => inner !== undefined && isOpen(inner));
    case 'has':
      return !term.patient || term.where.some(isOpen);
    default:
      return false;
  }
}

/** `types` are those of the resources that the terms are about. */
const resolveAll = (
  resolver: Resolver,
  terms: readonly Term[],
  types: readonly string[],
): Promise<Term[]> =>
  Promise.all(terms.map((term) => (isOpen(term) ? resolve(resolver, term, types) : term)));

async function resolve(resolver: Resolver, term: Term, types: readonly string[]): Promise<Term> {
  const { context, run } = resolver;
  const limited = resolver.kept ? typeOfLimit(term) : undefined;
  if (limited !== undefined) {
    const found = await context.reach.limit(context, run, { term, type: limited });
    if (found !== term) return found;
  }
  switch (term.kind) {
    case 'codes':
      return resolveCodes(resolver, await resolveWithin(resolver, term));
    case 'hierarchy':
      return resolveHierarchy(context, run, await resolveWithin(resolver, term));
    case 'any':
    case 'all':
      return { ...term, terms: await resolveAll(resolver, term.terms, types) };
    case 'typed':
    case 'about':
      return { ...term, of: await resolveTyped(resolver, term.of) };
    case 'present':
      return resolvePresent(context, run, term, true);
    case 'texts':
      return resolveTexts(context, run, term);
    case 'not':
      // What has none of the parameters is found by words of its own.
      if (term.term.kind === 'present') return resolvePresent(context, run, term.term, false);
      return { kind: 'not', term: await resolve(resolver, term.term, types) };
    case 'has': {
      const where = await resolveAll(resolver, term.where, [term.source]);
      return resolveHas(context, run, { ...term, where }, types);
    }
    case 'chain': {
      const targets = term.targets.map(async ({ type, where }) => ({
        type,
        where: await resolveAll(resolver, where, [type]),
      }));
      return resolveChain(context, run, { ...term, targets: await Promise.all(targets) }, types);
    }
    default:
      return term;
  }
}

async function resolveWithin<T extends CodesTerm | HierarchyTerm>(
  resolver: Resolver,
  term: T,
): Promise<T> {
  const { within } = term;
  return within && isOpen(within) ? { ...term, within: await resolve(resolver, within, []) } : term;
}

type Typed = Extract<Term, { kind: 'typed' }>['of'];

const resolveTyped = (resolver: Resolver, of: Typed): Promise<Typed> =>
  Promise.all(
    of.map(async ({ types, term }) =>
      term ? { types, term: await resolve(resolver, term, types) } : { types },
    ),
  );

function defOf({ definitions }: Context, type: string, code: string): SearchParamDef {
  const def = definitions.searchParams(type).get(code);
  if (!def) throw new Error(`${type} has no search parameter ${code}`);
  return def;
}

async function resolveCodes(resolver: Resolver, term: CodesTerm): Promise<Term> {
  const { context } = resolver;
  const { type, code } = term;
  try {
    const codes = await sharedCodes(resolver, term);
    return codesTerm(type, defOf(context, type, code), codes, context);
  } catch (error) {
    if (!(error instanceof TerminologyProblem)) throw error;
    throw refused(code, error.code, error.message);
  }
}

function sharedCodes(resolver: Resolver, { of, within }: CodesTerm): Promise<Code[]> {
  const { context, run, codes } = resolver;
  const key = JSON.stringify([of, within]);
  const known = codes.get(key) ?? codesOf(context, run, { of, within });
  codes.set(key, known);
  return known;
}
