import type { Term } from '../fhir/query.ts';
import { allOf, anyOf, costOf, factorsOf, NOTHING } from './access-terms.ts';

/** What a limit is made of while its joins are looked up (access-reach.ts): pure, and never less exact. */

/** More alternatives than this are left as they are. */
const MOST_ALTERNATIVES = 12;

/**
 * Conditions that all have to fit as alternatives without an OR at their top: each is looked up for
 * itself, as the planner begins an OR at no index.
 */
export function alternatives(where: readonly Term[]): Term[][] {
  const all = where.reduce<Term[][]>(
    (so, term) => so.flatMap((one) => branches(term).map((more) => [...one, ...more])),
    [[]],
  );
  return all.length <= MOST_ALTERNATIVES ? all : [[...where]];
}

function branches(term: Term): Term[][] {
  if (term.kind === 'any') return term.terms.flatMap(branches);
  return term.kind === 'all' ? alternatives(term.terms) : [[term]];
}

type List = Extract<Term, { kind: 'linked' | 'rows' }>;

/** A list that a row is on once or not at all: of its patient, or of itself. */
const isOwn = (term: Term): term is List =>
  term.kind === 'rows' || (term.kind === 'linked' && term.patient);

const valuesOf = (list: List): readonly string[] => (list.kind === 'rows' ? list.seqs : list.keys);

const withValues = (list: List, values: Iterable<string>): List =>
  list.kind === 'rows' ? { kind: 'rows', seqs: [...values] } : { ...list, keys: [...values] };

const wayOf = (term: Term): string => {
  if (term.kind === 'rows') return 'rows';
  return term.kind === 'linked' ? `${term.patient} ${term.key}` : '';
};

/** Lists that say the same of a row, in an OR. */
export function union(terms: readonly Term[]): Term[] {
  return [...Map.groupBy(terms, wayOf)].flatMap(([way, group]) => {
    if (way === '' || group.length === 1) return group;
    const lists = group as List[];
    return [withValues(lists[0] as List, new Set(lists.flatMap(valuesOf)))];
  });
}

/** Lists that say the same of a row, in an AND. */
export function common(terms: readonly Term[]): Term[] {
  const lists = terms.filter(isOwn);
  const others = terms.filter((term) => !isOwn(term));
  const ways = [...Map.groupBy(lists, wayOf).values()].map((group) => {
    const [first, ...rest] = group as [List, ...List[]];
    let values: ReadonlySet<string> = new Set(valuesOf(first));
    for (const one of rest) values = values.intersection(new Set(valuesOf(one)));
    return values.size === 0 ? NOTHING : withValues(first, values);
  });
  return [...ways, ...others];
}

/**
 * The list that all that fits is on, where there is one: the patients in care. What else there is to a
 * limit is looked at for those alone.
 */
export function envelope(term: Term): List | undefined {
  if (isOwn(term)) return term;
  const lists = (term.kind === 'any' || term.kind === 'all' ? term.terms : []).map(envelope);
  if (term.kind === 'all') {
    const there = lists.flatMap((one) => one ?? []);
    return there.sort((a, b) => valuesOf(a).length - valuesOf(b).length)[0];
  }
  const [first] = lists;
  const alike = lists.every((one) => one && wayOf(one) === wayOf(first as List));
  return first && alike ? (union(lists as List[])[0] as List) : undefined;
}

/**
 * An OR in which what costs is looked at once: `(A and x) or (B and x)` is `(A or B) and x`, and so what
 * then has the same `A or B`.
 */
export function factored(terms: readonly Term[]): Term[] {
  const parts = terms.map((term) => Map.groupBy(factorsOf(term), (one) => costOf(one) > 0));
  const light = (part: (typeof parts)[number]): Term => allOf(part.get(false) ?? []);
  const heavy = (part: (typeof parts)[number]): Term => allOf(part.get(true) ?? []);
  const byHeavy = Map.groupBy(parts, (part) => JSON.stringify(heavy(part)));
  const once = [...byHeavy.values()].map((group) => ({
    light: anyTrue(group.map(light)),
    heavy: heavy(group[0] as (typeof parts)[number]),
  }));
  const byLight = Map.groupBy(once, (one) => JSON.stringify(one.light));
  return [...byLight.values()].map((group) => {
    const [first] = group as [(typeof once)[number]];
    return allOf([first.light, anyTrue(group.map((one) => one.heavy))]);
  });
}

/** An OR with something that is always so is always so. */
function anyTrue(terms: readonly Term[]): Term {
  const always = terms.find((term) => term.kind === 'all' && term.terms.length === 0);
  return always ?? anyOf(union(terms));
}
