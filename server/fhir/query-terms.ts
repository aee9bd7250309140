import { bareCodes, type ImpliedSystems } from './bare-codes.ts';
import type { Definitions, SearchParamDef } from './definitions.ts';
import { type CompositePlan, compositePlan } from './extract-composite.ts';
import { canonicalTargets } from './extract-reference.ts';
import { MAX_STRING } from './extract-shape.ts';
import type { NumberValue, Term } from './query.ts';
import {
  parseDateValue,
  parseNumberValue,
  parseQuantityValue,
  splitEscaped,
  unescaped,
} from './query-values.ts';
import { isId, parseReference } from './reference.ts';
import {
  compositeKey,
  foldString,
  identifierKey,
  paramKey,
  tokenAny,
  tokenExact,
  tokenSystem,
  uriTerm,
} from './terms.ts';

/** Why a parameter cannot be used: a wrong value is always refused, the others by `handling`. */
export class TermProblem extends Error {
  readonly unsupported: boolean;
  constructor(message: string, unsupported = false) {
    super(message);
    this.unsupported = unsupported;
  }
}

export interface TermOptions {
  definitions: Definitions;
  bases: readonly string[];
  zone: number;
  now: number;
}

interface Param {
  type: string;
  def: SearchParamDef;
  keys: string[];
  options: TermOptions;
}

/**
 * One parameter with its value(s) as a term of the tree.
 * @throws TermProblem with a sentence for the caller
 */
export function parseTerm(
  { type, def, modifier }: { type: string; def: SearchParamDef; modifier?: string | undefined },
  text: string,
  options: TermOptions,
): Term {
  const keys = (def.keys ?? [def.code]).map((code) => paramKey(type, code));
  const param: Param = { type, def, keys, options };
  const values = splitEscaped(text, ',');
  if (values.some((value) => value.trim() === '')) {
    throw new TermProblem('it has an empty value; leave the parameter out or give it one', true);
  }
  if (
    modifier !== undefined &&
    !(def.type === 'reference' && isReferenceModifier(param, modifier))
  ) {
    throw new TermProblem(`the modifier ":${modifier}" is not supported here`, true);
  }
  if (def.code === '_id') return idTerm(values.map(unescaped));
  if (def.code === '_lastUpdated') return lastUpdatedTerm(param, values);
  return PARSERS[def.type](param, values, modifier);
}

type Parser = (param: Param, values: string[], modifier: string | undefined) => Term;

const PARSERS: Record<SearchParamDef['type'], Parser> = {
  token: (param, values) => tokenTerm(param, values),
  reference: referenceTerm,
  date: (param, values) => dateTerm(param, values),
  string: (param, values) => stringTerm(param, values),
  number: (param, values) => ({
    kind: 'number',
    keys: param.keys,
    values: values.map((value) => numberOf(param, unescaped(value))),
  }),
  quantity: (param, values) => ({
    kind: 'number',
    keys: param.keys,
    values: values.map((value) => quantityOf(value)),
  }),
  uri: ({ keys }, values) => ({
    kind: 'words',
    rare: false,
    words: values.flatMap((value) => keys.map((key) => uriTerm(key, unescaped(value)))),
  }),
  composite: (param, values) => {
    const terms = values.map((value) => compositeTerm(param, value));
    return terms.length === 1 ? (terms[0] as Term) : { kind: 'any', terms };
  },
  special: ({ def }) => {
    throw new TermProblem(`the parameter "${def.code}" is not supported yet`, true);
  },
};

function isReferenceModifier({ def, options }: Param, modifier: string): boolean {
  if (modifier === 'identifier') return true;
  if (!options.definitions.resourceTypes.includes(modifier)) return false;
  if (def.targets && !def.targets.includes(modifier)) {
    throw new TermProblem(`it never refers to ${modifier}; possible: ${def.targets.join(', ')}`);
  }
  return true;
}

function idTerm(ids: string[]): Term {
  // An id that no resource can have matches nothing; that is an answer, not an error.
  return { kind: 'id', ids: ids.filter(isId) };
}

