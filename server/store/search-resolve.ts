import { loadSql } from '../db/db.ts';
import type { SearchParamDef } from '../fhir/definitions.ts';
import type { CodeSource, SearchQuery, Term } from '../fhir/query.ts';
import { codesTerm, hierarchyParam } from '../fhir/query-terms.ts';
import { paramKey, referenceSalt } from '../fhir/terms.ts';
import { type Code, TerminologyProblem } from '../fhir/valueset.ts';
import type { Context, Run } from './context.ts';
import { refused } from './search-refused.ts';
import { codesOf } from './search-resolve-codes.ts';
import { resolveChain, resolveHas } from './search-resolve-joins.ts';
import { resolvePresent, resolveTexts } from './search-resolve-words.ts';

/**
 * Puts words and references in the place of what a search leaves to the store: the codes of value
 * sets and code systems (`:in`, `:above`, `:below`), hierarchies of resources, the other ends of chains
 * and `_has`, and the words of the dictionaries (`:missing`, `:text`).
 */

const belowSql = loadSql(import.meta.url, 'hierarchy-below.sql');
const aboveSql = loadSql(import.meta.url, 'hierarchy-above.sql');

/** More resources than this are no condition of a search. */
const MAX_RESOURCES = 10_000;

type CodesTerm = Extract<Term, { kind: 'codes' }>;
type HierarchyTerm = Extract<Term, { kind: 'hierarchy' }>;

interface Resolver {
  context: Context;
  run: Run;
  /** Looked up once for all terms that mean the same. */
  codes: Map<string, Promise<Code[]>>;
}

/**
 * The query with everything looked up; the same object where nothing is to be.
 * @throws FhirError invalid where the store does not hold what a term names
 */
export async function resolveTerms(
  context: Context,
  run: Run,
  query: SearchQuery,
): Promise<SearchQuery> {
  const { where, visible, types } = query;
  const hidden = visible !== undefined && isOpen(visible);
  if (!hidden && !where.some(isOpen)) return query;
  const resolver: Resolver = { context, run, codes: new Map() };
  const resolved = { ...query, where: await resolveAll(resolver, where, types) };
  return hidden ? { ...resolved, visible: await resolve(resolver, visible, types) } : resolved;
}

/** One term with everything looked up; of rows of whatever types it names. */
export async function resolveTerm(context: Context, run: Run, term: Term): Promise<Term> {
  return isOpen(term) ? resolve({ context, run, codes: new Map() }, term, []) : term;
}

/** Whether something in the term is still to be looked up. */
function isOpen(term: Term): boolean {
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
  switch (term.kind) {
    case 'codes':
      return resolveCodes(resolver, term);
    case 'hierarchy':
      return resolveHierarchy(resolver, term);
    case 'any':
    case 'all':
      return { ...term, terms: await resolveAll(resolver, term.terms, types) };
    case 'typed':
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

async function resolveCodes(resolver: Resolver, { type, code, of }: CodesTerm): Promise<Term> {
  const { context } = resolver;
  try {
    const codes = await sharedCodes(resolver, of);
    return codesTerm(type, defOf(context, type, code), codes, context);
  } catch (error) {
    if (!(error instanceof TerminologyProblem)) throw error;
    throw refused(code, error.code, error.message);
  }
}

function sharedCodes({ context, run, codes }: Resolver, of: CodeSource): Promise<Code[]> {
  const key = JSON.stringify(of);
  const known = codes.get(key) ?? codesOf(context, run, of);
  codes.set(key, known);
  return known;
}

/** R4 3.1.1.4.14: the resource itself, with what is part of it or what it is part of, at any depth. */
async function resolveHierarchy(resolver: Resolver, term: HierarchyTerm): Promise<Term> {
  const { context, run } = resolver;
  const [type = ''] = term.target.split('/', 1);
  const parent = hierarchyParam(context.definitions, type);
  if (!parent) {
    const reason = `resources of type ${type} are not parts of each other`;
    throw refused(term.code, 'not-supported', reason);
  }
  const salt = context.hasher.word(referenceSalt(paramKey(type, parent.code)));
  const root = context.hasher.target(term.target);
  const sql = term.direction === 'below' ? belowSql : aboveSql;
  const rows = await run({ text: sql.text }, [String(root), String(salt), MAX_RESOURCES + 1]);
  if (rows.length > MAX_RESOURCES) {
    const reason = `there are more than ${MAX_RESOURCES} resources ${term.direction} ${term.target}`;
    throw refused(term.code, 'too-costly', reason);
  }
  const targets = new Set([term.target, ...rows.map(([id]) => `${type}/${id}`)]);
  const def = defOf(context, term.type, term.code);
  const terms = (def.keys ?? [def.code]).map((code): Term => {
    const key = paramKey(term.type, code);
    return { kind: 'references', key, targets: [...targets], patient: false };
  });
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'any', terms };
}
