import type { SearchParamDef } from './definitions.ts';
import type { Term } from './query.ts';
import { fulltextTerm } from './query-fulltext.ts';
import { anyOf, type Param, TermProblem } from './query-param.ts';
import { splitEscaped, unescaped } from './query-values.ts';
import { isId, parseReference } from './reference.ts';
import { paramKey } from './terms.ts';

/** Parameters that work in a way of their own (R4 3.1.1.4.20, .21; 3.1.1.7 `_query`). */

/** `_list` is in the text of the standard (R4 3.1.1.4.22), not among its published parameters. */
export const LIST_PARAM: SearchParamDef = {
  code: '_list',
  url: 'http://hl7.org/fhir/search.html#list',
  type: 'special',
  expression: '',
};

type Parser = (param: Param, values: readonly string[]) => Term;

const PARSERS: Record<string, Parser> = {
  near: (param, values) => anyOf(values.map((value) => nearTerm(param, value))),
  _text: (param, values) => words(param, 'text', values),
  _content: (param, values) => words(param, 'content', values),
  _list: listTerm,
  _query: (_param, values) => {
    throw new TermProblem(
      `this server has no named queries, so none is called "${values.join(',').slice(0, 80)}"`,
      true,
    );
  },
};

function words({ options }: Param, of: 'text' | 'content', values: readonly string[]): Term {
  const { fulltext = 'narrative' } = options;
  if (fulltext === 'off' || (of === 'content' && fulltext !== 'content')) {
    const setting = `KILN_FULLTEXT=${of === 'content' ? 'content' : 'narrative'}`;
    throw new TermProblem(`its words are not indexed here; the setting is ${setting}`, true);
  }
  return anyOf(values.map((value) => fulltextTerm(of, unescaped(value))));
}

/** Whether the parameter is parsed here, whatever type R4 gives it. */
export const isSpecial = ({ code, type }: SearchParamDef): boolean =>
  type === 'special' || Object.hasOwn(PARSERS, code);

/** @throws TermProblem where the parameter has no meaning on this server, or the value none */
export function specialTerm(param: Param, values: readonly string[]): Term {
  const { code } = param.def;
  const parser = Object.hasOwn(PARSERS, code) ? PARSERS[code] : undefined;
  if (!parser) throw new TermProblem(`the special parameter "${code}" is not supported`, true);
  return parser(param, values);
}

/** Kilometres. R4: "the server can use its own discretion as to what distances are near". */
const DEFAULT_KM = 50;

/** Kilometres of each unit, by its UCUM code and by the names in use. */
const KM: Readonly<Record<string, number>> = {
  km: 1,
  m: 0.001,
  '[mi_i]': 1.609344,
  '[mi_us]': 1.609347219,
  mi: 1.609344,
};

const DECIMAL = /^[+-]?\d{1,9}(\.\d{0,20})?$/;

function decimal(text: string, limit: number, name: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(value) <= limit) return value;
  throw new TermProblem(`"${text}" is not a ${name}: a decimal from -${limit} to ${limit}`);
}

/** `latitude|longitude|distance|units` of the description of Location's `near`. */
function nearTerm({ type, def }: Param, text: string): Term {
  const parts = splitEscaped(text, '|').map((part) => unescaped(part).trim());
  const [lat = '', lon = '', distance = '', units = ''] = parts;
  if (parts.length < 2 || parts.length > 4) {
    throw new TermProblem(`"${text}" does not have the form latitude|longitude|distance|units`);
  }
  const latitude = decimal(lat, 90, 'latitude');
  const longitude = decimal(lon, 180, 'longitude');
  const km = distance === '' ? DEFAULT_KM : kilometres(distance, units || 'km');
  return { kind: 'near', key: paramKey(type, def.code), latitude, longitude, km };
}

function kilometres(distance: string, units: string): number {
  const factor = Object.hasOwn(KM, units) ? KM[units] : undefined;
  if (factor === undefined) {
    throw new TermProblem(`"${units}" is not a unit of distance here; write one of ${UNITS}`);
  }
  const value = DECIMAL.test(distance) ? Number(distance) : Number.NaN;
  if (value >= 0) return value * factor;
  throw new TermProblem(`"${distance}" is not a distance: a decimal from 0 on`);
}

const UNITS = Object.keys(KM).join(', ');

/** Resources that a List names as its items. */
function listTerm({ options }: Param, values: readonly string[]): Term {
  const ids = values.map((value) => {
    const text = unescaped(value);
    if (text.startsWith('$')) {
      throw new TermProblem(`the functional list "${text.slice(0, 80)}" is not supported`, true);
    }
    if (isId(text)) return text;
    const found = parseReference(text, { bases: options.bases });
    if (found.kind === 'relative' && found.type === 'List') return found.id;
    throw new TermProblem(`"${text}" is not a list of this server; write the id of a List`);
  });
  const where: Term[] = [{ kind: 'id', ids }];
  return { kind: 'has', source: 'List', key: paramKey('List', 'item'), patient: false, where };
}
