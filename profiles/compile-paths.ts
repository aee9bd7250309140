import type { ElementRow, TypeRow } from '../server/fhir/load-definitions.ts';

/** Where a path of a search parameter leads. */
export interface Walk {
  /** Names of the types it may end on. */
  types: string[];
  /** True where it may yield more than one value. */
  many: boolean;
  /** The elements it runs through without the filters: `Observation.value`. */
  path: string;
  /** Allowed targets of the reference it ends on; undefined where any may stand. */
  targets: string[] | undefined;
}

/** Elements of a type by name, inherited ones included. */
export type ElementLookup = (type: string) => ReadonlyMap<string, ElementRow> | undefined;

/** Answers for compiled rows, whose inherited elements stand in the base's row only. */
export function elementLookup(rows: readonly TypeRow[]): ElementLookup {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const known = new Map<string, ReadonlyMap<string, ElementRow>>();
  const lookup: ElementLookup = (type) => {
    const row = byName.get(type);
    if (!row || known.has(type)) return known.get(type);
    const inherited = row.inherits && row.base ? (lookup(row.base) ?? []) : [];
    const elements = new Map([
      ...inherited,
      ...row.elements.map((one) => [one.name, one] as const),
    ]);
    known.set(type, elements);
    return elements;
  };
  return lookup;
}

const CAST = /\(([\w.]+) as (\w+)\)/g;
const METHOD_CAST = /\.as\((\w+)\)/g;

/**
 * One spelling for what R4 writes in three ways: `(a.b as T)`, `a.b.as(T)` and, misspelt,
 * `a.as(DateTime)` become `a.b.ofType(T)`. `as` on a repeating path is an error in FHIRPath (and in
 * fhirpath.js: 165 of 2,986 evaluations over the R4 examples); R5 corrected it like this.
 */
export function normalise(expression: string): string {
  return expression
    .replace(CAST, '$1.ofType($2)')
    .replace(METHOD_CAST, '.ofType($1)')
    .replaceAll('ofType(DateTime)', 'ofType(dateTime)')
    .trim();
}

/** The branches of a union, split where `|` stands outside of parentheses. */
export function branches(expression: string): string[] {
  return splitOutside(normalise(expression), '|').map((branch) => branch.trim());
}

/** A dot path: no operator between its steps, such as `exists() and ..` has. */
export const isPath = (expression: string): boolean => !/ (and|or) | != /.test(expression);

/**
 * Follows a normalised dot path through the element tables.
 *
 * @param from the type it starts on, when the first step is not the name of a type
 * @throws Error where a step is no element of any type reached so far
 */
export function walk(expression: string, lookup: ElementLookup, from?: string): Walk {
  const steps = splitOutside(expression.replace(/^%resource\./, ''), '.');
  const start = from && lookup(from)?.has(stepName(steps[0] ?? '')) ? from : steps.shift();
  let at: Walk = { types: [start ?? ''], many: false, path: start ?? '', targets: undefined };
  for (const step of steps) at = take(step, at, lookup);
  return at;
}

function take(step: string, at: Walk, lookup: ElementLookup): Walk {
  const call = /^(\w+)\((.*)\)$/.exec(step);
  if (call) return apply(call[1] ?? '', call[2] ?? '', at);
  const name = stepName(step);
  const found = at.types.flatMap((type) => lookup(type)?.get(name) ?? []);
  const [element] = found;
  if (!element) throw new Error(`${at.path} has no element ${name}`);
  return {
    types: [...new Set(found.flatMap((one) => one.types))],
    many: at.many || (element.max !== 1 && !step.includes('[')),
    path: `${at.path}.${name}`,
    targets: element.targets,
  };
}

function apply(name: string, argument: string, at: Walk): Walk {
  const resolved = /^resolve\(\) is (\w+)$/.exec(argument)?.[1];
  if (name === 'where') return resolved ? { ...at, targets: [resolved] } : at;
  if (name === 'ofType' && at.types.includes(argument)) return { ...at, types: [argument] };
  throw new Error(`${at.path} is not followed by a known step: ${name}(${argument})`);
}

const stepName = (step: string): string => step.replace(/\[\d+\]$/, '');

function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}
