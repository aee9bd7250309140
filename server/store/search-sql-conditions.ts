import type { DateValue, Term } from '../fhir/query.ts';
import { foldString, referenceSalt } from '../fhir/terms.ts';
import { vidFloor } from './clock.ts';
import { both, either, ofTypes, type Printer, type Scope, tokens } from './search-sql-base.ts';
import { about, chain, has } from './search-sql-joins.ts';
import { beginning, dates, exacts, near, numbers, pair, strings } from './search-sql-values.ts';

/** A term as a condition on rows of the search table. Part of search-sql.ts. */
export function condition(out: Printer, term: Term, at: Scope): string {
  const inner = (one: Term, scope: Scope) => condition(out, one, scope);
  switch (term.kind) {
    case 'id':
      return ids(out, term, at);
    case 'lastUpdated':
      return either(term.values.map((value) => lastUpdated(out, value, at)));
    case 'words':
      return hashes(out, hashesOf(out, term) ?? [], at);
    case 'texts':
      return tokens(textsList(out, term), true, at);
    case 'present':
      return tokens(presenceList(out, term, true), true, at);
    case 'references':
      return references(out, term, at);
    case 'hashed':
      return hashes(out, term.words.map(BigInt), at);
    case 'linked':
      return linked(out, term, at);
    case 'rows':
      return among(out, 'seq', term.seqs, at);
    case 'date':
      return dates(out, term, at);
    case 'string':
      return strings(out, term, at);
    case 'exact':
      return exacts(out, term, at);
    case 'number':
      return numbers(out, [term], at);
    case 'pair':
      return pair(out, term, at);
    case 'near':
      return near(out, term, at);
    case 'fulltext':
      return fulltext(out, term, at);
    case 'any':
      return any(out, term.terms, at);
    case 'all':
      return both(term.terms.map((one) => inner(one, at)));
    case 'not':
      return not(out, term.term, at);
    case 'typed':
      return typed(out, term, at);
    case 'chain':
      return chain(out, term, at, inner);
    case 'has':
      return has(out, term, at, inner);
    case 'about':
      return about(out, term, at, inner);
    default:
      throw new Error(`a term of kind ${term.kind} must be resolved before it is printed`);
  }
}

/** Words and references are words of one index: one look-up for all of them. Numbers likewise. */
function any(out: Printer, terms: readonly Term[], at: Scope): string {
  const words: bigint[] = [];
  const ranges: Extract<Term, { kind: 'number' }>[] = [];
  const others: Term[] = [];
  for (const term of terms) {
    const found = hashesOf(out, term);
    if (found) words.push(...found);
    else if (term.kind === 'number') ranges.push(term);
    else others.push(term);
  }
  const conditions = others.map((one) => condition(out, one, at));
  if (ranges.length > 0) conditions.unshift(numbers(out, ranges, at));
  return either(words.length === 0 ? conditions : [hashes(out, words, at), ...conditions]);
}

/** The words of the token index that a term looks for; undefined where it looks elsewhere. */
function hashesOf(out: Printer, term: Term): bigint[] | undefined {
  const { hasher } = out.context;
  if (term.kind === 'hashed') return term.words.map(BigInt);
  if (term.kind === 'words') return term.words.map((word) => hasher.word(word));
  if (term.kind === 'linked' && !term.patient) {
    const salt = hasher.word(referenceSalt(term.key));
    return term.keys.map((rk) => BigInt(rk) ^ salt);
  }
  if (term.kind !== 'references' || term.patient) return undefined;
  const salt = referenceSalt(term.key);
  return term.targets.map((target) => hasher.reference(salt, target));
}

function typed(out: Printer, term: Extract<Term, { kind: 'typed' }>, at: Scope): string {
  return either(
    term.of.map(({ types, term: inner }) => {
      const scope = { ...at, types };
      const rows = ofTypes(out, scope);
      return inner ? both([rows, condition(out, inner, scope)]) : rows;
    }),
  );
}

/** What has no value fits no condition, so it fits every negation (R4 3.1.1.4.10, `:not`). */
function not(out: Printer, term: Term, at: Scope): string {
  if (term.kind === 'present') return tokens(presenceList(out, term, false), true, at);
  return `(${condition(out, term, { ...at, filterOnly: true })}) is not true`;
}

