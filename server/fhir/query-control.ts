import type { SearchQuery, SortKey, Summary, Total } from './query.ts';
import { parseInclude } from './query-include.ts';
import type { ParseOptions } from './query-parse.ts';
import { isSortable } from './query-sort.ts';
import { TermProblem } from './query-terms.ts';

/** Parameters that shape the result of a search (R4 3.1.1.5). */

/** Parsing in progress. */
export interface Parsing {
  options: ParseOptions;
  query: SearchQuery;
}

/** Puts the value of a parameter into the query; throws TermProblem. */
type Control = (parsing: Parsing, value: string) => void;

const TOTALS: readonly Total[] = ['none', 'estimate', 'accurate'];
const SUMMARIES: readonly Summary[] = ['false', 'true', 'text', 'data', 'count'];

/** By name, with their modifiers. `repeats`: may stand more than once. */
const CONTROLS: Record<string, { parse: Control; repeats?: true }> = {
  _count: { parse: parseCount },
  _sort: { parse: parseSort },
  _total: {
    parse: ({ query }, value) => {
      query.total = oneOf(TOTALS, value);
    },
  },
  _summary: {
    parse: ({ query }, value) => {
      query.summary = oneOf(SUMMARIES, value);
    },
  },
  _elements: { parse: parseElements, repeats: true },
  ...includes('include'),
  ...includes('revinclude'),
  _contained: { parse: parseContained },
  _containedType: { parse: refuseContained },
  _explain: {
    parse: ({ query }, value) => {
      query.explain = oneOf(['true', 'false'], value) === 'true';
    },
  },
  _cursor: {
    parse: ({ query }, value) => {
      query.cursor = value;
    },
  },
};

/** Those that say nothing of what was found: they are left out of the self link. */
export const UNSAID: ReadonlySet<string> = new Set(['_cursor', '_explain']);

/** The parameter of that name, or undefined where the name is a criterion. Throws TermProblem. */
export function controlOf(name: string): { parse: Control; repeats?: true } | undefined {
  if (Object.hasOwn(CONTROLS, name)) return CONTROLS[name];
  const [bare = '', modifier] = name.split(/:(.*)/s);
  if (modifier !== undefined && Object.hasOwn(CONTROLS, bare)) {
    const some = bare.endsWith('include') ? `only ${bare}:iterate` : 'no modifier';
    throw new TermProblem(`${bare} takes ${some}, not ":${modifier.slice(0, 80)}"`, true);
  }
  if (!name.startsWith('_')) return undefined;
  const [meant] = Object.keys(CONTROLS).filter((one) => one.toLowerCase() === bare.toLowerCase());
  if (meant === undefined) return undefined;
  throw new TermProblem(`names tell capitals from small letters; write ${meant}`, true);
}

function includes(
  side: 'include' | 'revinclude',
): Record<string, { parse: Control; repeats: true }> {
  const control = (iterate: boolean): { parse: Control; repeats: true } => ({
    parse: ({ options, query }, value) => parseInclude(options, query, { side, iterate, value }),
    repeats: true,
  });
  // `:recurse` is what STU3 called `:iterate`.
  return {
    [`_${side}`]: control(false),
    [`_${side}:iterate`]: control(true),
    [`_${side}:recurse`]: control(true),
  };
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new TermProblem(`it must be one of ${allowed.join(', ')}`);
}

function parseCount({ options, query }: Parsing, value: string): void {
  if (!/^\d{1,9}$/.test(value)) throw new TermProblem('it must be a whole number from 0 on');
  query.count = Math.min(Number(value), options.maxCount);
}

function parseElements({ query }: Parsing, value: string): void {
  const names = value.split(',').map((name) => name.trim());
  if (names.some((name) => !/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name))) {
    throw new TermProblem('it must list element names, e.g. _elements=identifier,name');
  }
  query.elements.push(...names);
}

/** R4 3.1.1.5.5: contained resources are not matches of their own, which is the default. */
function parseContained(_: Parsing, value: string): void {
  if (oneOf(['false', 'true', 'both'], value) !== 'false') refuseContained();
}

function refuseContained(): void {
  const why = 'contained resources are found with the resource that holds them, not by themselves';
  throw new TermProblem(`${why}; leave it out`, true);
}

/** R4 3.1.1.5.1. */
function parseSort({ options, query }: Parsing, value: string): void {
  const sort = value.split(',').map((text): SortKey => {
    const key = text.trim();
    const descending = key.startsWith('-');
    const code = descending ? key.slice(1) : key;
    if (code === '') throw new TermProblem('it must list parameters, e.g. _sort=status,-date');
    refuseUnsortable(options, code);
    return { code, descending };
  });
  const codes = new Set(sort.map((key) => key.code));
  if (codes.size < sort.length) throw new TermProblem('it names a parameter twice');
  query.sort = sort;
}

function refuseUnsortable({ definitions, types }: ParseOptions, code: string): void {
  const [first = ''] = types;
  const can = (one: string): boolean => {
    const def = definitions.searchParams(first).get(one);
    return (
      def !== undefined &&
      isSortable(definitions, first, def) &&
      (types.length === 1 || isOfAll(one))
    );
  };
  if (can(code)) return;
  const possible = [...definitions.searchParams(first).keys()].filter(can).sort();
  const of = types.length === 1 ? first : 'several types';
  const shown = `it cannot sort ${of} by "${code.slice(0, 80)}"`;
  throw new TermProblem(`${shown}; possible: ${possible.join(', ')}`, true);
}

/** What every type has (`_id`, `_lastUpdated`, `_tag`) stands at the same place in each. */
const isOfAll = (code: string): boolean => code.startsWith('_');
