import type { SearchParamDef } from '../../server/fhir/definitions.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { Term } from '../../server/fhir/query.ts';
import { LIST_PARAM, parseTerm } from '../../server/fhir/query-terms.ts';

/** Parsing single search parameters, and short names for what they are parsed to. */

export const definitions = loadDefinitions();
export const OWN = 'http://own.org/fhir';
export const NOW = Date.UTC(2020, 0, 1);
export const options = { definitions, bases: [OWN], zone: 0, now: NOW };

export function paramOf(type: string, code: string): SearchParamDef {
  const def = code === '_list' ? LIST_PARAM : definitions.searchParams(type).get(code);
  if (!def) throw new Error(`no parameter ${type}.${code}`);
  return def;
}

/** `Type?name:modifier=value` as a term. */
export function parse(query: string): Term {
  const [, type = '', code = '', modifier, value = ''] =
    /^(\w+)\?([\w-]+)(?::([\w-]+))?=(.*)$/s.exec(query) ?? [];
  return parseTerm({ type, def: paramOf(type, code), modifier }, value, options);
}

export const words = (...list: string[]) => ({ kind: 'words', rare: false, words: list });
export const rare = (...list: string[]) => ({ kind: 'words', rare: true, words: list });
export const not = (term: object) => ({ kind: 'not', term });
export const any = (...terms: object[]) => ({ kind: 'any', terms });
export const all = (...terms: object[]) => ({ kind: 'all', terms });
export const texts = (keys: string[], ...values: string[]) => ({ kind: 'texts', keys, values });
