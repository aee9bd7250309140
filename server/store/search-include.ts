import type { SearchParamDef } from '../fhir/definitions.ts';
import type { Include, SearchQuery, Term } from '../fhir/query.ts';
import { isReference } from '../fhir/query-param.ts';
import { paramKey } from '../fhir/terms.ts';
import type { Issue } from '../fhir/types.ts';
import type { Context } from './context.ts';
import { canonicalWays, includedByUrl } from './search-include-canonical.ts';
import { areSimple, MAX_INCLUDED, printIncludes } from './search-sql.ts';

type Row = readonly unknown[];

/** Columns of a row: kind, type, rk. */
const TYPE = 1;
const KEY = 2;

/** How often includes of includes are followed (`:iterate`); each round has new resources only. */
const MAX_ROUNDS = 12;

export interface Included {
  rows: Row[];
  issues: Issue[];
}

/**
 * What a page includes (R4 3.1.1.5.4), each resource once and none that is a match: the rows that came
 * with the page, or for `:iterate` and `*` round by round, until nothing new comes or there are too many.
 */
export async function includedBy(
  context: Context,
  query: SearchQuery,
  page: { shown: readonly Row[]; alongside: readonly Row[] },
): Promise<Included> {
  const found = new Collected(page.shown);
  if (areSimple(query)) {
    found.add(page.alongside);
    await addByUrl({ context, found, words: 0 }, page.shown, query);
    return found;
  }
  const repeated = (includes: readonly Include[]) => includes.filter(({ iterate }) => iterate);
  let asked: Asked = query;
  let from = page.shown;
  const walk: Walk = { context, found, words: 0 };
  for (let round = 0; round < MAX_ROUNDS && from.length > 0 && !found.isFull; round++) {
    from = await oneRound(walk, from, asked);
    asked = { ...query, include: repeated(query.include), revinclude: repeated(query.revinclude) };
    if (asked.include.length + asked.revinclude.length === 0) return found;
  }
  if (from.length > 0 && !found.isFull) found.issues.push(tooDeep);
  return found;
}

interface Walk {
  context: Context;
  found: Collected;
  /** Index words looked up so far. */
  words: number;
}

interface Asked {
  include: readonly Include[];
  revinclude: readonly Include[];
  /** What of it the caller may see; absent: everything. */
  visible?: Term;
  /** Parameters that `*` does not stand for. */
  concealed?: ReadonlySet<string>;
}

/**
 * `_revinclude` looks up a word for each resource and each parameter that may refer to it, some 250
 * for a Patient and `*`: so many at a time, as one look-up compares each with each, and so many in all.
 */
const WORDS_AT_ONCE = 4000;
const MAX_WORDS = 80_000;

/** What is included along canonical urls. Answers the rows that are new. */
async function addByUrl(
  { context, found }: Walk,
  from: readonly Row[],
  asked: Asked,
): Promise<Row[]> {
  const fresh: Row[] = [];
  if (asked.include.length + asked.revinclude.length === 0) return fresh;
  for (const [number, rows] of Map.groupBy(from, (row) => row[TYPE])) {
    const type = context.typeName(Number(number));
    const ways = canonicalWays(context, waysFrom(context, type, asked));
    const { rows: more, cut } = await includedByUrl(context, { type, rows }, ways);
    fresh.push(...found.add(more));
    if (cut) found.stop(cutOff);
    if (found.isFull) break;
  }
  return fresh;
}

/** Answers the rows that are new. */
async function oneRound(walk: Walk, from: readonly Row[], asked: Asked): Promise<Row[]> {
  const { context, found } = walk;
  const fresh: Row[] = [];
  for (const [number, rows] of Map.groupBy(from, (row) => row[TYPE])) {
    const type = context.typeName(Number(number));
    const ways = waysFrom(context, type, asked);
    const width = Math.max(1, ways.revinclude.length);
    const size = Math.max(1, Math.floor(WORDS_AT_ONCE / width));
    for (let i = 0; i < rows.length && !found.isFull; i += size) {
      walk.words += Math.min(size, rows.length - i) * width;
      if (walk.words > MAX_WORDS) {
        found.stop(tooWide);
        return fresh;
      }
      const keys = rows.slice(i, i + size).map((row) => row[KEY] as string);
      const statement = printIncludes(context, keys, ways);
      if (statement) fresh.push(...found.add(await context.db.tuples(statement, statement.values)));
    }
  }
  if (!found.isFull) fresh.push(...(await addByUrl(walk, from, asked)));
  return fresh;
}

/** The includes that may find something from the type, each by a parameter: what `*` stands for. */
function waysFrom({ definitions }: Context, type: string, asked: Asked): Asked {
  const params = (source: string, { code }: Include): SearchParamDef[] =>
    [...definitions.searchParams(source).values()].filter(
      (def) =>
        isReference(def) &&
        (code === '*' || code === def.code) &&
        !asked.concealed?.has(paramKey(source, def.code)),
    );
  const include = asked.include
    .filter(({ source }) => source === type || source === '*')
    .flatMap((one) =>
      params(type, one).map(({ code }): Include => ({ ...one, source: type, code })),
    );
  const revinclude = asked.revinclude.flatMap((one): Include[] => {
    if (one.target !== undefined && one.target !== type) return [];
    const sources = one.source === '*' ? definitions.resourceTypes : [one.source];
    return sources.flatMap((source) =>
      params(source, one)
        .filter(({ targets }) => !targets || targets.includes(type))
        .map(({ code }) => ({ source, code })),
    );
  });
  return { ...visibleOf(asked), include, revinclude };
}

const visibleOf = ({ visible }: Asked): Pick<Asked, 'visible'> => (visible ? { visible } : {});

class Collected implements Included {
  readonly rows: Row[] = [];
  readonly issues: Issue[] = [];
  readonly #seen: Set<unknown>;
  isFull = false;

  constructor(matches: readonly Row[]) {
    this.#seen = new Set(matches.map((row) => row[KEY]));
  }

  /** Nothing more is to come, for the reason that the caller is told. */
  stop(issue: Issue): void {
    if (!this.isFull) this.issues.push(issue);
    this.isFull = true;
  }

  /** Answers the rows that are new. */
  add(rows: readonly Row[]): readonly Row[] {
    const fresh: Row[] = [];
    for (const row of rows) {
      if (this.#seen.has(row[KEY])) continue;
      if (this.rows.length === MAX_INCLUDED) {
        this.stop(cutOff);
        break;
      }
      this.#seen.add(row[KEY]);
      this.rows.push(row);
      fresh.push(row);
    }
    return fresh;
  }
}

const cutOff: Issue = {
  severity: 'warning',
  code: 'too-costly',
  diagnostics:
    `More than ${MAX_INCLUDED} resources would be included; the rest was left out. ` +
    'Ask for fewer matches with _count, or search for the referring resources themselves.',
};

const tooWide: Issue = {
  severity: 'warning',
  code: 'too-costly',
  diagnostics:
    'What refers to so many resources by so many parameters was not all looked up; the rest was ' +
    'left out. Name the parameters, e.g. _revinclude=Observation:subject, or ask with a smaller _count.',
};

const tooDeep: Issue = {
  severity: 'warning',
  code: 'too-costly',
  diagnostics: `Includes were followed ${MAX_ROUNDS} times (:iterate); there may be more behind them.`,
};
