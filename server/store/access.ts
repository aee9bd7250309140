import type { Definitions } from '../fhir/definitions.ts';
import { FhirError } from '../fhir/error.ts';
import type { SearchQuery, Term } from '../fhir/query.ts';
import { askingFor } from './access-element-search.ts';
import { includedTypes } from './access-include.ts';
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
export type Limited = Pick<Actor, 'access'>;

/** Which resources of a type: every one, none, or those that fit. */
export type Limit = 'all' | 'none' | Term;

/** Of the accesses met, which last for many requests: what is known of a limit is kept with it. */
const limits = new WeakMap<Access, Map<string, Limit>>();
const typesOfLimits = new WeakMap<Term, string>();

/** The type whose limit (`limitOf`) the term is; undefined where it is none. */
export const typeOfLimit = (term: Term): string | undefined => typesOfLimits.get(term);

/** Which resources of the type the actor may do one of the interactions to. */
export function limitOf(
  { access }: Limited,
  type: string,
  ...interactions: readonly Interaction[]
): Limit {
  if (!access) return 'all';
  const own = limits.get(access) ?? new Map<string, Limit>();
  limits.set(access, own);
  const name = `${interactions.join('')} ${type}`;
  let limit = own.get(name);
  if (limit === undefined) {
    limit = makeLimit(access, type, interactions);
    own.set(name, limit);
    if (typeof limit !== 'string') typesOfLimits.set(limit, type);
  }
  return limit;
}

function makeLimit(access: Access, type: string, interactions: readonly Interaction[]): Limit {
  const rules = access
    .rules(type)
    .filter((rule) => interactions.some((one) => rule.interactions.has(one)));
  if (rules.length === 0) return 'none';
  if (rules.some(({ where }) => where.length === 0)) return 'all';
  const terms = rules.map(ruleTerm);
  const [only] = terms;
  // A term of its own: that of a rule may stand in several limits.
  return only && terms.length === 1 ? { ...only } : { kind: 'any', terms };
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
  const each = types.map((type) => ({ type, limit: limitOf(actor, type, ...interactions) }));
  if (each.every(({ limit }) => limit === 'all')) return undefined;
  const free = each.flatMap(({ type, limit }) => (limit === 'all' ? [type] : []));
  const bound = each.flatMap(({ type, limit }) =>
    typeof limit === 'string' ? [] : [{ types: [type], term: limit }],
  );
  return { kind: 'typed', of: [...(free.length > 0 ? [{ types: free }] : []), ...bound] };
}

/** A reference may lead to a type that its parameter does not speak of: that is not included. */
function limitOfIncluded(
  definitions: Definitions,
  actor: Limited,
  types: string[],
): Term | undefined {
  const limit = limitOfAll(actor, types, 'r', 's');
  return limit ?? (isConfined(definitions, actor) ? { kind: 'typed', of: [{ types }] } : undefined);
}

/** Whether some of what there is may not be seen, by reading or by searching. */
export function isConfined(
  { resourceTypes }: Pick<Definitions, 'resourceTypes'>,
  actor: Limited,
): boolean {
  return (
    actor.access !== undefined &&
    resourceTypes.some((type) => limitOf(actor, type, 'r', 's') !== 'all')
  );
}

/** Rows of one type that are within the limit. */
export function withinLimit(type: string, limit: Limit): Term {
  if (limit === 'none') return { kind: 'typed', of: [] };
  if (limit === 'all') return { kind: 'typed', of: [{ types: [type] }] };
  const known = typedLimits.get(limit) ?? { kind: 'typed', of: [{ types: [type], term: limit }] };
  typedLimits.set(limit, known);
  return known;
}

/** What is known of a condition is kept with it, so it is one object as long as the limit is. */
const typedLimits = new WeakMap<Term, Term>();

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
  const [only = ''] = types;
  const own = limitOf(asker, only, 's');
  const single = own === 'all' ? undefined : withinLimit(only, own);
  const limit = types.length === 1 ? single : limitOfAll(asker, types, 's');
  const included = includedTypes(definitions, query);
  const visible = included && limitOfIncluded(definitions, actor, [...included]);
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
