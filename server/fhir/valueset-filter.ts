import type { JsonObject } from './types.ts';
import {
  type Concept,
  type ConceptGraph,
  reach,
  refuseOtherMeaning,
  TerminologyProblem,
  text,
} from './valueset-concepts.ts';

/** ValueSet.compose.include.filter over the concepts of a stored CodeSystem (R4 4.9.9). */

type Test = (concept: Concept) => boolean;

/**
 * One filter as a test of concepts.
 * @throws TerminologyProblem for properties and operators that a stored code system cannot answer
 */
export function filterTest(codeSystem: JsonObject, graph: ConceptGraph, filter: JsonObject): Test {
  const property = text(filter.property) ?? '';
  const op = text(filter.op) ?? '';
  const value = typeof filter.value === 'string' ? filter.value : '';
  const onCode = property === 'concept' || property === 'code';
  const family = onCode ? familyOf(op) : undefined;
  if (family) {
    refuseOtherMeaning(codeSystem);
    return familyTest(graph, family, value);
  }
  const values = onCode ? (concept: Concept) => [concept.code] : propertyOf(graph, property);
  const test = values && valueTest(op, value);
  if (!values || !test) throw unsupported(graph, property, op);
  return (concept) => test(values(concept));
}

interface Family {
  direction: 'above' | 'below';
  itself: boolean;
  negated: boolean;
}

function familyOf(op: string): Family | undefined {
  switch (op) {
    case 'is-a':
      return { direction: 'below', itself: true, negated: false };
    case 'descendent-of':
      return { direction: 'below', itself: false, negated: false };
    case 'is-not-a':
      return { direction: 'below', itself: true, negated: true };
    case 'generalizes':
      return { direction: 'above', itself: true, negated: false };
    default:
      return undefined;
  }
}

function familyTest(
  graph: ConceptGraph,
  { direction, itself, negated }: Family,
  code: string,
): Test {
  const root = graph.find(code);
  if (!root) {
    throw new TerminologyProblem(
      'code-invalid',
      `a filter of it names "${code}", which the code system "${graph.url}" does not have`,
    );
  }
  const family = reach(root, direction);
  if (!itself) family.delete(root);
  return (concept) => family.has(concept) !== negated;
}

/** How to read a property of a concept; undefined for one that the code system does not declare. */
function propertyOf(
  graph: ConceptGraph,
  property: string,
): ((concept: Concept) => string[]) | undefined {
  const codes = (concepts: ReadonlySet<Concept>) => [...concepts].map(({ code }) => code);
  if (property === 'display') return ({ display }) => (display === undefined ? [] : [display]);
  if (property === 'parent') return ({ parents }) => codes(parents);
  if (property === 'child') return ({ children }) => codes(children);
  if (property === 'inactive') return ({ inactive }) => [String(inactive)];
  if (property === 'notSelectable') return ({ abstract }) => [String(abstract)];
  if (!graph.declared.has(property)) return undefined;
  return ({ properties }) =>
    properties.filter(({ code }) => code === property).map(({ value }) => value);
}

function valueTest(op: string, value: string): ((values: string[]) => boolean) | undefined {
  const list = new Set(value.split(',').map((one) => one.trim()));
  switch (op) {
    case '=':
      return (values) => values.includes(value);
    case 'in':
      return (values) => values.some((one) => list.has(one));
    case 'not-in':
      return (values) => !values.some((one) => list.has(one));
    case 'exists':
      return (values) => values.length > 0 === (value === 'true');
    default:
      return undefined;
  }
}

function unsupported({ url }: ConceptGraph, property: string, op: string): TerminologyProblem {
  return new TerminologyProblem(
    'not-supported',
    `its filter "${property} ${op}" on the code system "${url}" cannot be evaluated here; ` +
      'store the value set with an expansion',
  );
}
