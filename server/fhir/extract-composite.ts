import type { Definitions, SearchParamDef, SearchType } from './definitions.ts';
import { canFile, compileRows, type ParamScope, type RowRunner } from './extract-param.ts';
import { type Extracted, emptyExtracted } from './extract-shape.ts';
import { type Branch, compileBranches, type Runner, sameBranch } from './fhirpath-branch.ts';
import { planPath } from './fhirpath-compile.ts';
import { compositeKey, isSystemWord, paramKey } from './terms.ts';

/**
 * Composite parameters (R4 3.1.1.4.17). Where the composite's element is the resource itself, its
 * tuples are the cross product of its components, so a search is the AND of component parameters and
 * nothing is indexed. For each repeating element (`Observation.component`) the exact components
 * become words under one key, so that only values of the same element meet (terms.ts, compositeKey).
 */

export interface CompositePlan {
  /** The components in the order of a query's parts, with the search type to read each part by. */
  components: { code: string; type: SearchType }[];
  /**
   * Codes of the type's parameters whose AND answers the part on the resource itself, in the order
   * of the components. Absent where the composite has no such part.
   */
  and?: string[];
  /**
   * Key for `compositeKey` of the part on elements; that of another composite which holds the same.
   * Absent where the composite has no such part.
   */
  wordsKey?: string;
}

type Component = NonNullable<SearchParamDef['components']>[number];

/** A repeating element with many components would multiply: as many words and no more. */
const MAX_TUPLES = 256;
const EXACT: ReadonlySet<string> = new Set(['token', 'uri', 'reference']);

/** The resource type a composite is looked at on. */
interface Site {
  definitions: Definitions;
  type: string;
}

function elementsOf({ definitions, type }: Site, def: SearchParamDef): Branch[] {
  return planPath(def.expression, { types: definitions.types, context: type }) ?? [];
}

function valuesOf({ definitions, type }: Site, element: Branch, component: Component): Branch[] {
  const scope = { types: definitions.types, context: element.type, root: type };
  return planPath(component.expression, scope) ?? [];
}

/**
 * The components of a composite. R4's DocumentReference.relationship has the expressions of its two
 * exchanged (`relatesto` with `code`, `relation` with `target`; R5 has them right): an expression whose
 * values cannot be of the component's search type gives way to the one that another cannot use.
 */
function componentsOf(site: Site, def: SearchParamDef): Component[] {
  const elements = elementsOf(site, def);
  const components = def.components ?? [];
  const fits = (component: Component): boolean =>
    elements.some((element) =>
      valuesOf(site, element, component).some((one) => canFile(component.type, one.type)),
    );
  const useless = components.filter((one) => !fits(one));
  return components.map((component) => {
    if (!useless.includes(component)) return component;
    const exchanged = useless.map(({ expression }) => ({ ...component, expression }));
    return exchanged.find(fits) ?? component;
  });
}

/** The parameter on the resource that finds the component's values and the fewest others. */
function rootParam({ definitions, type }: Site, component: Component): string | undefined {
  const scope = { types: definitions.types, context: type };
  const wanted = planPath(component.expression, scope);
  if (!wanted || wanted.length === 0) return undefined;
  const covers = (all: readonly Branch[]) =>
    wanted.every((one) => all.some((other) => sameBranch(one, other)));
  let best: { code: string; size: number } | undefined;
  for (const param of definitions.searchParams(type).values()) {
    if (param.type !== component.type || param.keys) continue;
    const found = planPath(param.expression, scope) ?? [];
    if (covers(found) && found.length < (best?.size ?? Number.POSITIVE_INFINITY)) {
      best = { code: param.code, size: found.length };
    }
  }
  return best?.code;
}

/** How a search on a composite parameter of the type is answered. */
export function compositePlan(
  definitions: Definitions,
  type: string,
  def: SearchParamDef,
): CompositePlan {
  const site = { definitions, type };
  const components = componentsOf(site, def);
  const plan: CompositePlan = { components: components.map(({ code, type }) => ({ code, type })) };
  const elements = elementsOf(site, def);
  const codes = components.map((one) => rootParam(site, one));
  const known = codes.filter((code) => code !== undefined);
  const onRoot = elements.some((branch) => branch.steps.length === 0);
  if (onRoot && known.length > 0 && known.length === codes.length) plan.and = known;
  const inIndex = indexed(elements, plan);
  if (inIndex.some((one) => isIndexable(site, def, one))) {
    plan.wordsKey = paramKey(type, owner(site, def, inIndex).code);
  }
  return plan;
}