function dateOf({ options }: Param, text: string) {
  // A `+` that was not percent-encoded arrives as a space.
  const value = parseDateValue(unescaped(text).replace(' ', '+'), options.zone, options.now);
  if (value) return value;
  throw new TermProblem(
    `"${text}" is not a date; write [eq|ne|gt|lt|ge|le|sa|eb|ap]YYYY[-MM[-DD[Thh:mm[:ss][zone]]]]`,
  );
}

function lastUpdatedTerm(param: Param, values: string[]): Term {
  return { kind: 'lastUpdated', values: values.map((value) => dateOf(param, value)) };
}

function dateTerm(param: Param, values: string[]): Term {
  const { type, def, keys, options } = param;
  const main = options.definitions.main(type).date === def.code;
  return { kind: 'date', keys, main, values: values.map((value) => dateOf(param, value)) };
}

function stringTerm({ keys }: Param, values: string[]): Term {
  const folded = values.map((value) => foldString(unescaped(value)));
  if (folded.includes('')) throw new TermProblem('it has no letters to look for');
  if (folded.some((value) => value.length > MAX_STRING)) {
    throw new TermProblem(`it is longer than ${MAX_STRING} characters; write the beginning only`);
  }
  return { kind: 'string', keys, values: folded };
}

function numberOf({ def }: Param, text: string): NumberValue {
  const value = parseNumberValue(text);
  if (value) return value;
  throw new TermProblem(
    `"${text}" is not a number for ${def.code}; write [eq|ne|gt|lt|ge|le|sa|eb|ap]5.40`,
  );
}

function quantityOf(text: string): NumberValue {
  const value = parseQuantityValue(text);
  if (value) return value;
  throw new TermProblem(
    `"${text}" is not a quantity; write [prefix]5.4|http://unitsofmeasure.org|mg, 5.4||mg or 5.4`,
  );
}

/** The words of one token value (R4 3.1.1.4.10): `code`, `system|code`, `|code`, `system|`. */
function tokenWords(keys: readonly string[], text: string): string[] {
  const parts = splitEscaped(text, '|').map(unescaped);
  const [first = '', code] = parts;
  if (parts.length > 2) {
    throw new TermProblem(
      `"${text}" has more than one "|"; write system|code, or \\| inside a code`,
    );
  }
  if (code === undefined) return keys.map((key) => tokenAny(key, first));
  if (code !== '') return keys.map((key) => tokenExact(key, first, code));
  if (first === '') throw new TermProblem('"|" alone means nothing; write system|code or code');
  return keys.map((key) => tokenSystem(key, first));
}

/** The same where values have no systems: a system asked for is checked against the implied ones. */
function bareWords(keys: readonly string[], systems: ImpliedSystems, text: string): string[] {
  const [system = '', code, ...rest] = splitEscaped(text, '|').map(unescaped);
  if (code === undefined || system === '' || rest.length > 0) {
    tokenWords(keys, text); // refuses what is no token, as anywhere else
    return keys.map((key) => tokenAny(key, code ?? system));
  }
  const codes = [...(systems.get(system) ?? [])];
  const wanted = code === '' ? codes : codes.filter((one) => sameCode(one, code));
  return keys.flatMap((key) => wanted.map((one) => tokenAny(key, one)));
}

const sameCode = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function tokenTerm({ type, def, keys, options }: Param, values: string[]): Term {
  const systems = bareCodes(options.definitions, type, def);
  const words = values.flatMap((value) =>
    systems ? bareWords(keys, systems, value) : tokenWords(keys, value),
  );
  // Business identifiers are nearly unique: worth another plan than codes that thousands share.
  const whole = values.every((value) => !value.endsWith('|'));
  return { kind: 'words', words, rare: whole && def.code === 'identifier' };
}

function referenceTerm(param: Param, values: string[], modifier: string | undefined): Term {
  const { def, keys } = param;
  const [key = ''] = keys;
  if (modifier === 'identifier') {
    const words = values.flatMap((value) => tokenWords([identifierKey(key)], value));
    return { kind: 'words', words, rare: true };
  }
  const targets = values.flatMap((value) => targetsOf(param, unescaped(value), modifier));
  const patient =
    targets.every((target) => target.startsWith('Patient/')) && isPatientColumn(param);
  if (keys.length > 1) throw new TermProblem(`"${def.code}" cannot be searched by reference`, true);
  return { kind: 'references', key, targets, patient };
}

