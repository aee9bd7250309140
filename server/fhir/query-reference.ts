import type { Definitions, SearchParamDef } from './definitions.ts';
import { canonicalTargets } from './extract-reference.ts';
import type { Direction, Term } from './query.ts';
import { anyOf, holds, type Param, TermProblem, type TypedParam } from './query-param.ts';
import { tokenWords } from './query-token.ts';
import { unescaped } from './query-values.ts';
import { isId, parseReference } from './reference.ts';
import { identifierKey } from './terms.ts';

/** References (R4 3.1.1.4.12 to .14) and their modifiers; the names of types are among these. */

/** The term of a reference parameter; several values are alternatives. */
export function referenceTerm(param: Param, values: readonly string[], modifier?: string): Term {
  const { keys } = param;
  if (modifier === 'identifier') {
    const words = values.flatMap((value) => tokenWords(keys.map(identifierKey), value));
    return { kind: 'words', words, rare: true };
  }
  const texts = values.map(unescaped);
  if (modifier === 'above' || modifier === 'below') return levelsTerm(param, texts, modifier);
  return targetsTerm(
    param,
    texts.flatMap((text) => targetsOf(param, text, modifier)),
  );
}

function targetsTerm(param: Param, targets: string[]): Term {
  const patient =
    targets.every((target) => target.startsWith('Patient/')) && isPatientColumn(param);
  return anyOf(param.keys.map((key) => ({ kind: 'references', key, targets, patient })));
}

/** The patient column holds what `patient` finds; `subject` finds the same among patients. */
export function isPatientColumn({ type, def, options }: TypedParam): boolean {
  const { patient } = options.definitions.main(type);
  if (patient === undefined) return false;
  const main = options.definitions.searchParams(type).get(patient)?.expression;
  return main === def.expression || main === `${def.expression}.where(resolve() is Patient)`;
}

/**
 * The targets that a value may mean, as the index holds them; several for an id whose type is open.
 * @throws TermProblem where the value is no reference, or one that the parameter cannot hold
 */
export function targetsOf(param: Param, text: string, modifier?: string): string[] {
  const { def, options } = param;
  const types = modifier ? [modifier] : (def.targets ?? options.definitions.resourceTypes);
  if (isId(text)) return types.map((type) => `${type}/${text}`);
  const found = parseReference(text.split('|')[0] ?? '', { bases: options.bases });
  if (text.includes('|') && !holds(param, 'canonical', 'uri')) {
    throw new TermProblem(`"${text}" is not a canonical url, and only these have a "|version"`);
  }
  if (found.kind === 'relative') {
    if (!types.includes(found.type)) throw new TermProblem(wrongType(param, found.type, modifier));
    return localTargets(param, text, `${found.type}/${found.id}`);
  }
  if (found.kind !== 'absolute' && found.kind !== 'urn') {
    throw new TermProblem(`"${text}" is not a reference; write Type/id, id or an absolute url`);
  }
  const there = found.kind === 'absolute' ? found.type : undefined;
  if (modifier && there !== modifier && !holds(param, 'canonical')) {
    if (there) throw new TermProblem(wrongType(param, there, modifier));
    throw new TermProblem(
      `"${text}" is not of this server, so that ":${modifier}" cannot be told; leave it out`,
    );
  }
  // The index holds a canonical with and without its version: what was written is looked up.
  return canonicalTargets(text, options.bases).slice(-1);
}

function wrongType({ def }: Param, type: string, modifier: string | undefined): string {
  if (modifier) return `":${modifier}" and a reference to ${type} exclude each other`;
  if (!def.targets) return `there is no resource type "${type}"`;
  return `it never refers to ${type}; possible: ${def.targets.join(', ')}`;
}

/** A canonical with a version is filed as it was written, even where it is of this server. */
function localTargets(param: Param, text: string, target: string): string[] {
  const canonical = text.includes(':') && holds(param, 'canonical');
  if (!canonical) return [target];
  return text.includes('|') ? [text] : [target, text];
}

function levelsTerm(param: Param, texts: readonly string[], direction: Direction): Term {
  return anyOf(
    texts.map((text) =>
      holds(param, 'Reference')
        ? hierarchyTerm(param, text, direction)
        : targetsTerm(param, versionsBelow(param, text)),
    ),
  );
}

/** R4 3.1.1.4.13: every version of a canonical; the index holds it without its version, too. */
function versionsBelow(param: Param, text: string): string[] {
  if (text.includes('|')) {
    throw new TermProblem(
      `"${text}": versions that begin alike are not looked up here; leave the version out ` +
        '(all of them) or the modifier (this one)',
    );
  }
  return targetsOf(param, text);
}

/** R4 3.1.1.4.14. */
function hierarchyTerm(param: Param, text: string, direction: Direction): Term {
  const { type, def, options } = param;
  const targets = targetsOf(param, text).filter((target) => {
    const slash = target.indexOf('/');
    return hierarchyParam(options.definitions, target.slice(0, slash)) !== undefined;
  });
  const [target] = targets;
  if (target === undefined) {
    throw new TermProblem(`"${text}" is not of a type whose resources are parts of each other`);
  }
  if (targets.length > 1) {
    const types = targets.map((one) => one.split('/', 1)[0]);
    throw new TermProblem(`"${text}" may be of ${types.join(' or ')}; write Type/id`);
  }
  return { kind: 'hierarchy', type, code: def.code, direction, target };
}

/** The elements that make a strict hierarchy of the resources of one type. */
const PARENTS: ReadonlySet<string> = new Set(['partOf', 'parent', 'parentDevice']);

/**
 * The parameter by which resources of the type name the resource they are part of
 * (`Location.partof`), or undefined where they have no hierarchy.
 */
export function hierarchyParam(definitions: Definitions, type: string): SearchParamDef | undefined {
  for (const def of definitions.searchParams(type).values()) {
    if (def.type !== 'reference' || !def.targets?.includes(type)) continue;
    const [root, element = '', ...rest] = def.expression.split('.');
    if (root === type && PARENTS.has(element) && rest.length === 0) return def;
  }
  return undefined;
}