/** The resource itself is indexed like an element where no parameters stand for its components. */
const indexed = (elements: readonly Branch[], plan: CompositePlan): Branch[] =>
  elements.filter((branch) => branch.steps.length > 0 || !plan.and);

/** Whether every component has an expression that is compiled in this element. */
function isIndexable(site: Site, def: SearchParamDef, element: Branch): boolean {
  return componentsOf(site, def).every((component) =>
    valuesOf(site, element, component).some((one) => canFile(component.type, one.type)),
  );
}

/** combo-code-value-quantity and component-code-value-quantity index the same: the latter does. */
function owner(site: Site, def: SearchParamDef, elements: readonly Branch[]): SearchParamDef {
  const components = (one: SearchParamDef) =>
    JSON.stringify(one.components?.map((part) => [part.type, part.expression]));
  for (const other of site.definitions.searchParams(site.type).values()) {
    if (other.type !== 'composite' || components(other) !== components(def)) continue;
    const theirs = elementsOf(site, other);
    const at = (branch: Branch, i: number) => sameBranch(branch, elements[i] ?? branch);
    if (theirs.length === elements.length && theirs.every(at)) return other;
  }
  return def;
}

interface ComponentRunner {
  exact: boolean;
  run: Runner<Extracted>;
}

/** Words of an exact component in one element. */
function wordsOf(rows: Extracted): string[] {
  const targets = rows.references.map((one) => one.target);
  return [...rows.tokens.filter((word) => !isSystemWord(word)), ...targets];
}

function combine(lists: readonly string[][]): string[][] {
  let tuples: string[][] = [[]];
  for (const list of lists) {
    const words = [...new Set(list)];
    tuples = tuples.flatMap((tuple) => words.map((word) => [...tuple, word])).slice(0, MAX_TUPLES);
  }
  return tuples;
}

/** Rows of the ranged components of one element under the composite's key. */
function addRanged(key: string, ranged: readonly Extracted[], out: Extracted): void {
  const [first, second] = ranged;
  if (!first) return void out.tokens.push(key);
  if (!second) {
    for (const { lo, hi } of first.dates) out.dates.push({ key, lo, hi });
    for (const row of first.strings) out.strings.push({ ...row, key });
    for (const row of first.numbers) out.numbers.push({ ...row, key });
    return;
  }
  // Start and end of a window (MolecularSequence): one row spans it.
  const [from] = first.numbers;
  const [to] = second.numbers;
  if (from && to) out.numbers.push({ key, lo: from.lo, hi: to.hi });
}

function elementSink(key: string, components: readonly ComponentRunner[]) {
  return (element: unknown, { out, root }: { out: Extracted; root: unknown }): void => {
    const exact: string[][] = [];
    const ranged: Extracted[] = [];
    for (const component of components) {
      const rows = emptyExtracted();
      component.run(element, root, rows);
      if (component.exact) exact.push(wordsOf(rows));
      else ranged.push(rows);
    }
    for (const words of combine(exact)) addRanged(compositeKey(key, words), ranged, out);
  };
}

function compileElement(
  type: string,
  def: SearchParamDef,
  branch: Branch,
  scope: ParamScope,
): ComponentRunner[] | undefined {
  const path = { ...scope.path, root: scope.path.context, context: branch.type };
  const runners: ComponentRunner[] = [];
  for (const component of componentsOf({ definitions: scope.definitions, type }, def)) {
    const rows = compileRows(component, { ...scope, path, key: '' });
    if (!rows) return undefined;
    runners.push({ exact: EXACT.has(component.type), run: rows.run });
  }
  return runners.filter((one) => !one.exact).length <= 2 ? runners : undefined;
}

/** Compiles what a composite parameter has in the index itself; undefined where that is nothing. */
export function compileComposite(
  type: string,
  def: SearchParamDef,
  scope: ParamScope,
): RowRunner | undefined {
  const plan = compositePlan(scope.definitions, type, def);
  const { wordsKey } = plan;
  if (wordsKey !== scope.key) return undefined;
  const elements = indexed(elementsOf({ definitions: scope.definitions, type }, def), plan);
  const targets = elements.flatMap((branch) => {
    const components = compileElement(type, def, branch, scope);
    return components ? [{ branch, sink: elementSink(wordsKey, components) }] : [];
  });
  if (targets.length === 0) return undefined;
  const run = compileBranches(targets);
  return { run: (context, root, out) => run(context, root, { out, root }), repeats: true };
}
