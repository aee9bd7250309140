import type { SearchParamDef, SearchType } from './definitions.ts';
import type { Term, WholeMatch } from './query.ts';
import type { FilterOp } from './query-filter.ts';
import { TermProblem } from './query-terms.ts';
import { splitEscaped } from './query-values.ts';

/** Parses a modifier and the text of a value, as `parseTerm` does for the parameter of the test. */
export type ParseValue = (modifier: string | undefined, text: string) => Term;

const ORDERED: readonly FilterOp[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb'];

/**
 * What operators mean for a type of parameter: R4 3.1.3.2, the second table, less what the index
 * cannot tell: the order of strings, and `co` of numbers and dates. Beyond it, `eq` for references
 * and canonical uris, which the table leaves out.
 */
const TAKEN: Record<SearchType, readonly FilterOp[]> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew', 'pr'],
  number: [...ORDERED, 'pr'],
  date: [...ORDERED, 'po', 'pr'],
  quantity: [...ORDERED, 'pr'],
  token: ['eq', 'ne', 'ss', 'sb', 'in', 'ni', 'pr'],
  reference: ['re', 'eq', 'ne', 'pr'],
  uri: ['eq', 'ne', 'pr'],
  composite: ['eq', 'ne', 'pr'],
  special: [],
};

/** Operators that are modifiers elsewhere. `ss`: the value subsumes what is recorded. */
const MODIFIERS: Partial<Record<FilterOp, string>> = {
  ss: 'below',
  sb: 'above',
  in: 'in',
  ni: 'not-in',
};

/** R4 3.1.3.2: short names for systems. */
const SYSTEMS = new Map([
  ['loinc', 'http://loinc.org'],
  ['snomed', 'http://snomed.info/sct'],
  ['rxnorm', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
  ['ucum', 'http://unitsofmeasure.org'],
]);

/**
 * One test of a filter as a term.
 * @param parse parses what the operator comes to as a modifier and a value of the same parameter
 * @throws TermProblem for an operator that the type of parameter does not have
 */
export function filterTerm(
  def: SearchParamDef,
  op: FilterOp,
  value: string,
  parse: ParseValue,
): Term {
  if (!TAKEN[def.type].includes(op)) throw new TermProblem(refusal(def, op), true);
  if (op === 'pr') return parse('missing', absence(value));
  const ordered = def.type === 'number' || def.type === 'date' || def.type === 'quantity';
  if (op === 'po') return overlaps(parse(undefined, `eq${valueText(def.type, value)}`));
  if (ordered) return parse(undefined, `${op}${valueText(def.type, value)}`);
  if (def.type === 'string') return stringTest(op, value, parse);
  if (op === 'ne') return unequal(def, value, parse);
  return parse(MODIFIERS[op], valueText(def.type, value));
}

function refusal({ code, type }: SearchParamDef, op: FilterOp): string {
  const has = TAKEN[type].join(', ');
  return has === ''
    ? `"${code}" cannot stand in a filter; make it a parameter of its own`
    : `the operator "${op}" is not available for ${code} (${type}); there are ${has}`;
}

/** `pr true` asks for a value, `:missing=true` for none. */
function absence(value: string): string {
  const wanted = value.toLowerCase();
  if (wanted === 'true' || wanted === 'false') return String(wanted === 'false');
  throw new TermProblem(`"pr" takes true or false, not "${value}"`);
}

/**
 * "An item in the set has an unequal value": with a single item that is a value which is not equal.
 * With several the index cannot tell, and "none is equal" would be another question.
 */
function unequal(def: SearchParamDef, value: string, parse: ParseValue): Term {
  if (def.many) {
    const advice = `write not (${def.code} eq ..) for none of them`;
    throw new TermProblem(
      `${def.code} may have several values, and "ne" asks whether any of them differs; ${advice}`,
      true,
    );
  }
  const equal = filterTerm(def, 'eq', value, parse);
  const differs: Term = { kind: 'not', term: equal };
  if (def.code === '_id') return differs;
  return { kind: 'all', terms: [parse('missing', 'false'), differs] };
}

/** A period in common, whatever its length: what `ap` asks once its value has been widened. */
function overlaps(term: Term): Term {
  if (term.kind !== 'date' && term.kind !== 'lastUpdated') return term;
  return { ...term, values: term.values.map((value) => ({ ...value, prefix: 'ap' as const })) };
}

const WHOLE: Partial<Record<FilterOp, WholeMatch>> = {
  eq: 'equals',
  ne: 'differs',
  sw: 'begins',
  ew: 'ends',
};

/** Strings compare as they stand, not word by word as in other searches (R4 3.1.3.2). */
function stringTest(op: FilterOp, value: string, parse: ParseValue): Term {
  const whole = WHOLE[op];
  const text = valueText('string', value);
  if (whole === undefined) return parse('contains', text);
  const term = parse(undefined, text);
  return term.kind === 'string' ? { ...term, whole } : term;
}

/** Tokens, quantities and references have the form they have elsewhere; the rest is plain text. */
function valueText(type: SearchType, value: string): string {
  if (type === 'string' || type === 'uri' || type === 'date' || type === 'number') {
    return value.replace(/[\\,|$]/g, '\\$&');
  }
  const whole = splitEscaped(value, ',').join('\\,');
  return type === 'reference' ? whole : withSystems(whole);
}

function withSystems(text: string): string {
  return splitEscaped(text, '$')
    .map((component) => {
      const parts = splitEscaped(component, '|');
      const last = parts.length - 1;
      return parts.map((part, i) => (i < last ? (SYSTEMS.get(part) ?? part) : part)).join('|');
    })
    .join('$');
}
