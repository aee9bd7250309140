import type { SearchQuery, Term } from '../fhir/query.ts';
import type { Context } from './context.ts';

/** Which way a search goes, so that the planner has no choice where it chooses badly. */
export type Plan =
  | { kind: 'dated' | 'plain' }
  /** `walks`: the order asked for is that of the patient index. */
  | { kind: 'patient'; term: Extract<Term, { kind: 'references' | 'linked' }>; walks: boolean }
  /** The references of a compartment, of any types. */
  | { kind: 'compartment'; term: Term }
  | { kind: 'identifier'; term: Extract<Term, { kind: 'words' }> }
  | { kind: 'string'; term: Extract<Term, { kind: 'string' }> };

/**
 * What connections a statement may run on. `planned`: its values must be known to the planner;
 * `steady`: no choice is left, it may be planned once; `shared`: and the rows of one patient bound it;
 * `fast`: and it touches next to nothing.
 */
export type Pace = 'planned' | 'steady' | 'shared' | 'fast';

const PACES: Record<Plan['kind'], Pace> = {
  plain: 'planned',
  dated: 'planned',
  patient: 'shared',
  compartment: 'steady',
  string: 'steady',
  identifier: 'fast',
};

/** Conditions that look into other resources: no bound on their work is known beforehand. */
const JOINS: ReadonlySet<Term['kind']> = new Set(['chain', 'has', 'about'] as const);

function joins(term: Term): boolean {
  switch (term.kind) {
    case 'any':
    case 'all':
      return term.terms.some(joins);
    case 'not':
      return joins(term.term);
    case 'typed':
      return term.of.some(({ term: inner }) => inner !== undefined && joins(inner));
    default:
      return JOINS.has(term.kind);
  }
}

export function paceOf(plan: Plan, query: SearchQuery): Pace {
  // Each row of the patient is looked at by itself, whatever it is joined with.
  if (plan.kind === 'patient') return 'shared';
  // Of few resources that may be seen the planner begins there; else along all names of the hospital.
  if (plan.kind === 'string' && query.where.some(isListed)) return 'planned';
  return query.where.some(joins) ? 'planned' : PACES[plan.kind];
}

/**
 * What finds so few rows that no walk along strings is wanted; and whatever a join may come to
 * (search-resolve-joins.ts): the walk has an order of its own, and which order a search has must not
 * hang on what is stored, or its pages would not fit each other.
 */
const LEADS: ReadonlySet<Term['kind']> = new Set([
  'id',
  'exact',
  'near',
  'chain',
  'has',
  'linked',
  'rows',
  'any',
] as const);

/** One patient's data, or that of several who are named; of several found the planner knows more. */
function isPatient(term: Term): boolean {
  if (term.kind === 'linked') return term.patient && term.keys.length === 1;
  return term.kind === 'references' && term.patient;
}

/** Looked for among the data of each patient; nested joins would multiply. */
export const byPatient = (term: Term): boolean =>
  term.kind === 'has' && term.patient && !term.where.some(joins);

/** What is looked for by a value of the row itself, and may be frequent. */
const FREQUENT: ReadonlySet<Term['kind']> = new Set([
  ...(['words', 'hashed', 'texts', 'not', 'any', 'all', 'date', 'lastUpdated'] as const),
  ...(['number', 'pair'] as const),
]);

/** A limit to what is on a list, which the rest of it is looked at for alone (access-reach.ts). */
function isListed(term: Term): boolean {
  if (term.kind === 'typed') return term.of.every((one) => one.term && isListed(one.term));
  if (term.kind === 'all') return term.terms[0] !== undefined && isListed(term.terms[0]);
  return term.kind === 'rows' || (term.kind === 'linked' && term.patient);
}

/**
 * Whether the page may well stand among the first rows of its order, so that they are worth a look
 * before the planner is asked, whose work on frequent words takes as long as the search itself.
 */
export function mayBeNear(
  context: Context,
  query: SearchQuery,
  position: { values: readonly unknown[] } | undefined,
): boolean {
  const undated = position?.values[0] === null;
  if (undated || query.types.length !== 1 || query.where.length === 0) return false;
  const { kind } = choosePlan(context, query);
  const along =
    kind === 'plain' ? query.sort.length === 0 : kind === 'dated' && query.sort[1] === undefined;
  return (
    along &&
    query.where.every(
      (term) => byPatient(term) || isListed(term) || (FREQUENT.has(term.kind) && !joins(term)),
    )
  );
}

export function choosePlan({ definitions }: Context, query: SearchQuery): Plan {
  const [only] = query.types;
  const [leading] = query.where;
  const compartment: Plan | undefined =
    query.compartment !== undefined && leading ? { kind: 'compartment', term: leading } : undefined;
  if (only === undefined || query.types.length > 1) return compartment ?? { kind: 'plain' };
  const [key, ...keys] = query.sort;
  const byDate = key !== undefined && key.code === definitions.main(only).date;
  const patient = query.where.find(isPatient);
  if (patient?.kind === 'references' || patient?.kind === 'linked') {
    const one = patient.kind === 'linked' || patient.targets.length === 1;
    const walks = byDate && keys.length === 0 && key.descending && one;
    return { kind: 'patient', term: patient, walks };
  }
  if (compartment) return compartment;
  const identifier = query.where.find((term) => term.kind === 'words' && term.rare);
  if (identifier?.kind === 'words') return { kind: 'identifier', term: identifier };
  const strings = query.where.filter((term) => term.kind === 'string');
  const [first] = strings;
  const walk = query.sort.length === 0 && !query.where.some((term) => LEADS.has(term.kind));
  const one = first && strings.length === 1 && first.keys.length * first.values.length === 1;
  if (walk && one && first.match === 'start' && !first.whole)
    return { kind: 'string', term: first };
  return { kind: byDate ? 'dated' : 'plain' };
}
