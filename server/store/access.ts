import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import { askingFor } from './access-element-search.ts';
import type { Actor } from './store.ts';

/**
 * What an actor may see and change. The store restricts every verb by it: searches in the tree, on
 * each alias that stands for a resource (match, chain, `_has`, include, criterion), the others by
 * looking (access-check.ts). What may not be seen answers like what does not exist.
 */

/** create, read (with vread and instance history), update, delete, search (SMART 2.2, "scopes"). */
export type Interaction = 'c' | 'r' | 'u' | 'd' | 's';

/** Gives its interactions on the resources of a type that fit all of `where`. */
export interface Rule {
  interactions: ReadonlySet<Interaction>;
  where: readonly Term[];
  /** Paths of elements that are left out of these resources: `name`, `contact.name`. */
  hidden?: readonly string[];
  /** Paths of elements that may not be changed. */
  readOnly?: readonly string[];
}

export interface Access {
  /** Equal for requests that see the same: a page's cursor belongs to it. */
  key: string;
  /** May run the server: indexing anew, `_explain`. */
  admin: boolean;
  /** Any one of them is enough; none: nothing. */
  rules(type: string): readonly Rule[];
}

/** Whom access may limit. */
type Limited = Pick<Actor, 'access'>;

/** Which resources of a type: every one, none, or those that fit. */
export type Limit = 'all' | 'none' | Term;

/** Which resources of the type the actor may do one of the interactions to. */
export function limitOf(
  { access }: Limited,
  type: string,
  ...interactions: readonly Interaction[]
): Limit {
  if (!access) return 'all';
  const rules = access
    .rules(type)
    .filter((rule) => interactions.some((one) => rule.interactions.has(one)));
  if (rules.length === 0) return 'none';
  if (rules.some(({ where }) => where.length === 0)) return 'all';
  const terms = rules.map(ruleTerm);
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'any', terms };
}

/** What has to fit for a rule that does not give all of its type. */
export function ruleTerm({ where: [first, ...others] }: Rule): Term {
  return others.length === 0 ? (first as Term) : { kind: 'all', terms: [first as Term, ...others] };
}

const NAMES: Record<Interaction, string> = {
  ...{ c: 'create', r: 'read', u: 'update', d: 'delete', s: 'search' },
};

/** A static reason: of the type, never of what is stored. */
export function forbidden(type: string, interaction: Interaction, expression?: string): FhirError {
  return new FhirError('forbidden', [
    {
      severity: 'error',
      code: 'forbidden',
      diagnostics:
        `You may not ${NAMES[interaction]} ${type}. Ask for access that includes it, ` +
        `e.g. the scope user/${type}.${interaction}.`,
      ...(expression !== undefined && { expression }),
    },
  ]);
}

/**
 * The limits of several types as one term for rows of any of them; undefined where there is none.
 * Types without access fit nothing.
 */
export function limitOfAll(
  actor: Limited,
  types: readonly string[],
  ...interactions: readonly Interaction[]
): Term | undefined {
  if (!actor.access) return undefined;
  const limits = types.map((type) => ({ type, limit: limitOf(actor, type, ...interactions) }));
  if (limits.every(({ limit }) => limit === 'all')) return undefined;
  const free = limits.flatMap(({ type, limit }) => (limit === 'all' ? [type] : []));
  const bound = limits.flatMap(({ type, limit }) =>
    typeof limit === 'string' ? [] : [{ types: [type], term: limit }],
  );
  return { kind: 'typed', of: [...(free.length > 0 ? [{ types: free }] : []), ...bound] };
}

/** Of the accesses met: they last for many requests, and there are a hundred and more types. */
const visibleTerms = new WeakMap<Access, { term: Term | undefined }>();

/** What the actor may see of whatever type, by reading or by searching; undefined: everything. */
export function visibleTo(
  { resourceTypes }: Pick<Definitions, 'resourceTypes'>,
  { access }: Limited,
): Term | undefined {
  if (!access) return undefined;
  let known = visibleTerms.get(access);
  if (!known) {
    known = { term: limitOfAll({ access }, resourceTypes, 'r', 's') };
    visibleTerms.set(access, known);
  }
  return known.term;
}

/** Rows of one type that are within the limit. */
export function withinLimit(type: string, limit: Limit): Term {
  if (limit === 'none') return { kind: 'typed', of: [] };
  return {
    kind: 'typed',
    of: [limit === 'all' ? { types: [type] } : { types: [type], term: limit }],
  };
}

/**
 * The search as the actor may run it: each hop bound by what may be searched of its type, the matches
 * too, and what is included by what may be read or searched.
 * @throws FhirError forbidden where a type that is asked for by name may not be searched
 */
export function restrict(
  definitions: Definitions,
  actor: Limited,
  query: SearchQuery,
): SearchQuery {
  const { access } = actor;
  if (!access) return query;
  // What hides an element that the search reads gives nothing to search in.
  const { asker, concealed } = askingFor(definitions, access, query);
  const types = query.types.filter((type) => limitOf(asker, type, 's') !== 'none');
  const { length } = definitions.resourceTypes;
  const byName = query.compartment === undefined && query.types.length < length;
  const refused = query.types.find((type) => !types.includes(type));
  if (refused !== undefined && (byName || types.length === 0)) throw forbidden(refused, 's');
  const where = query.where.map((term) => bound(asker, term));
  const limit = limitOfAll(asker, types, 's');
  const visible = visibleTo(definitions, actor);
  return {
    ...{ ...query, types, bearer: access.key },
    where: limit ? [...where, limit] : where,
    ...(visible && { visible }),
    ...(concealed && { concealed }),
  };
}

/** A term whose hops are bound. Throws FhirError forbidden for a type that may not be searched. */
function bound(actor: Limited, term: Term): Term {
  switch (term.kind) {
    case 'any':
    case 'all':
      return { ...term, terms: term.terms.map((one) => bound(actor, one)) };
    case 'not':
      return { ...term, term: bound(actor, term.term) };
    case 'has':
      return { ...term, where: boundWhere(actor, term.source, term.where) };
    case 'chain': {
      // Where the type is left open, those that may not be searched are no targets.
      const open = term.targets.filter(({ type }) => limitOf(actor, type, 's') !== 'none');
      const targets = open.length > 0 ? open : term.targets;
      return {
        ...term,
        targets: targets.map(({ type, where }) => ({
          type,
          where: boundWhere(actor, type, where),
        })),
      };
    }
    case 'hierarchy': {
      const [type = ''] = term.target.split('/', 1);
      const limit = limitOf(actor, type, 's');
      if (limit === 'none') throw forbidden(type, 's');
      return limit === 'all' ? term : { ...term, within: withinLimit(type, limit) };
    }
    case 'codes': {
      const within = limitOfAll(actor, TERMINOLOGY, 'r', 's');
      return within ? { ...term, within } : term;
    }
    default:
      return term;
  }
}

/** What `:in`, `:above` and `:below` of codes look into. */
const TERMINOLOGY: readonly string[] = ['ValueSet', 'CodeSystem'];

function boundWhere(actor: Limited, type: string, where: readonly Term[]): Term[] {
  const limit = limitOf(actor, type, 's');
  if (limit === 'none') throw forbidden(type, 's');
  const inner = where.map((term) => bound(actor, term));
  return limit === 'all' ? inner : [...inner, limit];
}
