import { containedTerm } from '../fhir/extract-contained.ts';
import type { Term } from '../fhir/query.ts';
import type { Context, Run } from './context.ts';
import { resolveNamedChain, resolveNamedHas } from './search-resolve-canonical.ts';
import { MAX_REFERRING, printEnds, printReferred } from './search-sql.ts';

/**
 * Joins begin at the other end where few resources fit there: these are looked up first, so that the
 * search itself has their keys at hand and the planner knows how many they are. Where many fit, the
 * search walks along its own order and looks at each row (search-sql-joins.ts).
 */

type ChainTerm = Extract<Term, { kind: 'chain' }>;
type HasTerm = Extract<Term, { kind: 'has' }>;

/** More resources than this are many. */
const MAX_KEYS = 1000;

/**
 * A chain whose inner terms are resolved: to known targets, to targets that are many, and to the
 * resources that contain one themselves (R4 3.1.1.5.5: chains look into contained resources).
 */
export async function resolveChain(
  context: Context,
  run: Run,
  term: ChainTerm,
  types: readonly string[],
): Promise<Term> {
  const { key, patient } = term;
  const ends = await Promise.all(
    term.targets.map((target) => endsOf(context, run, { key, target, types })),
  );
  const keys = ends.flatMap((end) => end.keys ?? []);
  const seqs = ends.flatMap((end) => end.seqs ?? []);
  const terms: Term[] = ends.flatMap(({ contained }) => contained ?? []);
  const many = term.targets.filter((_, i) => !ends[i]?.keys);
  // `of`: a chain that leads through a contained resource asks again what was asked here.
  if (seqs.length > 0) terms.push({ kind: 'rows', seqs, of: term });
  if (keys.length > 0 || many.length + terms.length === 0) {
    terms.push({ kind: 'linked', key, patient, keys, ...(seqs.length === 0 && { of: term }) });
  }
  const named = await resolveNamedChain(context, run, term, ends);
  if (named) terms.push(named);
  if (many.length > 0) terms.push({ ...term, targets: many });
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind: 'any', terms };
}

interface Ends {
  /** Row keys of targets; absent where they are many. */
  keys?: string[];
  /** Rows that contain a target; or the term that finds them where they are many. */
  seqs?: string[];
  contained?: Term;
}

async function endsOf(
  context: Context,
  run: Run,
  link: { key: string; target: ChainTerm['targets'][number]; types: readonly string[] },
): Promise<Ends> {
  const { key, target, types } = link;
  const contained = containedTerm(key, target);
  const around = contained && { types, term: contained };
  const name = manyKey(target);
  const many = context.many.has(name);
  if (many && !around) return {};
  const statement = printEnds(context, { target: many ? undefined : target, around }, MAX_KEYS);
  const [row = []] = await run(statement, statement.values);
  const [keys, seqs] = row as (string[] | null)[];
  if (!keys) context.many.add(name);
  return {
    ...(keys && { keys }),
    ...(seqs ? { seqs } : contained && { contained }),
  };
}

/** Of what there were many lately there are not a few now: the search need not ask again. */
const manyKey = (end: { type: string; where: readonly Term[] }): string => JSON.stringify(end);

/** `_has` whose inner terms are resolved; through the patient column the planner does well by itself. */
export async function resolveHas(
  context: Context,
  run: Run,
  term: HasTerm,
  types: readonly string[],
): Promise<Term> {
  if (term.patient) return term;
  const named = await resolveNamedHas(context, run, term, types);
  const referred = await resolveReferred(context, run, term, types);
  return named ? { kind: 'any', terms: [referred, named] } : referred;
}

async function resolveReferred(
  context: Context,
  run: Run,
  term: HasTerm,
  types: readonly string[],
): Promise<Term> {
  const statement = printReferred(context, term, { types, most: MAX_KEYS + 1 });
  const [row] = await run(statement, statement.values);
  const [referring, seqs] = (row ?? [0, []]) as [unknown, readonly string[]];
  const many = Number(referring) > MAX_REFERRING || seqs.length > MAX_KEYS;
  return many ? term : { kind: 'rows', seqs };
}