/** The patient column holds what `patient` finds; `subject` finds the same among patients. */
function isPatientColumn({ type, def, options }: Param): boolean {
  const { patient } = options.definitions.main(type);
  if (patient === undefined) return false;
  const main = options.definitions.searchParams(type).get(patient)?.expression;
  return main === def.expression || main === `${def.expression}.where(resolve() is Patient)`;
}

function targetsOf({ def, options }: Param, text: string, modifier?: string): string[] {
  const types = modifier ? [modifier] : (def.targets ?? options.definitions.resourceTypes);
  if (isId(text)) return types.map((type) => `${type}/${text}`);
  const found = parseReference(text.split('|')[0] ?? '', { bases: options.bases });
  if (found.kind === 'relative') {
    if (!types.includes(found.type)) {
      throw new TermProblem(`it never refers to ${found.type}; possible: ${types.join(', ')}`);
    }
    return [`${found.type}/${found.id}`];
  }
  if (found.kind === 'absolute' || found.kind === 'urn') {
    // The index holds a canonical with and without its version: what was written is looked up.
    return canonicalTargets(text, options.bases).slice(-1);
  }
  throw new TermProblem(`"${text}" is not a reference; write Type/id, id or an absolute url`);
}

const plans = new WeakMap<SearchParamDef, CompositePlan>();

function planOf({ type, def, options }: Param): CompositePlan {
  const known = plans.get(def) ?? compositePlan(options.definitions, type, def);
  plans.set(def, known);
  return known;
}

/** R4 3.1.1.4.14: values joined by `$`, all of the same element. */
function compositeTerm(param: Param, text: string): Term {
  const { type, def, options } = param;
  const plan = planOf(param);
  const { components } = plan;
  const parts = splitEscaped(text, '$');
  if (parts.length !== components.length || parts.includes('')) {
    const names = components.map((component) => component.code).join('$');
    throw new TermProblem(`"${text}" does not have the form ${names}`);
  }
  const terms: Term[] = [];
  if (plan.and) {
    const together = plan.and.map((code, i) => {
      const component = options.definitions.searchParams(type).get(code);
      if (!component) throw new TermProblem(`"${def.code}" is not supported here`, true);
      return parseTerm({ type, def: component }, parts[i] as string, options);
    });
    terms.push({ kind: 'all', terms: together });
  }
  if (plan.wordsKey !== undefined) terms.push(wordsTerm(param, plan.wordsKey, parts));
  if (terms.length === 0) throw new TermProblem(`"${def.code}" is not supported here`, true);
  return terms.length === 1 ? (terms[0] as Term) : { kind: 'any', terms };
}

/** The exact components make the key, the ranged one (if any) is looked up under it. */
function wordsTerm(param: Param, key: string, parts: readonly string[]): Term {
  let keys = [{ key, words: [] as string[] }];
  const ranged: { type: SearchParamDef['type']; text: string }[] = [];
  for (const [i, component] of planOf(param).components.entries()) {
    const text = parts[i] as string;
    if (EXACT.has(component.type)) {
      const words = exactWords(param, component, text);
      keys = keys.flatMap((one) => words.map((word) => ({ key, words: [...one.words, word] })));
    } else ranged.push({ type: component.type, text });
  }
  const full = keys.map(({ words }) => compositeKey(key, words));
  const [first, second] = ranged;
  if (!first) return { kind: 'words', words: full, rare: false };
  if (second) {
    return {
      kind: 'pair',
      keys: full,
      first: numberOf(param, first.text),
      second: numberOf(param, second.text),
    };
  }
  return rangedTerm(param, full, first);
}

const EXACT: ReadonlySet<string> = new Set(['token', 'uri', 'reference']);

function rangedTerm(
  param: Param,
  keys: string[],
  { type, text }: { type: SearchParamDef['type']; text: string },
): Term {
  if (type === 'date') {
    return { kind: 'date', keys, main: false, values: [dateOf(param, text)] };
  }
  if (type === 'string') return stringTerm({ ...param, keys }, [text]);
  const value = type === 'quantity' ? quantityOf(text) : numberOf(param, unescaped(text));
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
