import type { Definitions, SearchParamDef, SearchType } from './definitions.ts';
import { FhirError } from './error.ts';
import { dateSink, numberSink, specialSink } from './extract-range.ts';
import { referenceSink } from './extract-reference.ts';
import type { Extracted, Sink, SinkScope } from './extract-shape.ts';
import { stringSink } from './extract-string.ts';
import { tokenSink, uriSink } from './extract-token.ts';
import { compileFhirPath } from './fhirpath.ts';
import {
  type Branch,
  compileBranches,
  isSingle,
  type Runner,
  type Target,
} from './fhirpath-branch.ts';
import { type PathScope, planPath, type Typed } from './fhirpath-compile.ts';
import type { Resource } from './types.ts';

/** One parameter (or component of a composite) of a type, compiled to a function into the rows. */

export interface ParamScope {
  definitions: Definitions;
  path: PathScope;
  key: string;
  bases: readonly string[];
  zone: number;
  /** The values go to `Extracted.main` (dates instead of a row, a patient beside it). */
  main?: boolean;
  /** As in SinkScope; not for the components of composites, whose words are compared whole. */
  bare?: boolean;
  /** As in SinkScope. */
  divided?: boolean;
  /** Is told of each evaluation that failed. */
  onFault?: (message: string) => void;
}

function sinkFor(type: SearchType, fhirType: string, scope: SinkScope, main: boolean) {
  switch (type) {
    case 'token':
      return tokenSink(fhirType, scope);
    case 'uri':
      return uriSink(fhirType, scope);
    case 'reference':
      return referenceSink(fhirType, scope);
    case 'date':
      return dateSink(fhirType, scope, main);
    case 'number':
    case 'quantity':
      return numberSink(fhirType, scope);
    case 'string':
      return stringSink(fhirType, scope);
    case 'special':
      return specialSink(fhirType, scope);
    default:
      return undefined;
  }
}

/** Whether values of a FHIR type can be filed under a parameter of the search type. */
export function canFile(type: SearchType, fhirType: string): boolean {
  return sinkFor(type, fhirType, { key: '', bases: [], zone: 0 }, false) !== undefined;
}

/** An extension as the value of a path stands for the value it holds. */
function valueBranches(branch: Branch, scope: ParamScope): Branch[] {
  if (branch.type !== 'Extension') return [branch];
  const { types, root, context } = scope.path;
  const path = { types, context: 'Extension', root: root ?? context };
  const values = planPath('value', path) ?? [];
  return values.map((one) => ({
    ...one,
    from: branch.from,
    steps: [...branch.steps, ...one.steps],
  }));
}

function sinkOf(type: SearchType, branch: Branch, scope: ParamScope): Sink | undefined {
  const { key, bases, zone, definitions, bare = false, divided = false } = scope;
  const binding = branch.element?.binding;
  const codes = type === 'token' && binding ? definitions.valueSet(binding) : undefined;
  const sinks: SinkScope = { key, bases, zone, bare, divided, ...(codes && { codes }) };
  return sinkFor(type, branch.type, sinks, scope.main === true);
}

/** `{ url, valueString }` -> the string, typed by the name it stands under. */
function extensionValue(value: unknown, types: PathScope['types']): Typed | undefined {
  for (const [name, found] of Object.entries(value as object)) {
    if (!name.startsWith('value')) continue;
    const type = name.slice('value'.length);
    const lower = type.charAt(0).toLowerCase() + type.slice(1);
    return { type: types.has(type) ? type : lower, value: found };
  }
  return undefined;
}

/** As often in a row an expression may take too long; then the parameter is left alone. */
const MAX_LATE = 3;

/**
 * The values of an expression, none where it fails on this resource: whoever writes a resource is not
 * to blame for a parameter.
 */
function forgiving(
  expression: string,
  { key, onFault }: ParamScope,
): (resource: Resource) => Typed[] {
  const find = compileFhirPath(expression);
  let late = 0;
  return (resource) => {
    try {
      if (late >= MAX_LATE) throw new FhirError('too-large', 'it took too long on others');
      const found = find(resource);
      late = 0;
      return found;
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      if (error.kind === 'too-large') late += 1;
      onFault?.(`${key}: ${withoutValues(error.message)}`);
      return [];
    }
  };
}

/** Reasons quote what stands in the resource, which is nothing for a status or a log. */
const withoutValues = (reason: string): string => reason.replace(/\[.*\]|"[^"]*"/gs, '..');

/** What fhirpath.js finds, by the same sinks; types are known only when the values are. */
function fallback(type: SearchType, expression: string, scope: ParamScope): Runner<Extracted> {
  const find = forgiving(expression, scope);
  const { key, bases, zone, main = false } = scope;
  const { types } = scope.path;
  return (context, _, out) => {
    for (const one of find(context as Resource)) {
      const found = one.type === 'Extension' ? extensionValue(one.value, types) : one;
      if (found) sinkFor(type, found.type, { key, bases, zone }, main)?.(found.value, out);
    }
  };
}

/** One parameter into the rows; `repeats` where it may put a row twice. */
export interface RowRunner {
  run: Runner<Extracted>;
  repeats: boolean;
}

/** One value, one row: several codings, parts of a name and the like may repeat. */
const ONE_ROW = new Set('code boolean date dateTime instant Reference Period Quantity'.split(' '));

/** Choice types exclude each other, so that several branches of one element are one value. */
function isOneRow(branches: readonly Branch[]): boolean {
  const [first] = branches;
  return branches.every(
    (one) => ONE_ROW.has(one.type) && isSingle(one) && one.element === first?.element,
  );
}

/**
 * Compiles one expression into the rows of its key.
 *
 * @throws FhirError `invalid` where neither compiler can read the expression
 */
export function compileRows(
  param: Pick<SearchParamDef, 'type' | 'expression'>,
  scope: ParamScope,
): RowRunner | undefined {
  const branches = planPath(param.expression, scope.path);
  if (!branches) {
    const inside = scope.path.root !== undefined && scope.path.root !== scope.path.context;
    // A component's context is an element; fhirpath.js would need the path that leads there.
    if (inside) return undefined;
    return { run: fallback(param.type, param.expression, scope), repeats: true };
  }
  const targets: Target<Extracted>[] = [];
  for (const branch of branches.flatMap((one) => valueBranches(one, scope))) {
    const sink = sinkOf(param.type, branch, scope);
    if (sink) targets.push({ branch, sink });
  }
  if (targets.length === 0) return undefined;
  return { run: compileBranches(targets), repeats: !isOneRow(branches) };
}
