import { isNumber, numberText } from './decimal.ts';
import { isObject } from './json.ts';
import type { JsonObject, JsonValue } from './types.ts';

/** The concepts of a CodeSystem resource as a graph (R4 4.8.6, 4.8.8). */

/** Why a value set cannot be expanded, or a concept not placed: an issue code and a sentence. */
export class TerminologyProblem extends Error {
  readonly code: 'not-found' | 'not-supported' | 'too-costly' | 'code-invalid';
  constructor(code: TerminologyProblem['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Concept {
  code: string;
  display: string | undefined;
  /** Values of the properties that do not make the graph, as text. */
  properties: { code: string; value: string }[];
  parents: Set<Concept>;
  children: Set<Concept>;
  /** Groups others and is not meant to be recorded. */
  abstract: boolean;
  inactive: boolean;
}

export interface ConceptGraph {
  url: string;
  /** Codes of the properties that the code system declares. */
  declared: ReadonlySet<string>;
  /** In the order of the resource. */
  concepts: readonly Concept[];
  /** By code; without regard to case unless the code system is case-sensitive. */
  find(code: string): Concept | undefined;
}

/** Elements of an array, or none where it is absent. */
export function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const CONCEPT_PROPERTIES = 'http://hl7.org/fhir/concept-properties#';

/** Codes that stand for `parent`, `child`, `inactive`, `notSelectable` here (R4 4.8.9). */
function standardCodes(codeSystem: JsonObject): Map<string, string> {
  const codes = new Map(
    ['parent', 'child', 'inactive', 'notSelectable'].map((code) => [code, code]),
  );
  for (const { code, uri } of objects(codeSystem.property)) {
    const own = text(code);
    const standard = text(uri);
    if (own === undefined || !standard?.startsWith(CONCEPT_PROPERTIES)) continue;
    codes.set(own, standard.slice(CONCEPT_PROPERTIES.length));
  }
  return codes;
}

/** A property's value[x] as text; of a Coding its code. */
function propertyText(property: JsonObject): string | undefined {
  for (const [name, value] of Object.entries(property)) {
    if (!name.startsWith('value')) continue;
    if (isNumber(value)) return numberText(value);
    return isObject(value) ? text(value.code) : String(value);
  }
  return undefined;
}

/** Concepts as the resource nests them, each behind the one that holds it. */
function listed(codeSystem: JsonObject): { source: JsonObject; holder?: JsonObject }[] {
  const list: { source: JsonObject; holder?: JsonObject }[] = [];
  const stack = objects(codeSystem.concept)
    .reverse()
    .map((source) => ({ source }) as { source: JsonObject; holder?: JsonObject });
  for (let one = stack.pop(); one; one = stack.pop()) {
    const { source } = one;
    list.push(one);
    for (const inner of objects(source.concept).reverse()) {
      stack.push({ source: inner, holder: source });
    }
  }
  return list;
}

const fold = (code: string): string => code.toLowerCase();

/** Reads the concepts of a CodeSystem; codes that occur twice are one concept. */
export function conceptGraph(codeSystem: JsonObject): ConceptGraph {
  const standard = standardCodes(codeSystem);
  const byCode = new Map<string, Concept>();
  const bySource = new Map<JsonObject, Concept>();
  const rows = listed(codeSystem);
  for (const { source } of rows) {
    const code = text(source.code);
    if (code === undefined) continue;
    const concept = byCode.get(code) ?? emptyConcept(code, text(source.display));
    byCode.set(code, concept);
    bySource.set(source, concept);
  }
  for (const { source, holder } of rows) {
    const concept = bySource.get(source);
    const parent = holder && bySource.get(holder);
    if (concept && parent) relate(parent, concept);
    if (concept) addProperties(concept, objects(source.property), { standard, byCode });
  }
  const folded =
    codeSystem.caseSensitive === true
      ? undefined
      : new Map([...byCode].map(([code, concept]) => [fold(code), concept]));
  return {
    url: text(codeSystem.url) ?? '',
    declared: new Set(objects(codeSystem.property).map(({ code }) => String(code))),
    concepts: [...byCode.values()],
    find: (code) => byCode.get(code) ?? folded?.get(fold(code)),
  };
}

function emptyConcept(code: string, display: string | undefined): Concept {
  return {
    ...{ code, display, properties: [], parents: new Set(), children: new Set() },
    ...{ abstract: false, inactive: false },
  };
}

function relate(parent: Concept, child: Concept): void {
  parent.children.add(child);
  child.parents.add(parent);
}

function addProperties(
  concept: Concept,
  properties: readonly JsonObject[],
  { standard, byCode }: { standard: Map<string, string>; byCode: Map<string, Concept> },
): void {
  for (const property of properties) {
    const code = text(property.code);
    const value = propertyText(property);
    if (code === undefined || value === undefined) continue;
    const meaning = standard.get(code);
    const other = byCode.get(value);
    if (meaning === 'parent' && other) relate(other, concept);
    else if (meaning === 'child' && other) relate(concept, other);
    if (meaning === 'notSelectable') concept.abstract = value === 'true';
    if (meaning === 'inactive') concept.inactive = value === 'true';
    concept.properties.push({ code, value });
  }
}

/** The concept and all that lie in one direction of it, however they go round. */
export function reach(from: Concept, direction: 'above' | 'below'): Set<Concept> {
  const seen = new Set([from]);
  // A set takes in what is added while it is walked.
  for (const concept of seen) {
    for (const next of direction === 'below' ? concept.children : concept.parents) seen.add(next);
  }
  return seen;
}

/** Meanings of a hierarchy by which a descendant is not a kind of its ancestor (R4 4.8.9). */
const NO_SUBSUMPTION: ReadonlySet<string> = new Set(['grouped-by', 'part-of']);

/**
 * The codes that a code of a code system subsumes (`below`), or that subsume it, itself included.
 * @throws TerminologyProblem where the resource does not hold the whole hierarchy, or not the code
 */
export function subsumed(
  codeSystem: JsonObject,
  code: string,
  direction: 'above' | 'below',
): string[] {
  const url = text(codeSystem.url);
  const hold = 'store the whole CodeSystem (content "complete"), or list the codes';
  if (codeSystem.content !== 'complete') {
    const content = text(codeSystem.content) ?? 'none';
    throw new TerminologyProblem(
      'not-supported',
      `the code system "${url}" is stored here without all its concepts (${content}); ${hold}`,
    );
  }
  refuseOtherMeaning(codeSystem);
  const concept = conceptGraph(codeSystem).find(code);
  if (!concept) {
    throw new TerminologyProblem('code-invalid', `the code system "${url}" has no code "${code}"`);
  }
  return [...reach(concept, direction)].map((one) => one.code);
}

/** @throws TerminologyProblem where its hierarchy does not say that one concept is a kind of another */
export function refuseOtherMeaning(codeSystem: JsonObject): void {
  const meaning = text(codeSystem.hierarchyMeaning);
  if (meaning === undefined || !NO_SUBSUMPTION.has(meaning)) return;
  throw new TerminologyProblem(
    'not-supported',
    `the hierarchy of the code system "${text(codeSystem.url)}" means "${meaning}", so that no ` +
      'concept of it is a kind of another; list the codes',
  );
}
