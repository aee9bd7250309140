import type { SearchParamDef, SearchType } from './definitions.ts';
import { type CompositePlan, compositePlan } from './extract-composite.ts';
import type { Term } from './query.ts';
import { anyOf, type Param, TermProblem } from './query-param.ts';
import { dateOf, numberOf, quantityOf } from './query-range.ts';
import { targetsOf } from './query-reference.ts';
import { stringTerm } from './query-string.ts';
import { tokenWords } from './query-token.ts';
import { mergedAny } from './query-types.ts';
import { splitEscaped, unescaped } from './query-values.ts';
import { compositeKey, uriTerm } from './terms.ts';

/** Composites (R4 3.1.1.4.17): values joined by `$`, all of the same element. */

/** Parses one component on its own: `parseTerm`, given by it. */
export type ParseComponent = (def: SearchParamDef, text: string) => Term;

/** A plan holds until parameters change: it may rest on others than its own. */
const plans = new WeakMap<SearchParamDef, { revision: number; plan: CompositePlan }>();

function planOf({ type, def, options }: Param): CompositePlan {
  const { definitions } = options;
  const known = plans.get(def);
  if (known?.revision === definitions.revision) return known.plan;
  const plan = compositePlan(definitions, type, def);
  plans.set(def, { revision: definitions.revision, plan });
  return plan;
}

export function compositeTerm(
  param: Param,
  values: readonly string[],
  parse: ParseComponent,
): Term {
  const terms = values.map((value) => tupleTerm(param, value, parse));
  const [only] = terms;
  if (only && terms.length === 1) return only;
  return mergedAny(factored(terms.flatMap((term) => (term.kind === 'any' ? term.terms : [term]))));
}

/** `a$1,a$2`: what all but the last component ask for is asked once. */
function factored(terms: readonly Term[]): Term[] {
  const found: Term[] = [];
  const groups = new Map<string, { first: Term[]; last: Term[] }>();
  for (const term of terms) {
    const last = term.kind === 'all' ? term.terms.at(-1) : undefined;
    if (term.kind !== 'all' || !last) {
      found.push(term);
      continue;
    }
    const first = term.terms.slice(0, -1);
    const name = JSON.stringify(first);
    const group = groups.get(name);
    if (group) group.last.push(last);
    else groups.set(name, { first, last: [last] });
  }
  for (const { first, last } of groups.values()) {
    found.push({ kind: 'all', terms: [...first, mergedAny(last)] });
  }
  return found;
}

function tupleTerm(param: Param, text: string, parse: ParseComponent): Term {
  const { def } = param;
  const { components, and, wordsKey } = planOf(param);
  const parts = splitEscaped(text, '$');
  if (parts.length !== components.length || parts.includes('')) {
    const names = components.map((component) => component.code).join('$');
    throw new TermProblem(`"${text}" does not have the form ${names}`);
  }
  const terms: Term[] = [];
  if (and) terms.push(togetherTerm(param, and, { parts, parse }));
  if (wordsKey !== undefined) terms.push(wordsTerm(param, wordsKey, parts));
  if (terms.length === 0) throw new TermProblem(`"${def.code}" is not supported here`, true);
  return anyOf(terms);
}

/** On the resource itself: the AND of the parameters of the components. */
function togetherTerm(
  { type, def, options }: Param,
  codes: readonly string[],
  { parts, parse }: { parts: readonly string[]; parse: ParseComponent },
): Term {
  const params = options.definitions.searchParams(type);
  const terms = codes.map((code, i) => {
    const component = params.get(code);
    if (!component) throw new TermProblem(`"${def.code}" is not supported here`, true);
    return parse(component, parts[i] as string);
  });
  return { kind: 'all', terms };
}

interface Ranged {
  type: SearchType;
  text: string;
}

/** The exact components make the key, the ranged one (if any) is looked up under it. */
function wordsTerm(param: Param, key: string, parts: readonly string[]): Term {
  let tuples: string[][] = [[]];
  const ranged: Ranged[] = [];
  for (const [i, component] of planOf(param).components.entries()) {
    const text = parts[i] as string;
    if (EXACT.has(component.type)) {
      const words = exactWords(param, component, text);
      tuples = tuples.flatMap((tuple) => words.map((word) => [...tuple, word]));
    } else ranged.push({ type: component.type, text });
  }
  const keys = tuples.map((words) => compositeKey(key, words));
  const [first, second] = ranged;
  if (!first) return { kind: 'words', words: keys, rare: false };
  if (!second) return rangedTerm(param, keys, first);
  const [lo, hi] = [numberOf(param, first.text), numberOf(param, second.text)];
  return { kind: 'pair', keys, first: lo, second: hi };
}

const EXACT: ReadonlySet<string> = new Set(['token', 'uri', 'reference']);

function rangedTerm(param: Param, keys: string[], { type, text }: Ranged): Term {
  if (type === 'date') return { kind: 'date', keys, main: false, values: [dateOf(param, text)] };
  if (type === 'string') return stringTerm({ keys }, [text]);
  const value = type === 'quantity' ? quantityOf(text) : numberOf(param, text);
  return { kind: 'number', keys, values: [value] };
}

/** The words of an exact component: one, but for a reference by bare id, whose type is open. */
function exactWords(
  param: Param,
  component: { code: string; type: string },
  text: string,
): string[] {
  if (component.type === 'uri') return [uriTerm('', unescaped(text))];
  if (component.type === 'token') return [componentToken(text)];
  const def = param.options.definitions.searchParams(param.type).get(component.code) ?? param.def;
  return targetsOf({ ...param, def }, unescaped(text));
}

/** Inside a composite a token is `code`, `system|code` or `|code`. */
function componentToken(text: string): string {
  if (splitEscaped(text, '|').at(-1) === '') {
    throw new TermProblem(`"${text}": a code is needed here, a system alone does not do`);
  }
  return tokenWords([''], text)[0] as string;
}
