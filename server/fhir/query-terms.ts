import type { SearchParamDef } from './definitions.ts';
import type { Term } from './query.ts';
import { compositeTerm } from './query-composite.ts';
import { checkModifier, missingTerm } from './query-modifier.ts';
import { type Param, type TermOptions, TermProblem } from './query-param.ts';
import { dateTerm, lastUpdatedTerm, numberTerm, quantityTerm } from './query-range.ts';
import { referenceTerm } from './query-reference.ts';
import { isSpecial, specialTerm } from './query-special.ts';
import { stringTerm } from './query-string.ts';
import { tokenTerm } from './query-token.ts';
import { uriValuesTerm } from './query-uri.ts';
import { splitEscaped, unescaped } from './query-values.ts';
import { isId } from './reference.ts';
import { paramKey } from './terms.ts';

export { modifiersOf } from './query-modifier.ts';
export { type TermOptions, TermProblem } from './query-param.ts';
export { hierarchyParam, isPatientColumn } from './query-reference.ts';
export { LIST_PARAM } from './query-special.ts';
export { codesTerm } from './query-token.ts';

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
  if (modifier !== undefined) checkModifier(param, modifier);
  if (modifier === 'missing') return missingTerm(param, values);
  if (def.code === '_id') return idTerm(values.map(unescaped), modifier);
  if (def.code === '_lastUpdated') return lastUpdatedTerm(param, values);
  if (isSpecial(def)) return specialTerm(param, values);
  return PARSERS[def.type](param, values, modifier);
}

type Parser = (param: Param, values: string[], modifier: string | undefined) => Term;

const PARSERS: Record<SearchParamDef['type'], Parser> = {
  token: tokenTerm,
  reference: referenceTerm,
  date: dateTerm,
  string: stringTerm,
  number: numberTerm,
  quantity: quantityTerm,
  uri: uriValuesTerm,
  composite: (param, values) => {
    const { type, options } = param;
    return compositeTerm(param, values, (def, text) => parseTerm({ type, def }, text, options));
  },
  special: specialTerm,
};

function idTerm(ids: readonly string[], modifier: string | undefined): Term {
  // An id that no resource can have matches nothing; that is an answer, not an error.
  const term: Term = { kind: 'id', ids: ids.filter(isId) };
  return modifier === 'not' ? { kind: 'not', term } : term;
}
