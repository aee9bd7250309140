import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { Term } from '../../server/fhir/query.ts';
import { type FilterOp, parseFilter } from '../../server/fhir/query-filter.ts';
import { filterTerm } from '../../server/fhir/query-filter-value.ts';
import { TermProblem } from '../../server/fhir/query-terms.ts';

const definitions = loadDefinitions();

/** A test as a term that says what it was. */
const leaf = (path: string, op: FilterOp, value: string): Term => ({
  kind: 'id',
  ids: [`${path} ${op} ${value}`],
});

/** The tree of a filter, with brackets around everything joined. */
function shown(term: Term): string {
  if (term.kind === 'id') return term.ids.join();
  if (term.kind === 'not') return `not[${shown(term.term)}]`;
  if (term.kind !== 'all' && term.kind !== 'any') return term.kind;
  return `[${term.terms.map(shown).join(term.kind === 'all' ? ' & ' : ' | ')}]`;
}
const tree = (text: string): string => shown(parseFilter(text, leaf));

function problemOf(work: () => unknown): TermProblem {
  try {
    work();
  } catch (error) {
    if (error instanceof TermProblem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('parseFilter()', () => {
  it.each([
    // The examples of R4 3.1.3.1.
    ['name co "pet"', 'name co pet'],
    ['given eq "peter" and birthdate ge 2014-10-10', '[given eq peter & birthdate ge 2014-10-10]'],
    ['code eq http://loinc.org|1234-5', 'code eq http://loinc.org|1234-5'],
    ['subject.name co "pet"', 'subject.name co pet'],
    // From left to right, without precedence.
    ['a eq 1 or b eq 2 and c eq 3', '[[a eq 1 | b eq 2] & c eq 3]'],
    ['a eq 1 and b eq 2 or c eq 3', '[[a eq 1 & b eq 2] | c eq 3]'],
    ['a eq 1 and b eq 2 and c eq 3', '[a eq 1 & b eq 2 & c eq 3]'],
    ['a eq 1 or (b eq 2 and c eq 3)', '[a eq 1 | [b eq 2 & c eq 3]]'],
    ['(a eq 1 or b eq 2) or c eq 3', '[[a eq 1 | b eq 2] | c eq 3]'],
    ['not (a eq 1)', 'not[a eq 1]'],
    ['not(a eq 1) and b eq 2', '[not[a eq 1] & b eq 2]'],
    ['b eq 2 and not (a eq 1 or c eq 3)', '[b eq 2 & not[[a eq 1 | c eq 3]]]'],
    ['not not (a eq 1)', 'not[not[a eq 1]]'],
    ['  ( a  eq\t1 )  ', 'a eq 1'],
    ['((a eq 1))and(b eq 2)', '[a eq 1 & b eq 2]'],
    ['a EQ 1 AND NOT (b Co x)', '[a eq 1 & not[b co x]]'],
    // Values: a string may hold what ends a token.
    ['a eq "x ) ] y"', 'a eq x ) ] y'],
    ['a eq "say \\"hi\\" \\u00e9\\\\"', 'a eq say "hi" é\\'],
    ['(a eq x,y|z$w)', 'a eq x,y|z$w'],
    ['subject:Patient.name eq x', 'subject:Patient.name eq x'],
    ['_has:Observation:patient:code eq x', '_has:Observation:patient:code eq x'],
    ['_has:A:b:_has:C:d:e.f eq x', '_has:A:b:_has:C:d:e.f eq x'],
    ['and-more eq 1 and notes eq 2', '[and-more eq 1 & notes eq 2]'],
  ])('reads %s as %s', (text, expected) => {
    expect(tree(text)).toBe(expected);
  });

  it.each([
    ['', 'at character 1 '],
    ['a', 'at character 2 an operator'],
    ['a is 1', 'at character 3 an operator'],
    ['a eq', 'at character 5 a value'],
    ['a eq"x"', 'at character 3 an operator'],
    ['a eq )', 'at character 6 a value'],
    ['a eq 1 b eq 2', 'at character 8 "and", "or" or the end'],
    ['a eq 1 and', 'at character 8 '],
    ['(a eq 1', 'at character 8 ")"'],
    ['a eq 1)', 'at character 7 '],
    ['a eq "x', 'at character 6 a value'],
    ['a eq ""', 'at character 6 "" is not'],
    ['a eq "x\\u0000"', 'at character 6 "x\\u0000" is not'],
    ['a eq "\\ud800"', 'whole characters and no NUL'],
    ['a eq "x"y', 'at character 9 a space'],
    ['a eq "\\x"', 'at character 6 "\\x" is not'],
    ['related[type eq has-component].target pr false', 'at character 8 a filter on elements'],
    ['name:exact eq x', 'at character 1 "name:exact" has a modifier'],
    ['_has:Observation:patient:code:not eq x', 'has a modifier'],
    [`${'('.repeat(30)}a eq 1`, 'nested more than 20'],
    [`${'not '.repeat(30)}(a eq 1)`, 'nested more than 20'],
    [Array(101).fill('a eq 1').join(' or '), 'more than 100 tests'],
    [`a eq ${'x'.repeat(8000)}`, 'at most 8000'],
  ])('refuses %s: %s', (text, message) => {
    expect(problemOf(() => tree(text)).message).toContain(message);
  });

  it('says which test was refused, and whether it may be left out', () => {
    const refuse = () => {
      throw new TermProblem('no such thing', true);
    };
    const problem = problemOf(() => parseFilter('not (height gt 3)', refuse));
    expect(problem.message).toBe('"height" at character 6: no such thing');
    expect(problem.unsupported).toBe(true);
  });
});

describe('filterTerm()', () => {
  /** What parseTerm would be asked, as `:modifier text`. */
  function asked(type: string, code: string, op: FilterOp, value: string): string {
    const def = definitions.searchParams(type).get(code);
    if (!def) throw new Error(`${type} has no ${code}`);
    const parse = (modifier: string | undefined, text: string): Term => {
      const said = modifier === undefined ? text : `:${modifier} ${text}`;
      if (def.type !== 'string' || modifier) return { kind: 'id', ids: [said] };
      return { kind: 'string', keys: [], match: 'start', values: [said] };
    };
    const term = filterTerm(def, op, value, parse);
    return term.kind === 'string' ? `${term.whole} ${term.values}` : shown(term);
  }

  it.each<[string, string, FilterOp, string, string]>([
    ['Patient', 'name', 'co', 'pet', ':contains pet'],
    ['Patient', 'name', 'eq', 'peter', 'equals peter'],
    ['Patient', 'name', 'ne', 'peter', 'differs peter'],
    ['Patient', 'name', 'sw', 'pe', 'begins pe'],
    ['Patient', 'name', 'ew', 'er', 'ends er'],
    ['Patient', 'name', 'co', 'a,b|c$d\\e', ':contains a\\,b\\|c\\$d\\\\e'],
    ['Patient', 'name', 'pr', 'true', ':missing false'],
    ['Patient', 'name', 'pr', 'False', ':missing true'],
    ['Patient', 'birthdate', 'eq', '1980', 'eq1980'],
    ['Patient', 'birthdate', 'ne', '1980', 'ne1980'],
    ['Patient', 'birthdate', 'sa', '1980', 'sa1980'],
    ['Patient', 'gender', 'eq', 'male', 'male'],
    ['Patient', 'gender', 'ne', 'male', '[:missing false & not[male]]'],
    ['Patient', '_id', 'ne', 'p1', 'not[p1]'],
    ['Patient', 'organization', 're', 'Organization/1', 'Organization/1'],
    ['Patient', 'organization', 'eq', 'Organization/1', 'Organization/1'],
    ['Observation', 'code', 'eq', 'loinc|1234-5', 'http://loinc.org|1234-5'],
    ['Observation', 'code', 'eq', 'loinc', 'loinc'],
    ['Observation', 'code', 'eq', 'a,b|c\\|d', 'a\\,b|c\\|d'],
    ['Observation', 'code', 'eq', 'a\\,b', 'a\\,b'],
    ['Observation', 'code', 'in', 'http://x.org/vs', ':in http://x.org/vs'],
    ['Observation', 'code', 'ni', 'http://x.org/vs', ':not-in http://x.org/vs'],
    ['Observation', 'code', 'ss', 'snomed|1', ':below http://snomed.info/sct|1'],
    ['Observation', 'code', 'sb', 'snomed|1', ':above http://snomed.info/sct|1'],
    [
      ...(['Observation', 'value-quantity', 'ge', '5.4|ucum|mg'] as const),
      'ge5.4|http://unitsofmeasure.org|mg',
    ],
    ['Observation', 'code-value-quantity', 'eq', 'loinc|1$gt5', 'http://loinc.org|1$gt5'],
    ['ValueSet', 'url', 'eq', 'http://x.org/a,b', 'http://x.org/a\\,b'],
    ['RiskAssessment', 'probability', 'ap', '0.5', 'ap0.5'],
  ])('%s: %s %s %s asks for %s', (type, code, op, value, expected) => {
    expect(asked(type, code, op, value)).toBe(expected);
  });

  it('po asks for a period in common, and widens nothing', () => {
    const def = definitions.searchParams('Encounter').get('date');
    const term = filterTerm(def as never, 'po', '2014', (_, text) => ({
      ...{ kind: 'date', keys: [text], main: true },
      values: [{ prefix: 'eq', lo: 1, hi: 2 }],
    }));
    expect(term).toEqual({
      ...{ kind: 'date', keys: ['eq2014'], main: true },
      values: [{ prefix: 'ap', lo: 1, hi: 2 }],
    });
  });

  it.each<[string, string, FilterOp, string, string]>([
    ['Patient', 'name', 'gt', 'a', 'there are eq, ne, co, sw, ew, pr'],
    ['Patient', 'name', 're', 'a', 'not available for name (string)'],
    ['Patient', 'birthdate', 'co', '1980', 'not available for birthdate (date)'],
    ['Observation', 'code', 'co', 'x', 'not available for code (token)'],
    ['Patient', 'organization', 'gt', 'x', 'there are re, eq, ne, pr'],
    ['Patient', 'identifier', 'ne', 'x', 'write not (identifier eq ..)'],
    ['Patient', 'name', 'pr', 'yes', '"pr" takes true or false'],
    ['Location', 'near', 'eq', '1|2', 'cannot stand in a filter'],
  ])('%s: %s %s %s is refused: %s', (type, code, op, value, message) => {
    expect(problemOf(() => asked(type, code, op, value)).message).toContain(message);
  });
});