/** `_id` names no type: each of the types searched may hold it. */
function ids(
  out: Printer,
  { ids: wanted, type: only }: Extract<Term, { kind: 'id' }>,
  { alias, types }: Scope,
): string {
  const { hasher } = out.context;
  const among = only === undefined ? types : [only];
  const keys = wanted.flatMap((id) => among.map((type) => String(hasher.row(type, id))));
  const rows = `select r.seq from resource r where r.rk = any(${out.bind(keys, 'bigint[]')})`;
  return `${alias}.seq = any(array(${rows}))`;
}

function hashes(out: Printer, words: readonly bigint[], at: Scope): string {
  return tokens(out.bind(words.map(String), 'bigint[]'), words.length !== 1, at);
}

/** All words and "phrases" of the query (the text of a narrative is folded, and so is the query). */
function fulltext(
  out: Printer,
  { of, query }: Extract<Term, { kind: 'fulltext' }>,
  { alias }: Scope,
): string {
  const column = of === 'text' ? 'x.narrative' : 'x.content';
  const asked = `websearch_to_tsquery('simple', ${out.bind(foldString(query), 'text')})`;
  return `${alias}.seq in (select x.seq from search_text x where ${column} @@ ${asked})`;
}

/** The words of all sets of parameters that have one of these, or none. */
function presenceList(
  out: Printer,
  { type, codes }: Extract<Term, { kind: 'present' }>,
  wanted: boolean,
): string {
  const num = out.bind(out.context.typeNumber(type), 'int2');
  const has = `d.codes && ${out.bind(codes, 'text[]')}`;
  return `array(select d.h from presence d where d.type = ${num} and ${wanted ? has : `not ${has}`})`;
}

function textsList(out: Printer, { keys, values }: Extract<Term, { kind: 'texts' }>): string {
  const words = keys.map((key) => out.word(key)).join(', ');
  const ranges = either(values.map((value) => beginning(out, 'd.v', value)));
  return `array(select d.h from word_text d where d.k in (${words}) and ${ranges})`;
}

function references(out: Printer, term: Extract<Term, { kind: 'references' }>, at: Scope): string {
  const { hasher } = out.context;
  if (term.patient) {
    const keys = term.targets.map((target) => String(hasher.target(target)));
    const [only] = keys;
    return keys.length === 1
      ? `${at.alias}.patient = ${out.bind(only, 'bigint')}`
      : `${at.alias}.patient = any(${out.bind(keys, 'bigint[]')})`;
  }
  return hashes(out, hashesOf(out, term) ?? [], at);
}

function linked(out: Printer, term: Extract<Term, { kind: 'linked' }>, at: Scope): string {
  if (!term.patient) return hashes(out, hashesOf(out, term) ?? [], at);
  const [only] = term.keys;
  return term.keys.length === 1
    ? `${at.alias}.patient = ${out.bind(only, 'bigint')}`
    : among(out, 'patient', term.keys, at);
}

/** Longer lists are looked up in a hash table, also where the planner does not see their values. */
const SHORT = 8;

function among(
  out: Printer,
  column: 'patient' | 'seq',
  list: readonly string[],
  { alias, filterOnly }: Scope,
): string {
  const values = out.bind(list, 'bigint[]');
  return filterOnly && list.length > SHORT
    ? `(${alias}.${column} in (select unnest(${values}))) is true`
    : `${alias}.${column} = any(${values})`;
}

/** Version keys begin with the time, so a range of times is a range of keys. */
function lastUpdated(out: Printer, { prefix, lo, hi }: DateValue, { alias }: Scope): string {
  const vid = `${alias}.vid`;
  const from = (ms: number) => out.bind(String(vidFloor(ms)), 'bigint');
  switch (prefix) {
    case 'ne':
      return `(${vid} < ${from(lo)} or ${vid} >= ${from(hi + 1)})`;
    case 'gt':
    case 'sa':
      return `${vid} >= ${from(hi + 1)}`;
    case 'lt':
    case 'eb':
      return `${vid} < ${from(lo)}`;
    case 'ge':
      return `${vid} >= ${from(lo)}`;
    case 'le':
      return `${vid} < ${from(hi + 1)}`;
    default:
      return `(${vid} >= ${from(lo)} and ${vid} < ${from(hi + 1)})`;
  }
}
