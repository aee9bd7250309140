import { FhirError } from '../fhir/error.ts';
import type { Term } from '../fhir/query.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import type { TermOptions } from '../fhir/query-terms.ts';
import { splitEscaped } from '../fhir/query-values.ts';

/**
 * The criteria of rules: searches whose values may be variables (`participant=%user`). What cannot
 * be said for somebody (a variable of theirs is empty) gives them nothing.
 */

export const VARIABLES = ['user', 'patient', 'own', 'branch', 'ward', 'today'] as const;
export type Variable = (typeof VARIABLES)[number];

/** What the variables stand for: references `Type/id`, and `today` a date. */
export type Variables = Readonly<Record<Variable, readonly string[]>>;

/** Why criteria give nothing, as a sentence for administrators. */
export class NoCriteria extends Error {
  /** It is so for whoever the variables were taken from, not for everybody. */
  readonly ofPerson: boolean;
  constructor(message: string, ofPerson = false) {
    super(message);
    this.ofPerson = ofPerson;
  }
}

export interface CriteriaOptions extends TermOptions {
  variables: Variables;
}

/**
 * The terms of a search text on a type: `category=laboratory` or `Observation?category=laboratory`,
 * encoded as in a URL (a `%` before a variable's name is written as it is).
 *
 * Unlike in a search (R4 3.1.1.4.15, .16), parameters that go the same way mean the same resource:
 * `_has:Encounter:patient:location=%ward&_has:Encounter:patient:status=in-progress` is one encounter.
 * @throws NoCriteria where it gives nothing
 */
export function criteriaTerms(text: string, type: string, options: CriteriaOptions): Term[] {
  const params = paramsOf(text, type);
  const known = params.map(([name, value]): Param => {
    const place = { name, type, options };
    return [
      name,
      splitEscaped(value, ',')
        .flatMap((part) => meant(place, part))
        .join(','),
    ];
  });
  const where = parsed(type, known, options);
  if (params.length === 0 || where.length !== params.length) {
    throw new NoCriteria(`"${text}" has parameters that select nothing, or none at all`);
  }
  return merged(where);
}

type Param = readonly [name: string, value: string];

/** Where a value stands. */
interface Place {
  name: string;
  type: string;
  options: CriteriaOptions;
}

function paramsOf(text: string, type: string): [string, string][] {
  const [, named, search = ''] = /^(?:([A-Z][A-Za-z]*)\?)?(.*)$/s.exec(text) ?? [];
  if (named !== undefined && named !== type) {
    throw new NoCriteria(`"${text}" is for ${named}, the rule for ${type}`);
  }
  return [...new URLSearchParams(search)];
}

/** The values that a part of the text stands for: itself, or those of a variable. */
function meant(place: Place, part: string): readonly string[] {
  if (!part.startsWith('%')) return [part];
  const variable = VARIABLES.find((one) => `%${one}` === part);
  if (!variable) {
    const all = VARIABLES.map((one) => `%${one}`).join(', ');
    throw new NoCriteria(`there is no variable "${part}"; there are ${all}`);
  }
  const all = place.options.variables[variable];
  if (all.length === 0) throw new NoCriteria(`nothing is known for ${part}`, true);
  return place.name === '_id' ? idsOf(place, all) : possible(place, all);
}

function idsOf({ type }: Place, references: readonly string[]): string[] {
  const ids = references.flatMap((one) =>
    one.startsWith(`${type}/`) ? [one.slice(type.length + 1)] : [],
  );
  if (ids.length === 0) throw new NoCriteria(`${references[0]} is no ${type}`, true);
  return ids;
}

/** Those that the parameter can hold; what it cannot hold it never equals. */
function possible({ name, type, options }: Place, values: readonly string[]): string[] {
  const why = new Map<string, string>();
  const kindOf = (value: string): string => value.split('/', 1)[0] ?? '';
  for (const value of new Map(values.map((one) => [kindOf(one), one])).values()) {
    try {
      parsed(type, [[name, value]], options);
    } catch (error) {
      if (!(error instanceof NoCriteria)) throw error;
      why.set(kindOf(value), error.message);
    }
  }
  const held = values.filter((value) => !why.has(kindOf(value)));
  if (held.length === 0) throw new NoCriteria([...why.values()].join(' '), true);
  return held;
}

function parsed(type: string, params: readonly Param[], options: TermOptions): Term[] {
  try {
    const counts = { lenient: false, count: 1, maxCount: 1 };
    return parseQuery({ ...options, types: [type], params, ...counts }).where;
  } catch (error) {
    if (error instanceof FhirError) throw new NoCriteria(error.message);
    throw error;
  }
}

/** Joins that go the same way as one join whose conditions all have to fit. */
function merged(where: readonly Term[]): Term[] {
  const ways = new Map<string, Term[]>();
  for (const term of where) {
    const way = wayOf(term) ?? JSON.stringify(term);
    ways.set(way, [...(ways.get(way) ?? []), term]);
  }
  return [...ways.values()].map(together);
}

function wayOf(term: Term): string | undefined {
  if (term.kind === 'has') return JSON.stringify([term.source, term.key]);
  if (term.kind !== 'chain') return undefined;
  return JSON.stringify([term.key, term.targets.map(({ type }) => type)]);
}

function together(terms: readonly Term[]): Term {
  const [first] = terms as [Term];
  if (first.kind === 'has') {
    return { ...first, where: merged(terms.flatMap((one) => ('where' in one ? one.where : []))) };
  }
  if (first.kind !== 'chain') return first;
  const targets = first.targets.map(({ type }, i) => ({
    type,
    where: merged(
      terms.flatMap((one) => (one.kind === 'chain' ? (one.targets[i]?.where ?? []) : [])),
    ),
  }));
  return { ...first, targets };
}
