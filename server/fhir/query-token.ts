import { bareCodes, type ImpliedSystems } from './bare-codes.ts';
import type { SearchParamDef } from './definitions.ts';
import type { CodeSource, Direction, Term } from './query.ts';
import { anyOf, type Param, type TermOptions, TermProblem } from './query-param.ts';
import { foldedValues } from './query-string.ts';
import { splitEscaped, unescaped } from './query-values.ts';
import { parseReference } from './reference.ts';
import { ofTypeTerm, paramKey, tokenAny, tokenExact, tokenSystem, tokenTextKey } from './terms.ts';

/** Tokens (R4 3.1.1.4.10) and their modifiers. */

type Parser = (param: Param, values: readonly string[]) => Term;

const not = (term: Term): Term => ({ kind: 'not', term });

const MODIFIED: Record<string, Parser> = {
  not: (param, values) => not(plainTerm(param, values)),
  text: ({ keys }, values) => ({
    kind: 'texts',
    keys: keys.map(tokenTextKey),
    values: foldedValues(values),
  }),
  in: (param, values) => anyOf(values.map((value) => valueSetTerm(param, value))),
  'not-in': (param, values) => not(anyOf(values.map((value) => valueSetTerm(param, value)))),
  above: (param, values) => subsumedTerm(param, values, 'above'),
  below: (param, values) => subsumedTerm(param, values, 'below'),
  'of-type': (param, values) => ofTypeTerms(param, values),
};

/** The term of a token parameter; several values are alternatives. */
export function tokenTerm(param: Param, values: readonly string[], modifier?: string): Term {
  const parser = modifier === undefined ? plainTerm : MODIFIED[modifier];
  if (!parser) throw new TermProblem(`the modifier ":${modifier}" is not supported here`, true);
  return parser(param, values);
}

/**
 * The words of one token value: `code`, `system|code`, `|code`, `system|`.
 * @throws TermProblem where it has none of these forms
 */
export function tokenWords(keys: readonly string[], text: string): string[] {
  const [first = '', code, ...rest] = splitEscaped(text, '|').map(unescaped);
  if (rest.length > 0) {
    throw new TermProblem(
      `"${text}" has more than one "|"; write system|code, or \\| inside a code`,
    );
  }
  if (code === undefined) return keys.map((key) => tokenAny(key, first));
  if (code !== '') return keys.map((key) => tokenExact(key, first, code));
  if (first === '') throw new TermProblem('"|" alone means nothing; write system|code or code');
  return keys.map((key) => tokenSystem(key, first));
}

const sameCode = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

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

function plainTerm({ type, def, keys, options }: Param, values: readonly string[]): Term {
  const systems = bareCodes(options.definitions, type, def);
  const words = values.flatMap((value) =>
    systems ? bareWords(keys, systems, value) : tokenWords(keys, value),
  );
  // Business identifiers are nearly unique: worth another plan than codes that thousands share.
  const whole = values.every((value) => !value.endsWith('|'));
  return { kind: 'words', words, rare: whole && def.code === 'identifier' };
}

/** `:in`: a value set by its url, with `|version` or without, or by its address on this server. */
function valueSetTerm(param: Param, value: string): Term {
  const text = unescaped(value);
  const found = parseReference(text, { bases: param.options.bases });
  if (found.kind === 'relative' && found.type === 'ValueSet' && found.version === undefined) {
    return lookup(param, { valueSet: `ValueSet/${found.id}` });
  }
  if (found.kind === 'absolute' || found.kind === 'urn') return lookup(param, { valueSet: text });
  throw new TermProblem(
    `"${value}" names no value set; write its url (http://example.org/ValueSet/a) or ValueSet/id`,
  );
}

/** What every type has is one look-up for all of them. */
const lookup = ({ type, def: { code } }: Param, of: CodeSource): Term => ({
  kind: 'codes',
  type: code.startsWith('_') ? 'Resource' : type,
  code,
  of,
});

/** `:above` and `:below` ask for a concept: a code of a certain system. */
function subsumedTerm(param: Param, values: readonly string[], direction: Direction): Term {
  const sources = values.flatMap((value) =>
    conceptsOf(param, value, direction).map((one) => ({ direction, ...one })),
  );
  return anyOf(sources.map((source) => lookup(param, source)));
}

function conceptsOf(
  { type, def, options }: Param,
  value: string,
  direction: Direction,
): { system: string; code: string }[] {
  const [first = '', code, ...rest] = splitEscaped(value, '|').map(unescaped);
  if (rest.length === 0 && first !== '') {
    if (code) return [{ system: first, code }];
    const systems = code === undefined ? bareCodes(options.definitions, type, def) : undefined;
    const implied = [...(systems ?? [])].filter(([, codes]) => codes.has(first));
    if (implied.length > 0) return implied.map(([system]) => ({ system, code: first }));
  }
  throw new TermProblem(`"${value}": ":${direction}" needs a concept; write system|code`);
}

/** `:of-type`: `system|code|value`, of an identifier whose type has the coding. */
function ofTypeTerms({ keys }: Param, values: readonly string[]): Term {
  const words = values.flatMap((text) => {
    const parts = splitEscaped(text, '|').map(unescaped);
    const [system = '', code = '', value = ''] = parts;
    if (parts.length !== 3 || parts.includes('')) {
      throw new TermProblem(
        `"${text}" is not system|code|value: ":of-type" needs the system and the code of the ` +
          "identifier's type and the identifier's value",
      );
    }
    return keys.map((key) => ofTypeTerm(key, system, code, value));
  });
  return { kind: 'words', words, rare: true };
}

/**
 * The term that stands in the place of a `codes` term once its codes are looked up; a code without
 * a system may be of any. No codes match nothing.
 */
export function codesTerm(
  type: string,
  def: SearchParamDef,
  codes: readonly { system?: string; code: string }[],
  { definitions }: Pick<TermOptions, 'definitions'>,
): Term {
  const keys = (def.keys ?? [def.code]).map((code) => paramKey(type, code));
  const systems = bareCodes(definitions, type, def);
  const words = new Set<string>();
  for (const { system, code } of codes) {
    if (systems && !impliesSystem(systems, system)) continue;
    const any = systems !== undefined || system === undefined;
    for (const key of keys) words.add(any ? tokenAny(key, code) : tokenExact(key, system, code));
  }
  return { kind: 'words', words: [...words], rare: false };
}

/** Where the binding cannot be listed (languages, MIME types), what systems it implies is not known. */
const impliesSystem = (systems: ImpliedSystems, system: string | undefined): boolean =>
  system === undefined || systems.size === 0 || systems.has(system);
