import type { DateValue, NumberValue, Term } from './query.ts';
import { type Param, TermProblem } from './query-param.ts';
import { parseDateValue, parseNumberValue, parseQuantityValue, unescaped } from './query-values.ts';

/** Dates, numbers and quantities (R4 3.1.1.4.5 to .7, .11): what has an order and takes prefixes. */

const PREFIXES = '[eq|ne|gt|lt|ge|le|sa|eb|ap]';

/** @throws TermProblem where the text is no date */
export function dateOf({ options }: Param, text: string): DateValue {
  const value = parseDateValue(unescaped(text), options.zone, options.now);
  if (value) return value;
  throw new TermProblem(
    `"${text}" is not a date; write ${PREFIXES}YYYY[-MM[-DD[Thh:mm[:ss][zone]]]]`,
  );
}

export function lastUpdatedTerm(param: Param, values: readonly string[]): Term {
  return { kind: 'lastUpdated', values: values.map((value) => dateOf(param, value)) };
}

export function dateTerm(param: Param, values: readonly string[]): Term {
  const { type, def, keys, options } = param;
  const main = options.definitions.main(type).date === def.code;
  return { kind: 'date', keys, main, values: values.map((value) => dateOf(param, value)) };
}

/** @throws TermProblem where the text is no number */
export function numberOf({ def }: Param, text: string): NumberValue {
  const value = parseNumberValue(unescaped(text));
  if (value) return value;
  throw new TermProblem(`"${text}" is not a number for ${def.code}; write ${PREFIXES}5.40`);
}

export function numberTerm(param: Param, values: readonly string[]): Term {
  return { kind: 'number', keys: param.keys, values: values.map((one) => numberOf(param, one)) };
}

/** @throws TermProblem where the text is no quantity */
export function quantityOf(text: string): NumberValue {
  const value = parseQuantityValue(text);
  if (value) return value;
  throw new TermProblem(
    `"${text}" is not a quantity; write ${PREFIXES}5.4|http://unitsofmeasure.org|mg, 5.4||mg, ` +
      '5.4|http://unitsofmeasure.org| or 5.4',
  );
}

export function quantityTerm({ keys }: Param, values: readonly string[]): Term {
  return { kind: 'number', keys, values: values.map(quantityOf) };
}
